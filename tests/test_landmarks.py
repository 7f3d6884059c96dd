import numpy as np
import pytest

from vitruvian import ArrayError, Crop, Landmarks, Mask, OptionError, Skeleton

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
