"""Walks the wire format of a protobuf before the library parses it: what would grow out of all proportion is refused here.

An empty message costs two bytes in a file and a hundred in memory, a number in a packed list one byte and eight.  The walk
follows the schema, allocates nothing, and stops at the first limit that is passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from google.protobuf.message import Message

MAX_FIELDS: Final = 500_000
"""Fields of all messages together; weights count as one each."""
MAX_PACKED_BYTES: Final = 1 << 26
"""Bytes of numbers written as packed varints, which grow up to eightfold."""
MAX_DEPTH: Final = 32
"""Messages within messages."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_TYPES: Final = (1, 2, 6, 7, 15, 16)  # double, float, fixed64, fixed32, sfixed32, sfixed64
_MESSAGE_TYPE, _TEXT_TYPES = 11, (9, 12)


class WireError(Exception):
    """What is wrong with the bytes, as the reason of a refusal."""


class _Table:
    """Fields of a message that the walk must know: those that hold messages, those of packed varints."""

    def __init__(self) -> None:
        self.name = ""
        self.children: dict[int, _Table] = {}
        self.packed: set[int] = set()


def _table(root: type[Message]) -> _Table:
    tables: dict[str, _Table] = {}

    def of(message: Any) -> _Table:  # a descriptor, whose type depends on how protobuf is built
        if message.full_name not in tables:
            made = tables[message.full_name] = _Table()
            made.name = message.name
            for field in message.fields:
                if field.type == _MESSAGE_TYPE:
                    made.children[field.number] = of(field.message_type)
                elif field.type not in (*_FIXED_TYPES, *_TEXT_TYPES):
                    made.packed.add(field.number)
        return tables[message.full_name]

    return of(root.DESCRIPTOR)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at ``at`` and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise WireError("is not a protobuf: a number has more than ten bytes")


def check_wire(data: bytes, root: type[Message], most: Mapping[str, int]) -> None:
    """Raises WireError where ``data`` is no message of ``root``, is cut off, or passes a limit.  most: messages of a name."""
    try:
        _walk(data, _table(root), most)
    except IndexError:
        raise WireError("is truncated") from None


def _walk(data: bytes, table: _Table, most: Mapping[str, int]) -> None:
    at, end, fields, packed_bytes = 0, len(data), 0, 0
    counts = dict.fromkeys(most, 0)
    above: list[tuple[int, _Table]] = []
    while True:
        while at == end:
            if not above:
                return
            end, table = above.pop()
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        fields += 1
        if fields > MAX_FIELDS:
            raise WireError(f"has more than {MAX_FIELDS} entries")
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if at + length > end:
                raise WireError("is truncated")
            inner = table.children.get(number)
            if inner is not None:
                if inner.name in counts:
                    counts[inner.name] += 1
                    if counts[inner.name] > most[inner.name]:
                        raise WireError(f"has more than {most[inner.name]} nodes")
                if len(above) == MAX_DEPTH:
                    raise WireError(f"has more than {MAX_DEPTH} messages within each other")
                above.append((end, table))
                end, table = at + length, inner
                continue
            if number in table.packed:
                packed_bytes += length
                if packed_bytes > MAX_PACKED_BYTES:
                    raise WireError(f"has more than {MAX_PACKED_BYTES} bytes of packed numbers")
            at += length
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        else:
            raise WireError(f"is not a protobuf: an entry is of kind {kind}")
        if at > end:
            raise WireError("is truncated")
