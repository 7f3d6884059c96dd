"""``vitruvian live``."""

from __future__ import annotations

import logging
import queue
import signal
import sys
import time
import webbrowser
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from vitruvian.cli import flags
from vitruvian.cli.console import complain, say, stderr
from vitruvian.cli.interruption import hearing
from vitruvian.cli.networks import Networks
from vitruvian.cli.noun import HANDS, PEOPLE, Noun
from vitruvian.errors import OptionError, SinkError, SourceError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vitruvian.cli.broadcast import Broadcast, Manner, Tally
    from vitruvian.cli.screen import Screen
    from vitruvian.models.blazehand import HandSettings
    from vitruvian.models.blazepose import PoseSettings
    from vitruvian.pipeline import Pipeline
    from vitruvian.provenance import Provenance
    from vitruvian.sinks.formats import Format
    from vitruvian.sinks.sink import Sink
    from vitruvian.sources.source import Source

__all__ = ["live"]

_FILES, _FOUND, _PAGE = "Files", "What to find", "Page"

Camera = Annotated[
    int | None, typer.Option(min=0, help="Number of a webcam; default: 0.", show_default=False)
]
Url = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Address of a stream (rtsp://, http://, udp://, tcp://, rtmp:// or srt://), or the path of a "
        "video file, which is then played as if a camera sent it.",
    ),
]
Timeout = Annotated[float, typer.Option(min=0.1, help="Give up after so many seconds without a picture.")]
Seconds = Annotated[
    float | None,
    typer.Option(min=0, help="Stop so many seconds after the first picture; default: at Ctrl-C."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the landmarks into this folder, as live-DATE-TIME.jsonl, a line for each frame at once.",
        rich_help_panel=_FILES,
    ),
]
Formats = Annotated[
    list[str],
    typer.Option(
        "--format",
        metavar="NAME[,NAME...]",
        help="jsonl, csv, parquet, npz, coco, trc or c3d. All but jsonl appear at the end.",
        callback=flags.format_names,
        rich_help_panel=_FILES,
    ),
]
Record = Annotated[
    bool,
    typer.Option("--record", help="Also write live-DATE-TIME.mp4 with the overlay.", rich_help_panel=_FILES),
]
NumPoses = Annotated[
    int | None,
    typer.Option(
        min=1, help="Most people in a picture, the best first; default: everyone.", rich_help_panel=_FOUND
    ),
]
Hands = Annotated[
    bool,
    typer.Option("--hands", help="Find the 21 landmarks of every hand instead.", rich_help_panel=_FOUND),
]
NumHands = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Most hands in a picture, with --hands, the best first; default: every hand.",
        rich_help_panel=_FOUND,
    ),
]
Smoothing = Annotated[
    str, typer.Option(help="off, live or smooth: the calmer, the slower.", rich_help_panel=_FOUND)
]
Port = Annotated[
    int,
    typer.Option(
        min=0, max=65535, help="Port of the page on 127.0.0.1; 0: any free one.", rich_help_panel=_PAGE
    ),
]
PageWanted = Annotated[bool, typer.Option("--page/--no-page", help="Serve the page.", rich_help_panel=_PAGE)]
Browse = Annotated[bool, typer.Option("--open", help="Open the page in the browser.", rich_help_panel=_PAGE)]


