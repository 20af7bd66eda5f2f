"""Joins the elements of a dataflow to a netlist, and lists the memory files that it reads.

A stream's nets are named after what gives it: ``s0_in`` (an input port), ``s3_out`` (stage s3), ``c1_out`` (a width converter),
``f0_1`` (a branch of a fork), ``f0_b1_out`` (the FIFO on it); each is a ``_valid``, a ``_ready`` and a ``_data``.  Within a stage
stand ``s3_x0`` (a stream between its streaming units) and ``s3_p1`` (valid data between its pipeline units).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Fork, PlacedUnit, Stage, Stream
from hwgen.dataflow.unit import Memory, Role, memory_style
from hwgen.rtl.netlist import Instance, Net, Netlist, Port
from hwgen.rtl.ports import StreamPort, input_ports, output_ports

TOP: Final = "hwgen_top"
Connections = tuple[tuple[str, str | tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class MemoryFile:
    """file: name inside the build directory."""

    file: str
    memory: Memory


@dataclass(frozen=True, slots=True)
class Design:
    """Everything that is printed.  nets: of each stream, without ``_valid``, ``_ready``, ``_data``; in the order of the data."""

    netlist: Netlist
    memories: tuple[MemoryFile, ...]
    nets: tuple[tuple[Stream, str], ...]


@dataclass(slots=True)
class _Builder:
    nets: list[Net] = field(default_factory=list[Net])
    instances: list[Instance] = field(default_factory=list[Instance])
    memories: list[MemoryFile] = field(default_factory=list[MemoryFile])
    names: dict[Stream, str] = field(default_factory=dict[Stream, str])

    def net(self, name: str, width_bits: int = 1) -> str:
        self.nets.append(Net(name, width_bits))
        return name

    def stream(self, name: str, width_bits: int) -> str:
        for suffix, width in (("valid", 1), ("ready", 1), ("data", width_bits)):
            self.net(f"{name}_{suffix}", width)
        return name

    def pipe(self, name: str, width_bits: int) -> str:
        self.net(f"{name}_valid")
        self.net(f"{name}_data", width_bits)
        return name

    def give(self, stream: Stream, name: str) -> str:
        """The nets of a stream."""
        self.names[stream] = self.stream(name, stream.bits)
        return name

    def add(self, module: str, name: str, parameters: tuple[tuple[str, int | str], ...], connections: Connections) -> None:
        clock = () if module in _UNCLOCKED else (("clk_i", "aclk"), ("rst_i", "rst"))
        self.instances.append(Instance(module, name, parameters, (*clock, *connections)))


_UNCLOCKED: Final = ("hg_pair_gate",)
_SIDES: Final = {"in": ("i", "o", "i"), "out": ("o", "i", "o")}


def _stream(prefix: str, net: str, side: str | None = None) -> Connections:
    """Connections of a stream port; the template says which are inputs.  side: in or out where the prefix is another."""
    kinds = zip(("valid", "ready", "data"), _SIDES[side or prefix], strict=True)
    return tuple((f"{prefix}_{kind}_{direction}", f"{net}_{kind}") for kind, direction in kinds)


def _streams(prefix: str, nets: list[str]) -> Connections:
    """Connections of a packed port of several streams, the first lowest."""
    if len(nets) == 1:
        return _stream(prefix, nets[0])
    kinds = zip(("valid", "ready", "data"), _SIDES[prefix], strict=True)
    return tuple((f"{prefix}_{kind}_{direction}", tuple(f"{n}_{kind}" for n in reversed(nets))) for kind, direction in kinds)


def _pipe(prefix: str, net: str) -> Connections:
    direction = {"in": "i", "out": "o"}[prefix]
    return tuple((f"{prefix}_{kind}_{direction}", f"{net}_{kind}") for kind in ("valid", "data"))


def _unit(builder: _Builder, placed: PlacedUnit, name: str, connections: Connections) -> None:
    files: list[tuple[str, str]] = []
    for memory in placed.unit.memories:
        file = "_".join(filter(None, (f"mem/{name}", memory.parameter.removesuffix("File").lower()))) + ".mem"
        builder.memories.append(MemoryFile(file, memory))
        files.append((memory.parameter, file))
    builder.add(placed.unit.module, f"u_{name}", (*placed.unit.parameters, *files), connections)


def _fifo_parameters(stream: Stream, depth: int) -> tuple[tuple[str, int], ...]:
    """Of a FIFO of so many beats of a stream; a deep one stands in block memory."""
    return ("Width", stream.bits), ("Depth", depth), ("RamStyle", int(memory_style(depth, stream.bits)))


def _between(stage: Stage, index: int) -> int:
    """Bits of a beat between unit ``index`` of a stage and the next."""
    return stage.units[index].out_bits


def _short(placed: PlacedUnit) -> str:
    return placed.unit.module.removeprefix("hg_")


def _stage(builder: _Builder, stage: Stage) -> None:
    me = stage.name
    sources = [builder.names[s] for s in stage.takes]
    count = len(stage.streaming)
    for number, placed in enumerate(stage.streaming):
        last = number == count - 1 and not stage.piped
        after = builder.give(stage.gives[0], f"{me}_out") if last else builder.stream(f"{me}_x{number}", _between(stage, number))
        _unit(builder, placed, f"{me}_{_short(placed)}", (*_streams("in", sources), *_stream("out", after)))
        sources = [after]
    if stage.piped:
        _pipeline(builder, stage, sources)


def _pipeline(builder: _Builder, stage: Stage, sources: list[str]) -> None:
    """Front or gate, pipeline units, and the credit FIFO."""
    me, first = stage.name, len(stage.streaming)
    room, reserve = builder.net(f"{me}_room"), builder.net(f"{me}_reserve")
    credit = (("room_i", room), ("reserve_o", reserve))
    before = ""
    if stage.gated:
        in_bits = [s.bits for s in stage.takes] if not first else [_between(stage, first - 1)]
        before = builder.pipe(f"{me}_gated", sum(in_bits))
        if len(sources) == 2:
            a, b = (_stream(side, net, "in") for side, net in zip("ab", sources, strict=True))
            widths = (("AWidth", in_bits[0]), ("BWidth", in_bits[1]))
            builder.add("hg_pair_gate", f"u_{me}_gate", widths, (*a, *b, *credit, *_pipe("out", before)))
        else:
            parameters = (("Width", in_bits[0]), ("BeatsPerOutput", stage.beats_per_output))
            builder.add("hg_gate", f"u_{me}_gate", parameters, (*_stream("in", sources[0]), *credit, *_pipe("out", before)))
    for number, placed in enumerate(stage.piped):
        index = number + stage.gated
        after = builder.pipe(f"{me}_p{index}", _between(stage, first + number))
        if placed.unit.role is Role.FRONT:
            connections = (*_stream("in", sources[0]), *credit, *_pipe("out", after))
        else:
            connections = (*_pipe("in", before), *_pipe("out", after))
        _unit(builder, placed, f"{me}_{_short(placed)}{index or ''}", connections)
        before = after
    builder.give(stage.gives[0], f"{me}_out")
    builder.add(
        "hg_credit_fifo", f"u_{me}_fifo", _fifo_parameters(stage.gives[0], stage.fifo_depth),
        (("room_o", room), ("reserve_i", reserve), *_pipe("in", before), *_stream("out", f"{me}_out")),
    )


def instance_of(glue: Fork | Buffer | Converter) -> str:
    """The name of its instance in the top."""
    return f"u_{glue.name}_convert" if isinstance(glue, Converter) else f"u_{glue.name}"


def _fork(builder: _Builder, fork: Fork) -> None:
    source = builder.names[fork.takes[0]]
    nets = [builder.give(stream, f"{fork.name}_{k}") for k, stream in enumerate(fork.gives)]
    parameters = (("Width", fork.takes[0].bits), ("Outputs", len(nets)))
    builder.add("hg_stream_fork", instance_of(fork), parameters, (*_stream("in", source), *_streams("out", nets)))


def _buffer(builder: _Builder, buffer: Buffer) -> None:
    source, after = builder.names[buffer.takes[0]], builder.give(buffer.gives[0], f"{buffer.name}_out")
    parameters = _fifo_parameters(buffer.takes[0], buffer.depth)
    builder.add("hg_stream_fifo", instance_of(buffer), parameters, (*_stream("in", source), *_stream("out", after)))


def _converter(builder: _Builder, converter: Converter) -> None:
    before, after = converter.takes[0], converter.gives[0]
    source, net = builder.names[before], builder.give(after, f"{converter.name}_out")
    parameters = (
        ("Width", before.element_bits), ("Elements", converter.elements), ("InLanes", before.lanes), ("OutLanes", after.lanes),
    )
    builder.add(
        "hg_width_converter", instance_of(converter), parameters, (*_stream("in", source), *_stream("out", net))
    )


def _axis(port: StreamPort, direction: str, names: tuple[str, ...]) -> Connections:
    """Connections of an outer port: the template's names are those of a single one."""
    return tuple((f"{direction}_{n}", f"{port.name}_{n.rsplit('_', 1)[0]}") for n in names)


