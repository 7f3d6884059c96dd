"""The one gate through which numbers enter an option: kind and range, by name."""

from __future__ import annotations

import math
from numbers import Integral, Real

from vitruvian.errors import OptionError

__all__ = ["ACCURACIES", "SEARCHES", "check_choice", "check_number", "check_rotation"]

_QUARTER_TURN = 90


def check_number(
    name: str, value: object, low: float = -math.inf, high: float = math.inf, *, whole: bool = False
) -> None:
    """Refuse what is no number from ``low`` to ``high``; NaN and booleans are none, NumPy's numbers are.

    Raises:
        OptionError: The message names the option, the range and the value.
    """
    kind = Integral if whole else Real
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= float(value) <= high:
        span = "".join(
            f" {word} {end:g}" for word, end in (("from", low), ("to", high)) if math.isfinite(end)
        )
        raise OptionError(f"{name}: a {'whole ' if whole else ''}number{span}, got {value!r}")


def check_rotation(name: str, degrees: object) -> None:
    """Refuse what is no whole number of quarter turns, in degrees.

    Raises:
        OptionError: The message names the option and the value.
    """
    check_number(name, degrees, whole=True)
    if int(degrees) % _QUARTER_TURN:  # type: ignore[call-overload]  # a whole number by now
        raise OptionError(f"{name}: a multiple of {_QUARTER_TURN} degrees, got {degrees}")


SEARCHES = ("auto", "fast", "thorough")
ACCURACIES = ("normal", "high")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of these words.

    Raises:
        OptionError: It is not; the message names ``name`` and all choices.
    """
    if value not in choices:
        raise OptionError(f"{name}: {', '.join(map(repr, choices))}, got {value!r}")
