"""Codes of different scales on one grid, exactly: whole multiples of a common unit."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm

from hwgen.errors import HwgenError
from hwgen.formats import Integer
from hwgen.ir.graph import Value
from hwgen.numerics.scalar_map import Chain, ClampedAffine
from hwgen.numerics.surd import Surd
from hwgen.ops.lowering import Lowering, Pending
from hwgen.ops.requantize import ScaleAttrs
from hwgen.ops.requantizing import CLIP_LIMIT
from hwgen.ops.sampling import codes_format


def _refused(where: str, what: str) -> HwgenError:
    return HwgenError("not-quantized", where, what, "quantize what comes before it per tensor, or to nearer scales")


def ratio(numerator: Surd, denominator: Surd, where: str) -> Fraction:
    """A quotient that is rational.  Raises HwgenError where it is not."""
    found = (numerator * denominator.inverse()).rational
    if found is None:
        raise _refused(where, "scales that meet have an irrational ratio (a batch norm)")
    return found


def common_unit(gains: Sequence[Surd], others: Sequence[Surd], where: str) -> tuple[Surd, tuple[int, ...], tuple[int, ...]]:
    """The greatest unit, positive, of which all ``gains`` and ``others`` are whole multiples, and these multiples."""
    base = next((g for g in gains if g.sign()), Surd.of(1))
    base = base if base.sign() > 0 else -base
    ratios = [ratio(p, base, where) if p.terms else Fraction(0) for p in (*gains, *others)]
    denominator = lcm(*(r.denominator for r in ratios))
    whole = [int(r * denominator) for r in ratios]
    divisor = gcd(*whole) or 1
    multiples = [w // divisor for w in whole]
    unit = base * Surd.of(Fraction(divisor, denominator))
    return unit, tuple(multiples[: len(gains)]), tuple(multiples[len(gains) :])


def scaled(lowering: Lowering, codes: Value, constants: Sequence[tuple[int, int]], *, name: str, path: str) -> Value:
    """``code * factor + offset``, one pair a channel or one for all."""
    format_ = codes_format(codes)
    if set(constants) == {(1, 0)}:
        return codes
    ends = [e * factor + offset for factor, offset in constants for e in (format_.low, format_.high)]
    if max(map(abs, ends)) > CLIP_LIMIT:
        raise _refused(path, "scales that meet are so far apart that their common grid needs more than 32 bits")
    low, high = min(ends), max(ends)
    result = Integer(low, max(high, low + 1))
    attrs = ScaleAttrs(
        tuple(f for f, _ in constants), tuple((o,) for _, o in constants), 0, result.low, result.high, False, result
    )
    return lowering.emit("requant_scale", attrs, [codes], name=name, path=path)


def on_common_grid(lowering: Lowering, parts: Sequence[Pending], *, name: str, path: str) -> list[Pending]:
    """The same reals, all with one and the same scale and offset.  Raises HwgenError where there is no such grid."""
    chains = [chain for part in parts for chain in part.chains]
    if len(set(chains)) == 1:
        return [Pending(p.codes, p.chains[:1], p.shape, p.layout) for p in parts]
    maps: list[ClampedAffine] = []
    for part in parts:
        affine = part.affine
        if affine is None:
            raise _refused(path, "a non-linear function of an unquantized value comes before it")
        maps += affine
    shift = maps[0].bias
    unit, factors, offsets = common_unit([m.gain for m in maps], [m.bias - shift for m in maps], path)
    constants = list(zip(factors, offsets, strict=True))
    chain = Chain((ClampedAffine(unit, shift),))
    result: list[Pending] = []
    for number, part in enumerate(parts):
        own, constants = constants[: len(part.chains)], constants[len(part.chains) :]
        codes = scaled(lowering, part.codes, own, name=f"{name}{number or ''}", path=path)
        result.append(Pending(codes, (chain,), part.shape, part.layout))
    return result
