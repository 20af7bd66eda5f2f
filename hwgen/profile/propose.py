"""Types for every layer, from data: fewest integer bits for the range, fewest fraction bits for a stated error.

The error is either the loss of a metric of the whole network, judged by the integers that the hardware computes (`by_metric`), or
the signal-to-noise ratio of each value alone (`by_noise`).  What is proposed is a configuration that `hwgen build --config` takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, Lowered, lower
from hwgen.formats import Fixed, Format
from hwgen.ir.graph import Graph, Value
from hwgen.metrics import Metric
from hwgen.ops.run import computed, constant_floats
from hwgen.ops.source import ConstantAttrs
from hwgen.precision.rules import PrecisionConfig
from hwgen.profile.check import Tally, tally
from hwgen.profile.exact import exact_outputs, real_outputs
from hwgen.profile.fitting import MOST_BITS, fixed_of, fraction_bits_for
from hwgen.profile.judge import Judge, Verdict
from hwgen.profile.narrowing import Narrowing
from hwgen.profile.parameters import origin
from hwgen.profile.slots import Slot, Types, bits_of, config_of
from hwgen.profile.statistics import PART_SAMPLES, finite, floats_of
from hwgen.sim.reference import samples_at_a_time

CHOOSING_SHARE: Final = 0.7
"""Of the samples, by which types are chosen; the others confirm them."""
FEWEST_SAMPLES: Final = 20
"""That a loss is judged by."""
_CLIPPED_BITS: Final = 4
"""Of the largest number, that a global type may leave out."""


@dataclass(frozen=True)
class Proposal:
    """types: of each place.  trials: how many sets of types were evaluated.

    chosen, confirmed: the verdicts by the samples that chose the types, and by those that did not; None without a metric.
    holds: whether what was asked for is kept on both.  wider: how many narrower sets of types the second samples turned down.
    """

    types: Types
    trials: int
    chosen: Verdict | None
    confirmed: Verdict | None
    holds: bool
    wider: int = 0

    @property
    def config(self) -> PrecisionConfig:
        """The same as a configuration."""
        return config_of(self.types)

    @property
    def bits(self) -> int:
        """Of all weights and biases, and of one sample's values at all places that have a type."""
        return bits_of(self.types)

    @property
    def weight_bits(self) -> int:
        """Of them those of weights and biases."""
        return bits_of({slot: format_ for slot, format_ in self.types.items() if slot.holds_parameters})


@dataclass(frozen=True)
class GlobalType:
    """The narrowest type that does for all places alike, and what it takes."""

    format: Fixed
    verdict: Verdict
    bits: int


def lowered_with(graph: Graph, types: Types | dict[Slot, Format]) -> Lowered:
    """The integers of a model with these types."""
    return lower(graph, BuildOptions(formats=config_of(types)))


@dataclass(frozen=True)
class Trials:
    """What types are judged on: two parts of the data, each with the outputs of the float network."""

    graph: Graph
    choosing: tuple[Dataset, Judge]
    confirming: tuple[Dataset, Judge]

    @staticmethod
    def of(graph: Graph, data: Dataset, metric: Metric, seed: int = 0) -> Trials:
        """graph: as it was imported.  Raises HwgenError for too few samples, and where the metric does not fit."""
        if data.samples < FEWEST_SAMPLES:
            what = f"{data.samples} samples say little about a loss of {metric.name}"
            fix = f"give at least {FEWEST_SAMPLES}, some thousand for a loss below a point, or ask for a ratio of signal to noise"
            raise HwgenError("data", "data", what, fix)
        parts = data.split(CHOOSING_SHARE, seed)
        first, second = ((part, Judge(metric, real_outputs(graph, part), part.targets)) for part in parts)
        return Trials(graph, first, second)

    def verdict(self, types: Types) -> Verdict:
        """By the samples that choose."""
        return self._by(self.choosing, types)

    def confirmation(self, types: Types) -> Verdict:
        """By the others."""
        return self._by(self.confirming, types)

    def _by(self, part: tuple[Dataset, Judge], types: Types) -> Verdict:
        data, judge = part
        return judge.verdict(exact_outputs(lowered_with(self.graph, types), data))


