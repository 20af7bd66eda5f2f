"""Hardware against the reference, bit for bit, and where they first differ."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.dataflow.cycles import MEASURED_INFERENCES, Performance, interval_of
from hwgen.dataflow.plan import Dataflow
from hwgen.formats import IntArray
from hwgen.ir.graph import Array, Value
from hwgen.ops.run import evaluate
from hwgen.rtl.assemble import TOP, StreamPort, assemble, stream_port
from hwgen.rtl.atomic import replaced_folder
from hwgen.rtl.beats import Bytes, from_beats, to_beats
from hwgen.rtl.build_directory import Build
from hwgen.rtl.printer import print_netlist
from hwgen.sim.native_runner import (
    BURSTS,
    FULL_RATE,
    NO_RESETS,
    STALLS,
    NativeModel,
    Recording,
    Resets,
    Traffic,
    compile_native,
)

BoolArray = npt.NDArray[np.bool_]
REPRODUCE: Final = "reproduce.json"
_UTILIZATION_INFERENCES: Final = 100
_STARTS: Final = 8
_START_SAMPLES: Final = 4
_START_RESETS: Final = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """The first value that differs.  layer: its path in the model.  element: index in the flattened value."""

    layer: str
    value: str
    sample: int
    element: int
    expected: int
    got: int | None
    traffic: str

    def __str__(self) -> str:
        got = "nothing (the design stopped)" if self.got is None else str(self.got)
        return (
            f"layer {self.layer!r}, value {self.value!r}, sample {self.sample}, element {self.element}: "
            f"expected {self.expected}, got {got} ({self.traffic})"
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """samples: inferences compared, each at full rate and under stalls.  mismatches: inferences that differ in any bit.

    The first few also run from several random initial states and with resets in their midst.
    outputs: (samples, elements) codes that the hardware gave at full rate; fewer where it stopped.
    trials: every run.  values: the reference's, of all samples.
    """

    samples: int
    seed: int
    mismatches: int
    first_difference: Difference | None
    performance: Performance | None
    multiplier_utilization: float | None
    cycles: int
    outputs: IntArray
    trials: tuple[TrialResult, ...]
    values: Mapping[Value, Array]


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a verification.  seed: of the initial state, the traffic and the resets."""

    seed: int
    traffic: Traffic
    resets: Resets = NO_RESETS

    def run(self, model: NativeModel, codes: IntArray, limit: int) -> Recording:
        """What the design makes of ``codes`` (samples, …).  limit: idle cycles after which it counts as stopped."""
        return model.run(codes, seed=self.seed, traffic=self.traffic, cycles_hint=limit, resets=self.resets)

    def says(self, recording: Recording) -> str:
        """The trial's name, and what was wrong apart from the bits."""
        resets = f"{self.resets.count} resets from initial state {self.seed}" if self.resets.count else ""
        tlast = "tlast or the number of beats is wrong" if recording.framing else ""
        valid = "tvalid is high in reset" if recording.valid_in_reset else ""
        return ", ".join(filter(None, (self.traffic.name, resets, tlast, valid)))


@dataclass(frozen=True, slots=True)
class TrialResult:
    """resets: how many there were.  mismatches: of ``samples`` inferences, those that differ in any bit."""

    trial: Trial
    samples: int
    resets: int
    mismatches: int


def starts(flow: Dataflow, seed: int) -> tuple[Trial, ...]:
    """Trials from random initial states, with resets at random cycles of the first inferences."""
    resets = Resets(_START_RESETS, sum(s.cycles + s.latency_cycles for s in flow.stages))
    traffic = (FULL_RATE, STALLS, BURSTS)
    return tuple(Trial(seed + number, traffic[number % len(traffic)], resets) for number in range(_STARTS))


def native_model(build: Build, flow: Dataflow, sources: list[Path]) -> NativeModel:
    """The program of ``sources``, run where the build's memories are.  flow: the build's, or the first stages of it."""
    return compile_native(
        sources, build.folder, flow.input, stream_port(flow.input, flow.in_lanes), stream_port(flow.output, flow.out_lanes)
    )


def idle_limit(flow: Dataflow) -> int:
    """Cycles without a beat after which a design counts as stopped."""
    return 4 * sum(s.cycles + s.latency_cycles for s in flow.stages) + 1000


def differing(recording: Recording, expected: IntArray, flow: Dataflow) -> tuple[BoolArray, IntArray]:
    """Which samples differ in any run, and what came out of the first run that differs, else of the last.

    Samples that did not come out count as differing.
    """
    port = stream_port(flow.output, flow.out_lanes)
    runs = [_completed(beats, expected, flow.output, port) for beats in recording.cut if len(beats)]
    runs.append(from_beats(recording.beats, flow.output, port))
    bad = np.full(expected.shape[0], recording.framing or recording.valid_in_reset)
    for got in runs:
        bad[: len(got)] |= (got != expected[: len(got)]).any(axis=1)
    bad[len(runs[-1]) :] = True
    return bad, next((got for got in runs if (got != expected[: len(got)]).any()), runs[-1])


