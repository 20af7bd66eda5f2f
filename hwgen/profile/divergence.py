"""Where a quantized run leaves the float one: the error of every value, layer by layer, and the decisions that it costs.

Both runs are of reals in float64, the quantized one through its quantizers; on fixed-point types those are the very numbers of the
integer graph.  Values are matched by name; behind each stands the quantizer that rounds it, if one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.ir.graph import Array, Graph, Node, Value
from hwgen.ops.run import run_node
from hwgen.profile.check import Tally, decibels
from hwgen.profile.statistics import PART_SAMPLES, check_inputs, floats_of

JUMP_DB: Final = 6.0
"""How many decibels of signal-to-noise ratio a layer must lose at once to be called the place of a jump: twice the error."""
_MOST_BYTES: Final = 1 << 28
"""Of all values of both runs that are kept at a time."""
_MOVES: Final = frozenset(("reshape", "identity", "transpose", "constant"))


@dataclass(frozen=True, slots=True)
class Distance:
    """How far one value of the quantized run is from that of the float run.

    layer, operator, value: where it is made.  format: of the quantizer behind the value, whose error counts here; None without one.
    largest: greatest absolute error.
    snr_db: of the value.  before_db: the least of the values that it is made of, infinite where these are exact.
    """

    layer: str
    operator: str
    value: str
    format: str | None
    largest: float
    snr_db: float
    before_db: float

    @property
    def lost_db(self) -> float:
        """What this step costs; infinite where the first error comes in."""
        return 0.0 if self.snr_db == self.before_db else self.before_db - self.snr_db


@dataclass(frozen=True, slots=True)
class Flip:
    """A sample that is decided in another way.

    was, becomes: the class by the float network and by the quantized one.
    margin: by how much the float network's score of its class was above that of the other.
    layer, value: the place from which on the decision is lost: with all that follows in float, it is another one already.
    """

    sample: int
    was: int
    becomes: int
    margin: float
    layer: str
    value: str


@dataclass(frozen=True, slots=True)
class Divergence:
    """distances: of the values that both runs have, in order, inputs included.  flips: None where the outputs are no scores."""

    samples: int
    distances: tuple[Distance, ...]
    flips: tuple[Flip, ...] | None

    @property
    def first(self) -> Distance | None:
        """The first value that differs at all."""
        return next((d for d in self.distances if d.largest > 0), None)

    @property
    def jump(self) -> Distance | None:
        """Of the values whose error comes from before, the first that loses at least `JUMP_DB` at once."""
        return next((d for d in self.distances if inf > d.lost_db >= JUMP_DB), None)


def diverge(real: Graph, quantized: Graph, data: Dataset, progress: Callable[[int], None] = lambda _: None) -> Divergence:
    """Compares both graphs on ``data``.  Raises HwgenError where they share no values, or the data do not fit."""
    check_inputs(real, data)
    pairs = _pairs(real, quantized)
    if not any(value.producer.op != "input" for value in pairs):
        where = f"{real.name!r} and {quantized.name!r}"
        raise HwgenError("trace", where, "share no names of values", "compare two versions of one model")
    sums: dict[Value, Tally] = {}
    largest: dict[Value, float] = {}
    flips: list[Flip] = []
    scores = _scores(real, quantized)
    kept = 8 * sum(v.type.elements for graph in (real, quantized) for v in graph.values())
    step = min(PART_SAMPLES, max(1, _MOST_BYTES // kept))
    for start in range(0, data.samples, step):
        part = floats_of(data.part(slice(start, start + step)))
        right = dict(_run(real, part, {}))
        seen = dict(_run(quantized, part, {}))
        made = {value: seen[other] for value, other in pairs.items()}
        for value, array in made.items():
            reals = right[value]
            error = array - reals
            found = Tally(reals.size, 0, 0, float((reals * reals).sum()), float((error * error).sum()))
            sums[value] = sums[value] + found if value in sums else found
            largest[value] = max(largest.get(value, 0.0), float(np.abs(error).max()))
        if scores:
            output = seen[quantized.outputs[0]].reshape(len(right[real.outputs[0]]), -1)
            flips += _flips(real, part, right, made, output, start)
        progress(min(start + step, data.samples))
    rows = tuple(_distance(value, pairs[value], sums, largest[value]) for value in pairs)
    return Divergence(data.samples, rows, tuple(flips) if scores else None)


def _pairs(real: Graph, quantized: Graph) -> dict[Value, Value]:
    """What stands for each value of the float graph in the quantized one: the value of its name, or the quantizer behind it."""
    others = {v.name: v for v in quantized.values()}
    found: dict[Value, Value] = {}
    for value in real.values():
        other = others.get(value.name)
        if other is None or other.type.shape != value.type.shape or value.producer.op in _MOVES:
            continue
        while len(uses := set(quantized.uses.get(other, ()))) == 1 and (user := uses.pop()).op == "quantize":
            other = user.output
        found[value] = other
    return found


def _run(graph: Graph, given: Mapping[str, Array], fixed: Mapping[Value, Array]) -> Iterator[tuple[Value, Array]]:
    """All values.  fixed: values that are taken as given instead of computed."""
    values: dict[Value, Array] = {}
    for node in graph.nodes:
        value = node.output
        if value in fixed:
            array = fixed[value]
        else:
            array = given[value.name] if node.op == "input" else run_node(node, [values[v] for v in node.inputs])
        values[value] = array
        yield value, array


def _scores(real: Graph, quantized: Graph) -> bool:
    """Whether both first outputs are scores of the same classes."""
    a, b = (g.outputs[0].type.shape for g in (real, quantized))
    return len(a) == 2 and a[1] > 1 and a == b


def _flips(
    real: Graph, part: Mapping[str, Array], right: Mapping[Value, Array], made: Mapping[Value, Array], output: Array, start: int
) -> list[Flip]:
    """The samples of one part that are decided in another way."""
    scores = right[real.outputs[0]]
    was, becomes = scores.argmax(axis=1), output.argmax(axis=1)
    (lost,) = np.nonzero(was != becomes)
    if not len(lost):
        return []
    few = {name: array[lost] for name, array in part.items()}
    culprits = _culprits(real, few, {v: a[lost] for v, a in made.items()}, was[lost])
    return [
        Flip(
            start + int(sample), int(was[sample]), int(becomes[sample]),
            float(scores[sample, was[sample]] - scores[sample, becomes[sample]]), place.producer.path, place.name,
        )
        for sample, place in zip(lost, culprits, strict=True)
    ]


def _culprits(real: Graph, few: Mapping[str, Array], made: Mapping[Value, Array], was: Array) -> list[Value]:
    """For each sample the value from which on the decision stays lost, although all behind it is computed in float.

    Value by value the quantized numbers are put into the float run; the decision is looked at each time.
    """
    order = list(made)
    found = [order[-1]] * len(was)
    still = np.ones(len(was), dtype=np.bool_)  # the decision is lost with all values up to the next one
    for last in reversed(range(len(order))):
        fixed = {v: made[v] for v in order[: last + 1]}
        scores = dict(_run(real, few, fixed))[real.outputs[0]]
        still &= scores.argmax(axis=1) != was
        if not still.any():
            break
        for sample in np.nonzero(still)[0]:
            found[int(sample)] = order[last]
    return found


def _distance(value: Value, other: Value, sums: Mapping[Value, Tally], largest: float) -> Distance:
    node, rounds = value.producer, other.producer.op == "quantize"
    snr = decibels(sums[value].signal, sums[value].noise)
    before = min((sums[v].snr_db for v in _made_of(node, sums)), default=inf)
    return Distance(node.path, node.op, value.name, str(other.type.format) if rounds else None, largest, snr, before)


def _made_of(node: Node, known: Mapping[Value, Tally]) -> Iterator[Value]:
    """The values, of those that are compared, that a node's result is made of."""
    stack = list(node.inputs)
    while stack:
        value = stack.pop()
        if value in known:
            yield value
        else:
            stack += value.producer.inputs
