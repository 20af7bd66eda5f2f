"""Small problems of known answers, in the place of a network: quality falls with the noise of each layer, area goes with bits."""

from __future__ import annotations

import math
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from hwgen.errors import HwgenError
from hwgen.search.goals import Goals, Objective
from hwgen.search.space import Choice, Dimension, Key, Setting, Space
from hwgen.search.trial import Evaluator, Trial

GOALS = Goals((Objective("accuracy", True), Objective("luts", False)))


def bits_space(layers: int, bits: tuple[int, ...] = (2, 3, 4, 5, 6, 8)) -> Space:
    """Bits of the weights and of the input of each layer."""
    return Space(tuple(
        Dimension(
            f"fc{layer}.{role}",
            tuple(Choice(f"{b}", b, (Setting(f"fc{layer}", role, f"fixed<{b},1>"),)) for b in bits),
        )
        for layer in range(layers) for role in ("weight", "input")
    ))


@dataclass(frozen=True)
class Problem:
    """`Recipe`: made of the seed.  fails: every so many points cannot be tried."""

    layers: int
    seed: int
    fails: int = 0

    @property
    def space(self) -> Space:
        return bits_space(self.layers)

    def evaluator(self) -> Evaluator:
        random, space = Random(self.seed), self.space
        gains = [math.exp(random.uniform(-3, 1)) for _ in space.dimensions]
        products = [random.choice((4, 8, 16, 32)) for _ in range(self.layers)]

        def evaluate(key: Key, seed: int) -> Trial:
            if self.fails and sum(key) % self.fails == 0:
                raise HwgenError("test", f"point {key}", "is one that fails", "try another")
            bits = [c.size for c in space.choices(key)]
            noise = sum(g * 4.0**-b for g, b in zip(gains, bits, strict=True))
            noise *= math.exp(Random(seed).uniform(-0.2, 0.2))
            accuracy = round(0.98 - 0.9 * noise / (noise + 0.05), 3)
            luts = sum(p * (bits[2 * k] * bits[2 * k + 1] + 4 * bits[2 * k]) for k, p in enumerate(products)) + 100
            return Trial({"accuracy": accuracy, "luts": luts, "output_error": noise})

        return evaluate


@dataclass(frozen=True)
class Deadly:
    """`Recipe`: points below ``always`` end the process that tries them; those below ``once`` the first time."""

    folder: Path
    always: int
    once: int

    def evaluator(self) -> Evaluator:
        def evaluate(key: Key, seed: int) -> Trial:
            mark = self.folder / str(key[0])
            if key[0] < self.always or (key[0] < self.once and not mark.exists()):
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return Trial({"place": float(key[0]), "seed": float(seed % 1000)})

        return evaluate


@dataclass(frozen=True)
class Refusing:
    """`Recipe` of which no evaluator can be made."""

    def evaluator(self) -> Evaluator:
        raise HwgenError("test", "worker", "has no data here", "give it some")


@dataclass(frozen=True)
class Endless:
    """`Recipe` whose trials do not end while this process is wanted; each says that it has begun."""

    folder: Path

    def evaluator(self) -> Evaluator:
        def evaluate(key: Key, seed: int) -> Trial:
            (self.folder / f"{os.getpid()}").touch()
            time.sleep(0.2)
            return Trial({})

        return evaluate
