"""Every installed pass keeps its promises on random graphs, and passes that do not are caught."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from hwgen.ir.graph import Graph, Rewriter
from hwgen.ir.text import parse_graph
from hwgen.numerics.surd import Surd
from hwgen.ops.random_real_graph import random_real_graph
from hwgen.ops.record import make
from hwgen.ops.source import CONSTANT, ConstantAttrs, constant_reals
from hwgen.ops.table import ATTRS, REAL
from hwgen.pipeline import Effect, Notes, Pass, known_passes
from pass_fuzz.exact_reals import Evaluation, reals
from pass_fuzz.failures import broken, fuzz, leave
from pass_fuzz.promises import Broken
from pass_fuzz.real import Undecided
from pass_fuzz.subjects import Subject, subjects


@pytest.mark.slow
def test_every_pass_keeps_its_promises(seed: int) -> None:
    networks = 6
    held, found = fuzz(seed, networks, list(known_passes().values()))
    assert not found, "\n\n".join(found)
    for name in known_passes():
        assert held[name] >= networks, f"{name} refused nearly all graphs: {held}"


@dataclass(frozen=True)
class _Wrong(Pass):
    """A pass that makes one mistake with the constants of a graph, or with its account."""

    mistake: str

    name = "wrong"
    effect = Effect.EXACT

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        rewriter = Rewriter(graph)
        for node in graph.nodes:
            attrs = node.attrs
            if self.mistake in ("nudges", "writes") and isinstance(attrs, ConstantAttrs) and attrs.data.dtype != np.int64:
                if self.mistake == "writes":
                    attrs.data[...] = attrs.data + attrs.data.dtype.type(1) if attrs.data.dtype != object else attrs.data
                else:
                    tiny = np.frompyfunc(lambda v: v + Surd.of(2.0**-40), 1, 1)
                    changed = ConstantAttrs(np.asarray(tiny(constant_reals(attrs))))
                    rewriter.replace(node.output, make(CONSTANT, changed, [], node.output.name, node.path).output)
                    notes.changed(node.path, "nudged")
                    continue
            rewriter.copy(node)
        if self.mistake == "renames":
            last = graph.outputs[0]
            renamed = replace(rewriter[last].producer, output_names=(f"{last.name}.again",))
            rewriter.replace(last, renamed.output)
            notes.changed(last.producer.path, "renamed")
        if self.mistake == "accounts":
            notes.left("nowhere", "nothing there")
        return rewriter.finish()


def caught(one: Pass) -> list[tuple[Subject, Broken]]:
    """What is found of a pass on a few networks as they are imported."""
    given = [next(subjects(Random(number), number)) for number in range(20)]
    return [(subject, what) for subject in given if (what := broken(one, subject)) is not None]


@pytest.mark.parametrize(
    ("mistake", "kind", "says"),
    [
        ("nudges", "values", "another number"),
        ("writes", "input", "changed the graph that it was given"),
        ("renames", "again", "second run"),
        ("accounts", "account", "names 'nowhere'"),
    ],
)
def test_a_wrong_pass_is_caught(mistake: str, kind: str, says: str) -> None:
    found = [what for _, what in caught(_Wrong(mistake))]
    assert any(what.kind == kind and says in what.what for what in found), found


@dataclass(frozen=True)
class _Closer(_Wrong):
    """The nudge of 2**-40 is more than float64's rounding of parameters."""

    name = "closer"
    effect = Effect.FLOAT_CLOSE


def test_float_close_is_no_licence_for_more_than_rounding() -> None:
    found = [what for _, what in caught(_Closer("nudges"))]
    assert any("off by more than the rounding" in what.what for what in found), found


def test_a_failure_is_shrunk_and_left_to_run_again(tmp_path: Path) -> None:
    subject, what = caught(_Wrong("accounts"))[0]
    told = leave(_Wrong("accounts"), subject, what, tmp_path)
    (file,) = tmp_path.iterdir()
    small = parse_graph(file.read_text(), ATTRS)
    assert len(small.nodes) <= 2 < len(subject.graph.nodes)
    python, *command = told.rpartition("again, in tests/: ")[2].split()
    assert (python, command[2:4]) == ("python", [str(file), "wrong"])
    command[3] = "fold-constants"  # one that is installed
    run = subprocess.run(
        [sys.executable, *command], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "keeps its promises" in run.stdout


def test_exact_values_are_those_of_float64_up_to_its_rounding(random: Random, seed: int) -> None:
    """Operator by operator, each on the exact values of its inputs, and apart from steps."""
    numbers = np.random.default_rng(seed)
    seen: set[str] = set()
    for _ in range(25):
        graph = random_real_graph(random, 1)
        given = {v.name: np.rint(numbers.normal(0, 64, (2, *v.type.shape[1:]))) / 16 for v in graph.inputs}
        try:
            exact = Evaluation(graph, {name: reals(a.astype(object)) for name, a in given.items()}).values
        except Undecided:
            continue
        for node in graph.nodes:
            evaluate = REAL[node.op].evaluate
            if evaluate is not None and node.op not in ("quantize", "argmax"):
                floats = evaluate(node, [exact[v].astype(np.float64) for v in node.inputs])
                assert np.allclose(exact[node.output].astype(np.float64), floats, rtol=1e-9, atol=1e-9), f"{node.path}"
                seen.add(node.op)
    assert seen > {"conv", "concat", "add", "slice"}


def test_the_stages_are_those_of_the_way_down() -> None:
    seen = {s.stage for n in range(6) for s in subjects(Random(n), n)}
    assert seen == {"imported", "prepared", "quantized", "lowered"}
    assert isinstance(next(subjects(Random(0), 0)), Subject)
