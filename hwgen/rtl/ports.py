"""The outer streams of a design: AXI4-Stream ports, their names and widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.dataflow.stage import Dataflow, Stream, integer_format
from hwgen.dataflow.unit import tensor_beats
from hwgen.ir.graph import Value


@dataclass(frozen=True, slots=True)
class StreamPort:
    """An outer stream.  beats: of a tensor."""

    name: str
    lanes: int
    element_bits: int
    signed: bool
    beats: int

    @property
    def padded_bits(self) -> int:
        """Bits of an element on the bus."""
        return -(-self.element_bits // 8) * 8

    @property
    def beat_bytes(self) -> int:
        """Bytes of a beat."""
        return self.lanes * self.padded_bits // 8


def stream_port(value: Value, lanes: int, name: str = "") -> StreamPort:
    """The stream that carries ``value``, as it would be on a bus."""
    format_ = integer_format(value)
    return StreamPort(name, lanes, format_.bits, format_.signed, tensor_beats(value.type.shape, lanes))


def _ports(streams: Sequence[Stream], prefix: str) -> tuple[StreamPort, ...]:
    names = [prefix] if len(streams) == 1 else [f"{prefix}_{k}" for k in range(len(streams))]
    return tuple(stream_port(s.value, s.lanes, name) for s, name in zip(streams, names, strict=True))


def input_ports(flow: Dataflow) -> tuple[StreamPort, ...]:
    """``s_axis``, or ``s_axis_0``, ``s_axis_1``, … in the order of the inputs."""
    return _ports(flow.inputs, "s_axis")


def output_ports(flow: Dataflow) -> tuple[StreamPort, ...]:
    """``m_axis``, or ``m_axis_0``, ``m_axis_1``, … in the order of the outputs."""
    return _ports(flow.outputs, "m_axis")


def framing_errors(flow: Dataflow) -> tuple[str, ...]:
    """``framing_error``, or ``framing_error_0``, … of the inputs."""
    count = len(flow.inputs)
    return ("framing_error",) if count == 1 else tuple(f"framing_error_{k}" for k in range(count))
