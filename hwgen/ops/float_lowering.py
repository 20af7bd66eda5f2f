"""Computed values in formats whose members do not lie evenly: how a quantizer to such a format becomes integer operators.

- A function that is affine with clamps, whose values lie on a grid of a power of two: codes of that grid, exactly, and
  `hwgen.ops.round_float`.
- Any other function that is affine with clamps, to an element format of few members: one threshold between each two neighbours,
  and a table of the members.
- The rest is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import Block, FloatFormat, Integer, Quantized
from hwgen.formats.float_grid import FloatGrid
from hwgen.ir.graph import Node
from hwgen.numerics.requantize import MAX_THRESHOLDS
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.scalar_map import ClampedAffine
from hwgen.numerics.surd import Surd
from hwgen.ops.clamps import with_clamps_computed
from hwgen.ops.lookup import TableAttrs
from hwgen.ops.lowering import Lowering, Pending
from hwgen.ops.requantize import ScaleAttrs, ThresholdAttrs
from hwgen.ops.requantizing import CLIP_LIMIT
from hwgen.ops.round_float import RoundFloatAttrs, problem
from hwgen.ops.sampling import codes_format
from hwgen.ops.widen import widened

_WAY_OUT: Final = "put a fixed<…> quantizer of few bits before it"


def quantize_uneven(lowering: Lowering, node: Node, x: Pending, format_: FloatFormat | Block) -> Pending:
    """The members nearest to ``x``, as codes of a grid of a power of two (times the format's scale).

    Raises HwgenError where no exact form fits the hardware's.
    """
    where = f"quantize {node.path!r}"
    rule = rule_of(format_, where)
    axis = format_.along
    scales = format_.scale if isinstance(format_, FloatFormat) else (Fraction(1),)
    if axis is not None:
        x = _along(lowering, node, x, axis % len(x.shape))
    found = _rounded(lowering, node, x, rule, scales)
    if found is not None:
        return found
    if isinstance(format_, FloatFormat):
        found = _counted(lowering, node, x, format_, scales)
        if found is not None:
            return found
    what = f"a value that the network computes is rounded to {format_}, and does not lie on a power-of-two grid of 31 bits"
    raise HwgenError("unsupported-node", where, what, _WAY_OUT)


def _along(lowering: Lowering, node: Node, x: Pending, axis: int) -> Pending:
    """Codes whose channels run along ``axis``, in order."""
    name = f"{node.output.name}.along"
    x, index = lowering.along(x, axis, name=name, path=node.path)
    if index == tuple(range(len(index))):
        return x
    order = (*(k for k in range(len(x.shape)) if k != axis), axis)
    return lowering.arrange(x, order, name=name, path=node.path)


def rule_of(format_: FloatFormat | Block, where: str) -> RoundFloatAttrs:
    """The rule of the format, places counted from 2**0 of value / scale."""
    element: Quantized = format_.element if isinstance(format_, Block) else format_
    if element.rounding is not Rounding.HALF_EVEN:
        what = f"a value that the network computes is rounded to {format_} in another way than to the nearest, ties to even"
        raise HwgenError("unsupported-node", where, what, "leave the rounding mode out; weights may keep theirs")
    if isinstance(element, FloatFormat):
        if element.overflow is not None:
            what = f"a value that the network computes may overflow {format_} to {element.overflow}"
            raise HwgenError("unsupported-node", where, what, "use a format that saturates")
        rule = _rule_of_grid(element.grid)
    else:
        rule = _rule_of_integers(element, where)
    if not isinstance(format_, Block):
        return rule
    low, high = format_.exponents
    return replace(rule, least=rule.least + low, most=rule.most + high, block=format_.size)


def _rule_of_grid(grid: FloatGrid) -> RoundFloatAttrs:
    odd = (1 + grid.even_field - grid.unit) % 2 if grid.precision == 1 else 0
    subnormals = grid.subnormals or grid.precision == 1  # of one bit, both are the same
    return RoundFloatAttrs(grid.unit, grid.unit, grid.greatest, grid.precision, subnormals, grid.has_zero, odd)


def _rule_of_integers(element: Quantized, where: str) -> RoundFloatAttrs:
    step = element.scales[0]
    exponent = step.numerator.bit_length() - step.denominator.bit_length()
    if element.low != -element.high or element.zeros != (0,) or step != Fraction(2) ** exponent or len(element.scales) > 1:
        what = f"blocks of {element}, whose members do not lie evenly around zero in steps of a power of two"
        raise HwgenError("unsupported-node", where, what, "use mxint<…>")
    return RoundFloatAttrs(exponent, exponent, element.high)


# --- on a grid of a power of two --------------------------------------------------------------------------------------


def _rounded(
    lowering: Lowering, node: Node, x: Pending, rule: RoundFloatAttrs, scales: Sequence[Fraction]
) -> Pending | None:
    """By `round_float`, behind a requantizer to its grid where the codes do not lie on it; None where that has too many bits."""
    if any(chain.affine is None for chain in x.chains):
        return None
    try:
        plain = with_clamps_computed(lowering, x, name=f"{node.output.name}.clamped", path=node.path)
    except HwgenError:  # its limits are no codes of 32 bits
        return None
    count = max(len(plain.chains), len(scales))
    lines = _dyadic_lines([(plain.affine or ())[c % len(plain.chains)] for c in range(count)], scales)
    own = codes_format(plain.codes)
    if lines is None:
        return None
    exponent = _common_exponent([v for line in lines for v in line])
    for grid in dict.fromkeys((exponent, min(exponent, rule.most), min(exponent, rule.least))):
        whole = [tuple(int(v / Fraction(2) ** grid) for v in line) for line in lines]
        ends = [m * code + b for m, b in whole for code in (own.low, own.high)]
        if max(map(abs, (*ends, *(v for line in whole for v in line)))) > CLIP_LIMIT and any(line != (1, 0) for line in whole):
            return None
        placed = replace(rule, least=rule.least - grid, most=rule.most - grid)
        placed = replace(placed, scale=tuple(Surd.of(s * Fraction(2) ** (grid + placed.drop)) for s in scales))
        if problem(placed, max(map(abs, ends))) is None:
            return _emitted(lowering, node, plain, whole, placed, (min(ends), max(ends)))
    return None


def _emitted(
    lowering: Lowering, node: Node, x: Pending, lines: Sequence[tuple[int, ...]], rule: RoundFloatAttrs, ends: tuple[int, int]
) -> Pending:
    """lines: factor and offset of the codes, one or one a channel.  ends: least and greatest code on the grid."""
    codes, name = x.codes, f"{node.output.name}.grid"
    lines = lines[:1] if len(set(lines)) == 1 else lines
    if any(line != (1, 0) for line in lines):
        format_ = Integer(ends[0], max(ends[1], ends[0] + 1))
        attrs = ScaleAttrs(
            tuple(m for m, _ in lines), tuple((b,) for _, b in lines), 0, format_.low, format_.high, False, format_
        )
        codes = lowering.emit("requant_scale", attrs, [codes], name=name, path=node.path)
    elif codes_format(codes).bipolar:
        codes = widened(lowering, codes, -1, 1, name=name, path=node.path)
    made = lowering.emit("round_float", rule, [codes], name=node.output.name, path=node.path)
    return replace(x, codes=made, chains=Pending.of(made).chains)


def _dyadic_lines(maps: Sequence[ClampedAffine], scales: Sequence[Fraction]) -> list[tuple[Fraction, Fraction]] | None:
    """Gain and bias over the scale, of each channel; None where one is no fraction of a power of two."""
    lines: list[tuple[Fraction, Fraction]] = []
    for c, m in enumerate(maps):
        gain, bias, scale = m.gain.rational, m.bias.rational, scales[c % len(scales)]
        if gain is None or bias is None:
            return None
        lines.append((gain / scale, bias / scale))
    return lines if all(v.denominator & (v.denominator - 1) == 0 for line in lines for v in line) else None


def _common_exponent(values: Sequence[Fraction]) -> int:
    """The greatest e of which all values are multiples of 2**e; 0 where all are zero."""
    exponents = [(v.numerator & -v.numerator).bit_length() - v.denominator.bit_length() for v in values if v]
    return min(exponents, default=0)


# --- by thresholds ----------------------------------------------------------------------------------------------------


def _counted(
    lowering: Lowering, node: Node, x: Pending, format_: FloatFormat, scales: Sequence[Fraction]
) -> Pending | None:
    """By the number of borders between members that a value has passed; None where they are too many, or a function is no ramp."""
    if 1 << format_.storage_bits > 2 * MAX_THRESHOLDS + 2:
        return None
    maps = [chain.affine for chain in x.chains]
    ramps = [m for m in maps if m is not None]
    own, members = codes_format(x.codes), format_.members()
    if len(ramps) < len(maps):
        return None
    borders = _borders(format_, members)
    count = max(len(ramps), len(scales))
    invert = tuple(ramps[c % len(ramps)].gain.sign() < 0 for c in range(count))
    rows: list[list[int]] = []
    for c in range(count):
        ends = (~own.high, ~own.low) if invert[c] else (own.low, own.high)
        scale = scales[c % len(scales)]
        rows.append([_first(ramps[c % len(ramps)], border * scale, up, ends, invert[c]) for border, up in borders])
    firsts, lasts = ([(~own.high, ~own.low)[k] if i else (own.low, own.high)[k] for i in invert] for k in (0, 1))
    passed = min(sum(t <= first for t in row) for row, first in zip(rows, firsts, strict=True))
    reached = max(sum(t <= last for t in row) for row, last in zip(rows, lasts, strict=True))
    reached = max(reached, passed + 1) if passed < len(borders) else reached
    passed = min(passed, reached - 1)
    if reached - passed > MAX_THRESHOLDS:
        return None
    kept = np.array([row[passed:reached] for row in rows], dtype=np.int64)
    values = np.array(members[passed : reached + 1], dtype=np.int64)
    if len(set(zip(map(tuple, kept.tolist()), invert, strict=True))) == 1:
        kept, invert = kept[:1], invert[:1]
    index = Integer(0, len(values) - 1)
    counted = lowering.emit(
        "requant_threshold", ThresholdAttrs(kept, invert, 0, index), [x.codes], name=f"{node.output.name}.count", path=node.path
    )
    unit = Fraction(2) ** format_.grid.unit
    made_format = Integer(int(values[0]), int(values[-1]), tuple(Surd.of(s * unit) for s in scales))
    made = lowering.emit("table", TableAttrs(0, values, made_format), [counted], name=node.output.name, path=node.path)
    return replace(x, codes=made, chains=Pending.of(made).chains)


def _borders(format_: FloatFormat, members: Sequence[int]) -> list[tuple[Fraction, bool]]:
    """Between each two neighbours: the value, without the scale, and whether it belongs to the greater one."""
    grid, unit = format_.grid, Fraction(2) ** format_.grid.unit
    values = [Fraction(a + b, 2) * unit for a, b in pairwise(members)]
    nearest = grid.codes(grid.round(np.array([float(v) for v in values])))
    return [(v, int(code) == above) for v, code, above in zip(values, nearest, members[1:], strict=True)]


def _first(ramp: ClampedAffine, border: Fraction, up: bool, ends: tuple[int, int], invert: bool) -> int:
    """The least code in ``ends`` (of ~code, where inverted) whose value is past the border; one above where there is none."""
    low, high = ends[0], ends[1] + 1
    target = Surd.of(border)
    while low < high:
        middle = (low + high) // 2
        side = (ramp.of(Surd.of(~middle if invert else middle)) - target).sign()
        low, high = (low, middle) if side > 0 or (side == 0 and up) else (middle + 1, high)
    return low
