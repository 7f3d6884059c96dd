"""The thorough search on real photographs, and how it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

import vitruvian
from vitruvian import ArrayError, Frame, OptionError, PoseSettings
from vitruvian.likeness import distinct, similarity, sizes

COLUMNS = ("xy", "box", "box_score", "score", "presence", "depth", "world", "auxiliary")
SCENES = {  # who looks once finds fewer
    "ochuman_000817.jpg": 3,
    "posetrack18_012834_mpii_test.jpg": 5,
    "aic_ff945ae2e729f24eea992814639d59b3bdec8bd8.jpg": 3,
}
PLAIN = {
    "grey": np.full((360, 640, 3), 128, np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (360, 640, 3), np.uint8),
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "a strip": np.zeros((3, 900, 3), np.uint8),
    "a hair more than a tile": np.full((503, 1000, 3), 90, np.uint8),
}


@pytest.fixture(scope="module")
def thorough(full_files):
    with vitruvian.pose(full_files) as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def masked(full_files):
    with vitruvian.pose(full_files, masks=True, search="thorough") as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def thorough_hands(hands_files):
    with vitruvian.hands(hands_files) as pipeline:
        yield pipeline


@pytest.fixture(scope="module", params=SCENES)
def scene(request, eval_photos, thorough):
    """A photo, how many people there are for sure, and who is found."""
    frame = vitruvian.read_image(eval_photos / request.param)
    return frame, SCENES[request.param], thorough.estimate(frame)


def _assert_same(one, other):
    assert len(one) == len(other)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def _alike(one, others):
    """Return how similar each of some people is to the most similar of others."""
    pairs = zip(one.xy, sizes(one.xy), strict=True)
    return [max(similarity(xy, others.xy, 0.12 * size), default=0) for xy, size in pairs]


def test_who_looks_closer_finds_more(full, scene):
    frame, count, people = scene
    once = full.estimate(frame)
    assert len(people) >= count > len(once)
    assert min(_alike(once, people), default=1) > 0.5  # and all of those


def test_the_best_come_first_and_nobody_twice(scene):
    _, _, people = scene
    assert (np.diff(people.box_score) <= 0).all()
    assert people.box_score[-1] >= 0.3
    assert people.box_score[0] <= 1
    assert len(distinct(people, people.box_score.tolist(), guesses=False)) == len(people)
    for row, box in enumerate(people.box):
        assert box == pytest.approx([*people.xy[row].min(axis=0), *people.xy[row].max(axis=0)])


def test_a_limit_leaves_the_best(full_files, thorough, eval_photos):
    frame = vitruvian.read_image(eval_photos / "ochuman_000817.jpg")
    everybody = thorough.estimate(frame)
    assert len(everybody) > 2
    with vitruvian.pose(full_files, num_poses=2) as pipeline:
        _assert_same(pipeline.estimate(frame), everybody[:2])


def test_several_pictures_are_searched_as_each_alone(thorough, eval_photos, astronaut):
    paths = [astronaut, *(eval_photos / f"{name}.jpg" for name in ("ochuman_000817", "freihand_00017620"))]
    frames = [Frame.of(PLAIN["grey"]), *map(vitruvian.read_image, paths)]
    together = thorough.estimate(frames)
    assert [len(people) > 0 for people in together[:3]] == [False, True, True]
    for people, frame in zip(together, frames, strict=True):
        _assert_same(people, thorough.estimate(frame))
    assert thorough.estimate([]) == []


@pytest.mark.parametrize(("pipeline", "mask"), [("thorough", None), ("masked", ())])
def test_nobody_has_every_column(request, pipeline, mask):
    for nobody in request.getfixturevalue(pipeline).estimate(list(PLAIN.values())):
        assert len(nobody) == 0
        assert all(len(getattr(nobody, name)) == 0 for name in COLUMNS)
        assert nobody.world.shape == (0, 33, 3)
        assert nobody.mask == mask


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_photo_shows_the_same_people(thorough, scene, rotation):
    """Those who are sure. Each crop lies half a pixel beside its turned one: the last ones come and go."""
    frame, _, people = scene
    turned = thorough.estimate(np.rot90(frame.pixels, rotation // 90).copy(), rotation=rotation)
    xy, width, height = turned.xy, frame.stamp.width, frame.stamp.height
    if rotation == 90:
        xy = np.stack([width - xy[..., 1], xy[..., 0]], axis=2)
    elif rotation == 180:
        xy = np.array([width, height], np.float32) - xy
    else:
        xy = np.stack([xy[..., 1], height - xy[..., 0]], axis=2)
    sure = people[people.box_score > 0.7]
    assert len(sure) > 1
    for one, size in zip(sure, sizes(sure.xy), strict=True):
        seen = one.score[0] > 0.8
        apart = np.median(np.hypot(*np.moveaxis(xy - one.xy, 2, 0))[:, seen], axis=1)
        assert apart.min() < 0.1 * size


def test_the_astronaut_is_one_person(thorough, astronaut, astronaut_people):
    people = thorough.estimate(vitruvian.read_image(astronaut))
    assert len(people) == 1
    seen = astronaut_people.score[0] > 0.9
    assert seen.sum() >= 13
    apart = np.hypot(*(people.xy[0] - astronaut_people.xy[0])[seen].T)
    assert apart.max() < 25
    assert apart.mean() < 10


def test_masks_are_those_of_the_people(masked, astronaut):
    people = masked.estimate(vitruvian.read_image(astronaut))
    (mask,) = people.mask
    image = mask.image(512, 512)
    x, y = people.xy[0, 0].astype(int)
    assert image[y, x] > 0.9
    assert 0.2 < (image > 0.5).mean() < 0.7


def test_high_accuracy_moves_points_a_little_and_ranks_as_before(full_files, thorough, astronaut):
    frame = vitruvian.read_image(astronaut)
    one = thorough.estimate(frame)
    with vitruvian.pose(full_files, accuracy="high") as pipeline:
        other = pipeline.estimate(frame)
    assert other.box_score.tolist() == one.box_score.tolist()
    seen = one.score[0] > 0.9
    apart = np.hypot(*(other.xy[0] - one.xy[0])[seen].T)
    assert 0.01 < apart.mean() < 10


def test_the_fast_search_is_the_pipeline_of_the_settings(full_files, eval_photos):
    """Bit for bit; that one equals MediaPipe's answers (tests/models/test_blazepose.py)."""
    frame = vitruvian.read_image(eval_photos / "ochuman_000817.jpg")
    with (
        vitruvian.pose(full_files, num_poses=2, search="fast") as named,
        vitruvian.pose_pipeline(full_files, PoseSettings(num_poses=2)) as built,
    ):
        people = named.estimate(frame)
        _assert_same(people, built.estimate(frame))
    assert len(people) == 2


