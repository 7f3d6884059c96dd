import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from vitruvian import ArrayError, Crop, Landmarks, Mask, OptionError, Skeleton
from vitruvian.landmarks import sides_exchanged

BODY = Skeleton.named("body33")
F32 = np.float32


def _people(count: int, *, masks: bool = False) -> Landmarks:
    crop = Crop(1, 1, 2, 2, 0, (4, 4))
    return Landmarks(
        BODY,
        xy=np.arange(count * 66, dtype=F32).reshape(count, 33, 2),
        box=np.zeros((count, 4), F32),
        box_score=np.linspace(1, 0, count, dtype=F32),
        score=np.ones((count, 33), F32),
        world=np.zeros((count, 33, 3), F32),
        mask=tuple(Mask(np.full((4, 4), i, F32), crop) for i in range(count)) if masks else None,
    )


@pytest.mark.parametrize(
    "rows", [1, -1, slice(1, 3), [0, 2], np.array([True, False, True]), np.array([2, 0])]
)
def test_an_index_cuts_every_column_alike(rows):
    people = _people(3, masks=True)
    kept = np.atleast_1d(np.arange(3)[rows])
    cut = people[rows]
    assert len(cut) == len(kept)
    for column in ("xy", "box", "box_score", "score", "world"):
        assert (getattr(cut, column) == getattr(people, column)[kept]).all()
    assert [mask.values[0, 0] for mask in cut.mask] == kept.tolist()
    assert cut.depth is None


def test_a_condition_reads_like_a_sentence():
    people = _people(3)
    assert len(people[people.box_score > 0.4]) == 2


def test_iterating_gives_one_person_at_a_time():
    assert [len(person) for person in _people(2)] == [1, 1]


def test_nobody_is_zero_rows():
    nobody = _people(0)
    assert len(nobody) == 0
    assert nobody.xy.shape == (0, 33, 2)
    assert list(nobody) == []


def test_repr_says_what_is_there():
    assert repr(_people(2)) == "<Landmarks body33: 2 instances; xy, box, box_score, score, world>"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("xy", np.zeros((2, 32, 2), F32)),
        ("box", np.zeros((3, 4), F32)),
        ("score", np.zeros((2, 33))),
        ("world", np.zeros((2, 33, 2), F32)),
    ],
)
def test_columns_that_do_not_fit_are_refused_by_name(column, value):
    columns = {"xy": np.zeros((2, 33, 2), F32), "box": np.zeros((2, 4), F32), "box_score": np.zeros(2, F32)}
    with pytest.raises(ArrayError, match=column):
        Landmarks(BODY, **(columns | {column: value}))


def test_a_mask_of_no_size_is_refused():
    with pytest.raises(OptionError, match="width: a whole number from 1, got 0"):
        _people(1, masks=True).mask[0].image(0, 5)


def test_masks_are_as_many_as_people():
    with pytest.raises(ArrayError, match="mask: expected 2 masks, got 0"):
        Landmarks(BODY, np.zeros((2, 33, 2), F32), np.zeros((2, 4), F32), np.zeros(2, F32), mask=())


@pytest.mark.parametrize("skeleton", ["body33", "hand21", "sapiens308", "body75"])
def test_sides_exchanged_twice_is_as_before(skeleton):
    people = _random_people(Skeleton.named(skeleton), np.random.default_rng(5))
    twice = sides_exchanged(sides_exchanged(people))
    for name in ("xy", "score", "presence", "depth", "world", "box", "box_score", "auxiliary", "region"):
        np.testing.assert_array_equal(getattr(twice, name), getattr(people, name))
    assert twice.handedness == pytest.approx(people.handedness)


def test_exchanged_sides_are_called_by_each_others_names():
    people = _random_people(BODY, np.random.default_rng(6))
    other = sides_exchanged(people)
    left, right, nose = (BODY.landmarks.index(name) for name in ("left_wrist", "right_wrist", "nose"))
    for name in ("xy", "score", "presence", "depth", "world"):
        before, after = getattr(people, name), getattr(other, name)
        np.testing.assert_array_equal(after[:, left], before[:, right])
        np.testing.assert_array_equal(after[:, right], before[:, left])
        np.testing.assert_array_equal(after[:, nose], before[:, nose])
    assert other.handedness == pytest.approx(1 - people.handedness)
    assert other.box is people.box
    assert other.auxiliary is people.auxiliary


def test_what_is_absent_stays_absent_when_sides_are_exchanged():
    people = sides_exchanged(replace(_people(2, masks=True), score=None))
    assert people.score is people.presence is people.depth is people.handedness is None
    assert [mask.values[0, 0] for mask in people.mask] == [0, 1]
    assert len(sides_exchanged(_people(0))) == 0


def _random_people(skeleton: Skeleton, draw: np.random.Generator) -> Landmarks:
    count = len(skeleton)
    xy = draw.random((2, count, 2), F32)
    xy[0, 3] = np.nan
    return Landmarks(
        skeleton,
        xy=xy,
        box=draw.random((2, 4), F32),
        box_score=draw.random(2, F32),
        score=draw.random((2, count), F32),
        presence=draw.random((2, count), F32),
        depth=draw.random((2, count), F32),
        world=draw.random((2, count, 3), F32),
        handedness=draw.random(2, F32),
        auxiliary=draw.random((2, 2, 2), F32),
        region=np.array([4, 7]),
    )


def test_results_travel_between_processes(astronaut_people):
    for one in (copy.deepcopy(astronaut_people), pickle.loads(pickle.dumps(astronaut_people))):  # noqa: S301
        assert (one.xy == astronaut_people.xy).all()
        assert one.skeleton is astronaut_people.skeleton
