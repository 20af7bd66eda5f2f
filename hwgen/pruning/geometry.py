"""Where each weight of a layer goes in the hardware: which block of the multiplier array it is multiplied in.

Lowering moves weights (channels last, flattened images, phases of transposed convolutions).  Where to is found by lowering the
layer once more with numbers in place of weights: each element's own index, digit by digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

import numpy as np

from hwgen.dataflow.unit import Parallelism
from hwgen.formats import Affine, IntArray
from hwgen.ir.graph import Graph, Node, topological
from hwgen.numerics.scalar_map import Chain, ClampedAffine
from hwgen.numerics.surd import UNIT, ZERO
from hwgen.ops.lowering import Lowering, Pending
from hwgen.ops.matvec import MatvecAttrs
from hwgen.ops.record import make
from hwgen.ops.source import CONSTANT, ConstantAttrs
from hwgen.ops.table import INTEGER, REAL
from hwgen.ops.weights import PRODUCTS
from hwgen.ops.window_conv import ConvAttrs, by_group
from hwgen.pipeline import pass_of

_DIGIT_BITS: Final = 14
_DIGITS: Final = Affine(_DIGIT_BITS, is_signed=False)


@dataclass(frozen=True, eq=False)
class HardwareWeight:
    """node: the integer product.  places: (groups, outputs, positions, inputs), see `hwgen.ops.matvec.product_unit`: of each weight
    its index in the flattened weight of the real product; -1: none, it is always 0.
    """

    node: Node
    places: IntArray

    @property
    def vectors(self) -> int:
        """Times a tensor that each group's weights meet a vector."""
        work = INTEGER[self.node.op].work
        return 1 if work is None else work(self.node).vectors // len(self.places)

    def parallelism(self, wanted: Parallelism) -> Parallelism:
        """The nearest that the layer can have."""
        return INTEGER[self.node.op].fit(self.node, wanted)


def hardware_weights(quantized: Graph) -> dict[Node, HardwareWeight]:
    """Of each product of a graph of reals that is ready to be lowered, by its node; not of depthwise ones, which have no blocks."""
    found: dict[Node, HardwareWeight] = {}

    def observe(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> None:
        if node.op in PRODUCTS:
            made = _probe(lowering, node, inputs)
            if made is not None:
                found[node] = made

    pass_of("lower", observer=observe)(quantized)
    return found


def _probe(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> HardwareWeight | None:
    """Codes as if they were the reals: how they lie is what counts."""
    plain = [replace(p, chains=(Chain((ClampedAffine(UNIT, ZERO),)),)) for p in inputs]
    shape = node.inputs[1].type.shape
    numbers, places, product = np.arange(1, prod(shape) + 1), np.zeros(1, dtype=np.int64), None
    for digit in range(-(-len(numbers).bit_length() // _DIGIT_BITS)):
        digits = ((numbers >> digit * _DIGIT_BITS) & (1 << _DIGIT_BITS) - 1).reshape(shape)
        product = _lowered(lowering, node, digits, plain)
        weight = _by_group(product)
        if weight is None:
            return None
        places = places + (weight << digit * _DIGIT_BITS)
    return None if product is None else HardwareWeight(product, places - 1)


def _lowered(lowering: Lowering, node: Node, digits: IntArray, inputs: Sequence[Pending]) -> Node:
    """The integer product of weights that are these digits."""
    name = f"{node.output.name}.places"
    weight = make(CONSTANT, ConstantAttrs(digits, _DIGITS), [], name, node.path).output
    rule = REAL[node.op].lower
    if rule is None:
        raise TypeError(f"{node.op} cannot be lowered")
    made = rule(lowering, node.with_inputs([node.inputs[0], weight]), inputs[:1])
    return next(n for n in reversed(topological([made.codes])) if n.op in ("matvec", "conv_codes", "depthwise"))


def _by_group(product: Node) -> IntArray | None:
    channels = product.inputs[0].type.shape[-1]
    match product.attrs:
        case MatvecAttrs(weight):
            return weight.reshape(1, len(weight), -1, channels)
        case ConvAttrs() if product.op == "conv_codes":
            return by_group(product.attrs)
        case _:
            return None
