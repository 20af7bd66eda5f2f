"""Two streams of codes, element by element: ``(a*a_mul + a_off) op (b*b_mul + b_off)``, op one of + * min max."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.lanes import eltwise_cost
from hwgen.dataflow.unit import Parallelism, Unit, tensor_beats
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.numerics.interval import SAFE_BITS, Interval
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input, random_format, random_lanes, random_signed
from hwgen.ops.source import INPUT, InputAttrs

KINDS: Final = ("add", "mul", "min", "max")
_FUNCTIONS: Final[Mapping[str, Callable[[IntArray, IntArray], IntArray]]] = {
    "add": np.add, "mul": np.multiply, "min": np.minimum, "max": np.maximum,
}
_MOST_CONSTANT_BITS: Final = 63
LATENCY_CYCLES: Final = 2


@dataclass(frozen=True, slots=True)
class EltwiseAttrs(Attrs):
    """kind: one of `KINDS`.  The constants scale and shift the codes of the two inputs before."""

    kind: str
    a_mul: int = 1
    a_off: int = 0
    b_mul: int = 1
    b_off: int = 0


def _scaled(format_: Integer, mul: int, off: int) -> Interval:
    ends = sorted((format_.low * mul + off, format_.high * mul + off))
    return Interval(ends[0], ends[1])


def _operands(node: Node) -> tuple[Interval, Interval]:
    attrs = attrs_as(node, EltwiseAttrs)
    a, b = (codes_format(v) for v in node.inputs)
    return _scaled(a, attrs.a_mul, attrs.a_off), _scaled(b, attrs.b_mul, attrs.b_off)


def _bounds(node: Node) -> tuple[Interval, ...]:
    (a, b), attrs = _operands(node), attrs_as(node, EltwiseAttrs)
    same = node.inputs[0] is node.inputs[1] and (attrs.a_mul, attrs.a_off) == (attrs.b_mul, attrs.b_off)
    match attrs.kind:
        case "add":
            return (Interval(a.low + b.low, a.high + b.high),)
        case "mul":
            corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
            if same and a.low < 0 < a.high:
                return (Interval(0, max(corners)),)  # a square
            return (Interval(min(corners), max(corners)),)
        case "min":
            return (Interval(min(a.low, b.low), min(a.high, b.high)),)
        case _:
            return (Interval(max(a.low, b.low), max(a.high, b.high)),)


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, where = attrs_as(node, EltwiseAttrs), f"eltwise {node.path!r}"
    a, b = (v.type.shape for v in node.inputs)
    if attrs.kind not in KINDS or a != b:
        raise HwgenError("shape", where, f"{attrs.kind} of {a} and {b}", f"give two tensors of one shape, and one of {KINDS}")
    (bounds,) = _bounds(node)
    constants = (attrs.a_mul, attrs.a_off, attrs.b_mul, attrs.b_off)
    widest = max(abs(v) for v in (bounds.low, bounds.high, *(e for o in _operands(node) for e in (o.low, o.high)))).bit_length()
    if widest > SAFE_BITS or max(map(abs, constants)).bit_length() > _MOST_CONSTANT_BITS:
        raise HwgenError(
            "overflow", where, f"needs {widest + 1} bits", "give the operands scales that are nearer to each other, or fewer bits"
        )
    low, high = bounds.low, max(bounds.high, bounds.low + 1)
    return (TensorType(a, Integer(low, high)),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs = attrs_as(node, EltwiseAttrs)
    a, b = inputs[0] * attrs.a_mul + attrs.a_off, inputs[1] * attrs.b_mul + attrs.b_off
    return _FUNCTIONS[attrs.kind](a, b)


def _of_bits(format_: Integer, mul: int, off: int) -> tuple[int, int]:
    """The constants for the bit b that carries a bipolar code 2b - 1."""
    return (2 * mul, off - mul) if format_.bipolar else (mul, off)


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, lanes, result = attrs_as(node, EltwiseAttrs), parallelism.inputs, codes_format(node.output)
    a, b = (codes_format(v) for v in node.inputs)
    (a_mul, a_off), (b_mul, b_off) = _of_bits(a, attrs.a_mul, attrs.a_off), _of_bits(b, attrs.b_mul, attrs.b_off)
    count = tensor_beats(node.output.type.shape, lanes)
    unit = Unit(
        "hg_eltwise",
        (
            ("Lanes", lanes), ("AWidth", a.bits), ("ASigned", int(a.signed)), ("BWidth", b.bits), ("BSigned", int(b.signed)),
            ("Kind", KINDS.index(attrs.kind)), ("AMul", a_mul), ("AOff", a_off), ("BMul", b_mul), ("BOff", b_off),
            ("OutWidth", result.bits),
        ),
        (), lanes, lanes, count, count, LATENCY_CYCLES,
    )
    return (unit,)


def _takes(value: Value) -> bool:
    return codes_format(value).bits <= 16


def _sample(random: Random, value: Value | None = None) -> Case:
    a = value or fresh_input(random)
    name = f"{a.name}.other"
    b = a if random.random() < 0.2 else make(INPUT, InputAttrs(a.type.shape, random_format(random)), [], name, name).output
    bits = random.choice((1, 2, 8, 20))
    constants = [random_signed(random, bits) if random.random() < 0.4 else plain for plain in (1, 0, 1, 0)]
    node = make(ELTWISE, EltwiseAttrs(random.choice(KINDS), *constants), [a, b], "y", "eltwise")
    lanes = random_lanes(random, a.type.shape[-1])
    return Case(node, Parallelism(lanes, lanes))


def _plainer(node: Node) -> Iterator[Attrs]:
    attrs = attrs_as(node, EltwiseAttrs)
    plainer = (EltwiseAttrs("add"), EltwiseAttrs(attrs.kind), replace(attrs, a_off=0, b_off=0), replace(attrs, a_mul=1, b_mul=1))
    yield from (plain for plain in plainer if plain != attrs)


ELTWISE = IntegerOp(
    "eltwise", EltwiseAttrs, _infer, _reference, _bounds, _units, _sample, lambda node, value: node.attrs, _plainer, _takes,
    costs={"hg_eltwise": eltwise_cost},
)