def by_metric(trials: Trials, search: Narrowing) -> Proposal:
    """The fewest bits that the search finds, judged by ``trials.verdict``.

    Of the types that passed the narrowest is taken that also keeps the loss on the samples that had no part in choosing; where none
    does, the narrowest of all, and the proposal does not hold.  Raises HwgenFailure where no types of at most 16 bits pass.
    """
    passed = search.run()
    verdicts: list[Verdict] = []
    for state in reversed(passed):
        verdicts.append(trials.confirmation(state.types))
        if verdicts[-1].loss <= search.most_loss:
            trials_made = search.trials + len(verdicts)
            return Proposal(state.types, trials_made, state.verdict, verdicts[-1], holds=True, wider=len(verdicts) - 1)
    return Proposal(passed[-1].types, search.trials + len(verdicts), passed[-1].verdict, verdicts[0], holds=False)


def smallest_global(search: Narrowing) -> GlobalType | None:
    """The narrowest signed type that all places can have together, with the same loss; None where 16 bits do not suffice.

    Integer bits from what holds the largest number down to what clips much are tried; of those that pass, the least loss counts.
    """
    elements = sum(s.elements for s in search.slots)
    fractions = [fraction_bits_for(s.statistics, MOST_BITS) for s in search.slots if s.statistics.magnitude]
    most = MOST_BITS - min(fractions, default=MOST_BITS) + 1
    for width in range(2, MOST_BITS + 1):
        passing: list[GlobalType] = []
        for integer_bits in range(most - _CLIPPED_BITS, most + 1):
            format_ = Fixed(width, integer_bits)
            verdict = search.verdict(dict.fromkeys(search.slots, format_))
            if verdict is not None and search.passes(verdict):
                passing.append(GlobalType(format_, verdict, width * elements))
        if passing:
            return min(passing, key=lambda found: found.verdict.loss)
    return None


# --- signal to noise --------------------------------------------------------------------------------------------------


def by_noise(
    folded: Graph, slots: tuple[Slot, ...], data: Dataset, snr_db: float, overflow: float = 0.0,
    progress: Callable[[int], None] = lambda _: None,
) -> Proposal:
    """The fewest bits with which each place alone keeps a signal-to-noise ratio, over all of ``data``.

    folded: the network as `hwgen.profile.slots.prepared` makes it, whose values the slots hold.
    overflow: share of each place's numbers that may; what they lose counts as noise.  A place that needs more than 16 bits gets 16.
    """
    choices = {slot: _choices(slot, overflow) for slot in slots}
    users: dict[Value, list[Slot]] = {}
    for slot in slots:
        for value in slot.values:
            users.setdefault(value, []).append(slot)
    seen: dict[tuple[Slot, Fixed], Tally] = {}

    def look(value: Value, array: object) -> None:
        floats = finite(value, array)  # pyright: ignore[reportArgumentType]
        for slot in users.get(value, ()):
            for format_ in choices[slot]:
                found = tally(format_, floats)
                seen[slot, format_] = seen[slot, format_] + found if (slot, format_) in seen else found

    for value in users:
        attrs = origin(value).producer.attrs
        if isinstance(attrs, ConstantAttrs):
            look(value, constant_floats(attrs))
    step = min(PART_SAMPLES, samples_at_a_time(folded))
    values = [v for v in users if v.producer.op != "constant"]
    for start in range(0, data.samples, step):
        for value, array in computed(folded, floats_of(data.part(slice(start, start + step))), values):
            if value.producer.op != "constant":
                look(value, array)
        progress(min(start + step, data.samples))
    types = {
        slot: next((f for f in formats if seen[slot, f].snr_db >= snr_db), formats[-1]) for slot, formats in choices.items()
    }
    holds = all(seen[slot, format_].snr_db >= snr_db for slot, format_ in types.items() if slot.statistics.magnitude)
    return Proposal(types, 0, None, None, holds)


def _choices(slot: Slot, overflow: float) -> tuple[Fixed, ...]:
    """The types of a place, one a width, the narrowest first."""
    least = 1 + (slot.statistics.least < 0)
    made = (
        fixed_of(slot.statistics, fraction_bits_for(slot.statistics, width, overflow), overflow)
        for width in range(least, MOST_BITS + 1)
    )
    return tuple(dict.fromkeys(made))
