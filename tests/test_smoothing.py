from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitruvian import Landmarks, OptionError, Skeleton, Smoothing
from vitruvian.kernels import native
from vitruvian.landmarks import concatenated
from vitruvian.smoothing import (
    SMOOTHING,
    Cutoffs,
    FilterBank,
    LowPass,
    OneEuro,
    OriginalFilters,
    smoothing_named,
)

F32 = np.float32
MS = 1_000_000
IMAGE, WORLD = SMOOTHING["live"].image, SMOOTHING["live"].world


@pytest.fixture(scope="module", params=["kernel", "NumPy"], autouse=True)
def way(request):
    """Both ways to the same bits."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "NumPy":
            patch.setattr("vitruvian.smoothing.native", None)
        elif native is None:
            pytest.skip("no kernels")
        yield request.param


def _filtered(filter_, values, times, scale):
    return [
        f"{filter_(np.array([v], F32), t * MS, scale)[0]:.6f}" for v, t in zip(values, times, strict=True)
    ]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (0, "100.000000 100.185722 101.369522 102.079224 102.411827 108.333069"),
        (1000, "100.000000 100.209465 101.376701 102.079788 102.410133 108.330521"),
    ],
)
def test_image_filter_to_the_last_printed_digit(start, expected):
    """Pose specification, section 15.2; the first case has the original's mistake with time 0."""
    times = [start + t for t in (0, 40, 80, 120, 160, 240)]
    values = (100, 101, 103, 103.2, 103.1, 110)
    assert " ".join(_filtered(OneEuro(IMAGE, zero_is_unset=True), values, times, 1 / 400)) == expected


def test_the_kernel_agrees_to_the_last_bit(monkeypatch):
    """Of any size, at any times, and of points that are not known for a while."""
    numbers = np.random.default_rng(0)
    for _ in range(30):
        cutoffs = Cutoffs(*(10 ** numbers.uniform([-3, -1], [1, 2])).tolist())
        values = (numbers.normal(size=(20, 1, 33, 3)) * 10 ** numbers.uniform(-3, 3)).astype(F32)
        values[3:8, 0, numbers.integers(33)] = np.nan
        times = np.cumsum(numbers.integers(1, 90 * MS, 20)).tolist()
        first, other = OneEuro(cutoffs), OneEuro(cutoffs)
        ours = [first(each, time, 0.01) for each, time in zip(values, times, strict=True)]
        with monkeypatch.context() as patch:
            patch.setattr("vitruvian.smoothing.native", None)
            theirs = [other(each, time, 0.01) for each, time in zip(values, times, strict=True)]
        np.testing.assert_array_equal(ours, theirs)


def test_world_filter_to_the_last_printed_digit():
    bank = OneEuro(WORLD, zero_is_unset=True)
    values = [
        bank(np.array([v], F32), t * MS)[0]
        for v, t in zip((0.1, 0.11, 0.13, 0.131), (1000, 1040, 1080, 1120), strict=True)
    ]
    assert [f"{v:.7f}" for v in values] == ["0.1000000", "0.1034637", "0.1191160", "0.1256099"]


def test_time_zero_is_a_time_unless_the_original_is_wanted():
    values, times = (100, 101, 103), (0, 40, 80)
    later = _filtered(OneEuro(IMAGE), values, [t + 1000 for t in times], 1 / 400)
    assert _filtered(OneEuro(IMAGE), values, times, 1 / 400) == later


def test_before_time_zero_nothing_is_filtered():
    assert _filtered(OneEuro(IMAGE, zero_is_unset=True), (1, 5, 2), (-3, -2, -1), 1) == [
        "1.000000", "5.000000", "2.000000",
    ]  # fmt: skip


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=9))
def test_a_filter_never_leaves_the_range_of_what_it_saw(values):
    bank = OneEuro(IMAGE)
    for i, value in enumerate(values):
        out = bank(np.array([value], F32), i * 33 * MS, 1 / 100)[0]
        seen = values[: i + 1]
        assert min(seen) - 1e-3 <= out <= max(seen) + 1e-3


def test_the_first_value_passes_and_the_rest_is_mixed():
    low_pass = LowPass()
    assert low_pass(np.array([1.0], F32), F32(0.1))[0] == 1
    assert low_pass(np.array([0.0], F32), F32(0.1))[0] == pytest.approx(0.9)