def live(  # noqa: PLR0913  # a command's parameters are its flags
    *,
    camera: Camera = None,
    url: Url = None,
    timeout: Timeout = 10.0,
    seconds: Seconds = None,
    output: Output = None,
    formats: Formats = ["jsonl"],  # noqa: B006  # typer copies it
    record: Record = False,
    model: flags.Model = "full",
    num_poses: NumPoses = None,
    hands: Hands = False,
    num_hands: NumHands = None,
    mirrored: flags.Mirrored = False,
    search: flags.LiveSearch = flags.LiveEffort.FAST,
    search_budget: flags.LiveSearchBudget = None,
    smoothing: Smoothing = "live",
    page: PageWanted = True,
    port: Port = 0,
    browse: Browse = False,
    threads: flags.Threads = None,
    offline: flags.Offline = False,
    cache: flags.Cache = None,
) -> None:
    """Find the 33 body landmarks of everybody a camera sees, or every hand, as it happens.

    Opens a page that shows the picture with the landmarks. Only this machine
    reaches it, and only who knows the address that is printed.

    The newest picture always comes first: pictures that come faster than the
    landmarks are dropped, and counted. Ctrl-C ends it; what is written is
    complete then.

      vitruvian live --open
      vitruvian live --search thorough --open      # who is far away, too
      vitruvian live --hands --open
      vitruvian live --hands --mirrored      # the camera mirrors its picture
      vitruvian live --url rtsp://192.0.2.7/stream -o landmarks --record
      vitruvian live --url squats.mp4 --model lite
    """
    # Opening the world of pixels takes 0.3 s, which --help need not wait for.
    from vitruvian.cli.screen import Screen  # noqa: PLC0415

    results = _results(output, formats, record=record)
    _check_page(results, page=page, browse=browse)
    manner = _manner(smoothing, search, search_budget)
    settings = _settings(num_poses, num_hands, search, hands=hands, mirrored=mirrored)
    with ExitStack() as stack:
        source = stack.enter_context(_source(camera, url, timeout))
        pipeline = stack.enter_context(Networks(model, threads, offline, cache).pipeline(settings))
        screen = Screen() if page else None
        work = _broadcast(source, pipeline, results, screen, manner, noun=HANDS if hands else PEOPLE)
        if screen is not None:
            stack.enter_context(_page(screen, work, source, port, results, browse=browse))
        _run(work, source, seconds, results)


@dataclass(frozen=True)
class _Results:
    """Which files to write.

    Attributes:
        folder: Where to.
        name: What they are called, without ending.
        formats: Of the landmarks.
        record: Whether to write a video with the overlay.
    """

    folder: Path
    name: str
    formats: tuple[Format, ...]
    record: bool

    def sinks(self, model: Provenance) -> list[Sink]:
        """Make the folder, and return what writes the landmarks.

        Raises:
            SinkError: The folder cannot be made, or a format needs an extra that is not installed.
        """
        from vitruvian.sinks.formats import open_sink  # noqa: PLC0415

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"this folder cannot be made: {error.strerror}", path=self.folder) from error
        return [open_sink(kind, self.folder, self.name, model) for kind in self.formats]

    def recorder(self) -> Sink | None:
        """Return what writes the video, if it is wanted."""
        from vitruvian.sinks.video import OverlayVideoSink  # noqa: PLC0415

        return OverlayVideoSink(self.folder / f"{self.name}.mp4") if self.record else None


def _check_page(results: _Results | None, *, page: bool, browse: bool) -> None:
    if not page and (browse or not results):
        why = "it cannot be opened then" if browse else "give -o FOLDER, or nothing comes of the landmarks"
        raise OptionError(f"--no-page: {why}")


def _settings(
    num_poses: int | None, num_hands: int | None, search: flags.LiveEffort, *, hands: bool, mirrored: bool
) -> PoseSettings | HandSettings:
    """Return what the flags ask for; one that says nothing about what is looked for is refused."""
    from vitruvian.models.blazehand import HandSettings  # noqa: PLC0415
    from vitruvian.models.blazepose import PoseSettings  # noqa: PLC0415

    if hands:
        if num_poses is not None:
            raise OptionError("--num-poses: with --hands no bodies are looked for; use --num-hands")
        return HandSettings(num_hands, mirrored=mirrored, search=search.value)
    if num_hands is not None or mirrored:
        raise OptionError(f"--{'mirrored' if mirrored else 'num-hands'}: is about hands; add --hands")
    return PoseSettings(num_poses, search=search.value)


def _manner(smoothing: str, search: flags.LiveEffort, budget: float | None) -> Manner:
    """Return how those found are followed; a budget for nothing is refused."""
    from vitruvian.cli.broadcast import Manner  # noqa: PLC0415
    from vitruvian.smoothing import smoothing_named  # noqa: PLC0415
    from vitruvian.tracking import Tracking  # noqa: PLC0415

    flags.check_budget(search, budget)
    smoothing_named(smoothing)
    return Manner(smoothing, None if budget is None else Tracking(search_budget=budget))


def _results(folder: Path | None, formats: list[str], *, record: bool) -> _Results | None:
    if folder is not None:
        return _Results(folder, _fresh_name(folder), tuple(cast("list[Format]", formats)), record)
    if record or formats != ["jsonl"]:
        raise OptionError(f"--{'record' if record else 'format'}: give -o FOLDER, where to write")
    return None


def _fresh_name(folder: Path) -> str:
    """Return a name that nothing there has: what was seen live cannot be had again."""
    started = time.strftime("live-%Y%m%d-%H%M%S")
    name, number = started, 1
    while any(folder.glob(f"{name}.*")):
        number += 1
        name = f"{started}-{number}"
    return name


