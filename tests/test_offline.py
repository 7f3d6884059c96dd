import numpy as np
import pytest

from vitruvian import Landmarks, OptionError, Recording, Skeleton, Stamp, smooth_offline

BODY = Skeleton.named("body33")
F32 = np.float32


def _recording(times, x, ids=None) -> Recording:
    people = []
    for i, value in enumerate(x):
        xy = np.full((1, 33, 2), value, F32)
        people.append(
            Landmarks(
                BODY,
                xy,
                np.concatenate([xy.min(1), xy.max(1)], axis=1),
                np.ones(1, F32),
                world=np.full((1, 33, 3), value / 100, F32),
                track_id=np.array([0 if ids is None else ids[i]], np.int64),
            )
        )
    return Recording.from_rows([Stamp("x", 9, 9, i, float(t)) for i, t in enumerate(times)], people)


def _x(recording):
    return recording.landmarks.xy[:, 0, 0]


TIMES = np.arange(300) / 60
SLOW = 100 + 20 * np.sin(2 * np.pi * 1.0 * TIMES)


def test_a_movement_passes_without_lag_and_noise_goes():
    noise = np.random.default_rng(0).normal(0, 1, len(TIMES))
    smoothed = _x(smooth_offline(_recording(TIMES, SLOW + noise)))
    inner = slice(20, -20)
    assert np.sqrt(np.mean((smoothed - SLOW)[inner] ** 2)) < 0.5
    lags = [
        np.corrcoef(SLOW[30:-30], smoothed[30 + lag : len(SLOW) - 30 + lag])[0, 1] for lag in range(-3, 4)
    ]
    assert int(np.argmax(lags)) - 3 == 0


def test_uneven_times_are_heeded():
    rng = np.random.default_rng(1)
    times = np.sort(TIMES + rng.uniform(-0.004, 0.004, len(TIMES)))
    values = 100 + 20 * np.sin(2 * np.pi * times)
    smoothed = _x(smooth_offline(_recording(times, values)))
    assert np.abs(smoothed - values)[20:-20].max() < 0.3


def test_boxes_and_metres_follow():
    noisy = _recording(TIMES, SLOW + np.random.default_rng(0).normal(0, 1, len(TIMES)))
    smooth = smooth_offline(noisy)
    np.testing.assert_allclose(smooth.landmarks.world[:, 0, 0] * 100, _x(smooth), atol=1e-3)
    np.testing.assert_allclose(smooth.landmarks.box[:, 0], _x(smooth))
    assert smooth.stamps == noisy.stamps


def test_people_and_appearances_are_not_mixed():
    times = np.concatenate([TIMES[:100], TIMES[:100] + 10])
    values = np.concatenate([np.full(100, 10.0), np.full(100, 90.0)])
    assert _x(smooth_offline(_recording(times, values))) == pytest.approx(values, abs=1e-3)
    both = np.repeat(TIMES[:50], 1)
    ids = [i % 2 for i in range(50)]
    two = _x(smooth_offline(_recording(both, [10.0 if i else 90.0 for i in ids], ids)))
    assert two == pytest.approx([10.0 if i else 90.0 for i in ids], abs=1e-3)


def test_a_hand_that_comes_and_goes_is_filtered_in_runs():
    noise = np.random.default_rng(2).normal(0, 1, len(TIMES)).astype(F32)
    body = _recording(TIMES, SLOW + noise).landmarks
    xy = np.concatenate([body.xy, np.full((len(TIMES), 42, 2), np.nan, F32)], axis=1)
    xy[:100, 33:54] = (SLOW + noise)[:100, None, None]
    xy[200:, 33:54] = (SLOW + noise)[200:, None, None] + 500
    stamps = _recording(TIMES, SLOW).stamps
    whole = Landmarks(Skeleton.named("body75"), xy, body.box, body.box_score, track_id=body.track_id)
    smooth = smooth_offline(Recording(stamps, np.arange(len(TIMES)), whole)).landmarks
    assert (np.isnan(smooth.xy) == np.isnan(xy)).all()
    for run, offset in ((slice(20, 80), 0), (slice(220, 280), 500)):
        assert np.sqrt(np.mean((smooth.xy[run, 33, 0] - offset - SLOW[run]) ** 2)) < 0.6
    alone = smooth_offline(Recording(stamps, np.arange(len(TIMES)), body)).landmarks
    assert (smooth.xy[:, :33] == alone.xy).all()
    assert (smooth.box == alone.box).all()


def test_too_little_to_filter_stays():
    assert _x(smooth_offline(_recording([0, 0.1], [1.0, 5.0]))).tolist() == [1, 5]
    slow = _recording(np.arange(9) / 5, np.arange(9.0) ** 2)
    assert _x(smooth_offline(slow)).tolist() == _x(slow).tolist()


def test_nobody_stays_nobody():
    empty = Recording.from_rows([Stamp("x", 9, 9)], [Landmarks.nobody(BODY)])
    assert len(smooth_offline(empty).landmarks) == 0


def test_what_cannot_be_smoothed_is_refused():
    recording = _recording(TIMES, SLOW)
    with pytest.raises(OptionError, match="cutoff"):
        smooth_offline(recording, cutoff=0)
    timeless = Recording.from_rows([Stamp("x", 9, 9)], [recording.landmarks[0]])
    with pytest.raises(OptionError, match="no time"):
        smooth_offline(timeless)
