"""Clamps that are still to be applied (a ReLU without a quantizer behind it), computed on codes, exactly.

    min(max(gain*a + bias, low), high) = u * min(max(p*a + q, 0), r) + low        gain = p*u, bias - low = q*u, high - low = r*u

Where there is only an upper limit, that takes the place of ``low``, and the codes end at 0.
"""

from __future__ import annotations

from dataclasses import replace

from hwgen.errors import HwgenError
from hwgen.formats import Integer
from hwgen.numerics.scalar_map import ClampedAffine
from hwgen.numerics.surd import ZERO
from hwgen.ops.common_grid import common_unit
from hwgen.ops.lowering import Lowering, Pending
from hwgen.ops.requantize import ScaleAttrs
from hwgen.ops.requantizing import CLIP_LIMIT
from hwgen.ops.sampling import codes_format


def with_clamps_computed(lowering: Lowering, x: Pending, *, name: str, path: str) -> Pending:
    """The same reals as affine maps of codes; ``x`` itself where it is that already, or more than a clamp.

    Raises HwgenError where scale and limits have no common unit.
    """
    maps = [chain.affine for chain in x.chains]
    found = [m for m in maps if m is not None]
    if x.affine is not None or len(found) < len(maps):
        return x
    references = [m.low or m.high or ZERO for m in found]
    both = any(m.low is not None and m.high is not None for m in found)
    # a limit on both sides must be the same code in all channels; without one each channel has its own unit
    parts = [list(range(len(found)))] if both else [[k] for k in range(len(found))]
    factors, offsets, units = ([0] * len(found), [0] * len(found), [ZERO] * len(found))
    tops: set[int] = set()
    for part in parts:
        some = [(found[k], references[k]) for k in part]
        others = [v for m, r in some for v in (m.bias - r, (m.high - r) if m.high is not None and m.low is not None else ZERO)]
        unit, gains, rest = common_unit([m.gain for m, _ in some], others, path)
        for k, gain, offset, top in zip(part, gains, rest[::2], rest[1::2], strict=True):
            factors[k], offsets[k], units[k] = gain, offset, unit
            if found[k].low is not None and found[k].high is not None:
                tops.add(top)
    low, high = _limits(found, tops, path)
    own = codes_format(x.codes)
    ends = [factor * code + offset for factor, offset in zip(factors, offsets, strict=True) for code in (own.low, own.high)]
    low, high = (min(*ends, 0) if low is None else low), (max(*ends, 0) if high is None else high)
    if max(map(abs, (*ends, low, high))) > CLIP_LIMIT:
        raise _refused(path, "the grid on which its limit is a code needs more than 32 bits")
    format_ = Integer(low, max(high, low + 1))
    attrs = ScaleAttrs(tuple(factors), tuple((o,) for o in offsets), 0, low, high, False, format_)
    codes = lowering.emit("requant_scale", attrs, [x.codes], name=name, path=path)
    chains = Pending.of(codes).map(lambda chain, c: chain.scaled(units[c], references[c]), len(found)).chains
    return replace(x, codes=codes, chains=chains)


def _limits(maps: list[ClampedAffine], tops: set[int], path: str) -> tuple[int | None, int | None]:
    """The clip of the codes on both sides, the same for all channels; None where a side has none."""
    low = {0 if m.low is not None else None for m in maps}
    high = {None if m.high is None else max(tops) if m.low is not None else 0 for m in maps}
    if len(low) > 1 or len(high) > 1 or len(tops) > 1:
        raise _refused(path, "channels with limits of their own come before it")
    return low.pop(), high.pop()


def _refused(path: str, what: str) -> HwgenError:
    return HwgenError("not-quantized", path, what, "quantize the activation before it")
