"""How the numbers of every value and weight of a network lie: one pass over the data, part by part, in bounded memory.

Moments are joined as Pébay gives them (Sandia report SAND2008-6212).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np

from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import Array, Graph, Node, Shape, Value
from hwgen.ops.run import computed, constant_floats
from hwgen.ops.source import ConstantAttrs
from hwgen.profile.histograms import Float64, LinearHistogram, LogHistogram
from hwgen.profile.parameters import constants_of, origin
from hwgen.sim.reference import samples_at_a_time

LEVELS: Final = (0.0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0)
"""Of the quantiles that are kept."""
OUTLIER_SHARE: Final = 0.001
"""Of the elements whose magnitudes may decide alone how many integer bits a value takes: see `Statistics.outliers`."""
PART_SAMPLES: Final = 500
"""At most so many samples are run at a time."""
_TINY: Final = 1e-150
"""Sums of squares whose own square float64 does not hold."""
_MOVES: Final = frozenset(("reshape", "identity", "transpose", "constant"))
"""Operators whose values are the elements of their input."""


@dataclass(frozen=True, slots=True)
class Moments:
    """count; mean; sums of the 2nd, 3rd and 4th powers of what is left without the mean."""

    count: int
    mean: float
    second: float
    third: float
    fourth: float

    @staticmethod
    def of(values: Float64) -> Moments:
        """Of finite numbers; sums beyond float64 are infinite, or NaN."""
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(values.mean())
            rest = values - mean
            square = rest * rest
            return Moments(values.size, mean, float(square.sum()), float((square * rest).sum()), float((square * square).sum()))

    def merged(self, other: Moments) -> Moments:
        """Of both together."""
        a, b = float(self.count), float(other.count)
        n, delta = a + b, other.mean - self.mean
        square = delta * delta  # a product may be infinite where a power would raise
        second = self.second + other.second + square * a * b / n
        third = self.third + other.third + square * delta * a * b * (a - b) / n**2
        third += 3 * delta * (a * other.second - b * self.second) / n
        fourth = self.fourth + other.fourth + square * square * a * b * (a * a - a * b + b * b) / n**3
        fourth += 6 * square * (a * a * other.second + b * b * self.second) / n**2
        fourth += 4 * delta * (a * other.third - b * self.third) / n
        return Moments(self.count + other.count, self.mean + delta * b / n, second, third, fourth)


@dataclass(frozen=True, slots=True)
class Statistics:
    """How the elements of a tensor lie, over all samples.

    smallest: least magnitude that is not 0; infinite where all are 0.  exact: the quantiles at `LEVELS`, where all elements were at
    hand at once.
    """

    least: float
    greatest: float
    smallest: float
    zeros: int
    moments: Moments
    log: LogHistogram
    bins: LinearHistogram
    exact: tuple[float, ...] | None = None

    @staticmethod
    def of(values: Array, *, whole: bool = True) -> Statistics:
        """Of finite numbers.  whole: these are all there are, so quantiles are exact."""
        floats = np.asarray(values, dtype=np.float64)
        magnitudes = np.abs(floats)
        exact = None
        if whole:
            ranks = [int(level * (floats.size - 1)) for level in LEVELS]
            exact = tuple(np.partition(floats.ravel(), sorted({*ranks}))[ranks].tolist())
        return Statistics(
            float(floats.min()), float(floats.max()), float(magnitudes.min(where=magnitudes > 0, initial=np.inf)),
            floats.size - int(np.count_nonzero(floats)), Moments.of(floats), LogHistogram.of(floats), LinearHistogram.of(floats),
            exact,
        )

    def merged(self, other: Statistics) -> Statistics:
        """Of both together."""
        return Statistics(
            min(self.least, other.least), max(self.greatest, other.greatest), min(self.smallest, other.smallest),
            self.zeros + other.zeros, self.moments.merged(other.moments), self.log.merged(other.log), self.bins.merged(other.bins),
        )

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The numbers at `LEVELS`: exact, or within the relative error `hwgen.profile.histograms.QUANTILE_ERROR`.

        The first and the last are always exact.
        """
        if self.exact is not None:
            return self.exact
        inner = (min(max(self.log.quantile(level), self.least), self.greatest) for level in LEVELS[1:-1])
        return (self.least, *inner, self.greatest)

    @property
    def count(self) -> int:
        """Elements."""
        return self.moments.count

    @property
    def mean(self) -> float:
        """Of the elements."""
        return self.moments.mean

    @property
    def deviation(self) -> float:
        """Standard deviation of the elements (of all there are, not of a sample of more)."""
        return (self.moments.second / self.count) ** 0.5

    @property
    def skewness(self) -> float | None:
        """None where all elements are equal, or too large for float64 to say."""
        return self.count**0.5 * self.moments.third / self.moments.second**1.5 if self._spread else None

    @property
    def kurtosis(self) -> float | None:
        """Above that of a normal distribution, which is 0; None where the skewness is."""
        return self.count * self.moments.fourth / self.moments.second**2 - 3 if self._spread else None

    @property
    def _spread(self) -> bool:
        return not self.constant and self.moments.second > _TINY and isfinite(self.moments.fourth)

    @property
    def constant(self) -> bool:
        """Whether all elements are equal."""
        return self.least == self.greatest

    @property
    def magnitude(self) -> float:
        """The greatest."""
        return max(-self.least, self.greatest)

    @property
    def outliers(self) -> int:
        """Elements that take more integer bits than all but the share `OUTLIER_SHARE` of the elements do (exact count)."""
        beyond, kept = 0, 0
        for pair in reversed(self.log.powers.values()):
            beyond += sum(pair)
            if beyond > OUTLIER_SHARE * self.count:
                return kept
            kept = beyond
        return kept if self.zeros else 0


