"""Runs one case: the whole way from the graph to the simulated hardware, and every comparison that there is."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzz.case import ERRORS, FuzzCase, is_refusal
from hwgen.dataflow.cycles import interval_of, measured_inferences, predict, simulate
from hwgen.dataflow.stage import Dataflow
from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.ops.run import evaluate
from hwgen.rtl.build_directory import VECTOR_SAMPLES, Build, emit
from hwgen.sim.compare import differing
from hwgen.sim.native_runner import FULL_RATE, NativeModel, compile_native
from hwgen.sim.reference import Reference, reference
from hwgen.sim.samples import part
from hwgen.sim.trials import Trial, idle_limit


@dataclass(frozen=True, slots=True)
class Alteration:
    """A change of a template in a build, to see the fuzzer find it.  file: in rtl/.  old: is replaced by ``new``, everywhere."""

    file: str
    old: str
    new: str

    def apply(self, folder: Path) -> None:
        """Alters the build; a build without that template stays as it is."""
        path = folder / "rtl" / self.file
        if path.is_file():
            text = path.read_text()
            if self.old not in text:
                raise ValueError(f"{self.file} has no {self.old!r}")
            path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True, slots=True)
class Failure:
    """kind: ``bits``, ``cycles``, ``stopped``, ``framing``, ``reset``, or an error's name.  what: for people.

    trial, sample: of the first difference.
    """

    kind: str
    what: str
    trial: Trial | None = None
    sample: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """flow: as far as it came to one.  failure: None where all is as it should be."""

    flow: Dataflow | None
    failure: Failure | None


def check(case: FuzzCase, alteration: Alteration | None = None) -> Outcome:
    """Emits, compiles and streams a case.  alteration: of the emitted build, before it is compiled."""
    flow: Dataflow | None = None
    try:
        if case.real:
            return Outcome(None, _check_lowering(case))
        flow = case.flow()
        return Outcome(flow, _check_hardware(case, flow, alteration))
    except ERRORS as error:
        return Outcome(flow, _failure_of(error))


def _failure_of(error: Exception) -> Failure:
    return Failure(error.code if isinstance(error, HwgenError) else type(error).__name__, f"{type(error).__name__}: {error}")


def _check_lowering(case: FuzzCase) -> Failure | None:
    """Lowering a real graph succeeds or refuses it; nothing else."""
    try:
        lower(case.graph)
    except ERRORS as error:
        return None if is_refusal(error) else _failure_of(error)
    return None


def _check_hardware(case: FuzzCase, flow: Dataflow, alteration: Alteration | None) -> Failure | None:
    if case.codes is None:
        raise ValueError("a lowered case has codes")
    wanted = reference(case.graph, flow, case.codes)
    with tempfile.TemporaryDirectory(prefix="hwgen-fuzz-") as work:
        folder = Path(work) / "build"
        emit(case.graph, flow, folder, source_sha256="", values=evaluate(case.graph, part(case.codes, slice(VECTOR_SAMPLES))))
        build = Build(folder)
        if alteration is not None:
            alteration.apply(folder)
        model = compile_native(build.sources, folder, flow, program=Path(work) / "program")
        for trial in case.trials:
            failure = _compare(model, flow, trial, wanted)
            if failure is not None:
                return failure
        return _compare_cycles(model, flow, case.trials[0], wanted)


def _compare(model: NativeModel, flow: Dataflow, trial: Trial, wanted: Reference) -> Failure | None:
    recording = trial.run(model, wanted.inputs, idle_limit(flow))
    bad, got = differing(recording, wanted.outputs, flow)
    if not bad.any():
        return None
    sample, says = int(bad.argmax()), trial.says(recording)
    if recording.wrong or recording.valid_in_reset:
        return Failure("framing" if recording.wrong else "reset", says, trial, None)
    for port, (came, expected) in enumerate(zip(got, wanted.outputs, strict=True)):
        if sample >= len(came):
            return Failure("stopped", f"sample {sample} does not come out at output {port} ({says})", trial, sample)
        differs = (came[sample] != expected[sample]).ravel()
        if differs.any():
            element = int(differs.argmax())
            values = f"expected {expected[sample].ravel()[element]}, got {came[sample].ravel()[element]}"
            return Failure("bits", f"output {port}, sample {sample}, element {element}: {values} ({says})", trial, sample)
    return Failure("bits", f"sample {sample} ({says})", trial, sample)


def _compare_cycles(model: NativeModel, flow: Dataflow, trial: Trial, wanted: Reference) -> Failure | None:
    """Latency, interval, and the edge of each inference's first beat in and last result out, at full rate."""
    full, count = Trial(trial.seed, FULL_RATE), measured_inferences(flow)
    which = np.arange(count) % len(wanted.inputs[0])
    run = full.run(model, [array[which] for array in wanted.inputs], idle_limit(flow))
    alone = full.run(model, [array[:1] for array in wanted.inputs], idle_limit(flow))
    predicted, expected = predict(flow), simulate(flow, count)
    pairs = [
        ("latency", predicted.latency_cycles, alone.done[0] - alone.first[0]),
        ("interval", predicted.interval_cycles, interval_of(run.done)),
        ("first beats at", [e - expected.first[0] for e in expected.first], [e - run.first[0] for e in run.first]),
        ("last results at", [e - expected.first[0] for e in expected.done], [e - run.first[0] for e in run.done]),
    ]
    wrong = [f"{name} predicted {model}, simulated {seen}" for name, model, seen in pairs if model != seen]
    return Failure("cycles", "; ".join(wrong)) if wrong else None
