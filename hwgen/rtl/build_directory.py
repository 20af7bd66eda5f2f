"""The build directory: written beside its final name and renamed when whole; the manifest comes last.

    rtl/            the templates that the design uses, and hwgen_top.v
    mem/            memory images for $readmemh, found relative to the working directory
    vectors/        input beats, and the beats that leave each stage, for other simulators: one a line, hexadecimal
    model.hwg       the lowered graph
    filelist.f      the sources in order
    manifest.json   what was built from what, with hashes, and the map from the model's names

What is found out about a build is added to it later: ``verification.json``, ``synthesis/``, ``report.html``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from hwgen import __version__
from hwgen.dataflow.cycles import Performance, predict
from hwgen.dataflow.plan import Dataflow, integer_format, plan, with_fifo_depths
from hwgen.dataflow.unit import Parallelism
from hwgen.errors import HwgenError, HwgenFailure, understood
from hwgen.formats import IntArray
from hwgen.ir.graph import Array, Graph, Node, Value
from hwgen.ir.text import parse_graph, print_graph
from hwgen.ops.checking import check_foreign
from hwgen.ops.linear import MatvecAttrs
from hwgen.ops.record import attrs_as
from hwgen.ops.table import ATTRS
from hwgen.rtl.assemble import TOP, Design, StreamPort, assemble, stream_port
from hwgen.rtl.atomic import replaced_folder
from hwgen.rtl.beats import to_beats
from hwgen.rtl.foreign import check_hardware, read_text_inside
from hwgen.rtl.memory_file import memory_lines
from hwgen.rtl.printer import print_netlist
from hwgen.rtl.templates import closure

MANIFEST: Final = "manifest.json"
SCHEMA_VERSION: Final = 1
VECTOR_SAMPLES: Final = 16
_MAX_FIFO_DEPTH: Final = 1 << 24
_PARALLELISM: Final = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StreamRecord(_Record):
    """An outer stream.  name: the model's.  scale, offset: float64 of ``real = scale * code + offset``, one or one a channel."""

    name: str
    shape: tuple[int, ...]
    format: str
    lanes: int
    element_bits: int
    padded_bits: int
    signed: bool
    bipolar: bool
    beats: int
    scale: tuple[float, ...]
    offset: tuple[float, ...]


class StageRecord(_Record):
    """A stage.  path: the layer in the model.  value: the model's name of what it makes.  instances: in the top."""

    path: str
    value: str
    modules: tuple[str, ...]
    parallelism: str | None
    fifo_depth: int
    cycles: int
    multipliers: int


class OptionsRecord(_Record):
    """What the user asked for, as the command line takes it; None or False where nothing was.  calibration_sha256: of the data."""

    parallelism: str | None = None
    interval: int | None = None
    precision: str | None = None
    calibration_sha256: str | None = None
    input_format: str | None = None
    argmax: bool = False


NOTHING_ASKED: Final = OptionsRecord()


class Manifest(_Record):
    """What was built from what."""

    schema_version: Literal[1] = SCHEMA_VERSION
    hwgen_version: str
    model: str
    source_sha256: str
    options: OptionsRecord = NOTHING_ASKED
    top: str
    input: StreamRecord
    output: StreamRecord
    stages: tuple[StageRecord, ...]
    predicted_latency_cycles: int
    predicted_interval_cycles: int
    files: dict[str, str]


def _stream_record(value: Value, port: StreamPort) -> StreamRecord:
    format_ = integer_format(value)
    return StreamRecord(
        name=value.name, shape=value.type.shape, format=str(format_), lanes=port.lanes, element_bits=port.element_bits,
        padded_bits=port.padded_bits, signed=port.signed, bipolar=format_.bipolar, beats=port.beats,
        scale=tuple(float(s) for s in format_.scale), offset=tuple(float(o) for o in format_.offset),
    )


