"""Codes rounded as floats are: what is kept of a code depends on its own size, or on that of the largest of its block.

    step    the place of the least bit that a code may keep: ``least``; in blocks the place of the leading one of the block's
            largest magnitude less that of ``greatest``, within ``least`` to ``most``
    cut     the greatest of 0, step, and (where precision > 0) the place of the code's own leading one less precision - 1;
            without subnormals, below ``2**(step + precision - 1)``: step + precision - 1
    result  the nearest multiple of ``2**cut``, ties to even, at most ``greatest * 2**step``, in units of ``2**max(least, 0)``

Places are those of bits of the input's code, and may be negative.  The members of `hwgen.formats.Minifloat`, `Log` and `Block`
on a grid of powers of two (`hwgen.ops.float_lowering`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.round_float import round_float_cost
from hwgen.dataflow.unit import Parallelism, Unit, tensor_beats
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.numerics.interval import SAFE_BITS, Interval
from hwgen.numerics.surd import UNIT, Surd
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input

LATENCY_CYCLES: Final = 4


@dataclass(frozen=True, slots=True)
class RoundFloatAttrs(Attrs):
    """See the module.  greatest: in steps.  precision: significant bits of a member; 0 where all multiples of the step are.

    odd: for precision 1, the parity of leading places above the step whose ties go up.  block: channels that share a step, the
    last block may be shorter; ``least == most``: no code looks at its block.  has_zero: otherwise ``2**step`` stands for 0.
    scale: of the result's codes, one or one a channel.
    """

    least: int
    most: int
    greatest: int
    precision: int = 0
    subnormals: bool = True
    has_zero: bool = True
    odd: int = 0
    block: int = 1
    scale: tuple[Surd, ...] = (UNIT,)

    @property
    def reach(self) -> int:
        """Place of the leading one of the greatest member, above the step."""
        return self.greatest.bit_length() - 1

    @property
    def adaptive(self) -> bool:
        """Whether the step depends on the block."""
        return self.most > self.least

    @property
    def drop(self) -> int:
        """Bits of the input's codes below the result's grid."""
        return max(self.least, 0)


def _ones(count: int) -> int:
    return (1 << min(max(count, 0), 62)) - 1


def _filled(values: IntArray) -> IntArray:
    """All bits up to the leading one of values that are not negative."""
    for k in (1, 2, 4, 8, 16, 32):
        values = values | (values >> k)
    return values


def _leading(filled: IntArray) -> IntArray:
    """Place of the leading one of what is filled; -1 of nothing."""
    return np.frexp((filled ^ (filled >> 1)).astype(np.float64))[1].astype(np.int64) - 1


def _steps(a: RoundFloatAttrs, sizes: IntArray) -> IntArray:
    """The step of each code: of sizes (…, channels) the same shape."""
    if not a.adaptive:
        return np.full_like(sizes, a.least)
    length = sizes.shape[-1]
    block = min(a.block, length)
    count = -(-length // block)
    padded = np.zeros((*sizes.shape[:-1], count * block), dtype=np.int64)
    padded[..., :length] = sizes
    shared = _filled(np.bitwise_or.reduce(padded.reshape(*sizes.shape[:-1], count, block), axis=-1))
    shared = (shared | _ones(a.least + a.reach + 1)) & _ones(a.most + a.reach + 1)
    leading = np.where(shared == 0, -1, _leading(shared))
    return np.repeat(leading - a.reach, block, axis=-1)[..., :length]


def rounded(a: RoundFloatAttrs, codes: IntArray) -> IntArray:
    """The codes of the result, of codes (…, channels)."""
    sizes = np.abs(codes)
    steps, leading = _steps(a, sizes), _leading(_filled(sizes))
    leading = np.where(sizes == 0, -1, leading)
    cut = np.maximum(steps, 0)
    if a.precision:
        cut = np.maximum(cut, leading - a.precision + 1)
    if not a.subnormals:
        below = steps + a.precision - 1
        cut = np.where(leading < below, np.maximum(below, 0), cut)
    cut = np.minimum(cut, SAFE_BITS)
    odd = sizes >> cut & 1
    if a.precision == 1:
        odd = np.where((leading - steps) % 2 == a.odd, odd, 0)
    members = sizes + np.where(cut > 0, (np.int64(1) << cut >> 1) - 1 + odd, 0) >> cut << cut
    room = 62 - a.greatest.bit_length()
    top = np.where(steps < 0, a.greatest >> np.minimum(-np.minimum(steps, 0), 62), a.greatest << np.clip(steps, 0, max(room, 0)))
    members = np.where((members > top) & (steps <= room), top, members)
    if not a.has_zero:
        members = np.maximum(members, np.int64(1) << np.clip(steps, 0, 62))
    return np.where(codes < 0, -members, members) >> a.drop


def _reaches(a: RoundFloatAttrs, x: Integer) -> tuple[int, int]:
    """Least and greatest code of the result: the largest size that can stand alone, on each side that codes are on."""
    largest = int(rounded(replace(a, block=1), np.array([[max(abs(x.low), abs(x.high))]]))[0, 0])
    if not a.adaptive:
        low, high = (int(rounded(a, np.array([[v]]))[0, 0]) for v in (x.low, x.high))
        return low, high
    return -largest if x.low < 0 else 0, largest if x.high > 0 or not a.has_zero else 0


def _infer(node: Node) -> tuple[TensorType, ...]:
    a, where = attrs_as(node, RoundFloatAttrs), f"round_float {node.path!r}"
    x, shape = codes_format(node.inputs[0]), node.inputs[0].type.shape
    if x.bipolar or x.bits > SAFE_BITS:
        raise HwgenError("broken-graph", where, f"rounds {x}", "give it codes in two's complement or unsigned, of 60 bits at most")
    if len(a.scale) not in (1, shape[-1]):
        raise HwgenError("shape", where, f"{len(a.scale)} scales for {shape[-1]} channels", "give one or one a channel")
    why = problem(a, max(abs(x.low), abs(x.high)))
    if why is not None:
        raise HwgenError("broken-graph", where, why, "use the members of a format of hwgen.formats")
    low, high = _reaches(a, x)
    return (TensorType(shape, Integer(low, max(high, low + 1), a.scale)),)


def problem(a: RoundFloatAttrs, largest: int) -> str | None:
    """Why the result would have no code, or the attributes no meaning."""
    if a.greatest < 1 or a.greatest.bit_length() > SAFE_BITS or a.precision < 0 or a.block < 1 or a.odd not in (0, 1):
        return "greatest, precision, block or odd is out of range"
    if a.most < a.least or (a.adaptive and a.reach < a.precision - 1):
        return f"steps from {a.least} to {a.most}, or a greatest member of fewer bits than the precision"
    if a.least > SAFE_BITS or (not a.has_zero and a.least + 1 > SAFE_BITS - 1):
        return f"a step at bit {a.least}"
    if not a.subnormals and a.precision < 1:
        return "without subnormals there is a precision"
    if not a.has_zero and a.least < 0:
        return "without zero the least step is no code"
    # the greatest member of a step below the grid lies on the grid, or above all codes of that size
    below = [a.most] if a.most < 0 else []
    below += range(max(a.least, -a.reach), min(a.most, 0)) if a.adaptive else []
    reached = (s for s in below if (s == a.most or largest >> (s + a.reach)) and largest > a.greatest >> -s)
    for s in reached:
        limit, rest = a.greatest >> -s, a.greatest & _ones(-s)
        whole = a.adaptive and s < a.most and limit + 1 == 1 << (s + a.reach + 1)
        if rest and not whole:
            return f"the greatest member of the step at {s} is no code"
    return None


def _bounds(node: Node) -> tuple[Interval, ...]:
    low, high = _reaches(attrs_as(node, RoundFloatAttrs), codes_format(node.inputs[0]))
    return (Interval(low, high),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    return rounded(attrs_as(node, RoundFloatAttrs), inputs[0])


# --- hardware ---------------------------------------------------------------------------------------------------------


def _fit(node: Node, wanted: Parallelism) -> Parallelism:
    """Whole blocks that divide the channels, at least as many lanes as wanted; all channels where there are none."""
    a, channels = attrs_as(node, RoundFloatAttrs), node.inputs[0].type.shape[-1]
    most = max(1, min(wanted.inputs, channels))
    if not a.adaptive:
        return Parallelism(most, most)
    whole = (n for n in range(a.block, channels, a.block) if channels % n == 0 and n >= most)
    lanes = next(whole, channels)
    return Parallelism(lanes, lanes)


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    a, x, lanes = attrs_as(node, RoundFloatAttrs), codes_format(node.inputs[0]), parallelism.outputs
    if a.adaptive and a.least + a.reach > x.bits:  # no code is large enough to move the step
        a = replace(a, most=a.least)
    limit = a.greatest
    if not a.adaptive:
        limit = a.greatest << a.least if a.least >= 0 else a.greatest >> -a.least
        limit = 0 if limit >> (x.bits + 1) else limit
    count = tensor_beats(node.output.type.shape, lanes)
    parameters = (
        ("Lanes", lanes), ("InWidth", x.bits), ("InSigned", int(x.signed)), ("Block", min(a.block, lanes) if a.adaptive else 1),
        ("Adaptive", int(a.adaptive)), ("Least", a.least), ("Most", a.most), ("Reach", a.reach if a.adaptive else 0),
        ("Greatest", limit), ("Precision", a.precision), ("Subnormals", int(a.subnormals)), ("HasZero", int(a.has_zero)),
        ("Odd", a.odd), ("OutWidth", codes_format(node.output).bits),
    )
    return (Unit("hg_round_float", parameters, (), lanes, lanes, count, count, LATENCY_CYCLES),)


# --- samples ----------------------------------------------------------------------------------------------------------


def _takes(value: Value) -> bool:
    format_ = codes_format(value)
    return not format_.bipolar and format_.bits <= 32


def _sample(random: Random, value: Value | None = None) -> Case:
    """Steps and precisions about the size of the input's codes, alone and in blocks."""
    while value is None or not _takes(value):
        value = fresh_input(random)
    bits, channels = codes_format(value).bits, value.type.shape[-1]
    has_zero, precision = random.random() < 0.8, random.choice((0, 1, 1, 2, 3, 4, random.randint(1, 10)))
    precision = 1 if not has_zero else precision
    subnormals = precision < 1 or not has_zero or random.random() < 0.7
    adaptive = random.random() < 0.5
    least = random.randint(0, bits) if random.random() < 0.6 or not has_zero else -random.randint(0, bits)
    extra = random.randint(0, bits)
    greatest = ((1 << precision) - 1) << extra if precision else (1 << 1 + random.randint(0, bits)) - 1
    most = least + (random.choice((1, 2, 300)) if adaptive else 0)
    attrs = RoundFloatAttrs(
        least, most, greatest, precision, subnormals, has_zero, random.randint(0, 1) if precision == 1 else 0,
        random.choice((1, 2, 4, channels, 32)) if adaptive else 1,
    )
    x = codes_format(value)
    if problem(attrs, max(abs(x.low), abs(x.high))) is not None:
        attrs = replace(attrs, least=0, most=max(most, 0))
    node = make(ROUND_FLOAT, attrs, [value], "y", "round_float")
    lanes = random.randint(1, channels)
    return Case(node, _fit(node, Parallelism(lanes, lanes)))


def _refit(node: Node, value: Value) -> Attrs:
    a = attrs_as(node, RoundFloatAttrs)
    return replace(a, scale=a.scale[:1])


def _plainer(node: Node) -> Iterator[Attrs]:
    a, x = attrs_as(node, RoundFloatAttrs), codes_format(node.inputs[0])
    plain = (
        replace(a, most=a.least, block=1), replace(a, block=1), replace(a, has_zero=True), replace(a, subnormals=True),
        replace(a, precision=0, subnormals=True), replace(a, odd=0), replace(a, least=0, most=a.most - a.least),
    )
    yield from (b for b in plain if b != a and problem(b, max(abs(x.low), abs(x.high))) is None)


ROUND_FLOAT = IntegerOp(
    "round_float", RoundFloatAttrs, _infer, _reference, _bounds, _units, _sample, _refit, _plainer, _takes,
    costs={"hg_round_float": round_float_cost}, fit=_fit,
)
