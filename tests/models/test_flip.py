"""Reading everything twice, straight and in a mirror."""

from __future__ import annotations

import numpy as np
import pytest

import vitruvian
from vitruvian import ArrayError, Crop, Frame, Landmarks, Mask, PoseSettings, Regions, Skeleton
from vitruvian.landmarks import bounds
from vitruvian.models.blazepose import BlazePoseLandmarker
from vitruvian.models.flip import FlipAveraged, averaged

F32 = np.float32
HAND = Skeleton.named("hand21")
GREY = Frame.of(np.full((100, 200, 3), 128, np.uint8))
COLUMNS = ("xy", "box_score", "score", "presence", "depth", "world", "handedness", "auxiliary")


def _read(rows, seed, **changes):
    """Return hands read from these regions, with numbers drawn by chance."""
    draw, count = np.random.default_rng(seed), len(rows)
    xy = draw.uniform(0, 100, (count, 21, 2)).astype(F32)
    crop = Crop(1, 1, 2, 2, 0, (4, 4))
    columns = {
        "xy": xy,
        "box": bounds(xy),
        "box_score": draw.random(count, F32),
        "score": draw.random((count, 21), F32),
        "presence": draw.random((count, 21), F32),
        "depth": draw.random((count, 21), F32),
        "world": draw.random((count, 21, 3), F32),
        "handedness": draw.random(count, F32),
        "auxiliary": draw.random((count, 2, 2), F32),
        "mask": tuple(Mask(draw.random((4, 4), F32), crop) for _ in rows),
        "region": np.array(rows, np.int64),
    }
    return Landmarks(HAND, **(columns | changes))


def _together(one, other):
    regions = Regions(*(np.ones(shape, F32) for shape in ((9, 2), (9, 2), 9, 9)))
    (both,) = FlipAveraged(lambda *_: [one], lambda *_: [other])([GREY], [regions])
    return both


def test_the_mean_of_every_column():
    one, other = _read([0, 1, 2], 1), _read([0, 1, 2], 2)
    means = averaged(one, other)
    for name in COLUMNS:
        middle = (getattr(one, name) + getattr(other, name)) / 2
        assert getattr(means, name) == pytest.approx(middle, abs=1e-5)
        assert getattr(means, name).dtype == F32
    np.testing.assert_array_equal(means.box, bounds(means.xy))
    assert means.mask is one.mask
    assert means.region is one.region


def test_what_one_of_both_lacks_stays_that_of_the_first():
    one, other = _read([0], 1), _read([0], 2, score=None)
    np.testing.assert_array_equal(averaged(one, other).score, one.score)
    assert averaged(other, one).score is None


def test_a_network_that_reads_twice_gives_the_mean():
    one, other = _read([0, 1, 4], 1), _read([0, 1, 4], 2)
    both, means = _together(one, other), averaged(one, other)
    for name in (*COLUMNS, "box"):
        np.testing.assert_array_equal(getattr(both, name), getattr(means, name))
    assert both.region.tolist() == [0, 1, 4]
    assert both.mask is one.mask


def test_instances_are_paired_by_their_regions_and_keep_their_order():
    one, other = _read([3, 0, 5, 2], 1), _read([2, 3, 7], 2)
    both = _together(one, other)
    assert both.region.tolist() == [3, 0, 5, 2]
    for name in (*COLUMNS, "box"):
        result, straight = getattr(both, name), getattr(one, name)
        np.testing.assert_array_equal(result[[1, 2]], straight[[1, 2]])  # the mirror shows nobody there
        np.testing.assert_array_equal(result[[0, 3]], getattr(averaged(one[[0, 3]], other[[1, 0]]), name))


@pytest.mark.parametrize("region", [[], [7]])
def test_where_the_mirror_shows_nobody_the_straight_reading_stands_alone(region):
    one = _read([0, 1], 1)
    assert _together(one, _read(region, 2)) is one


def test_where_only_the_mirror_shows_somebody_nobody_is():
    assert len(_together(_read([], 1), _read([0], 2))) == 0


def test_readings_are_not_changed():
    one, other = _read([0, 1], 1), _read([1], 2)
    before = one.xy.copy()
    _together(one, other)
    np.testing.assert_array_equal(one.xy, before)


def test_a_network_must_say_from_which_region_it_read():
    known, unknown = _read([0], 1), _read([0], 2, region=None)
    for pair in ((known, unknown), (unknown, known)):
        with pytest.raises(ArrayError, match="region: a landmark network says"):
            _together(*pair)


def test_each_frame_has_its_own(full, astronaut):
    frame = vitruvian.read_image(astronaut)
    mirrored = BlazePoseLandmarker(full.landmark._network.session, PoseSettings(), flipped=True)
    (regions,) = full.detect([frame])
    nowhere = regions[:0]
    read = FlipAveraged(full.landmark, mirrored)
    nobody, people, others = read([GREY, frame, frame], [nowhere, regions, regions])
    (straight,), (other,) = full.landmark([frame], [regions]), mirrored([frame], [regions])
    assert len(nobody) == 0
    np.testing.assert_array_equal(people.xy, others.xy)
    for name in ("xy", "score", "world", "depth", "presence"):
        middle = (getattr(straight, name) + getattr(other, name)) / 2
        assert getattr(people, name) == pytest.approx(middle, abs=1e-4)
    assert np.abs(people.xy - straight.xy).max() > 0.01
    assert read([], []) == []


def test_the_mean_of_both_is_the_same_for_a_mirrored_photo(full_files, astronaut):
    """Its two readings are those of the photo, exchanged. A single reading sees another picture."""
    frame = vitruvian.read_image(astronaut)
    other = Frame.of(frame.pixels[:, ::-1].copy())
    apart = {}
    for accuracy in ("normal", "high"):
        with vitruvian.pose(full_files, search="fast", accuracy=accuracy) as pipeline:
            (one,) = pipeline.landmark([frame], [_square(240, 300)])
            # Their crops begin at a pixel of the mirrored photo where the photo's end.
            (two,) = pipeline.landmark([other], [_square(512 - 240 + 1, 300)])
            mirrored = two.xy[0, list(two.skeleton.mirror)] * [-1, 1] + [513, 0]
            apart[accuracy] = np.hypot(*(mirrored - one.xy[0]).T).max()
            assert len(pipeline.estimate(frame)) == 1
    assert apart["high"] < 0.01
    assert apart["normal"] > 1


def _square(x, y):
    centre, size = np.array([[x, y]], F32), np.array([[512, 512]], F32)
    return Regions(centre, size, np.zeros(1, F32), np.ones(1, F32))
