"""The way down, in a few verbs: import, run passes, lower, plan, emit, simulate, or all of it: `build`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hwgen.build_report import BuildReport
from hwgen.cost.area import Target
from hwgen.dataflow.cycles import Performance, predict, size_fifos
from hwgen.dataflow.folding import by_default, for_interval, from_text
from hwgen.dataflow.plan import Dataflow, integer_format, plan
from hwgen.errors import HwgenError, understood
from hwgen.formats import REAL, FloatArray, Quantized
from hwgen.frontend.hls4ml_config import Hls4mlConfig
from hwgen.frontend.limits import read_bytes, read_graph_text
from hwgen.frontend.onnx_reader import ReadResult, read_onnx
from hwgen.ir.graph import Graph
from hwgen.ir.text import parse_graph
from hwgen.ops.checking import check_foreign
from hwgen.ops.run import evaluate
from hwgen.ops.table import ATTRS
from hwgen.ops.table import REAL as REAL_OPS
from hwgen.phases import Clock, Progress
from hwgen.pipeline import Info, Pass, parse_pipeline, pass_of, run
from hwgen.rtl.atomic import check_replaceable, folder_beside, install, replaced_folder
from hwgen.rtl.build_directory import MANIFEST, Build, vectors_of, write_build
from hwgen.rtl.manifest import Manifest, OptionsRecord
from hwgen.sim.reference import samples_at_a_time
from hwgen.sim.samples import Codes, Given, draw, encode, part
from hwgen.sim.trials import CYCLES_BUDGET, affordable_samples

if TYPE_CHECKING:
    import torch

    from hwgen.sim.compare import Verification
    from hwgen.synth.record import Synthesis

DEFAULT_SAMPLES: Final = 100
DEFAULT_INPUT_FORMAT: Final = "fixed<16,6>"
DEFAULT_PRECISION: Final = "fixed<16,6>"
"""Of a model without any quantizer, where none is asked for."""
_NO_HOST_STEPS: Final = ("input", "constant", "decode")
_PREPARE: Final = "fold-constants, fold-scalar-arithmetic, fold-gates, fold-batch-norm"


@dataclass(frozen=True)
class BuildOptions:
    """What a user may ask of `build`.

    samples, seed: of the verification; samples None: 100, or fewer where an inference takes long.  cycles_budget: simulated cycles
    that it should not exceed (see `hwgen.sim.trials`).
    parallelism: ``4x8``, ``full``, ``fc1=4x8,fc2=2x2`` (inputs x outputs); interval: cycles an inference instead.
    hls4ml_config: types of layers, as `hwgen.frontend.hls4ml_config.read_hls4ml_config` reads them.
    precision: format of what the model leaves in float; calibration: (samples, …) float data that sets its ranges.
    input_format: of an input that the model does not quantize (None: fixed<16,6>).
    argmax: decide on chip.  inputs: (samples, …) real data to verify with, instead of random codes; by input name where the model
    has several.
    target: synthesize for this family; pnr: also place and route.
    """

    samples: int | None = None
    seed: int = 0
    cycles_budget: int = CYCLES_BUDGET
    parallelism: str | None = None
    interval: int | None = None
    hls4ml_config: Hls4mlConfig | None = None
    precision: str | None = None
    calibration: FloatArray | None = field(default=None, compare=False)
    input_format: str | None = None
    argmax: bool = False
    inputs: Given | None = field(default=None, compare=False)
    target: Target | None = None
    pnr: bool = False

    @property
    def record(self) -> OptionsRecord:
        """What the manifest keeps of them."""
        data = self.calibration
        return OptionsRecord(
            parallelism=self.parallelism, interval=self.interval,
            hls4ml_config_sha256=None if self.hls4ml_config is None else self.hls4ml_config.sha256, precision=self.precision,
            calibration_sha256=None if data is None else hashlib.sha256(np.ascontiguousarray(data).tobytes()).hexdigest(),
            input_format=self.input_format, argmax=self.argmax,
        )


@dataclass(frozen=True)
class Lowered:
    """graph: integers, and what the host does after decoding.  quantized: the real graph it was made from.  infos: of passes.

    default_precision: that the model got because it has no quantizer and none was asked for.
    """

    graph: Graph
    quantized: Graph
    infos: tuple[Info, ...]
    default_precision: str | None = None

    @property
    def quantizers(self) -> dict[str, Quantized]:
        """What each input that is a real of the model is quantized to, by name."""
        reals = {v for v in self.quantized.inputs if v.type.format is REAL}
        users = (n for n in self.quantized.nodes if n.op == "quantize" and n.inputs[0] in reals)
        return {n.inputs[0].name: n.output.type.format for n in users if isinstance(n.output.type.format, Quantized)}

    @property
    def input_formats(self) -> dict[str, str]:
        """Format in which each input comes in, as its quantizer writes it."""
        return {v.name: str(self.quantizers.get(v.name, v.type.format)) for v in self.graph.inputs}

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
    if options.hls4ml_config is not None:
        passes.insert(1, pass_of("assign-layer-precision", config=options.hls4ml_config))
    chosen = options.precision is not None or options.hls4ml_config is not None or any(n.op == "quantize" for n in graph.nodes)
    default = None if chosen else DEFAULT_PRECISION
    precision = default if options.precision is None else options.precision
    if precision is not None:
        passes.append(pass_of("assign-precision", format=precision, calibration=options.calibration))
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
    return Lowered(lowered, quantized, (*infos, *last), default)


@understood("the model")
def plan_dataflow(graph: Graph, options: BuildOptions | None = None) -> Dataflow:
    """Stages with their parallelism and FIFOs."""
    options = options or BuildOptions()
    if options.interval is not None and options.parallelism is not None:
        raise HwgenError("usage", "--interval", "given together with --parallelism", "give one of the two")
    if options.interval is not None:
        choices = for_interval(graph, options.interval)
    elif options.parallelism is not None:
        choices = from_text(graph, options.parallelism)
    else:
        choices = by_default(graph)
    return size_fifos(plan(graph, choices))


def simulate(
    build_dir: Path, *, samples: int | None = None, seed: int = 0, codes: Given | None = None,
    cycles_budget: int = CYCLES_BUDGET,
) -> Verification:
    """Streams samples through a build's RTL in the native runner and compares every bit with the reference.

    codes: (samples, …) by input name, or of the only input, instead of random ones.  samples, cycles_budget: see `BuildOptions`.
    The build directory keeps what was found, and a page that shows it, if it can be written.
    """
    from hwgen.report.page import write_page
    from hwgen.sim.compare import verify
    from hwgen.sim.record import can_keep, keep, record_of

    existing = Build(build_dir)
    drawn = codes is None
    if codes is None:
        wanted = samples or affordable_samples(existing.flow, existing.manifest.predicted, DEFAULT_SAMPLES, cycles_budget)
        codes = draw(existing.flow, wanted, seed)
    verification = verify(existing, codes, seed=seed, budget=cycles_budget)
    if can_keep(existing):
        keep(existing, record_of(existing, verification, given=not drawn))
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


@dataclass(frozen=True)
class _Prepared:
    """A planned design that nothing was written of.  codes: for its verification."""

    graph: Graph
    lowered: Lowered
    flow: Dataflow
    predicted: Performance
    codes: Codes
    source_sha256: str
    options: OptionsRecord

    def write(self, folder: Path) -> Manifest:
        """Fills an empty folder."""
        wanted = vectors_of(self.flow)
        values = evaluate(self.lowered.graph, part(self.codes, slice(wanted.samples)), wanted.values)
        return write_build(
            self.lowered.graph, self.flow, folder, source_sha256=self.source_sha256, values=values, options=self.options,
            predicted=self.predicted, quantizers=self.lowered.quantizers,
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
        return self.manifest.predicted


def _prepare(
    source: Path | str | torch.nn.Module, name: str, options: BuildOptions, example: torch.Tensor | None, clock: Clock
) -> _Prepared:
    if options.samples is not None and options.samples < 1:
        raise HwgenError("usage", "--samples", f"{options.samples} samples", "give at least 1")
    with clock.phase("import"):
        graph = import_model(source, example, name)
    with clock.phase("lower"):
        lowered = lower(graph, options)
    with clock.phase("plan"):
        flow = plan_dataflow(lowered.graph, options)
        predicted = predict(flow)
        if options.inputs is None:
            samples = options.samples or affordable_samples(flow, predicted, DEFAULT_SAMPLES, options.cycles_budget)
            codes = draw(flow, samples, options.seed)
        else:
            codes = encode(options.inputs, flow, lowered.quantizers)
    return _Prepared(graph, lowered, flow, predicted, codes, _source_hash(source), options.record)


def emit_model(
    source: Path | str | torch.nn.Module,
    out: Path,
    options: BuildOptions | None = None,
    *,
    example: torch.Tensor | None = None,
    progress: Progress = lambda _: None,
) -> Emitted:
    """`build` without the simulation."""
    clock = Clock(progress)
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
    clock = Clock(progress)
    check_replaceable(out, MANIFEST)
    made = _prepare(source, out.name, options, example, clock)
    with folder_beside(out) as folder:
        with clock.phase("emit"):
            manifest = made.write(folder)
        with clock.phase("simulate"):
            written = Build(folder)
            verification = verify(written, made.codes, seed=options.seed, budget=options.cycles_budget)
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
        made.predicted, verification,
        _reference_error(made.lowered, made.codes), clock.total(), final, synthesis,
    )


def _check_synthesis(options: BuildOptions) -> None:
    """Refuses, before any work is done, a synthesis that cannot be."""
    from hwgen.synth.yosys import tools_for

    if options.target is not None:
        tools_for(options.target, pnr=options.pnr)
    elif options.pnr:
        raise HwgenError("usage", "--pnr", "given without a target", "give --target ecp5 as well")


def _reference_error(lowered: Lowered, codes: Codes) -> float:
    """Largest difference between the integer reference, decoded, and the quantized graph run in float64.

    Over as many samples as fit in memory together.
    """
    if lowered.quantized is lowered.graph:
        return 0.0
    few = part(codes, slice(min(map(samples_at_a_time, (lowered.graph, lowered.quantized)))))
    integer = evaluate(lowered.graph, few, lowered.graph.outputs)
    reals = {v.name: integer_format(v).decode(few[v.name]) for v in lowered.graph.inputs}
    real = evaluate(lowered.quantized, reals, lowered.quantized.outputs)
    pairs = zip(lowered.graph.outputs, lowered.quantized.outputs, strict=True)
    return max(float(np.abs(integer[a] - real[b]).max(initial=0)) for a, b in pairs)


__all__ = [
    "BuildOptions", "BuildReport", "Emitted", "Lowered", "build", "check_model", "emit_model", "import_model", "lower",
    "plan_dataflow", "predict", "run_passes", "simulate", "synthesize",
]
