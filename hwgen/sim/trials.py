"""The runs of a verification: which traffic, how many samples, how many resets, within a budget of simulated cycles.

All samples run at full rate, and at least as many inferences back to back as the interval is measured over.  What the budget
leaves goes to stalls, then to starts from random states with resets in their midst; of both there is always one, of a whole
inference, so that a design whose inferences take very long is verified in the same ways as a small one, only less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hwgen.dataflow.cycles import Performance, measured_inferences
from hwgen.dataflow.stage import Converter, Dataflow, Stage
from hwgen.formats import IntArray
from hwgen.sim.native_runner import BURSTS, FULL_RATE, NO_RESETS, STALLS, NativeModel, Recording, Resets, Traffic

CYCLES_BUDGET: Final = 30_000_000
_STARTS: Final = 8
_START_SAMPLES: Final = 4
_START_RESETS: Final = 3
_GAPS_IN_BUDGET: Final = 100
_BEATS_UNDER_STALLS: Final = 3
"""Cycles that a beat takes at a port under random stalls or bursts, at most, in the long run."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a verification.  seed: of the initial state, the traffic and the resets."""

    seed: int
    traffic: Traffic
    resets: Resets = NO_RESETS

    def run(self, model: NativeModel, codes: Sequence[IntArray], limit: int) -> Recording:
        """What the design makes of codes (samples, …) of each port.  limit: idle cycles after which it counts as stopped."""
        return model.run(codes, seed=self.seed, traffic=self.traffic, cycles_hint=limit, resets=self.resets)

    def says(self, recording: Recording) -> str:
        """The trial's name, and what was wrong apart from the bits."""
        resets = f"{self.resets.count} resets from initial state {self.seed}" if self.resets.count else ""
        tlast = f"tlast or the number of beats is wrong at {', '.join(recording.wrong)}" if recording.wrong else ""
        valid = "tvalid is high in reset" if recording.valid_in_reset else ""
        return ", ".join(filter(None, (self.traffic.name, resets, tlast, valid)))


def path_cycles(flow: Dataflow) -> int:
    """Cycles that one inference takes at most, where nothing stalls it: of all elements, as if each waited for the one before."""
    stages = sum(e.cycles + e.latency_cycles for e in flow.elements if isinstance(e, Stage))
    return stages + sum(e.cycles for e in flow.elements if isinstance(e, Converter))


def idle_limit(flow: Dataflow) -> int:
    """Cycles without a beat at any port after which a design counts as stopped."""
    return 2 * path_cycles(flow) + 1000


def starts(flow: Dataflow, seed: int, count: int = _STARTS, gap_cycles: int | None = None) -> tuple[Trial, ...]:
    """Trials from random initial states, with resets at random cycles of the first inferences.

    gap_cycles: between resets at most; None: as long as an inference takes.
    """
    resets = Resets(_START_RESETS, path_cycles(flow) if gap_cycles is None else gap_cycles)
    traffic = (FULL_RATE, STALLS, BURSTS)
    return tuple(Trial(seed + number, traffic[number % len(traffic)], resets) for number in range(count))


@dataclass(frozen=True, slots=True)
class _Costs:
    """Cycles, about, that a run of so many inferences takes."""

    latency: int
    interval: int
    stalled: int

    def full_rate(self, samples: int) -> int:
        return self.latency + (samples - 1) * self.interval

    def under_stalls(self, samples: int) -> int:
        return self.latency + samples * self.stalled

    def start(self, samples: int, gap_cycles: int) -> int:
        return _START_RESETS * gap_cycles // 2 + self.under_stalls(samples)


def _costs(flow: Dataflow, predicted: Performance) -> _Costs:
    beats = max(s.beats for s in (*flow.inputs, *flow.outputs))
    return _Costs(
        predicted.latency_cycles, predicted.interval_cycles, max(predicted.interval_cycles, _BEATS_UNDER_STALLS * beats)
    )


def affordable_samples(flow: Dataflow, predicted: Performance, most: int, budget: int) -> int:
    """How many samples a verification within ``budget`` cycles takes at full rate in half of it: 2 to ``most``."""
    costs = _costs(flow, predicted)
    return min(most, max(2, (budget // 2 - costs.latency) // max(1, costs.interval)))


def choose_trials(
    flow: Dataflow, predicted: Performance, samples: int, seed: int, budget: int
) -> tuple[tuple[Trial, int], ...]:
    """Trials, and how many inferences each: the first is all at full rate.

    More inferences than samples are the samples again.
    """
    costs = _costs(flow, predicted)
    many = max(samples, measured_inferences(flow))
    trials = [(Trial(seed, FULL_RATE), many)]
    left = budget - costs.full_rate(many)
    # a start takes as much as a run under stalls of its samples; half of what is left for all of them
    stalled = max(1, min(samples, (left // 2 - costs.latency) // costs.stalled))
    trials.append((Trial(seed, STALLS), stalled))
    left -= costs.under_stalls(stalled)
    gap = min(path_cycles(flow), max(1, budget // _GAPS_IN_BUDGET))
    few = min(samples, _START_SAMPLES)
    while few > 1 and costs.start(few, gap) * _STARTS > left:
        few -= 1
    count = max(1, min(_STARTS, left // costs.start(few, gap)))
    trials += [(trial, few) for trial in starts(flow, seed, count, gap)]
    return tuple(trials)