def _person(x: float, score: float = 1.0) -> Landmarks:
    xy = np.full((1, 33, 2), x, F32)
    ones = np.ones((1, 33), F32)
    return Landmarks(
        Skeleton.named("body33"), xy, np.concatenate([xy.min(1), xy.max(1)], axis=1), np.ones(1, F32),
        score=ones * F32(score), depth=ones, world=np.full((1, 33, 3), x / 100, F32), auxiliary=xy[:, :2],
    )  # fmt: skip


def test_the_original_forgets_points_of_the_picture_on_a_loss_and_nothing_else():
    """Pose specification, section 10.3."""
    filters = OriginalFilters()
    filters(_person(100), 400, 1000 * MS)
    filters(_person(100)[:0], 0, 1040 * MS)
    back = filters(_person(200, score=0.0), 400, 5000 * MS)
    assert back.xy[0, 0, 0] == 200
    assert 1 < back.world[0, 0, 0] < 2
    assert back.score[0, 0] == pytest.approx(0.9)


def test_an_object_without_size_is_not_filtered():
    filters = OriginalFilters()
    filters(_person(100), 400, 1000 * MS)
    assert filters(_person(150), 0, 1040 * MS).xy[0, 0, 0] == 150


def _bank(smoothing=SMOOTHING["live"], names=(0,)) -> FilterBank:
    bank = FilterBank(smoothing)
    bank.keep(names)
    return bank


def test_boxes_follow_the_landmarks():
    bank = _bank()
    bank.smoothed(_person(100), [400], 0)
    moved = bank.smoothed(_person(110), [400], 33 * MS)
    assert 100 < moved.xy[0, 0, 0] < 110
    assert moved.box[0, 0] == moved.xy[0, :, 0].min()


def test_scores_follow_time_and_not_the_number_of_frames():
    slow, fast = _bank(), _bank()
    for bank, step in ((slow, 100), (fast, 10)):
        bank.smoothed(_person(1, score=1), [400], 0)
        for t in range(step, 301, step):
            last = bank.smoothed(_person(1, score=0), [400], t * MS)
        assert last.score[0, 0] == pytest.approx(np.exp(-0.3 / SMOOTHING["live"].scores), abs=1e-5)


def test_off_leaves_everything_as_it_is():
    person = _person(5)
    assert _bank(None).smoothed(person, [400], 0) is person


def test_each_has_filters_of_their_own_until_they_leave():
    together, alone, other = _bank(names="ab"), _bank(names="b"), _bank(names="a")
    for frame in range(3):
        a, b = _person(100 + 7 * frame), _person(500 - 11 * frame)
        both = together.smoothed(concatenated([a, b]), [400, 300], frame * 33 * MS)
        singles = other.smoothed(a, [400], frame * 33 * MS), alone.smoothed(b, [300], frame * 33 * MS)
        for row, single in enumerate(singles):
            for name in ("xy", "box", "depth", "world", "score"):
                assert (getattr(both, name)[row] == getattr(single, name)[0]).all()
    together.keep("b")
    assert 460 < together.smoothed(_person(460), [300], 99 * MS).xy[0, 0, 0] < 478
    together.keep("ba")
    back = together.smoothed(concatenated([_person(460), _person(0)]), [300, 400], 132 * MS)
    assert back.xy[1, 0, 0] == 0


@pytest.mark.parametrize("column", ["xy", "auxiliary"])
def test_what_is_aimed_at_is_the_auxiliary_points_or_the_landmarks(column):
    bank, (person, moved) = _bank(), (_person(100), _person(110))
    if column == "xy":
        person, moved = replace(person, auxiliary=None), replace(moved, auxiliary=None)
    bank.aimed(person, [400], 0)
    aimed = bank.aimed(moved, [400], 33 * MS)
    assert (getattr(aimed, column) < getattr(moved, column)).all()
    assert aimed.score is moved.score


def test_presets_have_names():
    assert smoothing_named("off") is None
    assert smoothing_named("smooth") is SMOOTHING["smooth"]
    own = Smoothing(Cutoffs(1, 0), Cutoffs(1, 0), scores=1)
    assert smoothing_named(own) is own
    with pytest.raises(OptionError, match="smoothing: one of off, live, smooth"):
        smoothing_named("fast")


@pytest.mark.parametrize("wrong", [{"min_cutoff": 0}, {"beta": -1}, {"derivative": float("nan")}])
def test_cutoffs_that_cannot_be_are_refused_by_name(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        Cutoffs(**({"min_cutoff": 1, "beta": 0} | wrong))
