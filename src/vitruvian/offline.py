"""Smoothing of what is recorded: with the future known, noise goes and nothing lags."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.conversion import convert
from vitruvian.errors import OptionError
from vitruvian.landmarks import bounds
from vitruvian.options import check_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vitruvian.recording import Recording

__all__ = ["smooth_offline"]

_ORDER = 2  # of one pass; forwards and backwards make four
_GAP = 0.25  # seconds without somebody, beyond which what comes after is not connected to what was before
_UNEVEN = 0.01  # of the frame distance: more than this, and the samples are not evenly spaced


def smooth_offline(recording: Recording, *, cutoff: float = 6.0) -> Recording:
    """Smooth every person of a recording with a zero-lag low-pass filter.

    A Butterworth filter of the second order, run forwards and backwards (SciPy's ``sosfiltfilt``), as is the
    custom in the analysis of movement (Winter, "Biomechanics and Motor Control of Human Movement"). It takes
    the place of a stream's filters: record with ``smoothing="off"``.

    ``xy``, ``depth`` and ``world`` are smoothed and ``box`` follows; scores stay. Somebody who was out of
    sight for more than 0.25 s is filtered in pieces, and so are points that are unknown for a while. Uneven
    times are resampled to the median rate and back. Where the rate is below twice the cutoff, there is
    nothing that the filter could remove.

    Args:
        recording: Of a stream, with ``track_id``; all frames need a time.
        cutoff: Hertz; movements faster than this go. 6 is usual for walking, 10 to 15 for sprints and throws.

    Raises:
        OptionError: The cutoff is not positive, there are no identities or no times, or SciPy is missing.
    """
    check_number("cutoff", cutoff, 1e-3)
    people = recording.landmarks
    if not len(people):
        return recording
    if people.track_id is None:
        raise OptionError("recording: carries no track_id; record it from stream()")
    stamps = [stamp.time for stamp in recording.stamps]
    if None in stamps:
        raise OptionError("recording: a frame has no time; give stream() the rate: fps=30, say")
    times = np.array(stamps, np.float64)[recording.frame]
    columns = {name: getattr(people, name) for name in ("xy", "depth", "world")}
    smoothed = {name: column.copy() for name, column in columns.items() if column is not None}
    for rows in _pieces(people.track_id, times):
        for column in smoothed.values():
            _filter(column, rows, times, cutoff)
    people = replace(people, **smoothed)
    # Fingers come and go, so that the box of a whole person is that of the body.
    body = convert(people, "body33") if people.skeleton.name == "body75" else people
    return replace(recording, landmarks=replace(people, box=bounds(body.xy)))


def _pieces(track_id: NDArray[np.int64], times: NDArray[np.float64]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each person's each uninterrupted appearance."""
    for name in np.unique(track_id):
        rows = np.flatnonzero(track_id == name)
        yield from np.split(rows, np.flatnonzero(np.diff(times[rows]) > _GAP) + 1)


def _filter(
    column: NDArray[np.float32], rows: NDArray[np.intp], times: NDArray[np.float64], cutoff: float
) -> None:
    """Filter one appearance of one person in place: all points that are known at the same times as one."""
    known = ~np.isnan(column[rows]).reshape(len(rows), column.shape[1], -1).any(axis=2)
    if known.all():
        column[rows] = _filtered(column[rows], times[rows], cutoff)
        return
    for when in np.unique(known, axis=1).T:
        points = np.flatnonzero((known == when[:, None]).all(axis=0))
        seen = np.flatnonzero(when)
        for run in np.split(seen, np.flatnonzero(np.diff(times[rows[seen]]) > _GAP) + 1):
            place = np.ix_(rows[run], points)
            column[place] = _filtered(column[place], times[rows[run]], cutoff)


def _filtered(values: NDArray[np.float32], times: NDArray[np.float64], cutoff: float) -> NDArray[np.float32]:
    """Filter (T, …) values along their first axis."""
    steps = np.diff(times)
    if len(steps) < 2 or steps.min() <= 0 or cutoff >= 0.5 / np.median(steps):
        return values
    step = float(np.median(steps))
    flat = values.reshape(len(values), -1).astype(np.float64)
    if np.abs(steps - step).max() <= _UNEVEN * step:
        return _butterworth(flat, step, cutoff).reshape(values.shape).astype(np.float32)
    even = np.arange(times[0], times[-1] + step, step)
    resampled = _butterworth(_interpolated(even, times, flat), step, cutoff)
    return _interpolated(times, even, resampled).reshape(values.shape).astype(np.float32)


def _interpolated(
    wanted: NDArray[np.float64], times: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.stack([np.interp(wanted, times, column) for column in columns.T], axis=1)


def _butterworth(columns: NDArray[np.float64], step: float, cutoff: float) -> NDArray[np.float64]:
    try:
        from scipy import signal  # noqa: PLC0415  # opens a foreign world
    except ImportError as error:
        raise OptionError("smooth_offline needs SciPy: pip install 'vitruvian[offline]'") from error
    sections = signal.butter(_ORDER, cutoff, fs=1 / step, output="sos")
    reach = min(len(columns) - 1, 3 * (2 * len(sections) + 1))
    smooth: NDArray[np.float64] = signal.sosfiltfilt(sections, columns, axis=0, padlen=reach)
    return smooth
