"""The places of a network that are given types, and what was seen there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

from hwgen.errors import HwgenError
from hwgen.flow import lower, run_passes
from hwgen.formats import REAL, Fixed, Format
from hwgen.ir.graph import Graph, Value
from hwgen.ops.real_sampling import FUNCTION_OPS
from hwgen.precision.points import TRANSPARENT, grid_of, layers_of, points
from hwgen.precision.rules import ROLES, PrecisionConfig
from hwgen.profile.statistics import Profile, Statistics

_HOST: Final = frozenset(("softmax", "argmax", *FUNCTION_OPS, *TRANSPARENT))
"""What the host computes of the values that leave the chip, where nothing behind needs codes."""


@dataclass(frozen=True, eq=False, slots=True)
class Slot:
    """A place that takes a type.

    layer: path.  role: weight, bias, input or output.  values: that stand there, one as a rule.  statistics: of all of them.
    """

    layer: str
    operator: str
    role: str
    values: tuple[Value, ...]
    statistics: Statistics

    @property
    def elements(self) -> int:
        """That are held in this type, of one sample."""
        return sum(v.type.elements for v in self.values)

    @property
    def holds_parameters(self) -> bool:
        """Whether they are constants."""
        return self.role in ("weight", "bias")


Types = Mapping[Slot, Fixed]


def bits_of(types: Types) -> int:
    """Bits of all weights and biases, and of one sample's values at all places that have a type."""
    return sum(slot.elements * format_.width for slot, format_ in types.items())


def prepared(graph: Graph) -> Graph:
    """A graph of reals as its hardware computes it: constants, scalar arithmetic and batch norms folded into what they follow.

    Weights stay what they were before the model's own quantizers.
    """
    return run_passes(graph, "fold-constants{quantizers=false}, fold-scalar-arithmetic, fold-batch-norm")[0]


def slots_of(graph: Graph, folded: Graph, profile: Profile) -> tuple[Slot, ...]:
    """Where types make integers of ``graph``, in its order.  folded: as it is `prepared`.  profile: of that.

    Weights and biases; what a layer gives that one behind it needs in codes, inputs of the graph among them; what leaves the chip.
    What the model quantizes itself is no place for another type; of a model that lowers as it is only inputs without a type are.
    """
    found: dict[tuple[str, str], list[Value]] = {}
    layers = layers_of(graph)
    ends = {nodes[-1].output.name: path for path, nodes in layers.items()}
    places = [(v.producer.path, "output", folded.value(v.name)) for v in graph.inputs if not _has_type(v, graph)]
    if not _lowers_as_it_is(graph):
        places += [*_parameters(folded), *_needed(folded, ends), *_leaving(graph, folded, ends)]
    for path, role, value in places:
        values = found.setdefault((path, role), [])
        if value is not None and value not in values:
            values.append(value)
    first = {node.path: k for k, node in reversed([*enumerate(graph.nodes)])}
    keys = sorted(found, key=lambda key: (first[key[0]], ROLES.index(key[1])))
    return tuple(Slot(key[0], layers[key[0]][-1].op, key[1], tuple(found[key]), _seen(found[key], profile)) for key in keys)


_Place = tuple[str, str, Value | None]
"""Path and role, and the value that stands there."""


def _has_type(value: Value, graph: Graph) -> bool:
    """Whether the model quantizes an input, for all its uses alike."""
    uses = graph.uses.get(value, ())
    formats = {use.output.type.format for use in uses}
    return len(formats) == 1 and all(use.op == "quantize" for use in uses) and value not in graph.outputs


def _lowers_as_it_is(graph: Graph) -> bool:
    """Whether the model's own quantizers are all that it takes."""
    if not any(node.op == "quantize" for node in graph.nodes):
        return False
    try:
        lower(graph)
    except HwgenError:
        return False
    return True


def _parameters(folded: Graph) -> Iterator[_Place]:
    """Weights, and the biases of layers whose weight is not quantized by the model."""
    real = [p for p in points(folded) if p.value.producer.op == "constant" and p.value.type.format is REAL]
    weights = {p.path for p in real if p.role == "weight"}
    yield from ((p.path, p.role, p.value) for p in real if p.path in weights)


def _needed(folded: Graph, ends: Mapping[str, str]) -> Iterator[_Place]:
    """What must lie on a grid; as the output of the layer that makes it, where the model has one that ends there."""
    for point in points(folded):
        if point.role == "input" and point.needed and grid_of(point.value) is REAL:
            base = point.value
            while base.producer.op in TRANSPARENT:
                base = base.producer.inputs[0]
            yield (ends[base.name], "output", base) if base.name in ends else (point.path, "input", base)


def _leaving(graph: Graph, folded: Graph, ends: Mapping[str, str]) -> Iterator[_Place]:
    """What of each output the chip computes: nothing that only the host must."""
    for output in graph.outputs:
        base, uses = output, 0
        while base.producer.op in _HOST and len(graph.uses.get(base, ())) == uses:
            base, uses = base.producer.inputs[0], 1
        seen = folded.value(base.name)
        if seen is not None and seen.type.format is REAL and base.name in ends and base.producer.op != "input":
            yield ends[base.name], "output", seen


def _seen(values: list[Value], profile: Profile) -> Statistics:
    parts = [profile.of(value) for value in values]
    return reduce(Statistics.merged, parts)


def config_of(types: Mapping[Slot, Format]) -> PrecisionConfig:
    """A configuration that gives each place its type."""
    layers: dict[str, dict[str, str]] = {}
    for slot, format_ in types.items():
        layers.setdefault(slot.layer, {})[slot.role] = str(format_)
    return PrecisionConfig.of(layers=layers)