def _stage_records(flow: Dataflow) -> tuple[StageRecord, ...]:
    return tuple(
        StageRecord(
            path=s.path, value=s.output.name, modules=tuple(p.unit.module for p in s.units),
            parallelism=str(Parallelism(s.first.in_lanes, s.first.out_lanes)) if s.first.streams else None,
            fifo_depth=s.fifo_depth, cycles=s.cycles, multipliers=s.first.multipliers,
        )
        for s in flow.stages
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_rtl(folder: Path, design: Design) -> list[str]:
    """Templates, top and memories; returns the sources in order."""
    (folder / "rtl").mkdir()
    (folder / "mem").mkdir()
    sources: list[str] = []
    for template in closure({i.module for i in design.netlist.instances}):
        (folder / "rtl" / template.name).write_bytes(template.read_bytes())
        sources.append(f"rtl/{template.name}")
    (folder / "rtl" / f"{TOP}.v").write_text(print_netlist(design.netlist))
    for file in design.memories:
        with (folder / file.file).open("w") as out:
            out.writelines(f"{line}\n" for line in memory_lines(file.memory))
    return [*sources, f"rtl/{TOP}.v"]


def _write_vectors(folder: Path, flow: Dataflow, values: Mapping[Value, Array]) -> None:
    (folder / "vectors").mkdir()
    streams: list[tuple[str, Value, int]] = [("input", flow.input, flow.in_lanes)]
    streams += [(f"stage{k}", s.output, s.last.out_lanes) for k, s in enumerate(flow.stages)]
    for name, value, lanes in streams:
        port = stream_port(value, lanes)
        data = to_beats(values[value][:VECTOR_SAMPLES], value, port)
        lines = (row[::-1].tobytes().hex() for row in data.reshape(-1, port.beat_bytes))
        (folder / "vectors" / f"{name}.hex").write_text("".join(f"{line}\n" for line in lines))


def write_build(
    graph: Graph, flow: Dataflow, folder: Path, *, source_sha256: str, values: Mapping[Value, Array],
    options: OptionsRecord = NOTHING_ASKED,
) -> Manifest:
    """Fills an empty folder.  values: of the graph for a few samples, for the vectors."""
    design = assemble(flow)
    performance: Performance = predict(flow)
    sources = _write_rtl(folder, design)
    _write_vectors(folder, flow, values)
    (folder / "model.hwg").write_text(print_graph(graph))
    (folder / "filelist.f").write_text("".join(f"{s}\n" for s in sources))
    files = {str(f.relative_to(folder)): _sha256(f) for f in sorted(folder.rglob("*")) if f.is_file()}
    manifest = Manifest(
        hwgen_version=__version__, model=flow.name, source_sha256=source_sha256, options=options, top=TOP,
        input=_stream_record(flow.input, stream_port(flow.input, flow.in_lanes)),
        output=_stream_record(flow.output, stream_port(flow.output, flow.out_lanes)),
        stages=_stage_records(flow),
        predicted_latency_cycles=performance.latency_cycles, predicted_interval_cycles=performance.interval_cycles,
        files=files,
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest


def emit(graph: Graph, flow: Dataflow, out: Path, *, source_sha256: str, values: Mapping[Value, Array]) -> Manifest:
    """Writes the build directory of a planned design; it appears whole or not at all."""
    with replaced_folder(out, MANIFEST) as folder:
        return write_build(graph, flow, folder, source_sha256=source_sha256, values=values)


class Build:
    """A build directory that exists: its manifest, graph and plan."""

    def __init__(self, folder: Path) -> None:
        """Raises HwgenError where ``folder`` is not a whole build."""
        if not folder.is_dir() or not (folder / MANIFEST).is_file():
            raise HwgenError("no-build", f"folder {folder.name!r}", "holds no whole build", "make one with `hwgen build`")
        self.folder = folder.resolve()
        self._place = self.folder.stat().st_ino
        try:
            self.manifest = Manifest.model_validate_json(read_text_inside(self.folder, MANIFEST))
        except ValidationError as error:
            first = error.errors()[0]
            raise HwgenError(
                "no-build", f"{MANIFEST} of {folder.name!r}", f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "build again"
            ) from error
        text, sources = (self._as_made(name) for name in ("model.hwg", "filelist.f"))
        self._sources = sources.split()
        with understood(f"build {folder.name!r}"):
            self.graph = parse_graph(text, ATTRS)
            check_foreign(self.graph)
            self.flow = self._plan()

    def _as_made(self, name: str) -> str:
        """A text that hwgen wrote and nobody edits: the contents that the manifest tells."""
        text = read_text_inside(self.folder, name)
        if hashlib.sha256(text.encode()).hexdigest() != self.manifest.files.get(name):
            raise self._damaged(f"file {name!r} is not the one that was built")
        return text

    def _damaged(self, what: str) -> HwgenError:
        return HwgenError("no-build", f"folder {self.folder.name!r}", what, "build again")

    def _plan(self) -> Dataflow:
        chosen = {s.path: s.parallelism for s in self.manifest.stages if s.parallelism}
        choices: list[tuple[Node, Parallelism]] = []
        for node in (n for n in self.graph.nodes if n.op == "matvec"):
            outputs, inputs = attrs_as(node, MatvecAttrs).weight.shape
            match = _PARALLELISM.fullmatch(chosen.get(node.path, ""))
            if match is None or int(match[1]) > inputs or int(match[2]) > outputs:
                raise self._damaged(f"layer {node.path!r} has no legal parallelism in the manifest")
            choices.append((node, Parallelism(int(match[1]), int(match[2]))))
        flow = plan(self.graph, choices)
        depths = [s.fifo_depth for s in self.manifest.stages]
        if len(flow.stages) != len(depths) or not all(1 <= depth <= _MAX_FIFO_DEPTH for depth in depths):
            raise self._damaged("the manifest and the graph have different stages")
        return with_fifo_depths(flow, depths)

    def check_unchanged(self) -> None:
        """Raises HwgenFailure where another build took the place of this one since it was read."""
        if not self.folder.is_dir() or self.folder.stat().st_ino != self._place:
            raise HwgenFailure("changed", f"folder {self.folder.name!r}", "was replaced by another build meanwhile", "run it again")

    def check_hardware(self) -> None:
        """Raises HwgenError where the sources or the memories are none that may be used."""
        self._hardware()

    def _hardware(self) -> list[Path]:
        memories = [m for stage in self.flow.stages for placed in stage.units for m in placed.unit.memories]
        largest = max((m.depth * (-(-m.width_bits // 4) + 1) for m in memories), default=0)
        return check_hardware(self.folder, self._sources, largest)

    @property
    def sources(self) -> Sequence[Path]:
        """SystemVerilog files in order; raises HwgenError where they or the memories are none that may be used."""
        return self._hardware()

    @property
    def sources_sha256(self) -> str:
        """Hash of the hardware as it is on disk now, by names and contents: the sources in order, and the memories.

        A result about this build keeps it, so that it is known as old when the hardware is another.
        """
        digest = hashlib.sha256()
        for name in [*self._sources, *sorted(f"mem/{path.name}" for path in (self.folder / "mem").glob("*.mem"))]:
            try:
                contents = _sha256(self.folder / name)
            except OSError as error:
                raise self._damaged(f"file {name!r} cannot be read") from error
            digest.update(f"{name} {contents}\n".encode())
        return digest.hexdigest()


def output_codes(value: Value, values: Mapping[Value, Array]) -> IntArray:
    """(samples, elements) codes of a value."""
    array = values[value]
    return np.asarray(array, dtype=np.int64).reshape(array.shape[0], -1)
