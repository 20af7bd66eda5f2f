"""Random networks of real operators, as an import would give them, composed from the operators' samples."""

from __future__ import annotations

from random import Random
from typing import Final

from hwgen.ir.graph import NO_ATTRS, Graph, Shape, Value, topological
from hwgen.ops.arithmetic import ADD, MAX, MIN, MUL, SUB
from hwgen.ops.classify import ARGMAX_REAL, SOFTMAX
from hwgen.ops.concat import CONCAT, AxisAttrs
from hwgen.ops.conv import CONV
from hwgen.ops.linear import LINEAR
from hwgen.ops.quantize import QUANTIZE, again
from hwgen.ops.real_sampling import FUNCTION_OPS, computed, on_grid
from hwgen.ops.record import RealOp, make
from hwgen.ops.sampling import random_shape, random_size
from hwgen.ops.shape import RESHAPE, ReshapeAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import REAL_OPS
from hwgen.ops.weights import POOLS, PRODUCTS

_IMAGES: Final = tuple(op for op in REAL_OPS if op.name in PRODUCTS | POOLS and op is not LINEAR)
"""What works on images."""
_MOVES: Final = tuple(op for op in REAL_OPS if op.name in ("identity", "reshape", "transpose", "slice", "pad", "resize", "concat"))
_BETWEEN: Final = tuple(op for op in REAL_OPS if op.sample and op not in (LINEAR, QUANTIZE, SOFTMAX, ARGMAX_REAL, *_IMAGES))
"""What may stand between a product and the next quantizer: a new operator with a sample is among them by itself."""
_MEETINGS: Final = (ADD, ADD, ADD, SUB, MUL, MIN, MAX)
"""Of two computed values."""

_MOST_ELEMENTS: Final = 160
"""Of an image that something is done with, and of what it is joined to."""
_MOST_PARTS: Final = 4
_TRIALS: Final = 6


def _random_image(random: Random) -> Shape:
    """A small one, of one or two axes of positions."""
    size = (random.randint(1, 12),) if random.random() < 0.4 else (random.randint(1, 6), random.randint(1, 6))
    return (1, random.randint(1, 4), *size)