def _input_port(builder: _Builder, port: StreamPort, stream: Stream, number: str) -> list[Port]:
    net = builder.give(stream, f"s0_in{number}")
    parameters = (("Lanes", port.lanes), ("Width", port.element_bits), ("Beats", port.beats))
    error = f"framing_error{number}"
    outer = _axis(port, "s_axis", ("tvalid_i", "tready_o", "tdata_i", "tlast_i"))
    builder.add("hg_axis_in", f"u_axis_in{number}", parameters, (*outer, *_stream("out", net), ("framing_error_o", error)))
    name = port.name
    return [
        Port(f"{name}_tvalid", True), Port(f"{name}_tready", False), Port(f"{name}_tdata", True, port.beat_bytes * 8),
        Port(f"{name}_tlast", True), Port(error, False),
    ]


def _output_port(builder: _Builder, port: StreamPort, stream: Stream, number: str) -> list[Port]:
    parameters = (("Lanes", port.lanes), ("Width", port.element_bits), ("SignExtend", int(port.signed)), ("Beats", port.beats))
    outer = _axis(port, "m_axis", ("tvalid_o", "tready_i", "tdata_o", "tlast_o"))
    builder.add("hg_axis_out", f"u_axis_out{number}", parameters, (*_stream("in", builder.names[stream]), *outer))
    name = port.name
    return [
        Port(f"{name}_tvalid", False), Port(f"{name}_tready", True), Port(f"{name}_tdata", False, port.beat_bytes * 8),
        Port(f"{name}_tlast", False),
    ]


