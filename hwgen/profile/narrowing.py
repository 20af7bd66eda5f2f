"""The fewest bits that keep a network good enough, found by trying: from one width for all, bit by bit.

A state gives each place its fraction bits; its integer bits follow from what was seen there (`hwgen.profile.fitting`).  The search
takes the least width with which all places together pass; then it takes one fraction bit after the other away, those first that
cost the least loss for what they save, until none can go.  Every state is judged as a whole, so losses need not add up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.formats import Fixed
from hwgen.profile.fitting import MOST_BITS, fixed_of, fraction_bits_for
from hwgen.profile.judge import Verdict
from hwgen.profile.slots import Slot, Types, bits_of

_FIRST_BITS: Final = 8
_LEAST_BITS: Final = 2

Fractions = Mapping[Slot, int]


@dataclass(frozen=True, slots=True)
class Tried:
    """A state that passed."""

    fractions: Fractions
    types: Types
    verdict: Verdict
    bits: int


@dataclass(slots=True)
class Narrowing:
    """One search.

    judge: the verdict on types; raises HwgenError where no hardware has them.  overflow: share of each slot's numbers that may.
    A state passes where its loss and ``margin`` standard errors of it are at most ``most_loss``.
    progress: is told of the trials and the fewest bits so far.
    """

    slots: tuple[Slot, ...]
    judge: Callable[[Types], Verdict]
    most_loss: float
    overflow: float = 0.0
    margin: float = 1.0
    progress: Callable[[int, int], None] = lambda trials, bits: None
    trials: int = 0
    passed: list[Tried] = field(default_factory=list[Tried])
    """In the order in which each was taken: bits fall from one to the next."""
    _known: dict[tuple[Fixed, ...], Verdict | None] = field(default_factory=dict[tuple[Fixed, ...], Verdict | None])

    def run(self) -> tuple[Tried, ...]:
        """The states that passed on the way; the last has the fewest bits.  Raises HwgenFailure where no width up to 16 passes."""
        state = self._first()
        self.passed.append(state)
        while (narrower := self._round(state)) is not state:
            state = narrower
        return tuple(self.passed)

    def verdict(self, types: Types) -> Verdict | None:
        """None where no hardware has these types."""
        key = tuple(types[slot] for slot in self.slots)
        if key not in self._known:
            self.trials += 1
            try:
                self._known[key] = self.judge(types)
            except HwgenError as error:
                if error.code == "metric":
                    raise
                self._known[key] = None
            self.progress(self.trials, self.passed[-1].bits if self.passed else bits_of(types))
        return self._known[key]

    def passes(self, verdict: Verdict) -> bool:
        """Whether the loss is small enough, and surely so."""
        return verdict.loss + self.margin * verdict.error <= self.most_loss

    def _tried(self, fractions: Fractions) -> Tried | None:
        """The state with these fraction bits, if it passes."""
        types = {slot: fixed_of(slot.statistics, fractions[slot], self.overflow) for slot in self.slots}
        verdict = self.verdict(types)
        return Tried(fractions, types, verdict, bits_of(types)) if verdict is not None and self.passes(verdict) else None

    def _of_width(self, width: int) -> Tried | None:
        return self._tried({s: fraction_bits_for(s.statistics, width, self.overflow) for s in self.slots})

    def _first(self) -> Tried:
        """The narrowest width of all slots that passes."""
        for width in range(_FIRST_BITS, MOST_BITS + 1):
            if (found := self._of_width(width)) is not None:
                break
        else:
            raise self._failure()
        while width > _LEAST_BITS and (narrower := self._of_width(width - 1)) is not None:
            found, width = narrower, width - 1
        return found

    def _failure(self) -> HwgenFailure:
        seen = [v for v in self._known.values() if v is not None]
        if not seen:
            return HwgenFailure("types", "the model", "no types of 8 to 16 bits can be built", "see `hwgen check`")
        best = min(seen, key=lambda v: v.loss + self.margin * v.error)
        what = f"no width of 8 to 16 bits keeps the loss below {self.most_loss:g}; the nearest loses {best.loss:g} ± {best.error:g}"
        return HwgenFailure("types", "the data", what, "allow more loss, or give more samples")

    def _round(self, state: Tried) -> Tried:
        """Takes bits away, one at most from each slot."""
        alone: list[tuple[float, Slot]] = []
        for slot in self.slots:
            found = self._without_bit(state, slot)
            if found is not None:
                worse = found.verdict.loss - state.verdict.loss
                alone.append((worse / (state.bits - found.bits), slot))
        alone.sort(key=lambda pair: pair[0])
        for _, slot in alone:
            found = self._without_bit(state, slot)
            if found is not None:
                state = found
                self.passed.append(state)
        return state

    def _without_bit(self, state: Tried, slot: Slot) -> Tried | None:
        """The state with fewer fraction bits at one slot, so that it takes fewer bits, if it passes."""
        fraction = state.fractions[slot] - 1
        if state.types[slot].width <= 1:
            return None
        while fixed_of(slot.statistics, fraction, self.overflow).width >= state.types[slot].width:
            fraction -= 1
            if fraction < state.fractions[slot] - MOST_BITS:
                return None
        return self._tried({**state.fractions, slot: fraction})
