"""The space of a model: a dimension for each role of each layer that the configuration gives choices for, fitted to data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hwgen.data import Dataset
from hwgen.errors import HwgenError, clean
from hwgen.formats import Fixed
from hwgen.ir.graph import Array, Graph, Node, Value
from hwgen.ops.run import computed
from hwgen.ops.weights import PRODUCTS
from hwgen.pipeline import parse_pipeline, run
from hwgen.precision.points import MOVES, TRANSPARENT, Point, bits_of, points
from hwgen.precision.rules import PrecisionConfig, Rules, Section, format_of
from hwgen.profile.statistics import floats_of
from hwgen.search.fitting import fit_of, fitted
from hwgen.search.space import PARALLELISM, Choice, Dimension, Setting, Space
from hwgen.search_section import SearchRoles, SearchSection
from hwgen.sim.reference import samples_at_a_time

_PREPARE: Final = "fold-constants, fold-scalar-arithmetic, fold-batch-norm"
"""Formats of weights are of those after these."""
DEFAULT_BITS: Final = (2, 3, 4, 5, 6, 8)
UNIFORM_BITS: Final = (4, 6, 8, 16)
"""Designs that a front is compared with."""
_CHANNELS: Final = {"linear": 0, "conv": 0, "conv_transpose": 1}
"""Axis of the output channels of a weight."""
_PLACEHOLDER: Final = Fixed(1, 1)
_FROM: Final = "search"
_GROUPS: Final = ("types", "patterns", "layers")
_FULL: Final = 1e12
"""Multipliers of all lanes, whatever the layer: more than any."""
_LANES: Final = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})|full")
Places = tuple[str, str]
"""Path and role."""


@dataclass(frozen=True)
class Searched:
    """space: of the model.  uniform: what every layer of the space is set to where all have so many bits."""

    space: Space
    uniform: Mapping[int, tuple[Setting, ...]]


@dataclass(frozen=True)
class _Place:
    """One path and role.  found: the points there.  section: which decides."""

    path: str
    role: str
    found: tuple[Point, ...]
    section: str


def search_space(graph: Graph, section: SearchSection, data: Dataset, parallel: Sequence[str], file: str = "config") -> Searched:
    """The space of a graph of reals.  data: to which formats are fitted.  parallel: paths of the layers that have multipliers.

    Where the section gives no choices at all, weights and the inputs that need codes have `DEFAULT_BITS`.
    Raises HwgenError for sections that fit nothing in the model, and choices that fit nothing in their place.
    """
    sections = {_FROM: section, **{f'{_FROM}.{group}."{name}"': roles for group in _GROUPS
                                   for name, roles in getattr(section, group).items()}}
    if not any(roles.formats or roles.parallelism for roles in sections.values()):
        bits = list(DEFAULT_BITS)
        sections[_FROM] = section.model_copy(update={"weight": bits, "input": bits})
    rules = _rules(graph, section, sections, file)
    prepared, _ = run(graph, parse_pipeline(_PREPARE))
    places = _places(points(prepared), rules)
    numbers = _Numbers(prepared, data, [p.value for place in places for p in place.found])
    dimensions = _format_dimensions(places, sections, numbers, file)
    dimensions += _parallelism_dimensions(rules, parallel, sections, file)
    return Searched(Space(tuple(dimensions)), {bits: _uniform(places, bits, numbers) for bits in UNIFORM_BITS})


def _rules(graph: Graph, section: SearchSection, sections: Mapping[str, SearchRoles], file: str) -> Rules:
    """Which section decides about a layer, as for formats: each section's key stands for its choices."""
    def made(key: str) -> Section:
        roles = sections[key]
        return Section(key, tuple((role, _PLACEHOLDER) for role in roles.formats), key if roles.parallelism else None)

    by_type, by_pattern, by_layer = (
        tuple((name, made(f'{_FROM}.{group}."{name}"')) for name in getattr(section, group)) for group in _GROUPS
    )
    return PrecisionConfig(file, "", made(_FROM), by_type, by_pattern, by_layer).on(graph)


def _places(found: Sequence[Point], rules: Rules) -> list[_Place]:
    """Each path and role that a section decides about; the general one only about inputs that need codes, and about products."""
    grouped: dict[Places, list[Point]] = {}
    deciding: dict[Places, str] = {}
    generally: set[Places] = set()
    for point in found:
        choice = rules.choice(point.node, point.role)
        if choice is None:
            continue
        general = choice.level == "default"
        if general and not (point.needed if point.role == "input" else point.op in PRODUCTS):
            continue
        grouped.setdefault((point.path, point.role), []).append(point)
        deciding[point.path, point.role] = choice.section.key
        generally.update({(point.path, point.role)} if general else ())
    on_grid = {p.node for (_, role), there in grouped.items() if role == "input" for p in there}
    return [
        _Place(path, role, tuple(there), deciding[path, role])
        for (path, role), there in grouped.items()
        if not (role == "input" and (path, role) in generally and all(_comes_from(p.value, on_grid) for p in there))
    ]


def _comes_from(value: Value, on_grid: set[Node]) -> bool:
    """Whether what keeps a grid (a pool, a move) makes the value of an input that has a format of its own."""
    while value.producer.op in TRANSPARENT:
        if value.producer in on_grid:
            return True
        value = value.producer.inputs[0]
    return False