def _completed(beats: Bytes, expected: IntArray, output: Value, port: StreamPort) -> IntArray:
    """(samples, elements) codes of a run that a reset cut off; what was still to come of the last is the reference's."""
    whole = to_beats(expected[: -(-len(beats) // port.beats)], output, port)
    whole.reshape(-1, port.beat_bytes)[: len(beats)] = beats
    return from_beats(whole, output, port)


def _codes(values: Mapping[Value, Array], value: Value) -> IntArray:
    array = np.asarray(values[value], dtype=np.int64)
    return array.reshape(array.shape[0], -1)


def verify(build: Build, codes: IntArray, *, seed: int) -> Verification:
    """Streams ``codes`` at full rate and under random stalls, and some of them from random initial states and with resets.

    Measures latency and interval; localises a difference.
    """
    flow = build.flow
    shutil.rmtree(build.folder / "failure", ignore_errors=True)
    values = evaluate(build.graph, {flow.input.name: codes})
    expected = _codes(values, flow.output)
    model = native_model(build, flow, list(build.sources))
    limit = idle_limit(flow)
    mismatches = np.zeros(len(codes), dtype=bool)
    first: Difference | None = None
    recordings: list[Recording] = []
    outputs: list[IntArray] = []
    results: list[TrialResult] = []
    few = min(_START_SAMPLES, len(codes))
    trials = [(Trial(seed, traffic), len(codes)) for traffic in (FULL_RATE, STALLS)]
    trials += [(trial, few) for trial in starts(flow, seed)]
    for trial, count in trials:
        recording = trial.run(model, codes[:count], limit)
        recordings.append(recording)
        bad, got = differing(recording, expected[:count], flow)
        outputs.append(got)
        results.append(TrialResult(trial, count, len(recording.cut), int(bad.sum())))
        mismatches[:count] |= bad
        if bad.any() and first is None:
            build.check_unchanged()
            sample = int(bad.argmax())
            part = codes[: max(few, sample + 1)] if trial.resets.count else codes[: sample + 1]
            first = _locate(build, part, trial) or _difference_at(
                flow, "the top (every stage alone is right)", expected, got, sample, trial.says(recording)
            )
    performance = utilization = None
    if not mismatches.any():
        performance, utilization = _measure(model, flow, codes, recordings[0], seed, limit)
    if first is not None:
        _leave_case(build, codes[: max(few, first.sample + 1)], first, seed)
    return Verification(
        len(codes), seed, int(mismatches.sum()), first, performance, utilization,
        sum(max(r.done, default=0) for r in recordings), outputs[0], tuple(results), values,
    )


def _measure(
    model: NativeModel, flow: Dataflow, codes: IntArray, full: Recording, seed: int, limit: int
) -> tuple[Performance, float | None]:
    alone = model.run(codes[:1], seed=seed, traffic=FULL_RATE, cycles_hint=limit)
    repeated = np.concatenate([codes] * -(-MEASURED_INFERENCES // len(codes)))[:MEASURED_INFERENCES]
    many = full if len(codes) == MEASURED_INFERENCES else model.run(repeated, seed=seed, traffic=FULL_RATE, cycles_hint=limit)
    performance = Performance(alone.done[0] - alone.first[0], interval_of(many.done))
    slowest = flow.bottleneck.first
    if not slowest.multipliers:
        return performance, None
    hundred = np.concatenate([codes] * -(-_UTILIZATION_INFERENCES // len(codes)))[:_UTILIZATION_INFERENCES]
    run = full if len(codes) == _UTILIZATION_INFERENCES else model.run(hundred, seed=seed, traffic=FULL_RATE, cycles_hint=limit)
    # from the first to the last result lie all inferences but one
    cycles = run.done[-1] - run.done[0]
    return performance, slowest.macs * (_UTILIZATION_INFERENCES - 1) / (slowest.multipliers * cycles)


def _difference_at(
    flow: Dataflow, layer: str, expected: IntArray, got: IntArray, sample: int, traffic: str
) -> Difference:
    name = flow.output.name
    if sample >= len(got):
        return Difference(layer, name, sample, 0, int(expected[sample, 0]), None, traffic)
    wrong = got[sample] != expected[sample]
    element = int(wrong.argmax())
    return Difference(layer, name, sample, element, int(expected[sample, element]), int(got[sample, element]), traffic)


def _locate(build: Build, codes: IntArray, trial: Trial) -> Difference | None:
    """The first stage that differs: the build's own files under a top that ends after each stage in turn."""
    values = evaluate(build.graph, {build.flow.input.name: codes})
    top = build.folder / "rtl" / f"{TOP}.v"
    with replaced_folder(build.folder / "failure", REPRODUCE) as folder:
        (folder / REPRODUCE).write_text("{}")
        for count in range(1, len(build.flow.stages) + 1):
            stages = build.flow.stages[:count]
            part = replace(build.flow, stages=stages, output=stages[-1].output)
            partial_top = folder / f"{TOP}.v"
            partial_top.write_text(print_netlist(assemble(part).netlist))
            sources = [*(s for s in build.sources if s != top), partial_top]
            recording = trial.run(native_model(build, part, sources), codes, idle_limit(part) * 4)
            expected = _codes(values, part.output)
            bad, got = differing(recording, expected, part)
            if bad.any():
                partial_top.unlink()
                return _difference_at(part, stages[-1].path, expected, got, int(bad.argmax()), trial.says(recording))
            partial_top.unlink()
    return None


def _leave_case(build: Build, codes: IntArray, difference: Difference, seed: int) -> None:
    """A folder ``failure/`` in the build with all that is needed to run the case again: `hwgen sim`."""
    with replaced_folder(build.folder / "failure", REPRODUCE) as folder:
        np.save(folder / "codes.npy", codes, allow_pickle=False)
        command = f"hwgen sim BUILD --codes BUILD/failure/codes.npy --seed {seed}"
        record = {**asdict(difference), "seed": seed, "command": command}
        (folder / REPRODUCE).write_text(json.dumps(record, indent=2) + "\n")

