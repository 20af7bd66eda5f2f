"""All strategies by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final

from hwgen.errors import HwgenError
from hwgen.search.strategies.base import Maker, Strategy, Task
from hwgen.search.strategies.exhaustive import Exhaustive
from hwgen.search.strategies.greedy import Greedy
from hwgen.search.strategies.samplers import SAMPLERS

STRATEGIES: Final[Mapping[str, Maker]] = {"exhaustive": Exhaustive, **SAMPLERS, "greedy": Greedy}


def strategy(name: str, task: Task) -> Strategy:
    """A new strategy.  Raises HwgenError where there is none of that name."""
    if name not in STRATEGIES:
        near = difflib.get_close_matches(name, STRATEGIES, 1)
        fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(STRATEGIES)}"
        raise HwgenError("strategy", f"strategy {name!r}", "is not known", fix)
    return STRATEGIES[name](task)