class _Numbers:
    """The numbers of the points: constants, and what values are for the data."""

    def __init__(self, graph: Graph, data: Dataset, wanted: Sequence[Value]) -> None:
        few = data.part(slice(samples_at_a_time(graph)))
        kept = set(wanted)
        self._arrays: dict[Value, Array] = {v: a for v, a in computed(graph, floats_of(few), kept) if v in kept}

    def of(self, place: _Place) -> Array:
        """Of all points there; one point's as it is."""
        arrays = [self._arrays[p.value] for p in place.found]
        return arrays[0] if len(arrays) == 1 else np.concatenate([a.ravel() for a in arrays])


def _format_dimensions(
    places: Sequence[_Place], sections: Mapping[str, SearchRoles], numbers: _Numbers, file: str
) -> list[Dimension]:
    """Places that are chosen together, by their section or because they take the same graph input, share a dimension."""
    groups: dict[object, list[_Place]] = {}
    for place in places:
        together = sections[place.section].together
        key: object = (place.section, place.role) if together else _graph_input(place) or (place.path, place.role)
        groups.setdefault(key, []).append(place)
    dimensions: list[Dimension] = []
    for group in groups.values():
        first = group[0]
        given, where = sections[first.section].formats[first.role], f"config {file!r}, {first.section}.{first.role}"
        other = next((p for p in group if sections[p.section].formats[p.role] != given), None)
        if other is not None:
            what = f"has other choices than {other.section}.{other.role}; layers {first.path} and {other.path} take the same input"
            raise HwgenError("space", where, what, "give the same choices for both")
        choices = [_choice(choice, group, numbers, where) for choice in dict.fromkeys(given)]
        shown = _name(first.section, first.path, sections)
        dimensions.append(Dimension(f"{shown}.{first.role}", tuple(sorted(choices, key=lambda c: c.size))))
    return dimensions


def _name(section: str, path: str, sections: Mapping[str, SearchRoles]) -> str:
    """Of what a section decides about: its own name where all take one choice."""
    return clean((section.partition(".")[2] or "all") if sections[section].together else path)


def _graph_input(place: _Place) -> Value | None:
    """The graph input that comes in there, moved at most: it comes in one format only."""
    for point in place.found if place.role == "input" else ():
        value = point.value
        while value.producer.op in MOVES:
            value = value.producer.inputs[0]
        if value.producer.op == "input":
            return value
    return None


def _choice(choice: int | str, group: Sequence[_Place], numbers: _Numbers, where: str) -> Choice:
    fit = fit_of(choice, where)
    if fit is None:
        format_ = format_of(str(choice))
        if format_ is None:
            raise HwgenError("space", where, f"{choice!r} is no format", "leave the role out of the search")
        settings = tuple(Setting(p.path, p.role, str(format_)) for p in group)
        return Choice(str(choice), float(bits_of(format_)), settings)
    settings = tuple(Setting(p.path, p.role, _fit_text(choice, p, numbers, f"{where}, layer {clean(p.path)}")) for p in group)
    return Choice(str(choice), float(fit.bits), settings)


def _fit_text(choice: int | str, place: _Place, numbers: _Numbers, where: str) -> str:
    fit = fit_of(choice, where)
    if fit is None:
        raise TypeError(choice)
    axis = _CHANNELS.get(place.found[0].op) if place.role == "weight" and len(place.found) == 1 else None
    return str(fitted(fit, numbers.of(place), axis, where))


def _uniform(places: Sequence[_Place], bits: int, numbers: _Numbers) -> tuple[Setting, ...]:
    return tuple(Setting(p.path, p.role, _fit_text(bits, p, numbers, f"layer {clean(p.path)}")) for p in places)


def _parallelism_dimensions(
    rules: Rules, parallel: Sequence[str], sections: Mapping[str, SearchRoles], file: str
) -> list[Dimension]:
    deciding = rules.parallelism(parallel)
    groups: dict[tuple[str, str], list[str]] = {}
    for path in parallel:
        key = deciding.get(path) or rules.config.default.parallelism
        if key is not None:
            groups.setdefault((key, "" if sections[key].together else path), []).append(path)
    dimensions: list[Dimension] = []
    for (key, _), paths in groups.items():
        where = f"config {file!r}, {key}.{PARALLELISM}"
        choices = [
            Choice(text, _multipliers(text, where), tuple(Setting(path, PARALLELISM, text) for path in paths))
            for text in dict.fromkeys(sections[key].parallelism or ())
        ]
        shown = _name(key, paths[0], sections)
        dimensions.append(Dimension(f"{shown}.{PARALLELISM}", tuple(sorted(choices, key=lambda c: c.size))))
    return dimensions


def _multipliers(text: str, where: str) -> float:
    """Of ``4x8``; ``full`` is more than any."""
    match = _LANES.fullmatch(text)
    if match is None:
        raise HwgenError("space", where, f"cannot read {text!r}", "write 4x8 (inputs x outputs), or full")
    return float(int(match[1]) * int(match[2])) if match[1] else _FULL
