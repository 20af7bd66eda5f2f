"""Codes written in more bits, and the codes of zero and other numbers around an image."""

from __future__ import annotations

from dataclasses import replace

from hwgen.formats import Integer
from hwgen.ir.graph import Node, Value
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.lowering import Lowering, Pending, needs_quantizer
from hwgen.ops.requantize import ScaleAttrs
from hwgen.ops.sampling import codes_format


def widened(lowering: Lowering, codes: Value, low: int, high: int, *, name: str, path: str) -> Value:
    """The same codes, two's complement or unsigned, in a format that holds ``low`` to ``high`` too; as they are if theirs does."""
    own = codes_format(codes)
    wide = Integer(min(own.low, low), max(own.high, high))
    if (own.bits, own.signed, own.bipolar) == (wide.bits, wide.signed, False):
        return codes
    attrs = ScaleAttrs((1,), ((0,),), 0, own.low, own.high, False, wide)
    return lowering.emit("requant_scale", attrs, [codes], name=name, path=path)


def code_of(node: Node, x: Pending, value: Surd) -> int:
    """The code that stands for ``value`` in every channel.  Raises HwgenError where there is none."""
    maps = x.affine
    if maps is None:
        raise needs_quantizer(node, "a non-linear function of an unquantized value comes before it")
    found = {((value - m.bias) * m.gain.inverse()).rational if m.gain.sign() else None for m in maps}
    code = found.pop()
    if found or code is None or code.denominator != 1:
        raise needs_quantizer(node, f"no code of its input stands for the {value} around it")
    return int(code)


def padded_codes(lowering: Lowering, node: Node, x: Pending, value: Surd) -> tuple[Value, int]:
    """Codes of ``x`` in a format that can be padded with ``value``, and the code of it."""
    pad = code_of(node, x, value)
    return widened(lowering, x.codes, pad, pad, name=f"{node.output.name}.wide", path=node.path), pad


def from_zero(lowering: Lowering, node: Node, x: Pending) -> Pending:
    """Codes of which 0 stands for zero, in a format that holds it.  Raises HwgenError where zero has no code."""
    zero, own, name = code_of(node, x, ZERO), codes_format(x.codes), f"{node.output.name}.from_zero"
    if zero == 0:
        return replace(x, codes=widened(lowering, x.codes, 0, 0, name=name, path=node.path))
    low, high = min(0, own.low - zero), max(0, own.high - zero)
    attrs = ScaleAttrs((1,), ((-zero,),), 0, low, high, False, Integer(low, high))
    codes = lowering.emit("requant_scale", attrs, [x.codes], name=name, path=node.path)
    gains = [m.gain for m in x.affine or ()]
    chains = Pending.of(codes).map(lambda chain, c: chain.scaled(gains[c], ZERO), len(gains)).chains
    return replace(x, codes=codes, chains=chains)
