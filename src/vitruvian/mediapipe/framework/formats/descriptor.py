"""What messages say of their own fields: as much as ``google.protobuf.json_format`` and scripts ask for.

Names and numbers are those of protocol buffers.
"""

from __future__ import annotations

import struct
from ctypes import c_float
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

__all__ = ["Descriptor", "FieldDescriptor", "FileDescriptor", "encoded", "shown"]


@dataclass(frozen=True)
class FileDescriptor:
    """The file that a message is described in."""

    name: str


@dataclass(frozen=True)
class FieldDescriptor:
    """A field of a message.

    Attributes:
        name: Of the field.
        number: In the bytes of a message.
        type: Of its values: ``TYPE_FLOAT``, ``TYPE_INT32``, ``TYPE_STRING`` or ``TYPE_MESSAGE``.
        message_type: Of the entries of a list; ``None``: the field has one value, or none.
    """

    name: str
    number: int
    type: int
    message_type: Descriptor | None = None

    TYPE_FLOAT: ClassVar = 2
    TYPE_INT32: ClassVar = 5
    TYPE_STRING: ClassVar = 9
    TYPE_MESSAGE: ClassVar = 11
    LABEL_OPTIONAL: ClassVar = 1
    LABEL_REPEATED: ClassVar = 3

    is_extension: ClassVar = False
    containing_oneof: ClassVar = None

    @property
    def is_repeated(self) -> bool:
        """Whether it is a list."""
        return self.message_type is not None

    @property
    def label(self) -> int:
        """The same in numbers."""
        return self.LABEL_REPEATED if self.is_repeated else self.LABEL_OPTIONAL

    @property
    def has_presence(self) -> bool:
        """Whether it knows whether it is set."""
        return not self.is_repeated

    @property
    def cpp_type(self) -> int:
        """The type as C++ has it."""
        return {self.TYPE_FLOAT: 6, self.TYPE_INT32: 1, self.TYPE_STRING: 9, self.TYPE_MESSAGE: 10}[self.type]

    @property
    def json_name(self) -> str:
        """What JSON calls it: ``displayName`` for ``display_name``."""
        first, *others = self.name.split("_")
        return first + "".join(other.capitalize() for other in others)

    @property
    def camelcase_name(self) -> str:
        """The same."""
        return self.json_name


@dataclass(frozen=True)
class Descriptor:
    """A kind of message.

    Attributes:
        name: Of the kind.
        fields: In the order of their numbers.
        file: Where it is described.
    """

    name: str
    fields: tuple[FieldDescriptor, ...]
    file: FileDescriptor

    has_options: ClassVar = False

    @property
    def full_name(self) -> str:
        """The name with that of its package."""
        return f"mediapipe.{self.name}"

    @cached_property
    def fields_by_name(self) -> dict[str, FieldDescriptor]:
        """The fields by what they are called."""
        return {field.name: field for field in self.fields}


_VARINT, _BYTES, _FLOAT = 0, 2, 5


def encoded(field: FieldDescriptor, value: float | str | bytes) -> bytes:
    """Return a value as it stands among the bytes of a message, with the field's number in front."""
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return _varint(field.number << 3 | _FLOAT) + struct.pack("<f", value)
    if field.type == FieldDescriptor.TYPE_INT32:
        return _varint(field.number << 3 | _VARINT) + _varint(int(value) % (1 << 64))
    content = value if isinstance(value, bytes) else str(value).encode("utf-8")
    return _varint(field.number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first; all but the last have the eighth bit set."""
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "'": r"\'", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


def shown(value: float | str) -> str:
    """Return a value as the text of a message has it: numbers with six digits, or nine if six change them."""
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, int):
        return str(value)
    short = f"{value:.6g}"
    return short if c_float(float(short)).value == value else f"{value:.9g}"