def test_stills_are_searched_thoroughly_and_streams_as_asked_for(
    full, thorough, hands_full, thorough_hands, full_files, hands_files
):
    for fast in (full, hands_full):
        assert fast.search is fast.stages().wander is None
    for auto in (thorough, thorough_hands):
        assert auto.search is not None
        assert auto.stages().wander is None
    for make, files in ((vitruvian.pose, full_files), (vitruvian.hands, hands_files)):
        with make(files, search="thorough") as pipeline:
            assert pipeline.search is not None
            assert pipeline.stages().wander is not None


@pytest.mark.parametrize("make", [vitruvian.pose, vitruvian.hands])
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"search": "slow"}, "search: 'auto', 'fast', 'thorough', got 'slow'"),
        ({"search": ""}, "search: 'auto', 'fast', 'thorough', got ''"),
        ({"accuracy": "low"}, "accuracy: 'normal', 'high', got 'low'"),
        ({"accuracy": True}, "accuracy: 'normal', 'high', got True"),
    ],
)
def test_other_words_are_refused_before_anything_is_loaded(make, option, message):
    with pytest.raises(OptionError, match=message):
        make("no such file", **option)


class Answers:
    """A person detector that answers what it is told to."""

    def __init__(self):
        self.answer = None
        self.asked = 0

    def __call__(self, _):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(scope="module", params=["fast", "thorough"])
def told(request, full_files):
    """A pipeline with a detector of one's own, and that detector."""
    answers = Answers()
    with vitruvian.pose(full_files, detect=answers, search=request.param) as pipeline:
        yield pipeline, answers


def test_a_detector_of_ones_own(told, astronaut, astronaut_people):
    pipeline, detector = told
    frame, detector.asked = vitruvian.read_image(astronaut), 0
    detector.answer = [astronaut_people.box]
    people = pipeline.estimate(frame)
    assert len(people) == 1
    assert detector.asked == 1
    seen = astronaut_people.score[0] > 0.9
    assert np.hypot(*(people.xy[0] - astronaut_people.xy[0])[seen].T).mean() < 15
    detector.answer = [[]]
    nobody = pipeline.estimate(frame)
    assert len(nobody) == 0
    assert nobody.world.shape == (0, 33, 3)


