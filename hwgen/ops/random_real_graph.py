"""Random networks of real operators, as an import would give them, composed from the operators' samples."""

from __future__ import annotations

from random import Random
from typing import Final

from hwgen.ir.graph import Graph, topological
from hwgen.ops.classify import ARGMAX_REAL, SOFTMAX
from hwgen.ops.linear import LINEAR
from hwgen.ops.quantize import QUANTIZE
from hwgen.ops.real_sampling import on_grid
from hwgen.ops.record import RealOp, make
from hwgen.ops.sampling import random_shape, random_size
from hwgen.ops.shape import RESHAPE, ReshapeAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import REAL_OPS

_SHAPES: Final = tuple(op for op in REAL_OPS if op.name in ("identity", "reshape", "transpose"))
_BETWEEN: Final = tuple(op for op in REAL_OPS if op.sample and op not in (LINEAR, QUANTIZE, SOFTMAX, ARGMAX_REAL))
"""What may stand between a product and the next quantizer: a new operator with a sample is among them by itself."""


class _Composer:
    """Grows a chain of operators at its end, ``value``."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.number = 0
        source = make(INPUT, InputAttrs(random_shape(random, random_size(random), random.choice((1, 1, 3)))), [], "x", "x")
        self.source, self.value = source, source.output

    def apply(self, *ops: RealOp) -> None:
        """One of ``ops`` that takes the value."""
        fitting = [op for op in ops if op.takes(self.value)]
        if fitting:
            op = self.random.choice(fitting)
            name = f"{op.name}{self.number}"
            self.number += 1
            if op.sample is None:
                raise TypeError(f"{op.name} has no sample")
            self.value = op.sample(self.random, self.value, name)

    def chance(self, probability: float) -> bool:
        """Whether to take a branch."""
        return self.random.random() < probability

    def product(self) -> None:
        """A matrix product of the value, as a vector on a grid."""
        if not on_grid(self.value):
            self.apply(QUANTIZE)
        if len(self.value.type.shape) != 2:
            shape = (1, self.value.type.elements)
            self.number += 1
            self.value = make(RESHAPE, ReshapeAttrs(shape), [self.value], f"flat{self.number}", f"flat{self.number}").output
        self.apply(LINEAR)

    def several(self, most: int, *ops: RealOp) -> None:
        """None to ``most`` of ``ops``."""
        for _ in range(self.random.randint(0, most)):
            self.apply(*ops)


def random_real_graph(random: Random, layers: int) -> Graph:
    """A network of ``layers`` products that lowers: quantizers of all kinds, arithmetic, functions and shapes between them.

    Lowering refuses some all the same, with HwgenError, where no exact requantizer fits the hardware's forms.
    """
    made = _Composer(random)
    if made.chance(0.2):
        made.several(2, *_BETWEEN)
    if made.chance(0.8):
        made.apply(QUANTIZE)
    for layer in range(layers):
        if made.chance(0.3):
            made.several(2, *_SHAPES)
        made.product()
        made.several(3, *_BETWEEN)
        if layer < layers - 1 or made.chance(0.6):
            made.apply(QUANTIZE)
    if made.chance(0.5):
        made.apply(SOFTMAX, ARGMAX_REAL)
        made.several(1, *_BETWEEN)
    return Graph("random", topological([made.value], [made.source]), (made.value,))
