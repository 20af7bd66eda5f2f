"""The way down, in a few verbs: import, run passes, lower, plan, emit, simulate, or all of it: `build`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hwgen.build_report import BuildReport
from hwgen.cost.area import Target
from hwgen.dataflow.cycles import Performance, predict, size_fifos
from hwgen.dataflow.folding import DEFAULT, for_interval, from_text
from hwgen.dataflow.plan import Dataflow, integer_format, plan
from hwgen.errors import HwgenError, understood
from hwgen.formats import REAL, FloatArray, IntArray
from hwgen.frontend.limits import read_bytes, read_graph_text
from hwgen.frontend.onnx_reader import ReadResult, read_onnx
from hwgen.ir.graph import Graph
from hwgen.ir.text import parse_graph
from hwgen.ops.checking import check_foreign
from hwgen.ops.run import evaluate
from hwgen.ops.table import ATTRS
from hwgen.ops.table import REAL as REAL_OPS
from hwgen.pipeline import Info, Pass, parse_pipeline, pass_of, run
from hwgen.rtl.atomic import check_replaceable, folder_beside, install, replaced_folder
from hwgen.rtl.build_directory import MANIFEST, VECTOR_SAMPLES, Build, Manifest, OptionsRecord, write_build

if TYPE_CHECKING:
    import torch

    from hwgen.sim.compare import Verification
    from hwgen.synth.record import Synthesis

DEFAULT_INPUT_FORMAT: Final = "fixed<16,6>"
_NO_HOST_STEPS: Final = ("input", "constant", "decode")
_PREPARE: Final = "fold-constants, fold-scalar-arithmetic, fold-batch-norm"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class BuildOptions:
    """What a user may ask of `build`.

    samples, seed: of the verification.  parallelism: ``4x8``, ``full``, ``fc1=4x8,fc2=2x2`` (inputs x outputs); interval:
    cycles an inference instead.  precision: format of what the model leaves in float; calibration: (samples, …) float data
    that sets its ranges.  input_format: of an input that the model does not quantize (None: fixed<16,6>).
    argmax: decide on chip.  inputs: (samples, …) real data to verify with, instead of random codes.
    target: synthesize for this family; pnr: also place and route.
    """

    samples: int = 100
    seed: int = 0
    parallelism: str | None = None
    interval: int | None = None
    precision: str | None = None
    calibration: FloatArray | None = field(default=None, compare=False)
    input_format: str | None = None
    argmax: bool = False
    inputs: FloatArray | None = field(default=None, compare=False)
    target: Target | None = None
    pnr: bool = False

    @property
    def record(self) -> OptionsRecord:
        """What the manifest keeps of them."""
        data = self.calibration
        return OptionsRecord(
            parallelism=self.parallelism, interval=self.interval, precision=self.precision,
            calibration_sha256=None if data is None else hashlib.sha256(np.ascontiguousarray(data).tobytes()).hexdigest(),
            input_format=self.input_format, argmax=self.argmax,
        )


@dataclass(frozen=True)
class Lowered:
    """graph: integers, and what the host does after decoding.  quantized: the real graph it was made from.  infos: of passes."""

    graph: Graph
    quantized: Graph
    infos: tuple[Info, ...]

    @property
    def input_formats(self) -> dict[str, str]:
        """Format in which each input comes in, as its quantizer writes it."""
        quantizers = {n.inputs[0].name: n.output.type.format for n in self.quantized.nodes if n.op == "quantize"}
        return {v.name: str(quantizers.get(v.name, v.type.format)) for v in self.graph.inputs}

    @property
    def host_steps(self) -> tuple[str, ...]:
        """Operators that the host computes after the last codes."""
        return tuple(f"{n.op} {n.path!r}" for n in self.graph.nodes if n.op in REAL_OPS and n.op not in _NO_HOST_STEPS)


def check_model(path: Path) -> ReadResult:
    """What can be read of a file, and every problem of it."""
    with understood(f"file {path.name!r}"):
        if path.suffix == ".hwg":
            graph = parse_graph(read_graph_text(path), ATTRS)
            check_foreign(graph)
            return ReadResult(graph, (), len(graph.nodes))
        return read_onnx(path)


def import_model(source: Path | str | torch.nn.Module, example: torch.Tensor | None = None, name: str = "model") -> Graph:
    """The graph of an ONNX, QONNX or ``.hwg`` file, or of a torch or Brevitas module with an example input."""
    if isinstance(source, Path | str):
        return check_model(Path(source)).require()
    from hwgen.frontend.brevitas_modules import read_module

    if example is None:
        raise HwgenError("no-example", "model", "a torch module needs an example input", "give example=torch.zeros(1, …)")
    return read_module(source, example, name)


def run_passes(graph: Graph, passes: str | Sequence[Pass]) -> tuple[Graph, tuple[Info, ...]]:
    """Runs a pipeline, as text or as passes."""
    return run(graph, parse_pipeline(passes) if isinstance(passes, str) else passes)


@understood("the model")
def lower(graph: Graph, options: BuildOptions | None = None) -> Lowered:
    """Quantizes what is left in float as the options say, and lowers to integers."""
    options = options or BuildOptions()
    if any(v.type.format is not REAL for v in graph.inputs):
        return Lowered(graph, graph, ())
    passes = list(parse_pipeline(_PREPARE))
    if options.precision is not None:
        passes.append(pass_of("assign-precision", format=options.precision, calibration=options.calibration))
    passes.append(
        pass_of(
            "assign-input-format", format=options.input_format or DEFAULT_INPUT_FORMAT, override=options.input_format is not None
        )
    )
    if options.argmax:
        passes.append(pass_of("argmax-on-chip"))
    passes.append(pass_of("fold-constants"))
    quantized, infos = run(graph, passes)
    lowered, last = run(quantized, [pass_of("lower")])
    return Lowered(lowered, quantized, (*infos, *last))


@understood("the model")
def plan_dataflow(graph: Graph, options: BuildOptions | None = None) -> Dataflow:
    """Stages with their parallelism and FIFOs."""
    options = options or BuildOptions()
    if options.interval is not None and options.parallelism is not None:
        raise HwgenError("usage", "--interval", "given together with --parallelism", "give one of the two")
    if options.interval is not None:
        choices = for_interval(graph, options.interval)
    else:
        choices = from_text(graph, options.parallelism or DEFAULT)
    return size_fifos(plan(graph, choices))


def simulate(build_dir: Path, *, samples: int = 100, seed: int = 0, codes: IntArray | None = None) -> Verification:
    """Streams samples through a build's RTL in the native runner and compares every bit with the reference.

    The build directory keeps what was found, and a page that shows it, if it can be written.
    """
    from hwgen.report.page import write_page
    from hwgen.sim.compare import verify
    from hwgen.sim.record import can_keep, keep, record_of
    from hwgen.sim.samples import draw

    existing = Build(build_dir)
    data = draw(existing.flow, samples, seed) if codes is None else codes
    verification = verify(existing, data, seed=seed)
    if can_keep(existing):
        keep(existing, record_of(existing, verification, given=codes is not None))
        write_page(existing)
    return verification


def synthesize(
    build_dir: Path, target: Target, *, pnr: bool = False, netlist_samples: int = 0, seed: int = 0,
    progress: Progress = lambda _: None,
) -> Synthesis:
    """What Yosys makes of a build.  pnr: place and route as well.  netlist_samples: simulate the netlist on so many inputs.

    seed: of placement and of those inputs.  The build directory keeps what was found, and a page that shows it.
    """
    from hwgen.synth.yosys import tools_for

    tools_for(target, pnr=pnr)
    progress("synthesize")
    return _synthesized(Build(build_dir), target, pnr=pnr, netlist_samples=netlist_samples, seed=seed, progress=progress)


def _synthesized(
    existing: Build, target: Target, *, pnr: bool, netlist_samples: int = 0, seed: int, progress: Progress
) -> Synthesis:
    from hwgen.report.page import write_page
    from hwgen.synth.store import save
    from hwgen.synth.yosys import synthesize

    made = synthesize(existing, target, pnr=pnr, netlist_samples=netlist_samples, seed=seed, progress=progress)
    save(existing, made)
    write_page(existing)
    return made


def _source_hash(source: object) -> str:
    data = read_bytes(Path(source)) if isinstance(source, Path | str) else b"module"
    return hashlib.sha256(data).hexdigest()


def _parameters(graph: Graph) -> int:
    weights = [n for n in graph.nodes if n.op == "constant"]
    return sum(n.output.type.elements for n in weights)


def _real_inputs(lowered: Lowered, codes: IntArray) -> FloatArray:
    return integer_format(lowered.graph.inputs[0]).decode(codes)


class _Clock:
    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float | None] = {}
        self._progress, self._start = progress, time.perf_counter()

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Times a phase and says that it began."""
        self._progress(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 4)

    def total(self) -> dict[str, float | None]:
        """All phases and the whole."""
        order = ("import", "lower", "emit", "simulate", "synthesize")
        self.seconds["emit"] = round((self.seconds.pop("plan", 0) or 0) + (self.seconds.get("emit") or 0), 4)
        return {**{k: self.seconds.get(k) for k in order}, "total": round(time.perf_counter() - self._start, 4)}


