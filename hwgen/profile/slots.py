"""The places of a network that are given types, and what was seen there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

from hwgen.flow import run_passes
from hwgen.formats import REAL, Fixed, Format
from hwgen.ir.graph import Graph, Value
from hwgen.ops.real_sampling import FUNCTION_OPS
from hwgen.precision.points import TRANSPARENT, grid_of, layers_of, points
from hwgen.precision.rules import ROLES, PrecisionConfig
from hwgen.profile.parameters import origin
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
    What the model quantizes itself is no place for another type.
    """
    found: dict[tuple[str, str], list[Value]] = {}
    ends = {nodes[-1].output.name: path for path, nodes in layers_of(graph).items()}

    def add(path: str, role: str, value: Value) -> None:
        values = found.setdefault((path, role), [])
        if value not in values:
            values.append(value)

    for point in points(folded):
        value = point.value
        if point.role in ("weight", "bias"):
            if origin(value).producer.op == "constant" and value.type.format is REAL:
                add(point.path, point.role, value)
        elif point.role == "input" and point.needed and grid_of(value) is REAL:
            base = _made(value)
            if base.name in ends:
                add(ends[base.name], "output", base)
            else:
                add(point.path, "input", base)
    for value in graph.outputs:
        base = _leaves(value, graph)
        seen = folded.value(base.name)
        if seen is not None and seen.type.format is REAL and base.name in ends and base.producer.op != "input":
            add(ends[base.name], "output", seen)
    first = {node.path: k for k, node in reversed([*enumerate(graph.nodes)])}
    operators = {path: nodes[-1].op for path, nodes in layers_of(graph).items()}
    keys = sorted(found, key=lambda key: (first[key[0]], ROLES.index(key[1])))
    return tuple(Slot(key[0], operators[key[0]], key[1], tuple(found[key]), _seen(found[key], profile)) for key in keys)


def _made(value: Value) -> Value:
    """Where the elements of a value were computed."""
    while value.producer.op in TRANSPARENT:
        value = value.producer.inputs[0]
    return value


def _leaves(value: Value, graph: Graph) -> Value:
    """What of an output the chip computes: nothing that only the host must."""
    uses = 0
    while value.producer.op in _HOST and len(graph.uses.get(value, ())) == uses:
        value, uses = value.producer.inputs[0], 1
    return value


def _seen(values: list[Value], profile: Profile) -> Statistics:
    parts = [profile.of(value) for value in values]
    return reduce(Statistics.merged, parts)


def config_of(types: Mapping[Slot, Format]) -> PrecisionConfig:
    """A configuration that gives each place its type."""
    layers: dict[str, dict[str, str]] = {}
    for slot, format_ in types.items():
        layers.setdefault(slot.layer, {})[slot.role] = str(format_)
    return PrecisionConfig.of(layers=layers)
