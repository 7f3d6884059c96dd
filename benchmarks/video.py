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

from clips import SQUATS, forth_and_back, frames, save_clip, side_by_side
from engines import DOOR, PEER, PIPELINE, Setup
from image import use_cores
from peer import VERSION, peer
from photos import BUNDLE
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
        clip: ``one`` or ``two`` people in view.
        ours: Our options.
        theirs: MediaPipe's.
        mark: Frames per second in MediaPipe's, that we want.
    """

    title: str
    engine: str
    clip: str
    ours: dict[str, Any]
    theirs: dict[str, Any]
    mark: float


CONTESTS = (
    Contest("VIDEO, one person", DOOR, "one", {}, {}, 4.0),
    Contest("VIDEO, num_poses=2, one in view", DOOR, "one", {"num_poses": 2}, {"num_poses": 2}, 2.7),
    Contest("VIDEO, one person, masks", DOOR, "one", {"masks": True}, {"masks": True}, 2.0),
    Contest("stream, up to 5, one in view", PIPELINE, "one", {"num_poses": 5}, {"num_poses": 2}, 5.0),
    Contest("stream, up to 5, two in view", PIPELINE, "two", {"num_poses": 5}, {"num_poses": 2}, 4.0),
)


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
        people: How many people our frames and MediaPipe's show on average.
        mark: The ratio that we want.
    """

    title: str
    ours: float
    theirs: float
    ratio: float
    ratios: tuple[float, float]
    cpu_share: float
    people: tuple[float, float]
    mark: float


def main() -> None:
    """Run the benchmark and print its table."""
    options = _parser().parse_args()
    use_cores(options.cores)
    theirs = peer(options.peer_python)
    with tempfile.TemporaryDirectory() as folder:
        clips = _clips(Path(folder))
        speeds = []
        for contest in CONTESTS:
            speeds.append(_contest(contest, theirs, clips, options))
            _print(speeds[-1])
    if options.json:
        report = [asdict(speed) for speed in speeds]
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="the .task bundle for everybody")
    parser.add_argument("--frames", type=int, default=600, help="length of each video")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each engine, a process each")
    parser.add_argument("--cores", type=int, default=2, help="cores that everybody may use (Linux)")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has MediaPipe")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


def _clips(folder: Path) -> dict[str, tuple[Path, int]]:
    """Write the clips; return where each is and how many pictures it has."""
    one = frames(SQUATS)
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
    bundle = str(options.bundle)
    turns: dict[str, list[dict[str, Any]]] = {contest.engine: [], PEER: []}
    for _ in range(options.rounds):
        for one, chosen in ((ours, contest.ours), (theirs, contest.theirs)):
            turns[one.engine].append(one.work("watch", Setup(bundle, **chosen), clip, order))
    mine, peers = turns[contest.engine], turns[PEER]
    ratios = [_time([a]) / _time([b]) for a, b in zip(peers, mine, strict=True)]
    return Speed(
        contest.title,
        ours=_time(mine),
        theirs=_time(peers),
        ratio=_time(peers) / _time(mine),
        ratios=(min(ratios), max(ratios)),
        cpu_share=median(each["cpu"] for each in mine) / median(each["cpu"] for each in peers),
        people=(_people(mine), _people(peers)),
        mark=contest.mark,
    )


def _time(turns: Sequence[Mapping[str, Any]]) -> float:
    """Return milliseconds per frame: the mean of a turn, since a look for newcomers is part of the price."""
    means = [sum(turn["seconds"][_WARM_UP:]) / len(turn["seconds"][_WARM_UP:]) for turn in turns]
    return float(median(means)) * 1000


def _people(turns: Sequence[Mapping[str, Any]]) -> float:
    counts = [count for turn in turns for count in turn["people"]]
    return float(sum(counts) / len(counts))


def _print(speed: Speed) -> None:
    print(
        f"{speed.title:32}  {speed.ours:5.2f} ms, MediaPipe {VERSION} {speed.theirs:5.2f} ms: "
        f"{speed.ratio:.2f} x the frames/s (rounds {speed.ratios[0]:.2f} to {speed.ratios[1]:.2f}; "
        f"mark {speed.mark}), {100 * speed.cpu_share:.0f} % of the CPU, "
        f"people {speed.people[0]:.2f} and {speed.people[1]:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