@dataclass(frozen=True)
class _Prepared:
    """A planned design that nothing was written of.  codes: (samples, …) of the input, for its verification."""

    graph: Graph
    lowered: Lowered
    flow: Dataflow
    codes: IntArray
    source_sha256: str
    options: OptionsRecord

    def write(self, folder: Path) -> Manifest:
        """Fills an empty folder."""
        values = evaluate(self.lowered.graph, {self.flow.input.name: self.codes[:VECTOR_SAMPLES]})
        return write_build(
            self.lowered.graph, self.flow, folder, source_sha256=self.source_sha256, values=values, options=self.options
        )


@dataclass(frozen=True)
class Emitted:
    """A build directory that was written and not simulated."""

    graph: Graph
    lowered: Lowered
    flow: Dataflow
    manifest: Manifest
    seconds: dict[str, float | None]
    build_dir: Path

    @property
    def predicted(self) -> Performance:
        """What the cycle model says."""
        return Performance(self.manifest.predicted_latency_cycles, self.manifest.predicted_interval_cycles)


def _prepare(
    source: Path | str | torch.nn.Module, name: str, options: BuildOptions, example: torch.Tensor | None, clock: _Clock
) -> _Prepared:
    from hwgen.sim.samples import draw, encode

    if options.samples < 1:
        raise HwgenError("usage", "--samples", f"{options.samples} samples", "give at least 1")
    with clock.phase("import"):
        graph = import_model(source, example, name)
    with clock.phase("lower"):
        lowered = lower(graph, options)
    with clock.phase("plan"):
        flow = plan_dataflow(lowered.graph, options)
        codes = draw(flow, options.samples, options.seed) if options.inputs is None else encode(options.inputs, flow)
    return _Prepared(graph, lowered, flow, codes, _source_hash(source), options.record)


