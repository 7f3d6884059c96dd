"""Speed on video: Vitruvian and MediaPipe side by side, on the same bundle and the same decoded frames."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from clips import CLIPS, forth_and_back, frames, save_clip, side_by_side
from engines import DOOR, HANDS, PEER, PIPELINE, POSE, Setup
from image import MIB, use_cores
from peer import VERSION, peer
from photos import add_task, bundle
from processes import Contestant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WARM_UP = 30  # frames that are not counted


@dataclass(frozen=True)
class Contest:
    """One row of the table.

    Attributes:
        title: What is compared.
        engine: Ours.
        clip: ``one`` or ``two`` people or hands in view.
        ours: Our options.
        theirs: MediaPipe's.
        mark: Frames per second in MediaPipe's, that we want; ``None``: any.
    """

    title: str
    engine: str
    clip: str
    ours: dict[str, Any]
    theirs: dict[str, Any]
    mark: float | None


_TWO: dict[str, Any] = {"most": 2}
_FIVE: dict[str, Any] = {"most": 5}
_OWN: dict[str, Any] = {"most": None, "own": True}  # as vitruvian.hands() has it

CONTESTS = {
    POSE: (
        Contest("VIDEO, one person", DOOR, "one", {}, {}, 4.0),
        Contest("VIDEO, num_poses=2, one in view", DOOR, "one", _TWO, _TWO, 2.7),
        Contest("VIDEO, one person, masks", DOOR, "one", {"masks": True}, {"masks": True}, 2.0),
        Contest("stream, up to 5, one in view", PIPELINE, "one", _FIVE, _TWO, 5.0),
        Contest("stream, up to 5, two in view", PIPELINE, "two", _FIVE, _TWO, 4.0),
    ),
    HANDS: (
        Contest("VIDEO, one hand", DOOR, "one", {}, {}, 2.0),
        Contest("VIDEO, num_hands=2, one in view", DOOR, "one", _TWO, _TWO, 2.2),
        Contest("VIDEO, num_hands=2, two in view", DOOR, "two", _TWO, _TWO, None),
        Contest("stream, all hands, one in view", PIPELINE, "one", _OWN, _TWO, 3.0),
        Contest("stream, all hands, two in view", PIPELINE, "two", _OWN, _TWO, None),
    ),
}


@dataclass(frozen=True)
class Speed:
    """How a contest ended: medians over the rounds.

    Attributes:
        title: As the contest.
        ours: Milliseconds per frame.
        theirs: The same of MediaPipe.
        ratio: Theirs by ours.
        ratios: The same of the single rounds, the smallest and the largest.
        cpu_share: Our processor time per frame as a share of MediaPipe's.
        peaks: MiB that our process and MediaPipe's held at most, the clip included.
        found: How many people or hands our frames and MediaPipe's show on average.
        mark: The ratio that we want; ``None``: any.
    """

    title: str
    ours: float
    theirs: float
    ratio: float
    ratios: tuple[float, float]
    cpu_share: float
    peaks: tuple[float, float]
    found: tuple[float, float]
    mark: float | None


def main() -> None:
    """Run the benchmark and print its table."""
    options = _parser().parse_args()
    use_cores(options.cores)
    theirs = peer(options.peer_python)
    with tempfile.TemporaryDirectory() as folder:
        clips = _clips(Path(folder), options.task)
        speeds = []
        for contest in CONTESTS[options.task]:
            speeds.append(_contest(contest, theirs, clips, options))
            _print(speeds[-1])
    if options.json:
        report = [asdict(speed) for speed in speeds]
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_task(parser)
    parser.add_argument("--frames", type=int, default=600, help="length of each video")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each engine, a process each")
    parser.add_argument("--cores", type=int, default=2, help="cores that everybody may use (Linux)")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has MediaPipe")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


def _clips(folder: Path, task: str) -> dict[str, tuple[Path, int]]:
    """Write the clips; return where each is and how many pictures it has."""
    one = frames(CLIPS[task])
    clips = {"one": one, "two": side_by_side(one)}
    for name, pictures in clips.items():
        save_clip(pictures, folder / f"{name}.npy")
    return {name: (folder / f"{name}.npy", len(pictures)) for name, pictures in clips.items()}


def _contest(
    contest: Contest, theirs: Contestant, clips: Mapping[str, tuple[Path, int]], options: argparse.Namespace
) -> Speed:
    """Let both take turns, so that a slow minute hits both."""
    ours = Contestant(contest.engine, Path(sys.executable))
    clip, length = clips[contest.clip]
    order = json.dumps(forth_and_back(options.frames + _WARM_UP, length))
    model = bundle(options)
    turns: dict[str, list[dict[str, Any]]] = {contest.engine: [], PEER: []}
    for _ in range(options.rounds):
        for one, chosen in ((ours, contest.ours), (theirs, contest.theirs)):
            turns[one.engine].append(
                one.work("watch", Setup(model, options.task, video=True, **chosen), clip, order)
            )
    mine, peers = turns[contest.engine], turns[PEER]
    ratios = [_time([a]) / _time([b]) for a, b in zip(peers, mine, strict=True)]
    return Speed(
        contest.title,
        ours=_time(mine),
        theirs=_time(peers),
        ratio=_time(peers) / _time(mine),
        ratios=(min(ratios), max(ratios)),
        cpu_share=median(each["cpu"] for each in mine) / median(each["cpu"] for each in peers),
        peaks=(_peak(mine), _peak(peers)),
        found=(_found(mine), _found(peers)),
        mark=contest.mark,
    )


def _time(turns: Sequence[Mapping[str, Any]]) -> float:
    """Return milliseconds per frame: the mean of a turn, since a look for newcomers is part of the price."""
    means = [sum(turn["seconds"][_WARM_UP:]) / len(turn["seconds"][_WARM_UP:]) for turn in turns]
    return float(median(means)) * 1000


def _peak(turns: Sequence[Mapping[str, Any]]) -> float:
    return float(max(turn["peak"] for turn in turns)) / MIB


def _found(turns: Sequence[Mapping[str, Any]]) -> float:
    counts = [count for turn in turns for count in turn["found"]]
    return float(sum(counts) / len(counts))


def _print(speed: Speed) -> None:
    mark = "" if speed.mark is None else f"; mark {speed.mark}"
    print(
        f"{speed.title:32}  {speed.ours:5.2f} ms, MediaPipe {VERSION} {speed.theirs:5.2f} ms: "
        f"{speed.ratio:.2f} x the frames/s (rounds {speed.ratios[0]:.2f} to {speed.ratios[1]:.2f}{mark}), "
        f"{100 * speed.cpu_share:.0f} % of the CPU, peak {speed.peaks[0]:.0f} and {speed.peaks[1]:.0f} MiB, "
        f"found {speed.found[0]:.2f} and {speed.found[1]:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
