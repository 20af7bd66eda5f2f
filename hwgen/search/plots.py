"""Pictures of a search, as SVG: best against trials, the front, bits a layer, and parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hwgen.errors import HwgenError
from hwgen.rtl.atomic import write_bytes
from hwgen.search.goals import Goals, Measures
from hwgen.search.pareto import Vector, hypervolume
from hwgen.search.results import Found
from hwgen.search.space import PARALLELISM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER: Final = "plots"
_MOST_COLUMNS: Final = 60
_MOST_LINES: Final = 300
_BEYOND: Final = 0.05
Named = tuple[str, Found]
"""A search and its name."""


def write_plots(folder: Path, found: Found, others: Sequence[Named] = (), name: str = "search") -> list[Path]:
    """All plots of a search into ``folder``.  others: searches of the same objectives, shown beside it against trials.

    Raises HwgenError where Matplotlib is missing.
    """
    figure = _figures()
    plots = {
        "best": lambda: best_against_trials(figure(), [(name, found), *others]),
        "front": lambda: front(figure(), found),
        "bits": lambda: bits_by_layer(figure(), found),
        "parallel": lambda: parallel_coordinates(figure(), found),
    }
    written: list[Path] = []
    for plot, draw in plots.items():
        path = folder / FOLDER / f"{plot}.svg"
        save(draw(), path)
        written.append(path)
    return written


def _figures() -> Any:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise HwgenError("missing", "matplotlib", "is not installed", "pip install 'hwgen[search]', or give --no-plots") from error
    mpl.rcParams["svg.hashsalt"] = "hwgen"  # the same picture is the same file
    return lambda: Figure(figsize=(8, 5), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """As SVG without a date."""
    import io

    data = io.BytesIO()
    figure.savefig(data, format="svg", metadata={"Date": None})
    write_bytes(path, data.getvalue())


def progress_of(goals: Goals, found: Found, reference: Vector) -> list[float]:
    """After each trial: the volume that the front dominates, in parts of the reference's box; of one objective the best value."""
    points = list[Vector]()
    values: list[float] = []
    seen: set[tuple[int, ...]] = set()
    for trial in found.trials:
        measures = trial.outcome.measures
        changed = measures is not None and not goals.excess(measures) and trial.key not in seen
        seen.add(trial.key)
        if measures is not None and changed:
            points.append(goals.losses(measures))
        if not points:
            values.append(float("nan"))
        elif len(goals.objectives) == 1:
            values.append(goals.objectives[0].value(min(points)[0]))
        else:
            values.append(hypervolume(points, reference) if changed else values[-1])
    return values


def reference_of(searches: Sequence[Found]) -> Vector:
    """A little beyond the worst of all that was judged."""
    losses = [f.goals.losses(m) for f in searches for _, m in f.judged]
    ends = [(min(column), max(column)) for column in zip(*losses, strict=True)]
    return tuple(high + _BEYOND * (high - low or 1.0) for low, high in ends)


def best_against_trials(figure: Figure, searches: Sequence[Named]) -> Figure:
    """One curve a search."""
    axes = figure.add_subplot()
    judged = [(name, found) for name, found in searches if found.judged]
    if judged:
        goals, reference = judged[0][1].goals, reference_of([found for _, found in judged])
        for name, found in judged:
            values = progress_of(goals, found, reference)
            axes.step(range(1, len(values) + 1), values, where="post", label=name)
        single = len(goals.objectives) == 1
        axes.set_ylabel(f"best {goals.objectives[0].name}" if single else "hypervolume of the front")
        axes.legend()
    axes.set_xlabel("trials")
    axes.set_title("Best against trials")
    return figure


