"""What every runtime must do; a new one joins ``RUNTIMES`` and passes, or is none."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vitruvian import ArrayError, OpenVINO, SessionError
from vitruvian.models.blazepose import DETECTOR, LANDMARKER
from vitruvian.runtimes.session import Signature
from vitruvian.weights import WeightFile

RUNTIMES = [OpenVINO]


@pytest.fixture(params=RUNTIMES, ids=lambda runtime: runtime.__name__)
def runtime(request):
    return request.param()


@pytest.fixture
def batch():
    return np.random.default_rng(3).integers(0, 256, (3, 256, 256, 3), np.uint8)


@pytest.fixture
def session(runtime, full_files):
    session = runtime.open(full_files["landmarker"], LANDMARKER, outputs=("landmarks", "presence"))
    yield session
    session.close()


def test_outputs_are_those_asked_for(session, batch):
    out = session.run({"image": batch})
    assert list(out) == ["landmarks", "presence"]
    assert out["landmarks"].shape == (3, 195)
    assert out["presence"].shape == (3, 1)
    assert out["landmarks"].dtype == np.float32
    assert all(each.flags.c_contiguous for each in out.values())
    assert len({row.tobytes() for row in out["landmarks"]}) == 3


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 256, 256, 3), np.float32),
        np.zeros((1, 224, 224, 3), np.uint8),
        np.zeros((256, 256, 3), np.uint8),
    ],
)
def test_other_pixels_than_the_signature_says_are_refused(session, pixels):
    with pytest.raises(ArrayError, match=r"image: expected uint8 of shape \(N, 256, 256, 3\)"):
        session.run({"image": pixels})


def test_a_batch_equals_its_items(session, batch):
    together = session.run({"image": batch})
    for i in range(len(batch)):
        alone = session.run({"image": batch[i : i + 1]})
        for name, column in together.items():
            assert (column[i] == alone[name][0]).all()


def test_pictures_may_lie_anywhere_and_stay_as_they_are(session, batch):
    """Read-only ones, and parts of larger ones."""
    expected = session.run({"image": batch})["landmarks"]
    wide = np.repeat(batch, 2, axis=2)
    wide.setflags(write=False)
    assert (session.run({"image": wide[:, :, ::2]})["landmarks"] == expected).all()
    before = batch.copy()
    batch.setflags(write=False)
    assert (session.run({"image": batch})["landmarks"] == expected).all()
    assert (batch == before).all()


def test_the_caller_owns_the_outputs(session, batch):
    first = session.run({"image": batch})["landmarks"].copy()
    kept = session.run({"image": batch})["landmarks"]
    other = session.run({"image": batch[::-1]})["landmarks"]
    assert (other[::-1] == first).all()
    assert (kept == first).all()


def test_pruning_changes_no_number(runtime, full_files, session, batch):
    whole = runtime.open(full_files["landmarker"], LANDMARKER, outputs=tuple(LANDMARKER.outputs))
    everything = whole.run({"image": batch[:1]})
    assert everything["segmentation"].shape == (1, 256, 256, 1)
    pruned = session.run({"image": batch[:1]})
    # With masks other code may run than without, which adds up in another order.
    most = np.abs(everything["landmarks"]).max()
    assert np.abs(everything["landmarks"] - pruned["landmarks"]).max() < 5e-5 * most


def test_many_threads_at_once(session, batch):
    expected = session.run({"image": batch})["landmarks"]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: session.run({"image": batch})["landmarks"], range(24)))
    assert all((result == expected).all() for result in results)


def test_a_closed_session_says_so(session, batch):
    session.close()
    session.close()
    with pytest.raises(SessionError, match="closed"):
        session.run({"image": batch})


def test_bytes_that_are_no_network(runtime):
    with pytest.raises(SessionError, match=r"broken\.tflite"):
        runtime.open(
            WeightFile("broken.tflite", b"\x1c\0\0\0TFL3" + b"?" * 200), DETECTOR, outputs=("scores",)
        )


def test_another_networks_tensors_are_refused(runtime, full_files):
    with pytest.raises(
        SessionError, match=r"pose_landmark_full\.tflite.*expected .*224, 224.*got .*256, 256"
    ):
        runtime.open(full_files["landmarker"], DETECTOR, outputs=("scores",))


def test_other_outputs_are_refused(runtime, full_files):
    other = Signature(DETECTOR.inputs, {"boxes": (2254, 12), "scores": (2254, 2)})
    with pytest.raises(SessionError, match="outputs"):
        runtime.open(full_files["detector"], other, outputs=("scores",))


def test_the_name_has_a_version(runtime):
    assert any(character.isdigit() for character in runtime.name)
