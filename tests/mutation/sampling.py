"""A sample of the mutants that is fair to files and operators, and stays while others come and go."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from math import floor

from mutation.mutant import Mutant


def sample(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """About ``count`` of ``mutants``: of every kind as many, and within a kind of every file and operator the same share.

    A stratum of n mutants gives ``floor(share * n + u)`` with u in [0, 1) from its name and the seed; which ones, their ids and the
    seed decide.  So a mutant stays in the sample or out of it when another file changes, but for the slowly moving share.
    """
    of_kind = Counter(mutant.kind for mutant in mutants)
    strata: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        strata.setdefault(f"{mutant.path}:{mutant.edit.operator}", []).append(mutant)
    chosen: set[str] = set()
    for name, members in strata.items():
        share = min(1.0, count / len(of_kind) / of_kind[members[0].kind])
        members.sort(key=lambda mutant: _fraction(f"{seed}:{mutant.id}"))
        chosen.update(mutant.id for mutant in members[: floor(share * len(members) + _fraction(f"{seed}:{name}"))])
    return [mutant for mutant in mutants if mutant.id in chosen]


def _fraction(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
