"""Runs all passes over random networks; what fails is shrunk and left as a ``.hwg`` file that runs again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph, Rewriter, topological
from hwgen.ir.text import print_graph
from hwgen.ops.checking import check
from hwgen.pipeline import Pass
from pass_fuzz.promises import Broken, hold
from pass_fuzz.real import Undecided
from pass_fuzz.subjects import Subject, options, subjects

FAILURES: Final = Path(__file__).parents[2] / "build" / "pass-fuzz"


def _smaller(graph: Graph) -> Iterator[Graph]:
    """The graph with its end or one node dropped, the most taken away first."""
    for node in graph.nodes:
        if node.op not in ("input", "constant") and (node.output,) != graph.outputs:
            yield Graph(graph.name, topological([node.output], [v.producer for v in graph.inputs]), (node.output,))
    for node in graph.nodes:
        for value in node.inputs:
            if value.type.shape == node.output.type.shape:
                rewriter = Rewriter(graph)
                for other in graph.nodes:
                    rewriter.replace(other.output, rewriter[value]) if other is node else rewriter.copy(other)
                yield rewriter.finish()


def shrunk(graph: Graph, fails: Callable[[Graph], bool]) -> Graph:
    """A small graph that still fails."""
    progress = True
    while progress:
        progress = False
        for candidate in _smaller(graph):
            try:
                check(candidate)
            except HwgenError:
                continue
            if len(candidate.nodes) < len(graph.nodes) and fails(candidate):
                graph, progress = candidate, True
                break
    return graph


def broken(one: Pass, subject: Subject) -> Broken | None:
    """What a pass breaks; None where it keeps all promises, or refuses."""
    try:
        hold(one, subject)
    except (HwgenError, Undecided):
        return None
    except Broken as found:
        return found
    except Exception as error:  # noqa: BLE001 - a crash is a finding
        return Broken(type(error).__name__, f"it crashed: {type(error).__name__}: {error}")
    return None


def leave(one: Pass, subject: Subject, found: Broken, folder: Path = FAILURES) -> str:
    """Shrinks a failure, as long as the same promise is broken, and leaves it; what to tell about it."""

    def fails(graph: Graph) -> bool:
        again = broken(one, replace(subject, graph=graph))
        return again is not None and again.kind == found.kind

    small = shrunk(subject.graph, fails)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.name}-{subject.stage}-{subject.seed}.hwg"
    path.write_text(print_graph(small))
    command = f"python -m pass_fuzz {path} {one.name} {subject.seed}"
    told = f"{one.name} on a graph that is {subject.stage}: {found}"
    return f"{told}\nshrunk to {len(small.nodes)} of {len(subject.graph.nodes)} nodes\nagain, in tests/: {command}"


def fuzz(seed: int, count: int, passes: list[type[Pass]]) -> tuple[Counter[str], list[str]]:
    """``count`` networks through all passes: how often each pass held, and what was found."""
    held: Counter[str] = Counter()
    found: list[str] = []
    for number in range(count):
        random = Random(f"{seed}/{number}")
        for subject in subjects(random, seed + number):
            for kind in passes:
                one = kind(**options(kind, subject.graph, subject.seed))
                what = broken(one, subject)
                if what is not None:
                    found.append(leave(one, subject, what))
                    continue
                try:
                    one(subject.graph)
                    held[kind.name] += 1
                except HwgenError as error:
                    held[f"{kind.name} refused: {error.code}"] += 1
    return held, found
