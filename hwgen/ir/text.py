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
import dataclasses
import json
import re
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import Format, parse
from hwgen.frontend.limits import Budget
from hwgen.ir.graph import Array, Attrs, Graph, Node, TensorType, Value, topological
from hwgen.numerics.surd import Surd

MAX_AXES: Final = 32
MAX_NESTING: Final = 8
"""Tuples within tuples of an attribute."""
_DTYPES: Final = {"i64": np.dtype("<i8"), "f32": np.dtype("<f4"), "f64": np.dtype("<f8")}
_CODES: Final = {v: k for k, v in _DTYPES.items()}
T = TypeVar("T")


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

    def __init__(self, text: str, line: int, budget: Budget | None = None) -> None:
        self.text, self.line, self.at = text, line, 0
        self.budget = budget or Budget()

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
        if not self.text.startswith('"', self.at):
            raise self.error("expected a quoted name")
        try:
            value, self.at = _JSON.raw_decode(self.text, self.at)
        except ValueError as error:
            raise self.error("expected a quoted name") from error
        return value

    def read(self, reader: Callable[[str], T], text: str) -> T:
        """What ``reader`` makes of ``text``; its error gets the line and column at which the text ends."""
        try:
            return reader(text)
        except HwgenError as error:
            raise self.error(error.what) from error

    def until(self, token: str) -> str:
        end = self.text.find(token, self.at)
        if end < 0:
            raise self.error(f"expected {token!r}")
        start, self.at = self.at, end + len(token)
        return self.text[start:end]


_JSON: Final = json.JSONDecoder()
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,4000}")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")
_SURD: Final = re.compile(r"[-0-9/]+(?:\*sqrt\([0-9/]+\))?(?:\+[-0-9/]+(?:\*sqrt\([0-9/]+\))?)*")
_ARRAY: Final = re.compile(r"(i64|f32|f64|exact)<([0-9x]*):([^>]*)>")
_TYPE: Final = re.compile(r"([0-9x]*) (real|[a-z_]+[0-9]*(?:<[^>]*>)?(?:\[[^\]]*\])?)")


def _shape(scan: _Scanner, text: str) -> tuple[int, ...]:
    dims = text.split("x") if text else []
    if len(dims) > MAX_AXES or not all(0 < len(d) < 10 for d in dims):
        raise scan.error(f"shape {text!r} cannot be read")
    return tuple(int(d) for d in dims)


def _read_array(scan: _Scanner) -> Array | None:
    found = _ARRAY.match(scan.text, scan.at)
    if found is None:
        return None
    code, shape_text, body = found.groups()
    shape = _shape(scan, shape_text)
    try:
        count = scan.budget.take("", list(shape))
    except HwgenError as error:
        raise scan.error(error.what) from error
    if code == "exact":
        numbers = body.split()
        if len(numbers) != count:
            raise scan.error(f"array of {count} elements has {len(numbers)}")
        array = np.empty(count, dtype=object)
        array[:] = [scan.read(Surd.parse, n) for n in numbers]
    else:
        dtype = _DTYPES[code]
        try:
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(base64.b64decode(body, validate=True), count * dtype.itemsize + 1)
        except (ValueError, zlib.error) as error:  # binascii.Error is a ValueError
            raise scan.error("array data is damaged") from error
        if len(raw) != count * dtype.itemsize:
            raise scan.error(f"array of {count} elements has {len(raw)} bytes")
        array = np.frombuffer(raw, dtype).copy()
    scan.at = found.end()
    return array.reshape(shape)


