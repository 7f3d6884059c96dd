"""Films in which somebody far away appears: when a stream finds them, and what looking costs its frames."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING

import cv2
import numpy as np
from clips import SQUATS, forth_and_back, frames
from crossings import cut_outs, ground
from metered import clocked

from vitruvian import pose
from vitruvian.search.background import Background
from vitruvian.testing import Actor, Appearance, Scene, identity_switches
from vitruvian.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian import Frame, Pipeline

    Film = tuple[list[Frame], list[Appearance]]  # with where the one far away is

__all__ = ["Film", "Watch", "newcomers", "print_newcomers"]

_SIZE = (1280, 720)
_FPS = 30
_SECONDS = 4
_APPEARS = 1.0  # second
_SMALL = 130.0  # pixels
_FAR = ((1090.0, 200.0), (170.0, 240.0))  # where they stand
_SQUATS = "squats"
_AWAY = -1000.0
_WARM_UP = 15  # frames

_PATIENCE = 1.0  # second
_WITHIN = 99  # % of the frames
_BUDGET = Tracking().search_budget


@dataclass(frozen=True)
class Watch:
    """How a film was watched by one search: all rounds.

    Attributes:
        near: Who is followed.
        far: Who appears.
        search: ``fast`` or ``thorough``.
        after: Seconds from their appearance to the first result they are in, of each round; ``None``: never.
        identities: How many there were, the most of a round; two are right.
        spent: Milliseconds of each frame, from the moment the stream gets it to the moment it wants the next.
        searching: Milliseconds of each frame that the search in the background took.
        dropped: Frames that a newer one overtook before the stream wanted them.
    """

    near: str
    far: str
    search: str
    after: list[float | None] = field(default_factory=list)
    identities: int = 0
    spent: list[float] = field(default_factory=list)
    searching: list[float] = field(default_factory=list)
    dropped: int = 0


@dataclass
class _Live:
    """Gives the frames of a film when their time has come, each only if no newer one is there by then."""

    film: Sequence[Frame]
    spent: list[float] = field(default_factory=list)
    dropped: int = 0

    def __iter__(self) -> Iterator[Frame]:
        start = time.perf_counter()
        for index, frame in enumerate(self.film):
            due = start + index / _FPS
            if time.perf_counter() >= due + 1 / _FPS:
                self.dropped += 1
                continue
            time.sleep(max(due - time.perf_counter(), 0))
            begin = time.perf_counter()
            yield frame
            self.spent.append(1000 * (time.perf_counter() - begin))


def newcomers(model: str, rounds: int) -> list[Watch]:
    """Let somebody appear behind everybody, and watch with both searches in turns, in real time."""
    looks = cut_outs()
    people = {name: Actor([look], lambda t: (640 + 15 * t, 400, 560)) for name, look in looks.items()}
    names = list(looks)
    pairs = [(near, names[index - 1]) for index, near in enumerate(names)]
    people[_SQUATS] = _clip()
    pairs += [(_SQUATS, far) for far in names]
    watched = []
    with pose(model, search="fast") as fast, pose(model, search="thorough") as thorough:
        for index, (near, far) in enumerate(pairs):
            print(f"  {far} behind {near}", file=sys.stderr, flush=True)
            film = _film(people[near], looks[far], _FAR[index % len(_FAR)])
            pipelines = {"fast": fast, "thorough": thorough}
            runs: dict[str, list[Watch]] = {search: [] for search in pipelines}
            for search in list(pipelines) * rounds:
                runs[search].append(_watch(pipelines[search], film, Watch(near, far, search)))
            watched += [_together(each) for each in runs.values()]
    return watched


def print_newcomers(watched: Sequence[Watch]) -> bool:
    """Print a line for each film and search, then the marks; return whether all are reached."""
    print(f"somebody {_SMALL:.0f} pixels tall appears; milliseconds of a frame: median, {_WITHIN} %, worst")
    print(
        f"{'far, near':16}  {'search':8}  {'found after s (rounds)':>24}  identities  "
        f"{'in the background':>19}  {'the whole frame':>19}  dropped"
    )
    for row in watched:
        print(
            f"{row.far + ', ' + row.near:16}  {row.search:8}  {_waits(row):>24}  {row.identities:10}  "
            f"{_milliseconds(row.searching):>19}  {_milliseconds(row.spent):>19}  {row.dropped:7}"
        )
    marks = _marks([row for row in watched if row.search == "thorough"])
    print()
    for reached, line in marks:
        print(f"  {'pass' if reached else 'MISS'}  thorough: {line}")
    print(flush=True)
    return all(reached for reached, _ in marks)


def _marks(rows: Sequence[Watch]) -> list[tuple[bool, str]]:
    """Return for each mark whether these films reach it, and what it is."""
    searching = [each for row in rows for each in row.searching]
    spent = [each for row in rows for each in row.spent]
    share = 100 * float(np.mean(np.array(searching) <= _BUDGET))
    wait = max(_wait(row) for row in rows)
    dropped, late = sum(row.dropped for row in rows), sum(each > 1000 / _FPS for each in spent)
    found = f"found after, the worst film's median: {wait:.2f} s (<= {_PATIENCE:g})"
    held = f"frames in which the search took {_BUDGET:g} ms or less: {share:.2f} % (>= {_WITHIN})"
    kept = f"frames dropped: {dropped} of {dropped + len(spent)} (<= 0)"
    return [
        (
            wait <= _PATIENCE,
            f"{found}; in time in {sum(_wait(row) <= _PATIENCE for row in rows)} of {len(rows)}",
        ),
        (share >= _WITHIN, f"{held}; the worst took {max(searching):.1f} ms"),
        (not dropped, f"{kept}; {late} took more than {1000 / _FPS:.1f} ms"),
    ]


def _clip() -> Actor:
    """Return somebody who does squats in a picture of their own, as high as the film."""
    pictures = frames(SQUATS)
    height, width = pictures[0].shape[:2]
    size = round(width * _SIZE[1] / height), _SIZE[1]
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
    opaque = np.full(small[0].shape[:2], 255, np.uint8)
    looks = [np.dstack([picture, opaque]) for picture in small]
    order = forth_and_back(_SECONDS * _FPS, len(looks))
    return Actor([looks[index] for index in order], lambda _: (640, 360, 720), rate=_FPS)


def _film(near: Actor, far: NDArray[np.uint8], place: tuple[float, float]) -> Film:
    x, y = place

    def path(now: float) -> tuple[float, float, float]:
        return (x + 8 * (now - _APPEARS), y, _SMALL) if now >= _APPEARS else (_AWAY, _AWAY, _SMALL)

    scene = Scene(ground(_SIZE), [Actor([far], path), near], _FPS)
    drawn = list(scene.frames(_SECONDS * _FPS))
    return [frame for frame, _ in drawn], [appearances[0] for _, appearances in drawn]


def _watch(pipeline: Pipeline, film: Film, watch: Watch) -> Watch:
    """Watch a film once, in real time."""
    pictures, truth = film
    for _ in pipeline.stream(pictures[:_WARM_UP]):
        pass
    live, searching = _Live(pictures), list[float]()
    names: set[int] = set()
    after = None
    with clocked(Background, "__call__", searching.append):
        for frame, people in pipeline.stream(live):
            names |= set([] if people.track_id is None else people.track_id.tolist())
            index = frame.stamp.index
            if after is None and identity_switches([(people, [truth[index]])])[1]:
                after = index / _FPS - _APPEARS
    milliseconds = [1000 * seconds for seconds in searching]
    return replace(
        watch,
        after=[after],
        identities=len(names),
        spent=live.spent,
        searching=milliseconds,
        dropped=live.dropped,
    )


def _together(rounds: Sequence[Watch]) -> Watch:
    return replace(
        rounds[0],
        after=[after for each in rounds for after in each.after],
        identities=max(each.identities for each in rounds),
        spent=[spent for each in rounds for spent in each.spent],
        searching=[spent for each in rounds for spent in each.searching],
        dropped=sum(each.dropped for each in rounds),
    )


def _wait(row: Watch) -> float:
    """Return the median of the rounds; infinite if they are mostly not found."""
    return median(float("inf") if after is None else after for after in row.after)


def _waits(row: Watch) -> str:
    return " ".join("never" if after is None else f"{after:.2f}" for after in row.after)


def _milliseconds(values: Sequence[float]) -> str:
    if not values:
        return "-"
    middle, most, worst = np.percentile(values, (50, _WITHIN, 100)).tolist()
    return f"{middle:.1f}, {most:.1f}, {worst:.1f}"