def _source(camera: int | None, url: str | None, timeout: float) -> Source:
    if camera is not None and url is not None:
        raise OptionError("--camera, --url: one of them; there is one source at a time")
    if url is not None and "://" not in url:
        from vitruvian.sources.video import VideoSource  # noqa: PLC0415

        return VideoSource(url)
    from vitruvian.sources.camera import LiveSource  # noqa: PLC0415

    return LiveSource(url if url is not None else camera or 0, timeout=timeout)


def _broadcast(
    source: Source,
    pipeline: Pipeline,
    results: _Results | None,
    screen: Screen | None,
    manner: Manner,
    *,
    noun: Noun,
) -> Broadcast:
    from vitruvian.cli.broadcast import Broadcast  # noqa: PLC0415

    return Broadcast(
        source,
        pipeline,
        sinks=results.sinks(pipeline.model) if results else (),
        recorder=results.recorder() if results else None,
        screen=screen,
        manner=manner,
        noun=noun,
    )


@contextmanager
def _page(
    screen: Screen, work: Broadcast, source: Source, port: int, results: _Results | None, *, browse: bool
) -> Iterator[None]:
    """Serve the page, and say where it is."""
    from vitruvian.cli.page import Page  # noqa: PLC0415

    about = {"source": shown(source.name), "recording": results is not None, "counted": work.tally.noun.many}
    with Page(screen, lambda: about | work.tally.status(), port) as page:
        say(f"page: {page.address}")
        if browse:
            webbrowser.open(page.address)
        yield


def _run(work: Broadcast, source: Source, seconds: float | None, results: _Results | None) -> None:
    """Let it work in a thread of its own, so that this one hears Ctrl-C at any time; then sum up."""
    with _warnings(), _signals() as stops, ThreadPoolExecutor(1, "live") as pool:
        running = pool.submit(work.run)
        running.add_done_callback(lambda _: stops.put("end"))
        if _wait(work.tally, stops, seconds) == "signal":
            complain("stopping (again: at once)")
        work.stop()
    error = running.exception()
    if error is None or work.tally.frames:
        where = f"; results in {shown(results.folder / results.name)}.*" if results else ""
        say(f"{work.tally.line()}{where}")
    if isinstance(error, SourceError) and not work.tally.frames:
        raise SourceError(f"{error}; {_advice(source)}") from error
    running.result()


def _wait(tally: Tally, stops: queue.SimpleQueue[str], seconds: float | None) -> str:
    """Return what ends it."""
    with _status_line() as tell:
        while seconds is None or tally.seconds < seconds:
            try:
                left = 1.0 if seconds is None else max(0.0, seconds - tally.seconds)
                return stops.get(timeout=min(0.25, left))
            except queue.Empty:
                tell(tally.line())
    return "time"


@contextmanager
def _status_line() -> Iterator[Callable[[str], None]]:
    if not stderr.is_terminal:
        yield lambda _: None
        return
    with stderr.status("connecting") as status:
        yield lambda line: status.update(escape(line))


@contextmanager
def _signals() -> Iterator[queue.SimpleQueue[str]]:
    """Yield a queue that Ctrl-C and SIGTERM put a word into; the second of them ends the process at once.

    One that is ignored stays so.
    """
    stops: queue.SimpleQueue[str] = queue.SimpleQueue()  # of all queues the one that a signal may put into
    with hearing(lambda: stops.put("signal"), again=signal.SIG_DFL):
        yield stops


class _Told(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        complain(shown(record.getMessage()))


@contextmanager
def _warnings() -> Iterator[None]:
    """Say what the source logs: that a connection was lost, and is opened anew."""
    log, told = logging.getLogger("vitruvian"), _Told(logging.WARNING)
    log.addHandler(told)
    try:
        yield
    finally:
        log.removeHandler(told)


def _advice(source: Source) -> str:
    """Return what to try when there was no picture at all."""
    if not source.live:
        return "try another file"
    if "://" in source.name:
        return "try the address in a player (ffplay, VLC), and whether this machine may reach it"
    there = sorted(Path("/dev").glob("video*")) if sys.platform == "linux" else []
    found = f"there are {', '.join(map(str, there))}" if there else "plug one in"
    return f"{found}: try --camera with another number, or --url with a stream or a video file"
