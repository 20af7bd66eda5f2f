"""Everything that the page shows, gathered from a build directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from hwgen.cost.area import Area, Target
from hwgen.dataflow.layers import LayerRow, layer_rows
from hwgen.dataflow.plan import Dataflow, Stage
from hwgen.dataflow.timeline import Timeline, timeline
from hwgen.flow import Lowered
from hwgen.report.charts import PathPart
from hwgen.report.reproduce import Command, commands
from hwgen.rtl.build_directory import Build, Manifest
from hwgen.sim import record
from hwgen.sim.record import VerificationRecord
from hwgen.synth import store
from hwgen.synth.record import Synthesis, Timing

_LEAST_IN_FLIGHT, _MOST_IN_FLIGHT = 4, 8


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage.  number: from 1.  inputs, outputs: elements of a tensor in and out; lanes: of them a beat.

    array_outputs: outputs that the multiplier array works on at a time.

    interval_share: of the predicted interval that it must work.  multiplier_use: share of its multipliers' time that does
    useful products in steady state; None where it has none.
    """

    number: int
    layer: LayerRow
    inputs: int
    outputs: int
    in_lanes: int
    array_outputs: int
    out_lanes: int
    macs: int
    interval_share: float
    multiplier_use: float | None


@dataclass(frozen=True, slots=True)
class StageArea:
    """estimate, synthesis: of one stage, or of what belongs to none (number None), or of all; None where there is none."""

    number: int | None
    path: str
    estimate: Area | None
    synthesis: Area | None


@dataclass(frozen=True, slots=True)
class AreaView:
    """One target.  total: of all stages and the rest.  current: the synthesis is of the hardware that the build holds now."""

    target: Target
    stages: tuple[StageArea, ...]
    total: StageArea
    synthesis: Synthesis | None
    current: bool

    @property
    def most_luts(self) -> int:
        """Of any stage, by either count; the scale of the bars."""
        return max(area.luts for row in self.stages for area in (row.estimate, row.synthesis) if area is not None)


@dataclass(frozen=True, slots=True)
class ClockView:
    """One routed design.  parts: of the critical path, by stage.  latency, rate: at that clock."""

    target: Target
    timing: Timing
    parts: tuple[PathPart, ...]
    path_ns: float
    latency_us: float
    inferences_per_second: float


@dataclass(frozen=True, slots=True)
class PageData:
    """alone: one inference.  many: several back to back.  verification: the last, if any; current: of this hardware."""

    manifest: Manifest
    input_format: str
    output_format: str
    host_steps: tuple[str, ...]
    multipliers: int
    macs: int
    stages: tuple[StageView, ...]
    alone: Timeline
    many: Timeline
    verification: VerificationRecord | None
    verification_current: bool
    areas: tuple[AreaView, ...]
    clocks: tuple[ClockView, ...]
    commands: tuple[Command, ...]
    tools: tuple[tuple[str, str], ...]

    @property
    def alone_cycles(self) -> int:
        """Latency, off the timeline."""
        return self.alone.run.done[0] - self.alone.run.first[0]

    @property
    def slowest_use(self) -> float | None:
        """Predicted utilization of the slowest stage's multipliers, as verification measures it."""
        return max(self.stages, key=lambda s: s.layer.cycles).multiplier_use


def _stage_view(number: int, stage: Stage, layer: LayerRow, interval: int) -> StageView:
    first = stage.first
    use = first.macs / (first.multipliers * interval) if first.multipliers else None
    return StageView(
        number, layer, stage.input.type.elements, stage.output.type.elements, first.in_lanes, first.out_lanes, stage.last.out_lanes,
        first.macs, stage.cycles / interval, use,
    )


def _in_flight(flow: Dataflow, alone: Timeline) -> int:
    """So many inferences that the first has left when the last comes in, within bounds."""
    latency = alone.run.done[0] - alone.run.first[0]
    return min(max(_LEAST_IN_FLIGHT, -(-latency // flow.ideal_interval_cycles) + 2), _MOST_IN_FLIGHT)


def _area(build: Build, target: Target, synthesis: Synthesis) -> AreaView:
    stages = [StageArea(k, s.path, None, s.area) for k, s in enumerate(synthesis.stages, start=1)]
    stages.append(StageArea(None, "ports, reset and glue", None, synthesis.other))
    total = StageArea(None, "all", None, synthesis.total)
    return AreaView(target, tuple(stages), total, synthesis, store.is_current(build, synthesis))


def _clock(manifest: Manifest, target: Target, timing: Timing) -> ClockView:
    parts: list[PathPart] = []
    for stage, steps in groupby(timing.critical_path, key=lambda step: step.stage):
        delays = [step.delay_ns for step in steps]
        parts.append(PathPart(stage, sum(delays), len(delays)))
    return ClockView(
        target, timing, tuple(parts), sum(p.delay_ns for p in parts), manifest.predicted_latency_cycles / timing.fmax_mhz,
        1e6 * timing.fmax_mhz / manifest.predicted_interval_cycles,
    )


def _tools(verification: VerificationRecord | None, syntheses: Sequence[Synthesis]) -> tuple[tuple[str, str], ...]:
    """Program and version, those of the verification first."""
    found = dict(verification.tools) if verification is not None else {}
    for synthesis in syntheses:
        found.update(synthesis.tools)
    return tuple(found.items())


def gather(build: Build) -> PageData:
    """Reads the build directory and runs the cycle model; writes nothing."""
    manifest, flow = build.manifest, build.flow
    verification = record.kept(build)
    alone = timeline(flow, 1)
    found = [(target, store.load(build, target)) for target in Target]
    syntheses = [s for _, s in found if s is not None]
    return PageData(
        manifest=manifest,
        input_format=layer_rows(flow)[0].input_format, output_format=layer_rows(flow)[-1].output_format,
        host_steps=Lowered(build.graph, build.graph, ()).host_steps,
        multipliers=flow.multipliers, macs=flow.macs,
        stages=tuple(
            _stage_view(k, stage, layer, manifest.predicted_interval_cycles)
            for k, (stage, layer) in enumerate(zip(flow.stages, layer_rows(flow), strict=True), start=1)
        ),
        alone=alone, many=timeline(flow, _in_flight(flow, alone)),
        verification=verification,
        verification_current=verification is not None and record.is_current(build, verification),
        areas=tuple(_area(build, s.target, s) for s in syntheses),
        clocks=tuple(_clock(manifest, s.target, s.timing) for s in syntheses if s.timing is not None),
        commands=commands(manifest, verification, syntheses),
        tools=_tools(verification, syntheses),
    )
