"""From the name of a format to the sink that writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from vitruvian.errors import OptionError
from vitruvian.sinks.c3d import C3dSink
from vitruvian.sinks.coco import CocoSink
from vitruvian.sinks.csv import CsvSink
from vitruvian.sinks.jsonl import JsonLinesSink
from vitruvian.sinks.npz import NpzSink
from vitruvian.sinks.parquet import ParquetSink
from vitruvian.sinks.trc import TrcSink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vitruvian.provenance import Provenance
    from vitruvian.sinks.sink import Sink

__all__ = ["FORMATS", "Format", "open_sink"]

Format = Literal["c3d", "coco", "csv", "jsonl", "npz", "parquet", "trc"]

FORMATS: tuple[Format, ...] = get_args(Format)
"""What ``open_sink`` knows."""


def open_sink(kind: Format, folder: Path, name: str, model: Provenance) -> Sink:
    """Return the sink that writes a stream's landmarks in a format.

    Args:
        kind: The format. ``jsonl``, ``csv``, ``parquet`` and ``npz`` become ``NAME.jsonl`` and so on;
            ``coco`` becomes ``NAME.coco.json``; ``trc`` and ``c3d`` become one ``NAME.ID.trc`` for each
            person or hand.
        folder: Where to write.
        name: What the files are called, without ending.
        model: What makes the landmarks.

    Raises:
        OptionError: There is no such format.
        SinkError: The format needs an extra that is not installed.
    """
    makers: dict[str, Callable[[], Sink]] = {
        "c3d": lambda: C3dSink(folder / f"{name}.c3d", everyone=True),
        "coco": lambda: CocoSink(folder / f"{name}.coco.json"),
        "csv": lambda: CsvSink(folder / f"{name}.csv"),
        "jsonl": lambda: JsonLinesSink(folder / f"{name}.jsonl", model),
        "npz": lambda: NpzSink(folder / f"{name}.npz", model),
        "parquet": lambda: ParquetSink(folder / f"{name}.parquet", model),
        "trc": lambda: TrcSink(folder / f"{name}.trc", everyone=True),
    }
    if kind not in makers:
        raise OptionError(f"no format is called {kind!r}; there are: {', '.join(FORMATS)}")
    return makers[kind]()
