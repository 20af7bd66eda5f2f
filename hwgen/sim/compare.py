"""Hardware against the reference, bit for bit, and where they first differ."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.dataflow.cycles import Performance, interval_of, measured_inferences
from hwgen.dataflow.stage import Dataflow
from hwgen.formats import IntArray
from hwgen.rtl.atomic import replaced_folder
from hwgen.rtl.beats import elements_in, from_beats, whole_tensors
from hwgen.rtl.build_directory import Build
from hwgen.rtl.ports import output_ports
from hwgen.sim.distribution import CodesSeen
from hwgen.sim.locate import Difference, difference_at, locate, wrong_samples
from hwgen.sim.native_runner import NativeModel, Recording, compile_native
from hwgen.sim.reference import Reference, reference
from hwgen.sim.samples import Codes, Given, checked_codes, count, part
from hwgen.sim.trials import CYCLES_BUDGET, Trial, choose_trials, idle_limit

BoolArray = npt.NDArray[np.bool_]
REPRODUCE: Final = "reproduce.json"


@dataclass(frozen=True, slots=True)
class TrialResult:
    """samples: inferences.  resets: how many there were.  mismatches: inferences that differ in any bit.  cycles: simulated."""

    trial: Trial
    samples: int
    resets: int
    mismatches: int
    cycles: int


@dataclass(frozen=True, slots=True)
class Verification:
    """samples: inferences compared, each at full rate.  mismatches: samples that differ in any bit of any trial.

    trials: every run: also under stalls, from random initial states and with resets.  outputs: (samples, positions…, channels)
    codes of each output port that the hardware gave at full rate; fewer where it stopped.  cycles: simulated in all.
    codes_seen: how the reference's codes lie.  codes_sha256: of the inputs' codes.
    """

    samples: int
    seed: int
    mismatches: int
    first_difference: Difference | None
    performance: Performance | None
    multiplier_utilization: float | None
    cycles: int
    outputs: tuple[IntArray, ...]
    trials: tuple[TrialResult, ...]
    codes_seen: tuple[CodesSeen, ...]
    codes_sha256: str


def codes_sha256(codes: Codes) -> str:
    """Hash of (samples, …) input codes, input by input."""
    digest = hashlib.sha256()
    for array in codes.values():
        digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return digest.hexdigest()


def native_model(build: Build) -> NativeModel:
    """The program of a build, run where its memories are."""
    return compile_native(list(build.sources), build.folder, build.flow)


def differing(
    recording: Recording, expected: Sequence[IntArray], flow: Dataflow
) -> tuple[BoolArray, tuple[IntArray, ...]]:
    """Which samples differ in any run, and what came out of the first run that differs, else of the last, by output.

    expected: (samples, …) codes of each output.  Samples that did not come out count as differing.
    """
    bad = np.full(len(expected[0]), bool(recording.wrong) or recording.valid_in_reset)
    first: tuple[IntArray, ...] | None = None
    outputs = list(zip(flow.outputs, output_ports(flow), expected, strict=True))
    for cut in (*recording.cut, None):
        if cut is None:
            got = [from_beats(data, s.value, port) for data, (s, port, _) in zip(recording.beats, outputs, strict=True)]
        else:
            got = [from_beats(whole_tensors(data, p.beats), s.value, p) for data, (s, p, _) in zip(cut, outputs, strict=True)]
            for data, codes, (stream, port, wanted) in zip(cut, got, outputs, strict=True):
                if len(data) % port.beats:  # what was still to come of the last is the reference's
                    came = elements_in(stream.value, port.lanes, len(data) % port.beats)
                    codes[-1] = np.where(came, codes[-1], wanted[len(codes) - 1])
        wrong = np.zeros_like(bad)
        for codes, wanted in zip(got, expected, strict=True):
            wrong[: len(codes)] |= wrong_samples(codes, wanted)
            if cut is None:
                bad[len(codes) :] = True
        bad |= wrong
        if first is None and (wrong.any() or cut is None):
            first = tuple(got)
    return bad, first or ()


def verify(build: Build, codes: Given, *, seed: int, budget: int = CYCLES_BUDGET) -> Verification:
    """Streams ``codes`` at full rate, and some of them under random stalls, from random initial states and with resets.

    codes: (samples, …) by the input's name, or of the only input.  budget: simulated cycles that the runs together should not
    exceed; see `hwgen.sim.trials`.  Measures latency and interval; localises a difference.
    """
    flow, given = build.flow, checked_codes(codes, build.flow)
    samples = count(given)
    shutil.rmtree(build.folder / "failure", ignore_errors=True)
    wanted = reference(build.graph, flow, given)
    model, limit = native_model(build), idle_limit(flow)
    mismatches = np.zeros(samples, dtype=bool)
    first: Difference | None = None
    full: Recording | None = None
    outputs: tuple[IntArray, ...] = ()
    results: list[TrialResult] = []
    for trial, inferences in choose_trials(flow, build.manifest.predicted, samples, seed, budget):
        which = np.arange(inferences) % samples
        recording = trial.run(model, [array[which] for array in wanted.inputs], limit)
        bad, got = differing(recording, [array[which] for array in wanted.outputs], flow)
        if full is None:
            full, outputs = recording, tuple(array[:samples] for array in got)
        results.append(TrialResult(trial, inferences, len(recording.cut), int(bad.sum()), recording.cycles))
        np.logical_or.at(mismatches, which, bad)
        if bad.any() and first is None:
            build.check_unchanged()
            first = _first_difference(build, given, wanted, trial, recording, bad, got)
            _leave_case(build, part(given, slice(max(_samples_of(trial, inferences), first.sample + 1))), first, seed)
    performance = utilization = None
    if full is not None and not mismatches.any():
        performance, utilization = _measured(flow, full)
    return Verification(
        samples, seed, int(mismatches.sum()), first, performance, utilization, sum(r.cycles for r in results), outputs,
        tuple(results), wanted.seen, codes_sha256(given),
    )


def _samples_of(trial: Trial, inferences: int) -> int:
    """Samples that show the same run again: after a reset the streams begin again with the first, so all of them."""
    return inferences if trial.resets.count else 1


def _measured(flow: Dataflow, full: Recording) -> tuple[Performance, float | None]:
    """Of a run at full rate, whose inferences do not hold up those before them."""
    done = full.done
    performance = Performance(done[0] - full.first[0], interval_of(done[: measured_inferences(flow)]))
    working = [s for s in flow.stages if s.multipliers]
    if not working or len(done) < 2:
        return performance, None
    slowest = max(working, key=lambda s: s.cycles)
    # from the first to the last result lie all inferences but one
    return performance, slowest.macs * (len(done) - 1) / (slowest.multipliers * (done[-1] - done[0]))


def _first_difference(
    build: Build, codes: Codes, wanted: Reference, trial: Trial, recording: Recording, bad: BoolArray, got: Sequence[IntArray]
) -> Difference:
    """Looks inside; what cannot be seen there is told of the outputs."""
    samples, flow = count(codes), build.flow
    sample = int(bad.argmax())
    few = max(_samples_of(trial, len(bad)), sample + 1)
    which = np.arange(few) % samples
    case = {name: array[which] for name, array in codes.items()}
    ports = [array[which] for array in wanted.inputs]
    found = locate(list(build.sources), build.folder, build.graph, flow, case, ports, trial)
    if isinstance(found, Difference):
        return replace(found, sample=found.sample % samples)
    expected = [array[which] for array in wanted.outputs]
    late = [k for k, array in enumerate(got) if sample >= len(array) or (array[sample] != expected[k][sample]).any()]
    output = late[0] if late else 0
    layer = next((wait.layer for wait in reversed(found) if wait.layer), "the top (every stream inside is right)")
    value = flow.outputs[output].value
    difference = difference_at(layer, value, expected[output], got[output], sample, trial.says(recording))
    return replace(difference, sample=sample % samples, waits=tuple(wait.says for wait in found))


def _leave_case(build: Build, codes: Codes, difference: Difference, seed: int) -> None:
    """A folder ``failure/`` in the build with all that is needed to run the case again: `hwgen sim`."""
    with replaced_folder(build.folder / "failure", REPRODUCE) as folder:
        place = "codes.npy" if len(codes) == 1 else "codes"
        if len(codes) > 1:
            (folder / place).mkdir()
        for number, array in enumerate(codes.values()):
            np.save(folder / place / f"{number}.npy" if len(codes) > 1 else folder / place, array, allow_pickle=False)
        command = f"hwgen sim BUILD --codes BUILD/failure/{place} --seed {seed}"
        record = {**asdict(difference), "seed": seed, "command": command}
        (folder / REPRODUCE).write_text(json.dumps(record, indent=2) + "\n")