@dataclass(frozen=True, slots=True)
class ValueProfile:
    """One value or weight of a network.

    layer: path of the operator that makes it, or uses it.  role: ``value``, ``weight``, ``bias`` or ``constant``.
    shape: without the samples.
    """

    name: str
    layer: str
    operator: str
    role: str
    shape: Shape
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class Profile:
    """values: in the order in which the network computes them, each layer's weight and bias before its result."""

    model: str
    samples: int
    values: tuple[ValueProfile, ...]

    def of(self, value: Value) -> Statistics:
        """Of a value of the graph, which is among them, by its name."""
        return next(v.statistics for v in self.values if v.name == value.name)


def profile_graph(graph: Graph, data: Dataset, progress: Callable[[int], None] = lambda _: None) -> Profile:
    """Runs ``graph`` in float64 on all of ``data``.  progress: is told how many samples are done.

    Values that only move the elements of another are left out.
    Raises HwgenError for a graph of integers, for data that do not fit, and for a value that is no finite number.
    """
    check_inputs(graph, data)
    wanted = {v for v in graph.values() if v.producer.op not in _MOVES}
    seen: dict[Value, Statistics] = {}
    step = min(PART_SAMPLES, samples_at_a_time(graph))
    for start in range(0, data.samples, step):
        part = data.part(slice(start, start + step))
        for value, array in computed(graph, floats_of(part), wanted):
            if value in wanted:
                found = Statistics.of(finite(value, array), whole=False)
                seen[value] = seen[value].merged(found) if value in seen else found
        progress(min(start + step, data.samples))
    rows: list[ValueProfile] = []
    constants: set[Value] = set()
    for node in graph.nodes:
        for role, value in constants_of(node):
            if origin(value) not in constants:
                rows.append(_constant_profile(origin(value), node, role))
                constants.add(origin(value))
        value = node.output
        if value in seen:
            rows.append(ValueProfile(value.name, node.path, node.op, "value", value.type.shape[1:], seen[value]))
    return Profile(graph.name, data.samples, tuple(rows))


def floats_of(data: Dataset) -> dict[str, Float64]:
    """The inputs in float64, as `hwgen.ops.run` takes them."""
    return {name: array.astype(np.float64) for name, array in data.inputs.items()}


def check_inputs(graph: Graph, data: Dataset) -> None:
    """Refuses a graph of integers, and data that do not fit."""
    for value in graph.inputs:
        if value.type.format is not REAL:
            fix = "profile the model that it was made from"
            raise HwgenError("usage", f"input {value.name!r}", f"comes in as codes ({value.type.format})", fix)
        given, wanted = data.inputs.get(value.name), value.type.shape[1:]
        if given is None or given.shape[1:] != wanted:
            what = "has no data" if given is None else f"gets data of shape {given.shape}"
            raise HwgenError("data", f"input {value.name!r}", what, f"give (samples, {', '.join(map(str, wanted))})")


def finite(value: Value, array: Array) -> Float64:
    """The numbers of a value.  Raises HwgenError where one is not finite."""
    floats = np.asarray(array, dtype=np.float64)
    sound = np.isfinite(floats)
    if not sound.all():
        sample, *place = (int(k) for k in np.argwhere(~sound)[0])
        what = f"becomes {floats[(sample, *place)]} in float64, first at element {tuple(place)} of a sample"
        where = f"{value.producer.op} {value.producer.path!r}, value {value.name!r}"
        raise HwgenError("not-finite", where, what, "see the values before it, and scale the data or the weights")
    return floats


def _constant_profile(value: Value, user: Node, role: str) -> ValueProfile:
    attrs = value.producer.attrs
    if not isinstance(attrs, ConstantAttrs):
        raise TypeError(f"{value.name} is no constant")
    floats = finite(value, constant_floats(attrs))
    return ValueProfile(value.name, user.path, user.op, role, value.type.shape, Statistics.of(floats))