def _numbers(count: int) -> list[str]:
    return [""] if count == 1 else [f"_{k}" for k in range(count)]


def assemble(flow: Dataflow) -> Design:
    """The netlist of the top module ``hwgen_top`` and its memories."""
    builder = _Builder()
    builder.net("rst")
    builder.instances.append(
        Instance("hg_reset", "u_reset", (), (("clk_i", "aclk"), ("aresetn_i", "aresetn"), ("rst_o", "rst")))
    )
    ports = [Port("aclk", True), Port("aresetn", True)]
    for port, stream, number in zip(input_ports(flow), flow.inputs, _numbers(len(flow.inputs)), strict=True):
        ports += _input_port(builder, port, stream, number)
    for element in flow.elements:
        match element:
            case Stage():
                _stage(builder, element)
            case Fork():
                _fork(builder, element)
            case Buffer():
                _buffer(builder, element)
            case Converter():
                _converter(builder, element)
    for port, stream, number in zip(output_ports(flow), flow.outputs, _numbers(len(flow.outputs)), strict=True):
        ports += _output_port(builder, port, stream, number)
    netlist = Netlist(TOP, tuple(ports), tuple(builder.nets), tuple(builder.instances))
    return Design(netlist, tuple(builder.memories), tuple(builder.names.items()))