class _Composer:
    """Grows a graph at ``value``, mostly the newest of ``values``; what stays unused may become an output."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.number = 0
        self.values: list[Value] = []
        self.value = self.source(self._first_shape())

    def _first_shape(self) -> Shape:
        if self.chance(0.55):
            return _random_image(self.random)
        return random_shape(self.random, random_size(self.random), self.random.choice((1, 1, 3)))

    def chance(self, probability: float) -> bool:
        """Whether to take a branch."""
        return self.random.random() < probability

    def name(self, word: str) -> str:
        """A fresh one."""
        self.number += 1
        return f"{word}{self.number}"

    def grown(self, value: Value) -> Value:
        """``value``, which goes on now."""
        self.values.append(value)
        self.value = value
        return value

    def source(self, shape: Shape) -> Value:
        """One more input of the graph."""
        name = self.name("x") if self.values else "x"
        value = make(INPUT, InputAttrs(shape), [], name, name).output
        self.values.append(value)
        return value

    # --- one operator -------------------------------------------------------------------------------------------------

    def sampled(self, value: Value, *ops: RealOp) -> Value:
        """One of ``ops`` that takes ``value``; the value itself where none does."""
        fitting = [op for op in ops if op.takes(value)]
        functions = [op for op in fitting if op.name in FUNCTION_OPS]
        if functions:  # there are many of them: all together they count as two operators
            fitting = [op for op in fitting if op not in functions] + 2 * [self.random.choice(functions)]
        if not fitting:
            return value
        op = self.random.choice(fitting)
        if op.sample is None:
            raise TypeError(f"{op.name} has no sample")
        return op.sample(self.random, value, self.name(op.name))

    def apply(self, *ops: RealOp) -> None:
        """One of ``ops`` at the end."""
        made = self.sampled(self.value, *ops)
        if made is not self.value:
            self.grown(made)

    def several(self, most: int, *ops: RealOp) -> None:
        """None to ``most`` of ``ops``."""
        for _ in range(self.random.randint(0, most)):
            self.apply(*ops)

    def grid(self) -> None:
        """The value is on a grid after this."""
        if not on_grid(self.value):
            self.apply(QUANTIZE)

    def product(self) -> None:
        """A matrix product of the value, as a vector on a grid."""
        self.grid()
        if len(self.value.type.shape) != 2:
            shape, name = (1, self.value.type.elements), self.name("flat")
            self.grown(make(RESHAPE, ReshapeAttrs(shape), [self.value], name, name).output)
        self.apply(LINEAR)

    def windows(self) -> None:
        """An operator on an image, which is on a grid then; nothing where there is no small image."""
        if len(self.value.type.shape) >= 3 and self.value.type.elements <= _MOST_ELEMENTS:
            self.grid()
            self.apply(*_IMAGES, CONV)

    # --- branches -----------------------------------------------------------------------------------------------------

    def branch(self) -> None:
        """Two streams meet, or several; or an earlier value goes on, and this end waits."""
        kind = self.random.choices(("meet", "join", "turn"), (5, 3, 3))[0]
        if kind == "turn":
            self.value = self.random.choice(self.values)
            return
        self.grid()
        if self.value.producer.op == "input":
            self.apply(QUANTIZE)
        value = self.value
        if value.type.elements > _MOST_ELEMENTS:
            return
        if kind == "meet":
            pair = [value, self.beside(value, value.type.shape)]
            self.random.shuffle(pair)
            op = self.random.choice(_MEETINGS)
            name = self.name(op.name)
            self.grown(make(op, NO_ATTRS, pair, name, name).output)
            return
        shape, name = value.type.shape, self.name("concat")
        axis = self.random.choice((1, self.random.randrange(1, len(shape))))
        parts = [value]
        while len(parts) < 2 or (len(parts) < _MOST_PARTS and self.chance(0.3)):
            parts.append(self.beside(value, shape, axis))
        self.random.shuffle(parts)
        self.grown(make(CONCAT, AxisAttrs(axis), parts, name, name).output)

    def beside(self, value: Value, shape: Shape, free: int | None = None) -> Value:
        """Another value on a grid, of ``shape``; ``free``: an axis along which it may be as long as it likes."""

        def alike(other: Value) -> bool:
            own = other.type.shape
            same = len(own) == len(shape) and all(a == b for k, (a, b) in enumerate(zip(own, shape, strict=True)) if k != free)
            return same and other.type.elements <= _MOST_ELEMENTS

        if self.chance(0.1):
            other = self.source(shape)
        else:
            known = [v for v in self.values if v is not value and alike(v) and (on_grid(v) or v.producer.op in PRODUCTS)]
            made = [] if known and self.chance(0.6) else self._attempts(value)
            fitting = [v for v in made if alike(v)] or known or [value]
            other = self.random.choice(fitting)
        if on_grid(other):
            return other if self.chance(0.1) else again(self.random, other, self.name("again"), value)
        return again(self.random, other, self.name("again"), value) if self.chance(0.8) else other

    def _attempts(self, value: Value) -> list[Value]:
        """What a few operators make of ``value``, or of what came before it."""
        earlier = [v for v in self.values if on_grid(v) and v.type.elements <= _MOST_ELEMENTS]
        made: list[Value] = []
        for _ in range(_TRIALS):
            start = self.random.choice((value, self.random.choice(earlier or [value])))
            ops = (LINEAR,) if len(start.type.shape) == 2 else _IMAGES
            result = self.sampled(start, *(ops if self.chance(0.7) else _BETWEEN))
            if result is not start:
                made.append(self.sampled(result, QUANTIZE) if not on_grid(result) else result)
        return made

    # --- the whole ----------------------------------------------------------------------------------------------------

    def finished(self) -> Graph:
        """The value leaves, and some of the other ends."""
        used = {v for n in topological(self.values) for v in n.inputs}
        if self.value in used:
            self.grid()
        ends = [v for v in self.values if v not in used and v is not self.value and self.chance(0.75)]
        ends += [v for v in self.values if v in used and self.chance(0.04) and (on_grid(v) or v.producer.op in PRODUCTS)]
        outputs = tuple(dict.fromkeys((self.value, *(v for v in ends if computed([v]) and v.producer.op != "input"))))
        reached = set(topological(outputs))
        sources = [v.producer for v in self.values if v.producer.op == "input" and v.producer in reached]
        return Graph("random", topological(outputs, sources), outputs)


def random_real_graph(random: Random, layers: int) -> Graph:
    """A network of ``layers`` products or more that lowers: quantizers of all kinds, arithmetic, functions, windows and shapes
    between them, and in most of them branches: several inputs and outputs, streams that meet and that go several ways.

    Lowering refuses some all the same, with HwgenError, where no exact requantizer fits the hardware's forms.
    """
    made = _Composer(random)
    branches = 0.45 if made.chance(0.65) else 0.0
    if made.chance(0.2):
        made.several(2, *_BETWEEN)
    if made.chance(0.8):
        made.apply(QUANTIZE)
    for _ in range(random.randint(0, 3)):
        if made.chance(0.4):
            made.several(2, *_MOVES)
        made.windows()
        made.several(1, *_BETWEEN)
        if made.chance(branches):
            made.branch()
    for layer in range(layers):
        if made.chance(0.3):
            made.several(2, *_MOVES)
        made.product()
        made.several(3, *_BETWEEN)
        if layer < layers - 1 or made.chance(0.6):
            made.apply(QUANTIZE)
        if made.chance(branches):
            made.branch()
    if made.chance(0.5):
        made.apply(SOFTMAX, ARGMAX_REAL)
        made.several(1, *_BETWEEN)
    return made.finished()
