"""The build directory: written beside its final name and renamed when whole; the manifest comes last.

    rtl/            the templates that the design uses, and hwgen_top.v
    mem/            memory images for $readmemh, found relative to the working directory
    vectors/        beats of the inputs, the outputs and, unless they are very many, of what leaves each stage, for other
                    simulators: one a line, hexadecimal
    model.hwg       the lowered graph
    filelist.f      the sources in order
    manifest.json   what was built from what, with hashes, and the map from the model's names

What is found out about a build is added to it later: ``verification.json``, ``synthesis/``, ``report.html``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from hwgen import __version__
from hwgen.dataflow.cycles import Performance, predict
from hwgen.dataflow.folding import layers
from hwgen.dataflow.plan import Dataflow, plan, with_depths
from hwgen.dataflow.stage import Stream, integer_format
from hwgen.dataflow.unit import Parallelism
from hwgen.errors import HwgenError, HwgenFailure, understood
from hwgen.formats import Quantized, parse_quantized
from hwgen.ir.graph import Array, Graph, Node, Value
from hwgen.ir.text import parse_graph, print_graph
from hwgen.ops.checking import check_foreign
from hwgen.ops.table import ATTRS, INTEGER
from hwgen.rtl.assemble import TOP, Design, assemble
from hwgen.rtl.atomic import replaced_folder
from hwgen.rtl.beats import to_beats
from hwgen.rtl.foreign import check_hardware, read_text_inside
from hwgen.rtl.manifest import (
    NO_QUANTIZERS,
    NOTHING_ASKED,
    Manifest,
    OptionsRecord,
    buffer_records,
    depths_of,
    input_records,
    output_records,
    stage_records,
)
from hwgen.rtl.memory_file import memory_lines
from hwgen.rtl.ports import stream_port
from hwgen.rtl.printer import print_netlist
from hwgen.rtl.templates import closure

MANIFEST: Final = "manifest.json"
VECTOR_SAMPLES: Final = 16
_VECTOR_CHARACTERS: Final = 8 << 20
"""Of all vectors together, where one sample of the outer streams alone does not take more."""
_MAX_FIFO_DEPTH: Final = 1 << 24
_PARALLELISM: Final = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})")


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


@dataclass(frozen=True, slots=True)
class Vectors:
    """What is written for other simulators.  files: name and stream.  samples: how many."""

    files: tuple[tuple[str, Stream], ...]
    samples: int

    @property
    def values(self) -> tuple[Value, ...]:
        """The values that they show."""
        return tuple(stream.value for _, stream in self.files)


def vectors_of(flow: Dataflow) -> Vectors:
    """Fewer samples where a tensor takes many beats; where the stages take too many for one sample, the outer streams alone."""
    ends = tuple(
        (name if len(streams) == 1 else f"{name}{k}", stream)
        for name, streams in (("input", flow.inputs), ("output", flow.outputs))
        for k, stream in enumerate(streams)
    )
    stages = tuple((f"stage{k}", stage.gives[0]) for k, stage in enumerate(flow.stages))
    everything = _characters(ends + stages) <= _VECTOR_CHARACTERS
    files = ends + stages if everything else ends
    return Vectors(files, max(1, min(VECTOR_SAMPLES, _VECTOR_CHARACTERS // _characters(files))))


def _characters(files: tuple[tuple[str, Stream], ...]) -> int:
    """Of the vectors of one sample."""
    ports = [stream_port(stream.value, stream.lanes) for _, stream in files]
    return sum(port.beats * (2 * port.beat_bytes + 1) for port in ports)


def _write_vectors(folder: Path, flow: Dataflow, values: Mapping[Value, Array]) -> None:
    (folder / "vectors").mkdir()
    wanted = vectors_of(flow)
    for name, stream in wanted.files:
        port = stream_port(stream.value, stream.lanes)
        data = to_beats(values[stream.value][: wanted.samples], stream.value, port).reshape(-1, port.beat_bytes)
        digits = np.frombuffer(np.ascontiguousarray(data[:, ::-1]).tobytes().hex().encode(), np.uint8)
        lines = np.full((len(data), 2 * port.beat_bytes + 1), ord("\n"), np.uint8)
        lines[:, :-1] = digits.reshape(len(data), -1)
        (folder / "vectors" / f"{name}.hex").write_bytes(lines.tobytes())


def write_build(
    graph: Graph, flow: Dataflow, folder: Path, *, source_sha256: str, values: Mapping[Value, Array],
    options: OptionsRecord = NOTHING_ASKED, predicted: Performance | None = None,
    quantizers: Mapping[str, Quantized] = NO_QUANTIZERS,
) -> Manifest:
    """Fills an empty folder.  values: of the graph for a few samples, for the vectors.  predicted: cycles, where they are known.

    quantizers: of the model's inputs, by name.
    """
    design = assemble(flow)
    performance = predict(flow) if predicted is None else predicted
    sources = _write_rtl(folder, design)
    _write_vectors(folder, flow, values)
    (folder / "model.hwg").write_text(print_graph(graph))
    (folder / "filelist.f").write_text("".join(f"{s}\n" for s in sources))
    files = {str(f.relative_to(folder)): _sha256(f) for f in sorted(folder.rglob("*")) if f.is_file()}
    manifest = Manifest(
        hwgen_version=__version__, model=flow.name, source_sha256=source_sha256, options=options, top=TOP,
        inputs=input_records(flow, quantizers), outputs=output_records(graph, flow), stages=stage_records(flow),
        buffers=buffer_records(flow),
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
            self.quantizers = self._quantizers()

    def _as_made(self, name: str) -> str:
        """A text that hwgen wrote and nobody edits: the contents that the manifest tells."""
        text = read_text_inside(self.folder, name)
        if hashlib.sha256(text.encode()).hexdigest() != self.manifest.files.get(name):
            raise self._damaged(f"file {name!r} is not the one that was built")
        return text

    def _damaged(self, what: str) -> HwgenError:
        return HwgenError("no-build", f"folder {self.folder.name!r}", what, "build again")

    def _plan(self) -> Dataflow:
        """The dataflow that the manifest tells, stage by stage."""
        said = self.manifest
        chosen = {s.operator: s.parallelism for s in said.stages if s.parallelism}
        choices: list[tuple[Node, Parallelism]] = []
        for node, _ in layers(self.graph):
            match = _PARALLELISM.fullmatch(chosen.get(node.output.name) or "")
            wanted = None if match is None else Parallelism(int(match[1]), int(match[2]))
            if wanted is None or INTEGER[node.op].fit(node, wanted) != wanted:
                raise self._damaged(f"layer {node.path!r} has no legal parallelism in the manifest")
            choices.append((node, wanted))
        flow = plan(self.graph, choices)
        planned = depths_of(stage_records(flow), buffer_records(flow))
        depths = depths_of(said.stages, said.buffers)
        if not all(bool(planned.get(name)) <= depth <= bool(planned.get(name)) * _MAX_FIFO_DEPTH for name, depth in depths.items()):
            raise self._damaged("the manifest has no legal depths of FIFOs")
        flow = with_depths(flow, depths)
        if (said.stages, said.buffers) != (stage_records(flow), buffer_records(flow)):
            raise self._damaged("the manifest and the graph have different stages")
        inputs = tuple(record.model_copy(update={"quantizer": None}) for record in said.inputs)
        if (inputs, said.outputs) != (input_records(flow), output_records(self.graph, flow)):
            raise self._damaged("the manifest and the graph have different inputs or outputs")
        return flow

    def _quantizers(self) -> dict[str, Quantized]:
        """Of the model's inputs, by name."""
        found = {r.name: parse_quantized(r.quantizer) for r in self.manifest.inputs if r.quantizer is not None}
        for value in self.graph.inputs:
            codes = integer_format(value)
            made = found.get(value.name)
            if made is not None and (made.low, made.high, made.bipolar) != (codes.low, codes.high, codes.bipolar):
                raise self._damaged(f"the manifest and the graph have different codes of input {value.name!r}")
        return found

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
