import numpy as np
import pytest

from vitruvian import ArrayError, Frame, Gap, Landmarks, Recording, Skeleton, Stamp

BODY = Skeleton.named("body33")
F32 = np.float32


def _people(*ids: int) -> Landmarks:
    count = len(ids)
    xy = np.broadcast_to(np.array(ids, F32).reshape(-1, 1, 1), (count, 33, 2)).copy()
    return Landmarks(
        BODY, xy, np.zeros((count, 4), F32), np.ones(count, F32), track_id=np.array(ids, np.int64)
    )


def _stream():
    pixels = np.zeros((4, 6, 3), np.uint8)
    yield Frame(pixels, Stamp("x", 6, 4, index=0, time=0.0)), _people(1, 2)
    yield Gap(Stamp("x", 6, 4, index=1, time=0.1, status="failed")), _people()
    yield Frame(pixels, Stamp("x", 6, 4, index=2, time=0.2)), _people(2)


def test_a_stream_at_rest_gives_the_same_frames_again():
    recording = Recording.of(_stream())
    assert len(recording) == 3
    assert recording.frame.tolist() == [0, 0, 2]
    for (stamp, people), (frame, expected) in zip(recording, _stream(), strict=True):
        assert stamp == frame.stamp
        assert people.track_id.tolist() == expected.track_id.tolist()
        assert (people.xy == expected.xy).all()


def test_a_frame_of_nobody_does_not_take_columns_away():
    nobody = Landmarks(BODY, np.empty((0, 33, 2), F32), np.empty((0, 4), F32), np.empty(0, F32))
    recording = Recording.from_rows([Stamp("x", 6, 4), Stamp("x", 6, 4, index=1)], [nobody, _people(3)])
    assert recording.landmarks.track_id.tolist() == [3]


def test_nobody_at_all_is_no_rows():
    recording = Recording.from_rows([Stamp("x", 6, 4)], [_people()])
    assert [len(people) for _, people in recording] == [0]


@pytest.mark.parametrize("frame", [[1, 0], [0, 2], [-1, 0]])
def test_rows_out_of_order_or_range_are_refused(frame):
    stamps = (Stamp("x", 6, 4), Stamp("x", 6, 4, index=1))
    with pytest.raises(ArrayError, match="frame: places in 2 stamps"):
        Recording(stamps, np.array(frame, np.int64), _people(1, 2))


def test_no_frame_is_refused():
    with pytest.raises(ArrayError, match="at least one"):
        Recording.of(())
