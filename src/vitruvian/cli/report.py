"""What became of a run, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from vitruvian.cli.console import complain
from vitruvian.cli.noun import Noun
from vitruvian.errors import VitruvianError, shown

if TYPE_CHECKING:
    from vitruvian.cli.clip import Clip

__all__ = ["Report"]


@dataclass
class Report:
    """What became of the batch.

    Attributes:
        noun: What is found.
        folder: Where the results are.
        pictures: How many pictures there were to do.
        videos: How many videos there were to do.
        done: How many of both have results.
        skipped: How many had them already, and were left as they are.
        found: How many people or hands they show; in a video each counts once.
        failed: Path and reason of each that has none.
        clips: Each video that was worked on.
        seconds: What it took.
        interrupted: Whether the user stopped it.
    """

    noun: Noun
    folder: str
    pictures: int = 0
    videos: int = 0
    done: int = 0
    skipped: int = 0
    found: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def expect(self, *, video: bool) -> None:
        """Count one more that is to be done."""
        if video:
            self.videos += 1
        else:
            self.pictures += 1

    def fail(self, path: str, error: VitruvianError) -> None:
        """Count a failure and say it at once."""
        self.failed.append({"path": path, "error": str(error)})
        complain(f"failed: {error}")

    @property
    def left(self) -> int:
        """How many nothing was done about."""
        return self.pictures + self.videos - self.done - self.skipped - len(self.failed)

    def summary(self) -> dict[str, object]:
        """Return the summary for a program: plain values for JSON.

        The attributes by their names, but ``found`` is called ``people`` or ``hands``, in ``clips`` as well;
        ``clips`` has ``path``, ``frames``, ``failed_frames``, ``seconds``, ``fps`` and ``interrupted``.
        """
        named = {"found": self.noun.many}
        plain = {
            named.get(one.name, one.name): getattr(self, one.name)
            for one in fields(self)
            if one.name != "noun"
        }
        return plain | {"clips": [clip.summary(self.noun) for clip in self.clips]}

    def line(self) -> str:
        """Return the summary for a person."""
        kind = "files" if self.pictures and self.videos else "videos" if self.videos else "pictures"
        parts = [
            f"{self.done} of {self.pictures + self.videos} {kind} done",
            *([f"{self.skipped} done before"] if self.skipped else []),
            f"{self.noun.count(self.found)} found",
            *([f"{len(self.failed)} failed"] if self.failed else []),
            *([f"interrupted with {self.left} left"] if self.interrupted else []),
        ]
        return f"{', '.join(parts)}; results in {shown(self.folder)} ({self.seconds:.2f} s)"
