"""How alike two readings are, and who is there twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vitruvian import Landmarks, Skeleton
from vitruvian.landmarks import bounds
from vitruvian.likeness import agreement, distinct, known_bounds, similarity, sizes

F32 = np.float32
BODY = Skeleton.named("body33")
SPREAD = np.stack([np.tile([0, 50, 100], 11), np.linspace(0, 200, 33)], axis=1)

draws = st.integers(0, 2**32 - 1).map(np.random.default_rng)  # of 33 points each; NumPy draws them faster


def _people(xy, presence=None, score=None):
    xy = np.asarray(xy, F32)
    return Landmarks(BODY, xy, bounds(xy), np.ones(len(xy), F32), score=score, presence=presence)


def _bodies(*places):
    """Return equal bodies, 100 by 200 pixels, at these places."""
    return np.stack([SPREAD + place for place in places]).astype(F32)


@given(draws, st.floats(0, 0.5), st.floats(0, 300))
def test_agreement_is_a_share_and_the_same_both_ways(draw, missing, moved):
    xy = draw.uniform(-1000, 2000, (2, 33, 2))
    there = np.where(draw.random((2, 33, 1)) < missing, np.nan, xy)
    presence, other = draw.random((2, 2, 33), F32).round(1)
    first, second = _people(there, presence), _people(xy + draw.normal(0, moved, xy.shape), other)
    one_way, back = agreement(first, second, 0.1), agreement(second, first, 0.1)
    assert one_way == pytest.approx(back, abs=1e-9)
    assert ((one_way >= 0) & (one_way <= 1 + 1e-6)).all()


@given(draws, st.floats(0.58, 1), st.floats(0, 0.9))
def test_a_reading_agrees_with_itself(draw, presence, missing):
    unknown = draw.random((2, 33, 1)) < missing
    unknown[:, 0] = False  # of whom nothing is known nothing agrees
    xy = np.where(unknown, np.nan, draw.uniform(-1000, 2000, (2, 33, 2)))
    people = _people(xy, np.full((2, 33), presence, F32))
    assert agreement(people, people, 0.1) == pytest.approx([1, 1])


def test_rows_are_compared_one_by_one():
    one = _people(_bodies((0, 0), (500, 0)))
    other = _people(_bodies((0, 0), (700, 0)))
    assert agreement(one, other, 0.1) == pytest.approx([1, 0], abs=1e-6)
    assert agreement(one[:0], other[:0], 0.1).shape == (0,)


def test_a_distance_of_the_width_counts_as_it_says():
    """A body whose bounds are 100 by 200 pixels; all points off by a tenth of its size."""
    size = np.sqrt(100 * 200)
    one, other = _people(_bodies((0, 0))), _people(_bodies((0.1 * size, 0)))
    assert agreement(one, other, 0.1) == pytest.approx([np.exp(-0.5)], abs=1e-5)


def test_between_two_frames_only_the_posture_counts():
    one, moved = _people(_bodies((0, 0), (500, 0))), _people(_bodies((90, -40), (500, 0)))
    assert agreement(one, moved, 0.1)[0] < 0.5
    assert agreement(one, moved, 0.1, moving=True) == pytest.approx([1, 1], abs=1e-5)
    xy = _bodies((90, -40))
    xy[0, ::2, 0] += 60
    assert agreement(one[:1], _people(xy), 0.1, moving=True)[0] < 0.9
    assert agreement(one[:0], moved[:0], 0.1, moving=True).shape == (0,)


def test_an_unknown_point_does_not_count_between_two_frames():
    xy = _bodies((0, 0))
    xy[0, 3] = np.nan
    assert agreement(_people(xy), _people(_bodies((90, -40))), 0.1, moving=True) == pytest.approx([1])


def test_what_is_outside_the_picture_does_not_count():
    xy, presence = _bodies((0, 0)), np.ones((1, 33), F32)
    guessed = xy.copy()
    guessed[0, 20:] += 400
    presence[0, 20:] = 0
    inside, everything = (_people(xy, presence), _people(guessed, presence)), (_people(xy), _people(guessed))
    assert agreement(*inside, 0.1) == pytest.approx([1])
    assert agreement(*everything, 0.1)[0] < 0.7


@pytest.mark.parametrize(
    ("points", "expected"), [(33, 1), (12, 1), (11, 1), (5, 5 / 11), (1, 1 / 11), (0, 0)]
)
def test_a_few_points_inside_the_picture_agree_on_little(points, expected):
    """A face is enough, of 33 points 11."""
    presence = np.zeros((1, 33), F32)
    presence[0, :points] = 1
    people = _people(_bodies((0, 0)), presence)
    assert agreement(people, people, 0.1) == pytest.approx([expected], abs=1e-6)


def test_of_whom_nothing_is_known_nothing_agrees():
    nothing = _people(np.full((1, 33, 2), np.nan), np.ones((1, 33), F32))
    assert agreement(nothing, _people(_bodies((0, 0)), np.ones((1, 33), F32)), 0.1).tolist() == [0]
    assert agreement(nothing, nothing, 0.1).tolist() == [0]


def test_an_unknown_point_may_be_unknown_in_every_column():
    """As those of a hand that is not seen are, in a body of 75 points."""
    xy, presence = _bodies((0, 0)), np.ones((1, 33), F32)
    xy[0, 20:], presence[0, 20:] = np.nan, np.nan
    people = _people(xy, presence, score=presence)
    assert agreement(people, people, 0.1) == pytest.approx([1])
    assert distinct(people[[0, 0]], [0.9, 0.8], guesses=False).tolist() == [0]


def test_bounds_and_sizes_are_those_of_the_known_points():
    xy = _bodies((10, 20))
    xy[0, 5] = np.nan
    assert known_bounds(xy).tolist() == [[10, 20, 110, 220]]
    assert sizes(xy) == pytest.approx([np.sqrt(100 * 200)])
    assert sizes(0 * _bodies((0, 0))).tolist() == [1]


def test_weights_say_what_counts():
    xy = _bodies((0, 0), (1000, 0))
    half = xy[1:].copy()
    half[0, :11] = xy[0, :11]
    weights = np.zeros((1, 33), F32)
    weights[0, :11] = 0.5
    assert similarity(xy[0], half, 10) == pytest.approx([1 / 3])
    assert similarity(xy[0], half, 10, weights) == pytest.approx([1])
    assert similarity(xy[0], half, 10, 0 * weights).tolist() == [0]


def test_of_two_readings_the_worthier_stays():
    people = _people(_bodies((0, 0), (300, 0), (3, 3)))
    assert distinct(people, [0.5, 0.1, 0.9]).tolist() == [1, 2]
    assert distinct(people, [0.9, 0.1, 0.5]).tolist() == [0, 1]
    assert distinct(people[:0], []).tolist() == []
    assert distinct(people[1:2], [0]).tolist() == [0]


def test_points_that_are_guessed_tell_nothing_where_they_shall_not():
    """Two readings that see one head and guess the rest, and two that guess alike but see others."""
    xy, score = _bodies((0, 0), (0, 0)), np.full((2, 33), 0.02, F32)
    score[:, :11] = 1
    xy[1, 11:] += 300
    one_head = _people(xy, score=score)
    assert distinct(one_head, [0.9, 0.8], guesses=False).tolist() == [0]
    assert distinct(one_head, [0.9, 0.8]).tolist() == [0, 1]

    xy = _bodies((0, 0), (0, 0))
    xy[1, :11] += 300
    two_heads = _people(xy, score=score)
    assert distinct(two_heads, [0.9, 0.8], guesses=False).tolist() == [0, 1]
    assert distinct(two_heads, [0.9, 0.8]).tolist() == [0]


def test_without_scores_all_points_count():
    people = _people(_bodies((0, 0), (5, 0)))
    assert distinct(people, [0.8, 0.9], guesses=False).tolist() == [1]


@given(arrays.arrays(F32, (4, 2), elements=st.floats(0, 400, width=32)), st.permutations(range(4)))
def test_who_is_left_is_alike_to_nobody_who_is_left(places, worth):
    people = _people(_bodies(*places))
    rows = distinct(people, worth)
    kept = people[rows]
    assert rows.tolist() == sorted(rows.tolist())
    assert int(np.argmax(worth)) in rows
    assert len(distinct(kept, [worth[row] for row in rows])) == len(kept)
