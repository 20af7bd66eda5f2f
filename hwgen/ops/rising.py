"""Codes of which a greater one stands for a greater real: a maximum of reals is one of codes then."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hwgen.formats import Integer
from hwgen.ir.graph import Node
from hwgen.numerics.interval import Interval
from hwgen.numerics.parts import monotone_parts
from hwgen.numerics.scalar_map import Chain
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.common_grid import scaled
from hwgen.ops.lowering import Lowering, Pending, needs_quantizer
from hwgen.ops.sampling import codes_format
from hwgen.ops.widen import widened


def rising(lowering: Lowering, node: Node, x: Pending) -> Pending:
    """Codes, not bipolar, of which a greater one stands for a greater real in every channel.

    Raises HwgenError where a function of an unquantized value turns.
    """
    own, name = codes_format(x.codes), f"{node.output.name}.wide"
    if own.bipolar:
        x = replace(x, codes=widened(lowering, x.codes, -1, 1, name=name, path=node.path))
        own = codes_format(x.codes)
    falls = {chain: _direction(node, chain, own) < 0 for chain in set(x.chains)}
    if not any(falls.values()):
        return x
    signs = tuple(-1 if falls[chain] else 1 for chain in x.chains)
    codes = scaled(lowering, x.codes, [(s, 0) for s in signs], name=name, path=node.path)
    turned = tuple(Chain().scaled(Surd.of(s), ZERO) for s in signs)
    chains = tuple(_after(first, chain) for first, chain in zip(turned, x.chains, strict=True))
    return replace(x, codes=codes, chains=chains)


def _after(first: Chain, chain: Chain) -> Chain:
    for step in chain.steps:
        first = first.then(step)
    return first


def _direction(node: Node, chain: Chain, codes: Integer) -> int:
    """1 where the chain never falls, -1 where it never rises."""
    parts = monotone_parts(chain, Interval(codes.low, codes.high), where=node.path)
    signs = {part.rising for part in parts} - {0}
    for left, right in pairwise(parts):
        before, after = chain.at(left.domain.high).exact, chain.at(right.domain.low).exact
        signs |= {2} if before is None or after is None else {(after - before).sign()} - {0}
    if len(signs) > 1 or 2 in signs:
        raise needs_quantizer(node, "a function of an unquantized value that rises and falls comes before it")
    return signs.pop() if signs else 1