def _read_attribute(scan: _Scanner, depth: int = 0) -> Any:
    array = _read_array(scan)
    if array is not None:
        return array
    for word, constant in (("none", None), ("true", True), ("false", False)):
        if scan.accept(word):
            return constant
    if scan.accept("#"):
        return scan.read(Surd.parse, scan.match(_SURD, "an exact number"))
    if scan.accept("!"):
        return scan.read(parse, scan.until("!"))
    if scan.accept("("):
        if depth == MAX_NESTING:
            raise scan.error(f"more than {MAX_NESTING} tuples within each other")
        return tuple(_list(scan, lambda: _read_attribute(scan, depth + 1), ")", separator="; "))
    if scan.text.startswith('"', scan.at):
        return scan.string()
    return int(scan.match(_INTEGER, "an attribute"))


def _read_type(scan: _Scanner) -> TensorType:
    found = _TYPE.match(scan.text, scan.at)
    if found is None:
        raise scan.error("expected a shape and a format")
    scan.at = found.end()
    return TensorType(_shape(scan, found[1]), scan.read(parse, found[2]))


def _list(scan: _Scanner, read: Callable[[], T], end: str, *, separator: str = ", ") -> list[T]:
    items: list[T] = []
    while not scan.accept(end):
        if items:
            scan.take(separator)
        items.append(read())
    return items


def _fits(value: object, hint: Any) -> bool:
    """Whether an attribute's value is of the type that its field declares."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, a) for a in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(v, arguments[0]) for v in value)  # pyright: ignore[reportUnknownVariableType]
    if origin is np.ndarray:
        element = get_args(arguments[1])[0]
        return isinstance(value, np.ndarray) and (element is Any or np.issubdtype(value.dtype, element))
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return hint is Any or isinstance(value, hint)


@cache
def _hints(kind: type[Attrs]) -> dict[str, Any]:
    return get_type_hints(kind)


def _make_attrs(scan: _Scanner, op: str, kind: type[Attrs], pairs: list[tuple[str, Any]]) -> Attrs:
    given = dict(pairs)
    wanted = [field.name for field in dataclasses.fields(kind)]  # pyright: ignore[reportArgumentType]
    if len(given) != len(pairs) or list(given) != wanted:
        raise scan.error(f"operator {op!r} has the attributes {', '.join(wanted) or 'none'}, in this order")
    for name, hint in _hints(kind).items():
        if not _fits(given[name], hint):
            raise scan.error(f"attribute {name!r} of operator {op!r} has a value of another type")
    return kind(**given)


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
    outputs = _list(scan, made, " = ")
    op = scan.match(_NAME, "an operator")
    if op not in attrs_of:
        raise scan.error(f"unknown operator {op!r}")
    pairs = _list(scan, attribute, "]") if scan.accept("[") else []
    attrs = _make_attrs(scan, op, attrs_of[op], pairs)
    scan.take("(")
    inputs = _list(scan, used, ")")
    scan.take(" : ")
    types = _list(scan, lambda: _read_type(scan), " @ ")
    path = scan.string()
    if len(types) != len(outputs) or not outputs or (op == "input" and len(outputs) > 1):
        raise scan.error(f"{len(outputs)} values of {op!r} have {len(types)} types")
    if scan.at != len(scan.text):
        raise scan.error("something follows the node")
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
    if head.at != len(head.text):
        raise head.error("something follows the head")
    values: dict[int, Value] = {}
    inputs: list[Node] = []
    budget = Budget()
    for at, line in enumerate(lines[1:], start=2):
        scan = _Scanner(line, at, budget)
        if scan.accept("  return "):
            outputs: list[Value] = []
            for item in scan.text[scan.at :].split(", "):
                if not re.fullmatch(r"%[0-9]{1,9}", item) or int(item[1:]) not in values:
                    raise scan.error(f"cannot return {item!r}")
                outputs.append(values[int(item[1:])])
            if lines[at:] != ["}", ""]:
                raise _Scanner("", at + 1).error("expected '}' as the last line")
            return Graph(name, topological(outputs, inputs), tuple(outputs))
        node = _read_node(scan, values, attrs_of)
        if node.op == "input":
            inputs.append(node)
    raise HwgenError("graph-text", f"line {len(lines)}", "the graph has no return", "write the file with `hwgen import` again")