def emit_model(
    source: Path | str | torch.nn.Module,
    out: Path,
    options: BuildOptions | None = None,
    *,
    example: torch.Tensor | None = None,
    progress: Progress = lambda _: None,
) -> Emitted:
    """`build` without the simulation."""
    clock = _Clock(progress)
    made = _prepare(source, out.name, options or BuildOptions(), example, clock)
    with clock.phase("emit"), replaced_folder(out, MANIFEST) as folder:
        manifest = made.write(folder)
    return Emitted(made.graph, made.lowered, made.flow, manifest, clock.total(), out)


def build(
    source: Path | str | torch.nn.Module,
    out: Path,
    options: BuildOptions | None = None,
    *,
    example: torch.Tensor | None = None,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> BuildReport:
    """Everything: import, quantize if it must, lower, emit, simulate, synthesize if asked, report.  changes: of `BuildOptions`.

    ``out`` is replaced only by a build whose every bit was equal; one that differs is left at ``<out>.failed``, and the
    report says so.  Raises HwgenError for bad input (nothing is written); where synthesis fails, the verified build stays.
    """
    from hwgen.report.page import write_page
    from hwgen.sim.compare import verify
    from hwgen.sim.record import keep, record_of

    options = replace(options or BuildOptions(), **changes)
    _check_synthesis(options)
    clock = _Clock(progress)
    check_replaceable(out, MANIFEST)
    made = _prepare(source, out.name, options, example, clock)
    with folder_beside(out) as folder:
        with clock.phase("emit"):
            manifest = made.write(folder)
        with clock.phase("simulate"):
            written = Build(folder)
            verification = verify(written, made.codes, seed=options.seed)
        keep(written, record_of(written, verification, given=options.inputs is not None))
        write_page(written)
        final = out if verification.mismatches == 0 else out.with_name(f"{out.name}.failed")
        check_replaceable(final, MANIFEST)
        install(folder, final)
    synthesis = None
    if options.target is not None and verification.mismatches == 0:
        with clock.phase("synthesize"):
            synthesis = _synthesized(Build(final), options.target, pnr=options.pnr, seed=options.seed, progress=progress)
    return BuildReport(
        made.graph.name, len(made.graph.nodes), _parameters(made.graph), made.flow, made.lowered, manifest,
        Performance(manifest.predicted_latency_cycles, manifest.predicted_interval_cycles), verification,
        _reference_error(made.lowered, made.codes), clock.total(), final, synthesis,
    )


def _check_synthesis(options: BuildOptions) -> None:
    """Refuses, before any work is done, a synthesis that cannot be."""
    from hwgen.synth.yosys import tools_for

    if options.target is not None:
        tools_for(options.target, pnr=options.pnr)
    elif options.pnr:
        raise HwgenError("usage", "--pnr", "given without a target", "give --target ecp5 as well")


def _reference_error(lowered: Lowered, codes: IntArray) -> float:
    """Largest difference between the integer reference, decoded, and the quantized graph run in float64."""
    if lowered.quantized is lowered.graph:
        return 0.0
    integer = evaluate(lowered.graph, {lowered.graph.inputs[0].name: codes}, lowered.graph.outputs)
    reals = {lowered.quantized.inputs[0].name: _real_inputs(lowered, codes)}
    real = evaluate(lowered.quantized, reals, lowered.quantized.outputs)
    pairs = zip(lowered.graph.outputs, lowered.quantized.outputs, strict=True)
    return max(float(np.abs(integer[a] - real[b]).max(initial=0)) for a, b in pairs)


__all__ = [
    "BuildOptions", "BuildReport", "Emitted", "Lowered", "build", "check_model", "emit_model", "import_model", "lower",
    "plan_dataflow", "predict", "run_passes", "simulate", "synthesize",
]
