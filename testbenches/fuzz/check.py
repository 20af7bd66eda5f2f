"""Runs one case: the whole way from the graph to the simulated hardware, and every comparison that there is."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzz.case import ERRORS, FuzzCase, is_refusal
from hwgen.dataflow.cycles import MEASURED_INFERENCES, interval_of, predict, simulate
from hwgen.dataflow.plan import Dataflow
from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.formats import IntArray
from hwgen.ops.run import evaluate
from hwgen.rtl.assemble import stream_port
from hwgen.rtl.build_directory import Build, emit, output_codes
from hwgen.sim.compare import Trial, differing, idle_limit
from hwgen.sim.native_runner import FULL_RATE, NativeModel, compile_native


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
    codes = case.codes
    if codes is None:
        raise ValueError("a lowered case has codes")
    values = evaluate(case.graph, {flow.input.name: codes})
    expected = output_codes(flow.output, values)
    with tempfile.TemporaryDirectory(prefix="hwgen-fuzz-") as work:
        folder = Path(work) / "build"
        emit(case.graph, flow, folder, source_sha256="", values=values)
        build = Build(folder)
        if alteration is not None:
            alteration.apply(folder)
        ports = stream_port(flow.input, flow.in_lanes), stream_port(flow.output, flow.out_lanes)
        model = compile_native(build.sources, folder, flow.input, *ports, program=Path(work) / "program")
        for trial in case.trials:
            failure = _compare(model, flow, trial, codes, expected)
            if failure is not None:
                return failure
        return _compare_cycles(model, flow, case.trials[0], codes)


def _compare(model: NativeModel, flow: Dataflow, trial: Trial, codes: IntArray, expected: IntArray) -> Failure | None:
    recording = trial.run(model, codes, idle_limit(flow))
    bad, got = differing(recording, expected, flow)
    if not bad.any():
        return None
    sample, says = int(bad.argmax()), trial.says(recording)
    if recording.framing or recording.valid_in_reset:
        return Failure("framing" if recording.framing else "reset", says, trial, None)
    if sample >= len(got):
        return Failure("stopped", f"sample {sample} does not come out ({says})", trial, sample)
    element = int((got[sample] != expected[sample]).argmax())
    what = f"sample {sample}, element {element}: expected {expected[sample, element]}, got {got[sample, element]} ({says})"
    return Failure("bits", what, trial, sample)


def _compare_cycles(model: NativeModel, flow: Dataflow, trial: Trial, codes: IntArray) -> Failure | None:
    """Latency, interval, and the edge of each inference's first beat in and last result out, at full rate."""
    full = Trial(trial.seed, FULL_RATE)
    many = np.concatenate([codes] * -(-MEASURED_INFERENCES // len(codes)))[:MEASURED_INFERENCES]
    alone, run = (full.run(model, c, idle_limit(flow)) for c in (codes[:1], many))
    predicted, wanted = predict(flow), simulate(flow, MEASURED_INFERENCES)
    pairs = [
        ("latency", predicted.latency_cycles, alone.done[0] - alone.first[0]),
        ("interval", predicted.interval_cycles, interval_of(run.done)),
        ("first beats at", [e - wanted.first[0] for e in wanted.first], [e - run.first[0] for e in run.first]),
        ("last results at", [e - wanted.first[0] for e in wanted.done], [e - run.first[0] for e in run.done]),
    ]
    wrong = [f"{name} predicted {expected}, simulated {seen}" for name, expected, seen in pairs if expected != seen]
    return Failure("cycles", "; ".join(wrong)) if wrong else None
