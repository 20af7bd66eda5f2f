"""How often values go beyond a type, and how often they vanish in it: of any types, on real data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log10

import numpy as np

from hwgen.data import Dataset
from hwgen.formats import REAL, Block, FloatFormat, Format, Quantized
from hwgen.ir.graph import Graph, Node, Value
from hwgen.numerics.rounding import level_boundary
from hwgen.ops.run import computed, constant_floats
from hwgen.ops.source import ConstantAttrs
from hwgen.profile.histograms import Float64
from hwgen.profile.parameters import constants_of, real_parameters
from hwgen.profile.statistics import PART_SAMPLES, check_inputs, finite, floats_of
from hwgen.sim.reference import samples_at_a_time


@dataclass(frozen=True, slots=True)
class Tally:
    """What a type does to numbers.

    overflow: numbers that it clips or wraps, beyond what rounding does to them; underflow: numbers that are not 0 and become 0.
    signal, noise: sums of the squares of the numbers, and of their errors.
    """

    count: int
    overflow: int
    underflow: int
    signal: float
    noise: float

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.count + other.count, self.overflow + other.overflow, self.underflow + other.underflow,
            self.signal + other.signal, self.noise + other.noise,
        )

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio in decibels: infinite without noise."""
        return decibels(self.signal, self.noise)


def decibels(signal: float, noise: float) -> float:
    """``10 * log10(signal / noise)`` of powers; infinite where there is no noise, minus infinity where there is nothing else."""
    if not noise:
        return inf
    return 10 * log10(signal / noise) if signal else -inf


def limits(format_: Format, axes: int = 0) -> tuple[Float64, Float64]:
    """(low, high): a number overflows exactly where it is below or above; ready to be compared with an array of ``axes`` axes.

    Of formats whose members do not lie evenly: half a gap beyond the outermost members.
    """
    if isinstance(format_, Block):
        element, (_, top) = format_.element, format_.exponents
        greatest = np.array(float(element.high * element.scales[0]) * 2.0**top)
        return -greatest, greatest
    if not isinstance(format_, Quantized):
        return np.array(-inf), np.array(inf)
    scale, zero = (_along(numbers, format_, axes) for numbers in (format_.scales, format_.zeros))
    if format_.bipolar:
        return np.array(-inf), np.array(inf)
    if isinstance(format_, FloatFormat):
        *_, last, most = (0, *format_.grid.magnitudes())
        reach = (most + (most - last) / 2) * scale
        return -reach, reach
    (above, meets), (below, holds) = (level_boundary(level, format_.rounding) for level in (format_.high + 1, format_.low))
    high, low = (float(above) - zero) * scale, (float(below) - zero) * scale
    return low if holds else np.nextafter(low, inf), np.nextafter(high, -inf) if meets else high


def _along(numbers: tuple[object, ...], format_: Quantized, axes: int) -> Float64:
    """One number, or one a channel along the axis."""
    array = np.array([float(n) for n in numbers])  # pyright: ignore[reportArgumentType] - rationals and integers
    if len(array) == 1 or format_.axis is None:
        return array.reshape(())
    return array.reshape([-1 if k == format_.axis % axes else 1 for k in range(axes)])


def tally(format_: Format, values: Float64) -> Tally:
    """What ``format_`` does to ``values``, finite numbers."""
    if not isinstance(format_, Quantized | Block):
        return Tally(values.size, 0, 0, float((values * values).sum()), 0.0)
    low, high = limits(format_, values.ndim)
    made = np.asarray(format_.quantize_real(values), dtype=np.float64)
    error = made - values
    return Tally(
        values.size, int(np.count_nonzero((values < low) | (values > high))), int(np.count_nonzero((made == 0) & (values != 0))),
        float((values * values).sum()), float((error * error).sum()),
    )


@dataclass(frozen=True, slots=True)
class TypeCheck:
    """What the type of one value or weight does to it.

    layer, value: their names in the model.  role: ``input`` (of the model), ``value``, ``weight``, ``bias`` or ``constant``.
    elements: of the tensor.
    """

    layer: str
    role: str
    value: str
    format: Format
    elements: int
    tally: Tally


def check_types(
    real: Graph, quantized: Graph, data: Dataset, progress: Callable[[int], None] = lambda _: None
) -> tuple[TypeCheck, ...]:
    """What each quantizer of ``quantized`` does to the numbers that reach it, and to the parameters.

    real: the graph that it was made from: what parameters were before.  In the order of the graph.
    """
    check_inputs(quantized, data)
    quantizers: dict[Value, list[Node]] = {}
    for node in quantized.nodes:
        if node.op == "quantize" and node.inputs[0].producer.op != "constant":
            quantizers.setdefault(node.inputs[0], []).append(node)
    found: dict[Node, Tally] = {}
    step = min(PART_SAMPLES, samples_at_a_time(quantized))
    for start in range(0, data.samples, step):
        for value, array in computed(quantized, floats_of(data.part(slice(start, start + step))), quantized.values()):
            for node in quantizers.get(value, ()):
                seen = tally(node.output.type.format, finite(value, array))
                found[node] = found[node] + seen if node in found else seen
        progress(min(start + step, data.samples))
    before = real_parameters(real)
    rows: list[TypeCheck] = []
    for node in quantized.nodes:
        for role, value in constants_of(node):
            if value.type.format is not REAL and (node.path, role) in before:
                rows.append(_of_parameter(node.path, role, before[node.path, role], value.type.format))
        if node in found:
            source = node.inputs[0]
            role = "input" if source.producer.op == "input" else "value"
            rows.append(
                TypeCheck(source.producer.path, role, source.name, node.output.type.format, source.type.elements, found[node])
            )
    return tuple(rows)


def _of_parameter(path: str, role: str, value: Value, format_: Format) -> TypeCheck:
    attrs = value.producer.attrs
    if not isinstance(attrs, ConstantAttrs):
        raise TypeError(f"{value.name} is no constant")
    return TypeCheck(path, role, value.name, format_, value.type.elements, tally(format_, constant_floats(attrs)))
