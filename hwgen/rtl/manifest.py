"""The manifest of a build: what was built from what, and the map from the model's names to ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from hwgen.dataflow.cycles import Performance
from hwgen.dataflow.plan import Dataflow, integer_format, is_wires
from hwgen.dataflow.stage import Buffer, Stage, Stream, model_input
from hwgen.dataflow.unit import Parallelism
from hwgen.formats import Integer, Quantized
from hwgen.ir.graph import Array, Graph, Shape, Value
from hwgen.ops.permute import permutation
from hwgen.ops.run import run_node
from hwgen.ops.table import INTEGER
from hwgen.rtl.ports import StreamPort, input_ports, output_ports

SCHEMA_VERSION: Final = 2
NO_QUANTIZERS: Final[Mapping[str, Quantized]] = {}
_MOST_AXES: Final = 6
"""Of a shape whose axes are looked through for the order in which they lie."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StreamRecord(_Record):
    """An outer stream.  name, shape: the model's.  port: its prefix in the top.  value: the code's name in ``model.hwg``.

    device_shape: as the tensor passes, position by position, channels last.  The host makes it of the model's tensor (of an output:
    the model's of it) by ``x.reshape(dims).transpose(order).reshape(device_shape)`` (of an output: ``shape``).
    beats: of a tensor; each position takes ``ceil(channels / lanes)``.
    quantizer: of an input: the format that rounds the model's reals to codes; None: to the nearest, ties to even, saturating.
    scale, offset: float64 of ``real = scale * code + offset``, one or one a channel (of an input, of the model's last axis).
    """

    name: str
    port: str
    value: str
    shape: tuple[int, ...]
    device_shape: tuple[int, ...]
    dims: tuple[int, ...]
    order: tuple[int, ...]
    format: str
    quantizer: str | None = None
    lanes: int
    element_bits: int
    padded_bits: int
    signed: bool
    bipolar: bool
    beats: int
    scale: tuple[float, ...]
    offset: tuple[float, ...]


class StageRecord(_Record):
    """A stage.  name: of its instances in the top.  path: the layer in the model.

    operator: the value that its first operator makes.  value: the value that it makes.
    parallelism: inputs x outputs at a time, of a layer that has weights.
    """

    name: str
    path: str
    operator: str
    value: str
    modules: tuple[str, ...]
    parallelism: str | None
    fifo_depth: int
    cycles: int
    multipliers: int


class BufferRecord(_Record):
    """A FIFO on a branch of a fork.  value: what passes there."""

    name: str
    value: str
    depth: int


class OptionsRecord(_Record):
    """What the user asked for, as the command line takes it; None or False where nothing was.  …_sha256: of a file, of data."""

    parallelism: str | None = None
    interval: int | None = None
    hls4ml_config_sha256: str | None = None
    precision: str | None = None
    calibration_sha256: str | None = None
    input_format: str | None = None
    argmax: bool = False


NOTHING_ASKED: Final = OptionsRecord()


class Manifest(_Record):
    """What was built from what."""

    schema_version: Literal[2] = SCHEMA_VERSION
    hwgen_version: str
    model: str
    source_sha256: str
    options: OptionsRecord = NOTHING_ASKED
    top: str
    inputs: tuple[StreamRecord, ...]
    outputs: tuple[StreamRecord, ...]
    stages: tuple[StageRecord, ...]
    buffers: tuple[BufferRecord, ...]
    predicted_latency_cycles: int
    predicted_interval_cycles: int
    files: dict[str, str]

    @property
    def predicted(self) -> Performance:
        """What the cycle model says."""
        return Performance(self.predicted_latency_cycles, self.predicted_interval_cycles)


def _axes(places: Array, before: Shape, after: Shape) -> tuple[Shape, Shape]:
    """dims and order of the permutation that brings place ``places[k]`` of a tensor to ``k``: whole axes where that is enough."""
    numbers = np.arange(places.size).reshape(before)
    if len(before) <= _MOST_AXES:
        for order in permutations(range(len(before))):
            moved = numbers.transpose(order)
            if moved.shape == after and (moved.ravel() == places).all():
                return before, order
    if (places == numbers.ravel()).all():
        return before, tuple(range(len(before)))
    found = permutation(places, after)
    if found is None:
        raise TypeError("a permutation of no axes")
    return found.dims, found.order


