"""The text form of a graph: prints, and parses back to the same graph.

    graph "mlp" {
      %0 "x" = input() : 1x16 real @ "x"
      %1 "w" = constant[data=i64<64x16:eJx…>]() : 64x16 int6[scale=1/32] @ "fc1.weight"
      %2 "y" = linear(%0, %1) : 1x64 real @ "fc1"
      return %2
    }

Arrays are written as element type, shape and zlib-compressed base64; small ones of exact numbers stay readable.
The text form is also the file form (``.hwg``): nothing in it is executed.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import Format, parse
from hwgen.ir.graph import Array, Attrs, Graph, Node, TensorType, Value, topological
from hwgen.numerics.surd import Surd

MAX_ARRAY_BYTES: Final = 1 << 32
_DTYPES: Final = {"i64": np.dtype("<i8"), "f32": np.dtype("<f4"), "f64": np.dtype("<f8")}
_CODES: Final = {v: k for k, v in _DTYPES.items()}


def _array_text(array: Array) -> str:
    shape = "x".join(map(str, array.shape))
    if array.dtype == object:
        return f"exact<{shape}:{' '.join(map(str, array.ravel()))}>"
    code = _CODES.get(array.dtype.newbyteorder("<"))
    if code is None:
        raise TypeError(f"arrays of {array.dtype} have no text form; use int64, float32 or float64")
    packed = base64.b64encode(zlib.compress(np.ascontiguousarray(array, _DTYPES[code]).tobytes(), 6)).decode()
    return f"{code}<{shape}:{packed}>"


def _attribute_text(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return json.dumps(value)
        case Surd():
            return f"#{value}"
        case Format():
            return f"!{value}!"
        case tuple():
            return f"({'; '.join(_attribute_text(v) for v in value)})"
        case np.ndarray():
            return _array_text(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no text form; see hwgen.ir.graph.Attrs")


def _attrs_text(attrs: Attrs) -> str:
    fields = dataclasses.fields(attrs)  # pyright: ignore[reportArgumentType]
    if not fields:
        return ""
    return f"[{', '.join(f'{f.name}={_attribute_text(getattr(attrs, f.name))}' for f in fields)}]"


def print_graph(graph: Graph) -> str:
    """The text form of ``graph``."""
    number = {value: i for i, value in enumerate(graph.values())}
    lines = [f"graph {json.dumps(graph.name)} {{"]
    for node in graph.nodes:
        made = ", ".join(f"%{number[v]} {json.dumps(v.name)}" for v in node.outputs)
        used = ", ".join(f"%{number[v]}" for v in node.inputs)
        types = ", ".join(str(v.type) for v in node.outputs)
        lines.append(f"  {made} = {node.op}{_attrs_text(node.attrs)}({used}) : {types} @ {json.dumps(node.path)}")
    lines += [f"  return {', '.join(f'%{number[v]}' for v in graph.outputs)}", "}", ""]
    return "\n".join(lines)


class _Scanner:
    """Reads tokens of one line; every failure names line and column."""

    def __init__(self, text: str, line: int) -> None:
        self.text, self.line, self.at = text, line, 0

    def error(self, what: str) -> HwgenError:
        return HwgenError(
            "graph-text", f"line {self.line}, column {self.at + 1}", what, "write the file with `hwgen import` again"
        )

    def take(self, token: str) -> None:
        if not self.accept(token):
            raise self.error(f"expected {token!r}")

    def accept(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def match(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self.error(f"expected {what}")
        self.at = found.end()
        return found[0]

    def string(self) -> str:
        try:
            value, end = _JSON.raw_decode(self.text, self.at)
        except ValueError as error:
            raise self.error("expected a quoted name") from error
        if not isinstance(value, str):
            raise self.error("expected a quoted name")
        self.at = end
        return value

    def until(self, token: str) -> str:
        end = self.text.find(token, self.at)
        if end < 0:
            raise self.error(f"expected {token!r}")
        start, self.at = self.at, end + len(token)
        return self.text[start:end]


_JSON: Final = json.JSONDecoder()
_NUMBER: Final = re.compile(r"\d{1,9}")
_INTEGER: Final = re.compile(r"-?\d+")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")
_SURD: Final = re.compile(r"[-0-9/]+(?:\*sqrt\([0-9/]+\))?(?:\+[-0-9/]+(?:\*sqrt\([0-9/]+\))?)*")
_ARRAY: Final = re.compile(r"(i64|f32|f64|exact)<([0-9x]*):([^>]*)>")
_TYPE: Final = re.compile(r"([0-9x]*) (real|[a-z_]+[0-9]*(?:<[^>]*>)?(?:\[[^\]]*\])?)")


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(d) for d in text.split("x")) if text else ()


def _read_array(scan: _Scanner) -> Array | None:
    found = _ARRAY.match(scan.text, scan.at)
    if found is None:
        return None
    code, shape_text, body = found.groups()
    shape = _shape(shape_text)
    count = int(np.prod(shape, dtype=object))
    if code == "exact":
        numbers = body.split()
        if len(numbers) != count:
            raise scan.error(f"array of {count} elements has {len(numbers)}")
        array = np.empty(count, dtype=object)
        array[:] = [Surd.parse(n) for n in numbers]
    else:
        dtype = _DTYPES[code]
        if count * dtype.itemsize > MAX_ARRAY_BYTES:
            raise scan.error(f"array of {count} elements is too large")
        try:
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(base64.b64decode(body, validate=True), count * dtype.itemsize + 1)
        except (binascii.Error, zlib.error) as error:
            raise scan.error("array data is damaged") from error
        if len(raw) != count * dtype.itemsize:
            raise scan.error(f"array of {count} elements has {len(raw)} bytes")
        array = np.frombuffer(raw, dtype).copy()
    scan.at = found.end()
    return array.reshape(shape)


def _read_attribute(scan: _Scanner) -> Any:
    array = _read_array(scan)
    if array is not None:
        return array
    for word, constant in (("none", None), ("true", True), ("false", False)):
        if scan.accept(word):
            return constant
    if scan.accept("#"):
        return Surd.parse(scan.match(_SURD, "an exact number"))
    if scan.accept("!"):
        return parse(scan.until("!"))
    if scan.accept("("):
        items: list[Any] = []
        while not scan.accept(")"):
            items.append(_read_attribute(scan))
            scan.accept("; ")
        return tuple(items)
    if scan.text.startswith('"', scan.at):
        return scan.string()
    return int(scan.match(_INTEGER, "an attribute"))


def _read_type(scan: _Scanner) -> TensorType:
    found = _TYPE.match(scan.text, scan.at)
    if found is None:
        raise scan.error("expected a shape and a format")
    scan.at = found.end()
    return TensorType(_shape(found[1]), parse(found[2]))


def _comma(scan: _Scanner, read: Callable[[], Any], end: str) -> list[Any]:
    items: list[Any] = []
    while not scan.accept(end):
        if items:
            scan.take(", ")
        items.append(read())
    return items


def _read_node(scan: _Scanner, values: dict[int, Value], attrs_of: Mapping[str, type[Attrs]]) -> Node:
    def made() -> tuple[int, str]:
        scan.take("%")
        index = int(scan.match(_NUMBER, "a value number"))
        scan.take(" ")
        return index, scan.string()

    def used() -> Value:
        scan.take("%")
        index = int(scan.match(_NUMBER, "a value number"))
        if index not in values:
            raise scan.error(f"%{index} is used before it is made")
        return values[index]

    def attribute() -> tuple[str, Any]:
        key = scan.match(_NAME, "an attribute's name")
        scan.take("=")
        return key, _read_attribute(scan)

    scan.take("  ")
    outputs = _comma(scan, made, " = ")
    op = scan.match(_NAME, "an operator")
    if op not in attrs_of:
        raise scan.error(f"unknown operator {op!r}")
    pairs = _comma(scan, attribute, "]") if scan.accept("[") else []
    try:
        attrs = attrs_of[op](**dict(pairs))
    except TypeError as error:
        raise scan.error(f"operator {op!r} has other attributes: {error}") from error
    scan.take("(")
    inputs = _comma(scan, used, ")")
    scan.take(" : ")
    types = _comma(scan, lambda: _read_type(scan), " @ ")
    path = scan.string()
    if len(types) != len(outputs):
        raise scan.error(f"{len(outputs)} values have {len(types)} types")
    node = Node(op, attrs, tuple(inputs), tuple(types), tuple(name for _, name in outputs), path)
    for (index, _), value in zip(outputs, node.outputs, strict=True):
        if index in values:
            raise scan.error(f"%{index} is made twice")
        values[index] = value
    return node


def parse_graph(text: str, attrs_of: Mapping[str, type[Attrs]]) -> Graph:
    """The graph that ``text`` describes.  attrs_of: the attribute class of each known operator."""
    lines = text.split("\n")
    head = _Scanner(lines[0], 1)
    head.take("graph ")
    name = head.string()
    head.take(" {")
    values: dict[int, Value] = {}
    inputs: list[Node] = []
    for at, line in enumerate(lines[1:], start=2):
        scan = _Scanner(line, at)
        if scan.accept("  return "):
            outputs: list[Value] = []
            for item in scan.text[scan.at :].split(", "):
                if not re.fullmatch(r"%\d{1,9}", item) or int(item[1:]) not in values:
                    raise scan.error(f"cannot return {item!r}")
                outputs.append(values[int(item[1:])])
            return Graph(name, topological(outputs, inputs), tuple(outputs))
        node = _read_node(scan, values, attrs_of)
        if node.op == "input":
            inputs.append(node)
    raise HwgenError("graph-text", f"line {len(lines)}", "the graph has no return", "write the file with `hwgen import` again")
