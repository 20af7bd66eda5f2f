"""Joins the units of a dataflow to a netlist, and lists the memory files that it reads.

Stage k has the nets ``sk_in`` (its input stream, after a width converter if there is one), ``sk_pJ`` (between its units)
and ``sk_out`` (the stream that leaves its FIFO); each stream is a ``_valid``, a ``_ready`` and a ``_data``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hwgen.dataflow.plan import Dataflow, PlacedUnit, Stage, integer_format
from hwgen.dataflow.unit import Memory, beats
from hwgen.ir.graph import Value
from hwgen.rtl.netlist import Instance, Net, Netlist, Port

TOP: Final = "hwgen_top"


@dataclass(frozen=True, slots=True)
class MemoryFile:
    """file: name inside the build directory."""

    file: str
    memory: Memory


@dataclass(frozen=True, slots=True)
class StreamPort:
    """An outer stream.  padded_bits: bits of an element on the bus, whole bytes."""

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


def stream_port(value: Value, lanes: int) -> StreamPort:
    """The outer stream that carries ``value``."""
    format_ = integer_format(value)
    return StreamPort(lanes, format_.bits, format_.signed, beats(value.type.elements, lanes))


@dataclass(frozen=True, slots=True)
class Design:
    """Everything that is printed."""

    netlist: Netlist
    memories: tuple[MemoryFile, ...]


@dataclass(slots=True)
class _Builder:
    nets: list[Net] = field(default_factory=list[Net])
    instances: list[Instance] = field(default_factory=list[Instance])
    memories: list[MemoryFile] = field(default_factory=list[MemoryFile])

    def net(self, name: str, width_bits: int = 1) -> str:
        self.nets.append(Net(name, width_bits))
        return name

    def stream(self, name: str, width_bits: int) -> None:
        for suffix, width in (("valid", 1), ("ready", 1), ("data", width_bits)):
            self.net(f"{name}_{suffix}", width)

    def add(
        self, module: str, name: str, parameters: tuple[tuple[str, int | str], ...], connections: tuple[tuple[str, str], ...]
    ) -> None:
        clock = (("clk_i", "aclk"), ("rst_i", "rst"))
        self.instances.append(Instance(module, name, parameters, (*clock, *connections)))


def _stream(prefix: str, net: str) -> tuple[tuple[str, str], ...]:
    """Connections of a stream port; the template says which are inputs."""
    directions = {"in": ("i", "o", "i"), "out": ("o", "i", "o")}[prefix]
    return tuple(
        (f"{prefix}_{kind}_{direction}", f"{net}_{kind}")
        for kind, direction in zip(("valid", "ready", "data"), directions, strict=True)
    )


def _unit(builder: _Builder, placed: PlacedUnit, name: str, connections: tuple[tuple[str, str], ...]) -> None:
    files = []
    for memory in placed.unit.memories:
        file = "_".join(filter(None, (f"mem/{name}", memory.parameter.removesuffix("File").lower()))) + ".mem"
        builder.memories.append(MemoryFile(file, memory))
        files.append((memory.parameter, file))
    builder.add(placed.unit.module, f"u_{name}", (*placed.unit.parameters, *files), connections)


def _out_bits(placed: PlacedUnit) -> int:
    return integer_format(placed.node.output).bits * placed.unit.out_lanes


def _stage(builder: _Builder, stage: Stage, index: int, source: str) -> None:
    me = f"s{index}"
    for name in ("room", "reserve"):
        builder.net(f"{me}_{name}")
    credit = (("room_i", f"{me}_room"), ("reserve_o", f"{me}_reserve"))
    units = list(stage.units)
    in_bits = integer_format(stage.input).bits * stage.first.in_lanes
    if stage.first.streams:
        before = f"{me}_p0"
        _pipeline_net(builder, before, _out_bits(units[0]))
        _unit(builder, units[0], f"{me}_{_short(units[0])}", (*_stream("in", source), *credit, *_pipe("out", before)))
        rest = units[1:]
    else:
        before = f"{me}_gated"
        _pipeline_net(builder, before, in_bits)
        builder.add(
            "hg_gate", f"u_{me}_gate", (("Width", in_bits), ("BeatsPerOutput", stage.beats_per_output)),
            (*_stream("in", source), *credit, *_pipe("out", before)),
        )
        rest = units
    for number, placed in enumerate(rest, start=1):
        after = f"{me}_p{number}"
        _pipeline_net(builder, after, _out_bits(placed))
        _unit(builder, placed, f"{me}_{_short(placed)}{number}", (*_pipe("in", before), *_pipe("out", after)))
        before = after
    builder.stream(f"{me}_out", _out_bits(units[-1]))
    builder.add(
        "hg_credit_fifo", f"u_{me}_fifo", (("Width", _out_bits(units[-1])), ("Depth", stage.fifo_depth)),
        (("room_o", f"{me}_room"), ("reserve_i", f"{me}_reserve"), *_pipe("in", before), *_stream("out", f"{me}_out")),
    )


def _short(placed: PlacedUnit) -> str:
    return placed.unit.module.removeprefix("hg_")


def _pipeline_net(builder: _Builder, name: str, width_bits: int) -> None:
    builder.net(f"{name}_valid")
    builder.net(f"{name}_data", width_bits)


def _pipe(prefix: str, net: str) -> tuple[tuple[str, str], ...]:
    direction = {"in": "i", "out": "o"}[prefix]
    return tuple((f"{prefix}_{kind}_{direction}", f"{net}_{kind}") for kind in ("valid", "data"))


def _input_net(builder: _Builder, flow: Dataflow, index: int) -> str:
    """The stream into stage ``index``: the outer one, that of the FIFO before, or a width converter's."""
    if index == 0:
        return "s0_in"
    stage, before = flow.stages[index], flow.stages[index - 1]
    if before.last.out_lanes == stage.first.in_lanes:
        return f"s{index - 1}_out"
    bits, out_lanes, in_lanes = integer_format(stage.input).bits, before.last.out_lanes, stage.first.in_lanes
    builder.stream(f"s{index}_in", bits * in_lanes)
    builder.add(
        "hg_width_converter", f"u_s{index}_convert",
        (("Width", bits), ("Elements", stage.input.type.elements), ("InLanes", out_lanes), ("OutLanes", in_lanes)),
        (*_stream("in", f"s{index - 1}_out"), *_stream("out", f"s{index}_in")),
    )
    return f"s{index}_in"


