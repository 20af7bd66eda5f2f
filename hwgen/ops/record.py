"""What hwgen knows about one operator, as records of pure functions.

A *real* operator stands in an imported graph: exact real arithmetic, with quantizers in between.  An *integer* operator
stands in a lowered graph and has hardware.  `hwgen.ops.table` lists both kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from hwgen.cost.area import Area, Target
from hwgen.dataflow.unit import Parallelism, Unit
from hwgen.formats import IntArray
from hwgen.ir.graph import Array, Attrs, Node, TensorType, Value
from hwgen.numerics.interval import Interval
from hwgen.ops.importing import OnnxRule, TorchRule
from hwgen.ops.lowering import Lowering, Pending

T = TypeVar("T", bound=Attrs)
Float64 = npt.NDArray[np.float64]


RealSampler = Callable[[Random, Value, str], Value]
"""``sample(random, value, name)``: the result is called ``name``, and the names and paths of all others begin with it."""


def any_value(value: Value) -> bool:
    """Every value will do."""
    return True


@dataclass(frozen=True, slots=True)
class RealOp:
    """An operator of the imported graph.

    infer: types of the outputs from attributes and input types; raises HwgenError with the reason.
    evaluate: float64 NumPy of the outputs, batch of any size; None for a source.
    lower: its effect on integer values (see `hwgen.ops.lowering`); None where a pass must remove it before.
    onnx, torch: how each front end reads it, by operator name (QONNX's own have the prefix ``qonnx.``).

    For tests and fuzzing.  takes: whether ``sample`` can use a value, so that the graph still lowers.  sample: makes a random
    legal use of a value, with its constants, and returns the result; None for a source, and for what only stands between codes.
    """

    name: str
    attrs: type[Attrs]
    infer: Callable[[Node], tuple[TensorType, ...]]
    evaluate: Callable[[Node, Sequence[Float64]], Float64] | None = None
    lower: Callable[[Lowering, Node, Sequence[Pending]], Pending] | None = None
    onnx: Mapping[str, OnnxRule] = field(default_factory=dict[str, OnnxRule])
    torch: Mapping[str, TorchRule] = field(default_factory=dict[str, TorchRule])
    sample: RealSampler | None = None
    takes: Callable[[Value], bool] = any_value


@dataclass(frozen=True, slots=True)
class Case:
    """A random legal use of an integer operator, for tests and fuzzing: a node, and lanes that suit it."""

    node: Node
    parallelism: Parallelism


class Sampler(Protocol):
    """Makes a random legal use of an operator."""

    def __call__(self, random: Random, value: Value | None = None) -> Case:
        """A use of ``value``, which the operator ``takes``; of a fresh input of the graph where it is None."""
        ...


def no_attrs_plainer(node: Node) -> Iterator[Attrs]:
    """Nothing is plainer than no attributes."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Work:
    """Products of a layer: ``vectors`` vectors of ``taps`` times ``inputs`` elements, each with ``outputs`` rows.

    The layer takes ``vectors * taps * ceil(inputs / in lanes) * ceil(outputs / out lanes)`` cycles a tensor.
    lanewise: each channel has its own products (depthwise), ``inputs`` of them at a time and one output each.
    """

    vectors: int
    taps: int
    inputs: int
    outputs: int
    lanewise: bool = False


def fit_lanes(node: Node, wanted: Parallelism) -> Parallelism:
    """Any number of lanes up to the channels will do."""
    return Parallelism(
        min(wanted.inputs, node.inputs[0].type.shape[-1]), min(wanted.outputs, node.output_types[0].shape[-1])
    )


def fit_lanewise(node: Node, wanted: Parallelism) -> Parallelism:
    """As many lanes out as in, any number up to the channels."""
    lanes = max(1, min(wanted.inputs, node.inputs[0].type.shape[-1]))
    return Parallelism(lanes, lanes)


def no_units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    """Wires."""
    return ()


@dataclass(frozen=True, slots=True)
class IntegerOp:
    """An operator of the lowered graph.

    infer: as above; formats are `Integer` with sound bounds.  reference: int64 codes of the output from those of the
    inputs, batch of any size, channels last.  bounds: one interval a channel (last axis), or one for all.
    units: the hardware as data, in the order of the data; empty where it is wires.  costs: the area of its templates, by name,
    from the unit alone, without synthesis.  fit: the legal parallelism nearest to a wanted one (at most the operator's own sizes).
    work: its products, where it is a layer whose parallelism a user chooses.

    For tests and fuzzing.  takes: whether ``sample`` can use a value.  sample: a random legal use.
    refit: the node's attributes cut to another value, of fewer elements or of another format.
    plainer: attributes on the same input that make less of it (fewer rows, fewer bits, one function for all channels),
    the plainest first; none where there is nothing left to take away.
    """

    name: str
    attrs: type[Attrs]
    infer: Callable[[Node], tuple[TensorType, ...]]
    reference: Callable[[Node, Sequence[IntArray]], IntArray]
    bounds: Callable[[Node], tuple[Interval, ...]]
    units: Callable[[Node, Parallelism], tuple[Unit, ...]]
    sample: Sampler
    refit: Callable[[Node, Value], Attrs]
    plainer: Callable[[Node], Iterator[Attrs]] = no_attrs_plainer
    takes: Callable[[Value], bool] = any_value
    costs: Mapping[str, Callable[[Unit, Target], Area]] = field(default_factory=dict[str, Callable[[Unit, Target], Area]])
    fit: Callable[[Node, Parallelism], Parallelism] = fit_lanes
    work: Callable[[Node], Work] | None = None


def make(op: RealOp | IntegerOp, attrs: Attrs, inputs: Sequence[Value], name: str, path: str) -> Node:
    """A node of ``op`` with inferred output type, its one output called ``name``."""
    draft = Node(op.name, attrs, tuple(inputs), (), (), path)
    return Node(op.name, attrs, tuple(inputs), op.infer(draft), (name,), path)


def attrs_as(node: Node, kind: type[T]) -> T:
    """The node's attributes, known to be of ``kind``."""
    attrs: Any = node.attrs
    if not isinstance(attrs, kind):
        raise TypeError(f"{node.path}: {node.op} carries {type(attrs).__name__}, expected {kind.__name__}")
    return attrs


def constant_array(value: Value) -> Array | None:
    """The contents of a constant value (codes where its format is quantized), or None for any other."""
    return getattr(value.producer.attrs, "data", None) if value.producer.op == "constant" else None