def test_boxes_may_carry_scores_and_each_picture_has_its_own(full_files, eval_photos, thorough):
    frame = vitruvian.read_image(eval_photos / "ochuman_000817.jpg")
    everybody = thorough.estimate(frame)
    scored = np.column_stack([everybody.box, everybody.box_score])

    def found(frames):
        return [scored if one.stamp.width == frame.stamp.width else [] for one in frames]

    with vitruvian.pose(full_files, detect=found) as pipeline:
        people, nobody = pipeline.estimate([frame, Frame.of(PLAIN["grey"])])
    assert len(nobody) == 0
    assert min(_alike(everybody[everybody.box_score > 0.6], people)) > 0.5
    assert 2 <= len(people) <= len(everybody) + 1


def test_somebody_who_lies_is_found_in_a_box_that_does_not_say_so(full_files, eval_photos, thorough):
    frame = vitruvian.read_image(eval_photos / "coco_000000000785_turned90.jpg")
    lying = thorough.estimate(frame)[:1]
    wide, high = lying.box[0, 2:] - lying.box[0, :2]
    assert wide > high
    with vitruvian.pose(full_files, detect=lambda _: [lying.box], search="thorough") as pipeline:
        people = pipeline.estimate(frame)
    assert len(people) == 1
    seen = lying.score[0] > 0.8
    assert np.median(np.hypot(*(people.xy[0] - lying.xy[0])[seen].T)) < 0.05 * wide
    nose, hip = people.xy[0, 0], people.xy[0, 23:25].mean(axis=0)
    assert abs(nose[0] - hip[0]) > abs(nose[1] - hip[1])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([[(1, 2, 3)]], "the detector's boxes: expected shape"),
        ([[(9, 9, 1, 1)]], "the detector's boxes: each is x0, y0, x1, y1"),
        ([], "detector: expected 1 answers, one a picture, got 0"),
        ([[], []], "detector: expected 1 answers, one a picture, got 2"),
        (["people"], "the detector's boxes: expected numbers"),
    ],
)
def test_rubbish_from_a_detector_is_refused(told, answer, message):
    pipeline, detector = told
    detector.answer = answer
    with pytest.raises(ArrayError, match=message):
        pipeline.estimate(PLAIN["grey"])


def test_what_goes_wrong_in_a_detector_comes_out_as_it_is(told, astronaut, astronaut_people):
    pipeline, detector = told
    detector.answer = LookupError("my own detector's own error")
    with pytest.raises(LookupError, match="my own detector's own error"):
        pipeline.estimate(PLAIN["grey"])
    detector.answer = [astronaut_people.box]
    assert len(pipeline.estimate(vitruvian.read_image(astronaut))) == 1


def test_hands_are_found_as_well_as_with_one_look(hands_full, thorough_hands, hand_photos):
    more = 0
    for path in sorted(hand_photos.glob("*.jpg")):
        frame = vitruvian.read_image(path)
        once, hands = hands_full.estimate(frame), thorough_hands.estimate(frame)
        more += len(hands) - len(once)
        assert (np.diff(hands.box_score) <= 0).all()
        for one in once:
            apart = np.hypot(*np.moveaxis(hands.xy - one.xy, 2, 0)).mean(axis=1)
            row = int(apart.argmin())
            assert apart[row] < 0.1 * np.ptp(one.xy)
            assert (hands.handedness[row] > 0.5) == (one.handedness[0] > 0.5)
    assert more > 0


def test_nobodys_hands_have_every_column(thorough_hands):
    for nothing in thorough_hands.estimate([PLAIN["grey"], PLAIN["noise"]]):
        assert len(nothing) == 0
        assert nothing.world.shape == (0, 21, 3)
        assert nothing.handedness.shape == (0,)


def test_no_threshold_is_too_low_to_be_searched_with(lite_bundle, eval_photos):
    """Below the least hint that somebody may be there nobody is read: it would take minutes."""
    frame, found = vitruvian.read_image(eval_photos / "coco_000000000785.jpg"), []
    for least in (0.0, 0.1, 1.0):
        with vitruvian.pose(lite_bundle, min_pose_detection_confidence=least) as pipeline:
            found.append(pipeline.estimate(frame))
    assert len(found[0])
    np.testing.assert_array_equal(found[0].xy, found[1].xy)
    assert not len(found[2])