def assemble(flow: Dataflow) -> Design:
    """The netlist of the top module ``hwgen_top`` and its memories."""
    builder = _Builder()
    builder.net("rst")
    builder.instances.append(
        Instance("hg_reset", "u_reset", (), (("clk_i", "aclk"), ("aresetn_i", "aresetn"), ("rst_o", "rst")))
    )
    source, sink = stream_port(flow.input, flow.in_lanes), stream_port(flow.output, flow.out_lanes)
    builder.stream("s0_in", source.lanes * source.element_bits)
    builder.add(
        "hg_axis_in", "u_axis_in", (("Lanes", source.lanes), ("Width", source.element_bits), ("Beats", source.beats)),
        (
            *((f"s_axis_{p}", f"s_axis_{p.rsplit('_', 1)[0]}") for p in ("tvalid_i", "tready_o", "tdata_i", "tlast_i")),
            *_stream("out", "s0_in"), ("framing_error_o", "framing_error"),
        ),
    )
    for index, stage in enumerate(flow.stages):
        _stage(builder, stage, index, _input_net(builder, flow, index))
    builder.add(
        "hg_axis_out", "u_axis_out",
        (("Lanes", sink.lanes), ("Width", sink.element_bits), ("SignExtend", int(sink.signed)), ("Beats", sink.beats)),
        (
            *_stream("in", f"s{len(flow.stages) - 1}_out"),
            *((f"m_axis_{p}", f"m_axis_{p.rsplit('_', 1)[0]}") for p in ("tvalid_o", "tready_i", "tdata_o", "tlast_o")),
        ),
    )
    ports = (
        Port("aclk", True), Port("aresetn", True),
        Port("s_axis_tvalid", True), Port("s_axis_tready", False),
        Port("s_axis_tdata", True, source.beat_bytes * 8), Port("s_axis_tlast", True),
        Port("m_axis_tvalid", False), Port("m_axis_tready", True),
        Port("m_axis_tdata", False, sink.beat_bytes * 8), Port("m_axis_tlast", False),
        Port("framing_error", False),
    )
    netlist = Netlist(TOP, ports, tuple(builder.nets), tuple(builder.instances))
    return Design(netlist, tuple(builder.memories))