def front(figure: Figure, found: Found) -> Figure:
    """The first two objectives: trials, the front, and the designs of the same bits everywhere."""
    axes = figure.add_subplot()
    objectives = found.goals.objectives
    across, up = objectives[min(1, len(objectives) - 1)], objectives[0]

    def of(measured: Sequence[Measures]) -> tuple[list[float], list[float]]:
        return [m[across.name] for m in measured], [m[up.name] for m in measured]

    axes.scatter(*of([m for _, m in found.judged]), s=12, color="0.7", label="trials")
    best = sorted((m for _, m in found.front), key=lambda m: m[across.name])
    axes.plot(*of(best), "o-", markersize=5, color="tab:blue", label="front")
    for uniform in found.uniform:
        measures = uniform.outcome.measures
        if measures is not None:
            axes.plot(*of([measures]), "D", color="tab:red")
            axes.annotate(f"{uniform.bits} bits", (measures[across.name], measures[up.name]), (6, -10), textcoords="offset points")
    axes.set_xlabel(across.name)
    axes.set_ylabel(up.name)
    axes.set_title("Pareto front; diamonds: the same bits everywhere")
    axes.legend()
    return figure


def bits_by_layer(figure: Figure, found: Found) -> Figure:
    """A row for each point of the front, a column for each dimension of formats: bits."""
    axes = figure.add_subplot()
    columns = [k for k, d in enumerate(found.space.dimensions) if not d.name.endswith(f".{PARALLELISM}")][:_MOST_COLUMNS]
    rows = [t for t, _ in found.front]
    if rows and columns:
        table = [[found.space.choices(t.key)[k].size for k in columns] for t in rows]
        _heat(figure, axes, table, [found.space.dimensions[k].name for k in columns], [f"trial {t.number}" for t in rows], "bits")
    axes.set_title(f"Bits of each layer, front from the best {found.goals.objectives[0].name} down")
    return figure


def _heat(figure: Figure, axes: Axes, table: Sequence[Sequence[float]], columns: list[str], rows: list[str], unit: str) -> None:
    image = axes.imshow(table, aspect="auto", cmap="viridis")
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    if len(rows) * len(columns) <= 400:
        known = [value for row in table for value in row if not math.isnan(value)]
        middle = (max(known, default=0.0) + min(known, default=0.0)) / 2
        for y, row in enumerate(table):
            for x, value in enumerate(row):
                if math.isnan(value):
                    continue
                axes.text(x, y, f"{value:g}", ha="center", va="center", fontsize=7, color="black" if value > middle else "white")
    figure.colorbar(image, ax=axes, label=unit)


def heat_map(table: Sequence[Sequence[float]], columns: list[str], rows: list[str], title: str, unit: str) -> Figure:
    """A table as colours, with its numbers."""
    figure: Figure = _figures()()
    axes = figure.add_subplot()
    _heat(figure, axes, table, columns, rows, unit)
    axes.set_title(title)
    return figure


def parallel_coordinates(figure: Figure, found: Found) -> Figure:
    """A line for each trial through its choices and its objectives; those of the front in colour."""
    axes = figure.add_subplot()
    objectives = found.goals.objectives
    dimensions = found.space.dimensions[:_MOST_COLUMNS]
    names = [d.name for d in dimensions] + [o.name for o in objectives]
    judged, chosen = found.judged, {t.number for t, _ in found.front}
    if judged:
        ends = [(min(m[o.name] for _, m in judged), max(m[o.name] for _, m in judged)) for o in objectives]
        others = [pair for pair in judged if pair[0].number not in chosen][-_MOST_LINES:]
        for trial, measures in [*others, *found.front]:
            heights = [k / max(1, len(d.choices) - 1) for k, d in zip(trial.key, dimensions, strict=False)]
            heights += [(measures[o.name] - low) / (high - low or 1.0) for o, (low, high) in zip(objectives, ends, strict=True)]
            best = trial.number in chosen
            axes.plot(heights, color="tab:blue" if best else "0.8", linewidth=1.5 if best else 0.6, zorder=2 if best else 1)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axes.set_yticks([0, 1], ["least", "most"])
    axes.set_title("Choices and objectives; the front in blue")
    return figure