def _places(value: Value, end: Value) -> Array:
    """For each element of ``end``, the place in ``value`` that it comes from.  All between only moves elements."""
    chain: list[Value] = []
    while end is not value:
        chain.append(end)
        end = end.producer.inputs[0]
    numbers: Array = np.arange(value.type.elements).reshape(value.type.shape)
    for step in reversed(chain):
        if step.producer.op != "decode":
            numbers = run_node(step.producer, [numbers])
    return np.asarray(numbers).ravel()


def _decoded(graph: Graph, value: Value) -> Value | None:
    """The reals of what streams out, behind views of it."""
    users = graph.uses.get(value, ())
    ends = [n for n in users if n.op == "decode" or (n.op in INTEGER and is_wires(n))]
    found = (n.output if n.op == "decode" else _decoded(graph, n.output) for n in ends)
    return next((v for v in found if v is not None), None)


def _model_output(graph: Graph, value: Value) -> Value:
    """The model's value of which the host gets ``value``: decoded, and in the model's order and shape."""
    decoded = _decoded(graph, value)
    if decoded is None:
        raise TypeError(f"{value.name} is no output")
    while decoded not in graph.outputs and len(uses := graph.uses.get(decoded, ())) == 1 and uses[0].op in ("transpose", "reshape"):
        decoded = uses[0].output
    return decoded


def _stream_record(stream: Stream, port: StreamPort, model: Value, *, comes_in: bool) -> StreamRecord:
    value, codes = stream.value, model
    while not isinstance(codes.type.format, Integer):  # an output: the codes that are decoded
        codes = codes.producer.inputs[0]
    format_ = integer_format(codes)
    ends = (model, value) if comes_in else (value, model)
    dims, order = _axes(_places(*ends), *(v.type.shape for v in ends))
    return StreamRecord(
        name=model.name, port=port.name, value=value.name, shape=model.type.shape, device_shape=value.type.shape, dims=dims,
        order=order, format=str(format_), lanes=port.lanes, element_bits=port.element_bits, padded_bits=port.padded_bits,
        signed=port.signed, bipolar=format_.bipolar, beats=port.beats, scale=tuple(float(s) for s in format_.scale),
        offset=tuple(float(o) for o in format_.offset),
    )


def input_records(flow: Dataflow, quantizers: Mapping[str, Quantized] = NO_QUANTIZERS) -> tuple[StreamRecord, ...]:
    """What comes in, in the order of the ports.  quantizers: of the model's inputs, by name."""
    found: list[StreamRecord] = []
    for stream, port in zip(flow.inputs, input_ports(flow), strict=True):
        record = _stream_record(stream, port, model_input(stream), comes_in=True)
        quantizer = quantizers.get(record.name)
        found.append(record if quantizer is None else record.model_copy(update={"quantizer": str(quantizer)}))
    return tuple(found)


def output_records(graph: Graph, flow: Dataflow) -> tuple[StreamRecord, ...]:
    """What goes out, in the order of the ports."""
    pairs = zip(flow.outputs, output_ports(flow), strict=True)
    return tuple(_stream_record(s, port, _model_output(graph, s.value), comes_in=False) for s, port in pairs)


def _parallelism(stage: Stage) -> str | None:
    """Of the operator that begins the stage, where it is one whose parallelism is chosen."""
    if INTEGER[stage.node.op].work is None:
        return None
    units = [p.unit for p in stage.units if p.node is stage.node]
    return str(Parallelism(units[0].in_lanes, units[-1].out_lanes))


def stage_records(flow: Dataflow) -> tuple[StageRecord, ...]:
    """The stages in order."""
    return tuple(
        StageRecord(
            name=s.name, path=s.path, operator=s.node.output.name, value=s.output.name,
            modules=tuple(p.unit.module for p in s.units), parallelism=_parallelism(s), fifo_depth=s.fifo_depth, cycles=s.cycles,
            multipliers=s.multipliers,
        )
        for s in flow.stages
    )


def buffer_records(flow: Dataflow) -> tuple[BufferRecord, ...]:
    """The FIFOs behind forks."""
    return tuple(
        BufferRecord(name=e.name, value=e.takes[0].value.name, depth=e.depth) for e in flow.elements if isinstance(e, Buffer)
    )


def depths_of(stages: Sequence[StageRecord], buffers: Sequence[BufferRecord]) -> dict[str, int]:
    """Depth of each FIFO by the name of its element."""
    return {s.name: s.fifo_depth for s in stages} | {b.name: b.depth for b in buffers}
