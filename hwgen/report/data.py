"""Everything that the page shows, gathered from a build directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from hwgen.cost.area import Area, Target
from hwgen.cost.estimate import estimate
from hwgen.dataflow.layers import BranchRow, MemoryBits, branch_rows, memory_bits
from hwgen.dataflow.stage import Dataflow, Stream, integer_format
from hwgen.dataflow.timeline import Timeline, timeline
from hwgen.flow import Lowered
from hwgen.report.charts import PathPart
from hwgen.report.network import NetworkView, StageView, network_view, stage_views
from hwgen.report.reproduce import Command, commands
from hwgen.rtl.build_directory import Build
from hwgen.rtl.manifest import Manifest
from hwgen.sim import record
from hwgen.sim.record import VerificationRecord
from hwgen.synth import store
from hwgen.synth.record import Synthesis, Timing

_TITLES: Final = {
    "hwgen": "Verified by hwgen", "python": "Python", "numpy": "NumPy", "verilator": "Verilator", "compiler": "C++ compiler",
    "yosys": "Yosys",
}
_OTHER: Final = "ports, reset and glue"
_LEAST_IN_FLIGHT, _MOST_IN_FLIGHT = 4, 8


@dataclass(frozen=True, slots=True)
class StageArea:
    """Of one stage, or of what belongs to none, or of all (number None).  synthesis: None where there is none."""

    number: int | None
    path: str
    estimate: Area
    synthesis: Area | None


@dataclass(frozen=True, slots=True)
class AreaView:
    """One target.  stages: and after them what belongs to none.  total: of all.

    synthesis: the last, if any; current: it is of the hardware that the build holds now.
    """

    target: Target
    stages: tuple[StageArea, ...]
    total: StageArea
    synthesis: Synthesis | None
    current: bool

    @property
    def lut_factor(self) -> float | None:
        """By how much the estimate of all LUTs is off, at least 1; None where there is nothing to compare it with."""
        expected, counted = self.total.estimate.luts, self.total.synthesis and self.total.synthesis.luts
        return max(expected / counted, counted / expected) if counted and expected else None

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
    input_formats: tuple[str, ...]
    output_formats: tuple[str, ...]
    host_steps: tuple[str, ...]
    multipliers: int
    macs: int
    network: NetworkView
    stages: tuple[StageView, ...]
    branches: tuple[BranchRow, ...]
    memory: MemoryBits
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
        use = max(self.stages, key=lambda s: s.layer.cycles).use
        return None if use is None else use.inside


def _in_flight(flow: Dataflow, alone: Timeline) -> int:
    """So many inferences that the first has left when the last comes in, within bounds."""
    latency = alone.run.done[0] - alone.run.first[0]
    return min(max(_LEAST_IN_FLIGHT, -(-latency // flow.ideal_interval_cycles) + 2), _MOST_IN_FLIGHT)


def _area(build: Build, target: Target, synthesis: Synthesis | None) -> AreaView:
    """A synthesis of other hardware is known as old and not set beside the estimate of this."""
    expected = estimate(build.flow, target)
    current = synthesis is not None and store.is_current(build, synthesis)
    counted = synthesis if synthesis is not None and current and len(synthesis.stages) == len(expected.stages) else None
    stages = [
        StageArea(k + 1, stage.path, stage.area, counted and counted.stages[k].area) for k, stage in enumerate(expected.stages)
    ]
    stages.append(StageArea(None, _OTHER, expected.other, counted and counted.other))
    return AreaView(target, tuple(stages), StageArea(None, "all", expected.total, counted and counted.total), synthesis, current)


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
    return tuple((_TITLES.get(tool, tool), version) for tool, version in found.items())


def gather(build: Build) -> PageData:
    """Reads the build directory and runs the cycle model; writes nothing."""
    manifest, flow = build.manifest, build.flow
    verification = record.kept(build)
    alone = timeline(flow, 1)
    found = {target: store.load(build, target) for target in Target}
    syntheses = [s for s in found.values() if s is not None]
    current = [s for s in syntheses if store.is_current(build, s)]
    stages = stage_views(flow, manifest.predicted_interval_cycles)
    names = [*(s.name for s in manifest.inputs), *(s.path for s in manifest.stages), *(s.name for s in manifest.outputs)]
    return PageData(
        manifest=manifest,
        input_formats=_formats(flow.inputs), output_formats=_formats(flow.outputs),
        host_steps=Lowered(build.graph, build.graph, ()).host_steps,
        multipliers=flow.multipliers, macs=flow.macs,
        network=network_view(flow, stages, names), stages=stages, branches=branch_rows(flow), memory=memory_bits(flow),
        alone=alone, many=timeline(flow, _in_flight(flow, alone)),
        verification=verification,
        verification_current=verification is not None and record.is_current(build, verification),
        areas=tuple(_area(build, target, found[target]) for target in Target),
        clocks=tuple(_clock(manifest, s.target, s.timing) for s in current if s.timing is not None),
        commands=commands(manifest, verification, syntheses),
        tools=_tools(verification, syntheses),
    )


def _formats(streams: Sequence[Stream]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(integer_format(s.value).short for s in streams))
