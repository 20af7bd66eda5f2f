"""Our own strategy: greedy by quality lost per area won, then local moves on the front.

1. Probes: the largest point, the smallest, and each dimension alone at its smallest and in its middle (the sensitivity of each).
2. What the trials say so far is fitted: each dimension's share of the noise, quality as a rising function of noise, costs as
   quadratic functions of the sizes.
3. Candidates are the points on greedy ways down from the largest point, each step the one that adds least noise for the cost it
   wins, and the neighbours of the front found so far (one choice up or down, or one up for one down).
4. Those are asked that promise the largest gain of hypervolume, one after the other as if each promise were kept; 2 to 4 again.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from random import Random
from typing import Final

import numpy as np

from hwgen.search.pareto import Vector, front, hypervolume
from hwgen.search.space import Key
from hwgen.search.strategies.base import Answer, Task
from hwgen.search.strategies.response import Costs, Floats, Rising, Sizes, noise_gains

_MOST_CANDIDATES: Final = 400
_BEYOND: Final = 1.05
"""The hypervolume reaches that much beyond the worst of the front, so that its ends count."""


class Greedy:
    """`Strategy`.

    Quality is the first objective; the others, and what constraints bound, are costs.
    """

    def __init__(self, task: Task) -> None:
        self._task, self._space = task, task.space
        self._random, self._sizes = Random(task.seed), Sizes(task.space)
        self._asked: set[Key] = set()
        self._told: dict[Key, Answer] = {}
        self._planned = list(dict.fromkeys(self._probes()))

    def _probes(self) -> Sequence[Key]:
        top = self._space.largest
        single: list[Key] = []
        middle, smallest = tuple(most // 2 for most in top), (0,) * len(top)
        for places in (middle, smallest):
            single += [(*top[:at], place, *top[at + 1 :]) for at, place in enumerate(places) if top[at]]
        return [top, smallest, middle, *single]

    def ask(self, count: int) -> Sequence[Key]:
        asked: list[Key] = []
        while len(asked) < count:
            if not self._planned:
                self._planned = self._promising(count - len(asked))
            if not self._planned:
                break
            key = self._planned.pop(0)
            if key not in self._asked:
                self._asked.add(key)
                asked.append(key)
        return asked

    def tell(self, answers: Sequence[Answer]) -> None:
        self._told.update((a.key, a) for a in answers)
        self._planned = [k for k in self._planned if k not in self._asked] if len(self._told) < len(self._probes()) else []

    # --- what the trials say ------------------------------------------------------------------------------------------

    def _vector(self, answer: Answer) -> Vector:
        """Losses of the objectives, and each measure that a constraint bounds, as losses."""
        goals, measures = self._task.goals, answer.measures or {}
        names = {o.name for o in goals.objectives}
        bounded = (-measures[c.name] if c.at_least else measures[c.name] for c in goals.constraints if c.name not in names)
        return (*goals.losses(measures), *bounded)

    def _noise(self, answer: Answer, quality: float, best: float) -> float:
        guide = self._task.guide
        measures = answer.measures or {}
        return measures[guide] if guide is not None and guide in measures else quality - best

    def _promising(self, count: int) -> list[Key]:
        judged = [a for a in self._told.values() if a.measures is not None]
        if len(judged) < 2:
            return self._unknown(count)
        vectors = [self._vector(a) for a in judged]
        best = min(v[0] for v in vectors)
        noise = np.array([self._noise(a, v[0], best) for a, v in zip(judged, vectors, strict=True)]) + 1e-9
        keys = [a.key for a in judged]
        gains = noise_gains(self._sizes.steps_of(keys), noise)
        model = _Model(self._sizes, gains, Rising(noise, np.array([v[0] for v in vectors])), keys, vectors)
        on_front = [keys[k] for k in front(vectors)]
        known = dict(zip(keys, noise.tolist(), strict=True))
        candidates = self._ways_down(model) + [(k, p) for p in on_front for k in self._space.neighbours(p)]
        fresh: dict[Key, Key | None] = {}
        for key, parent in candidates:
            if key not in self._asked and key not in fresh:
                fresh[key] = parent
        chosen = list(fresh.items())
        if len(chosen) > _MOST_CANDIDATES:
            chosen = [chosen[k] for k in sorted(self._random.sample(range(len(chosen)), _MOST_CANDIDATES))]
        if not chosen:
            return self._unknown(count)
        return _by_gain([k for k, _ in chosen], model.predict(chosen, known), vectors, count)

    def _unknown(self, count: int) -> list[Key]:
        """Points never asked, at random, or in order where few are left."""
        if self._space.size <= 4 * len(self._asked) + count:
            left = (self._space.point(n) for n in range(self._space.size))
            return [k for k in left if k not in self._asked][:count]
        found: dict[Key, None] = {}
        while len(found) < count:
            key = self._space.point(self._random.randrange(self._space.size))
            if key not in self._asked:
                found[key] = None
        return list(found)

    def _ways_down(self, model: _Model) -> list[tuple[Key, Key | None]]:
        """For each cost, and for all together, the points on the way from the largest to the smallest point."""
        found: list[tuple[Key, Key | None]] = []
        kinds = max(1, model.kinds)
        weights = [tuple(float(k == j) for k in range(kinds)) for j in range(kinds)] if kinds > 1 else []
        for weight in [*weights, (1.0,) * kinds]:
            key = self._space.largest
            while True:
                lower = [(*key[:at], place - 1, *key[at + 1 :]) for at, place in enumerate(key) if place]
                if not lower:
                    break
                key = model.steepest(key, lower, weight)
                found.append((key, None))
        return found


class _Model:
    """Predicts the losses of points."""

    def __init__(self, sizes: Sizes, gains: Floats, quality: Rising, keys: Sequence[Key], vectors: Sequence[Vector]) -> None:
        self._sizes, self._gains, self._quality = sizes, gains, quality
        table = np.array(vectors)
        self.kinds = table.shape[1] - 1
        self._spread = np.maximum(table[:, 1:].max(axis=0, initial=0.0) - table[:, 1:].min(axis=0, initial=0.0), 1e-12)
        self._costs = Costs(sizes.shares_of(keys), table[:, 1:])

    def _model_noise(self, keys: Sequence[Key]) -> Floats:
        return self._sizes.steps_of(keys) @ self._gains + 1e-12

    def _model_costs(self, keys: Sequence[Key]) -> Floats:
        return self._costs(self._sizes.shares_of(keys))

    def steepest(self, key: Key, lower: Sequence[Key], weight: Sequence[float]) -> Key:
        """Of the points one step below ``key`` the one that adds least noise for the cost that it wins."""
        costs = self._model_costs([key, *lower]) / self._spread @ np.array(weight[: self.kinds])
        noise = self._model_noise([key, *lower])
        won, added = np.maximum(costs[0] - costs[1:], 1e-9), np.maximum(noise[1:] - noise[0], 1e-15)
        return lower[int(np.argmin(added / won))]

    def predict(self, chosen: Sequence[tuple[Key, Key | None]], noise: dict[Key, float]) -> list[Vector]:
        """Of each point, with the tried point that it is a neighbour of, if it is one: then as much beside as the model says."""
        keys = [k for k, _ in chosen]
        beside = [p or k for k, p in chosen]
        modelled, base = self._model_noise(keys), self._model_noise(beside)
        seen = np.array([noise.get(p, b) if p is not None else b for (_, p), b in zip(chosen, base, strict=True)])
        quality = self._quality(modelled / base * seen)
        return [(float(q), *map(float, c)) for q, c in zip(quality, self._model_costs(keys), strict=True)]


def _by_gain(keys: list[Key], predicted: list[Vector], known: Sequence[Vector], count: int) -> list[Key]:
    """The keys that add most to the hypervolume, one after the other as if each were as predicted."""
    table = np.array([*known, *predicted])
    low, high = table.min(axis=0), table.max(axis=0)
    scaled = (table - low) / np.maximum(high - low, 1e-12)
    reference = (_BEYOND,) * table.shape[1]
    points = [tuple(map(float, row)) for row in scaled]
    base, promised = _front_of(points[: len(known)]), points[len(known) :]
    behind = (scaled[len(known) :, None] - np.array(base)).min(axis=2).max(axis=1)
    # gains only shrink as points are added: a gain of before is a bound (lazy greedy); what promises none is ordered by how far
    # it lies behind the front
    heap = [(-_gain(promised[k], base, reference) if behind[k] < 0 else 0.0, float(behind[k]), k) for k in range(len(keys))]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < count:
        bound, distance, best = heapq.heappop(heap)
        current = -_gain(promised[best], base, reference) if bound else 0.0
        if heap and (current, distance, best) > heap[0]:
            heapq.heappush(heap, (current, distance, best))
            continue
        chosen.append(best)
        base = _front_of([*base, promised[best]])
    return [keys[k] for k in chosen]


def _front_of(points: Sequence[Vector]) -> list[Vector]:
    return [points[k] for k in front(points)]


def _gain(point: Vector, base: Sequence[Vector], reference: Vector) -> float:
    """The volume that ``point`` alone dominates: its own, less what of it the others have."""
    own = math.prod(r - a for a, r in zip(point, reference, strict=True))
    return own - hypervolume([tuple(map(max, point, other)) for other in base], reference)
