"""A search from beginning to end: its space, its trials, and a folder with all that was found.

    found = search(graph, data, Path("study"), Request(objectives=("accuracy", "luts"), trials=200))
    found.front
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from hwgen.cost.area import Target
from hwgen.data import Dataset
from hwgen.dataflow.folding import paths
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.flow import BuildOptions, lower
from hwgen.ir.graph import Graph
from hwgen.ir.text import print_graph
from hwgen.profile.exact import real_outputs
from hwgen.search.confirm import Confirmed, check_tools, confirmed, ends
from hwgen.search.driver import Plan, Pool, run
from hwgen.search.evaluate import Bench, Design, with_options
from hwgen.search.goals import Constraint, Goals, Measures, Objective
from hwgen.search.journal import Header, Journal, TrialRecord, UniformRecord, opened
from hwgen.search.making import Searched, search_space
from hwgen.search.objectives import ALIASES, GUIDE, HARDWARE, Measure, measure_of
from hwgen.search.results import Found, kept_model, write
from hwgen.search.retrain import Retraining
from hwgen.search.space import Key
from hwgen.search.strategies.base import Strategy, Task
from hwgen.search.strategies.table import strategy
from hwgen.search.trial import Trial, outcome_of
from hwgen.search.workers import Here, Processes
from hwgen.search_section import SearchSection

DEFAULT_STRATEGY: Final = "greedy"
DEFAULT_TRIALS: Final = 100
DEFAULT_BATCH: Final = 8
DEFAULT_OBJECTIVES: Final = ("accuracy", "luts")
DEFAULT_TARGET: Final = Target.ICE40
"""It has no multiplier blocks: LUTs are all that is taken, whatever the widths."""
Progress = Callable[[int, Measures | None], None]
"""Told how many trials are done, and the measures of the best so far."""
Confirming = Callable[[int], None]
"""Told the number of a trial whose design is being synthesized."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    objectives: names of measures, or code (`measure_of`).  constraints: ``luts<=4000``.  batch: trials asked together.
    workers: processes; 1 is this one.  ray: None for none, "" for a cluster begun here, else its address.
    options: under which designs are built, whatever is searched.  section: what may be chosen.  file: its name, for messages.
    retraining: data, epochs and learning rate of each trial's own training, or None.  dsps: whether products may go to multiplier
    blocks.  confirm: whether the front's ends are synthesized at the end.
    """

    strategy: str = DEFAULT_STRATEGY
    trials: int = DEFAULT_TRIALS
    batch: int = DEFAULT_BATCH
    seed: int = 0
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    constraints: tuple[str, ...] = ()
    workers: int = 1
    ray: str | None = None
    resume: bool = False
    target: Target = DEFAULT_TARGET
    options: BuildOptions = field(default_factory=BuildOptions)
    section: SearchSection = field(default_factory=SearchSection)
    file: str = "config"
    retraining: tuple[Dataset, int, float] | None = None
    dsps: bool = True
    confirm: bool = False


def search(
    graph: Graph, data: Dataset, out: Path, request: Request, progress: Progress = lambda done, best: None,
    confirming: Confirming = lambda trial: None,
) -> Found:
    """Searches, and leaves in ``out`` the journal, the front, and a configuration for each of its points.

    Ctrl-C ends it with what is there.  Raises HwgenError for bad input, and HwgenFailure where no trial meets the constraints (the
    folder is written all the same), or all failed.  confirming: told of each trial as its design is synthesized.
    """
    if request.confirm:
        check_tools(request.target)
    prepared = prepare(graph, data, out, request)
    with opened(out, prepared.header, resume=request.resume) as journal:
        found = _searched(prepared, request, journal, progress)
        write(out, found, request.options, prepared.searched.uniform)
        if request.confirm and not found.interrupted:
            found = replace(found, confirmed=_confirmed(graph, out, request, found, confirming))
            write(out, found, request.options, prepared.searched.uniform)
    _check_found(found)
    return found


def _confirmed(graph: Graph, out: Path, request: Request, found: Found, confirming: Confirming) -> dict[int, Confirmed]:
    def source(trial: TrialRecord) -> tuple[Graph | Path, BuildOptions]:
        options = with_options(request.options, found.space.settings(trial.key))
        kept = kept_model(trial)
        return (graph, options) if kept is None else (out / kept, replace(options, formats=None))

    return confirmed(ends(found.front, found.goals), source, request.target, dsps=request.dsps, progress=confirming)


@dataclass(frozen=True)
class Prepared:
    """A search before its first trial."""

    strategy: Strategy
    design: Design
    searched: Searched
    goals: Goals
    header: Header


def prepare(graph: Graph, data: Dataset, out: Path, request: Request) -> Prepared:
    """Checks all that is asked, and makes the space."""
    options = request.options
    if options.calibration is not None:
        raise HwgenError("usage", "calibration", "is not used by a search: formats are fitted to its data", "leave it out")
    if options.formats is not None and options.formats.meaning == "hls4ml":
        raise HwgenError("usage", "--hls4ml-config", "cannot be searched over", "write it as TOML first")
    objectives = [measure_of(name, code=True) for name in request.objectives]
    constraints = [_constraint(text) for text in request.constraints]
    _check_measures(objectives, [m for _, m in constraints], data)
    goals = Goals(tuple(Objective(m.name, m.maximise) for m in objectives), tuple(c for c, _ in constraints))
    guides = () if options.argmax else (GUIDE,)
    names = (*(m.name for m in objectives), *(m.name for _, m in constraints), *guides, *(n for n in HARDWARE if n != GUIDE))
    searched = search_space(graph, request.section, data, paths(lower(graph, options).graph), request.file)
    if request.strategy == "exhaustive" and searched.space.size > request.trials:
        what = f"takes all {searched.space.size} points, and --trials is {request.trials}"
        raise HwgenError("usage", "--strategy exhaustive", what, f"give --trials {searched.space.size}, or another strategy")
    trained = None if request.retraining is None else Retraining(*request.retraining, out.absolute())
    if trained is not None and trained.data.targets is None:
        raise HwgenError("data", "training data", "has no targets", "give them as y")
    text = print_graph(graph)
    design = Design(
        text, data, options, searched.space, real_outputs(graph, data), tuple(dict.fromkeys(names)), request.target, trained,
        request.dsps,
    )
    asked = strategy(request.strategy, Task(searched.space, goals, request.seed, GUIDE if guides else None))
    return Prepared(asked, design, searched, goals, _header(text, data, request, searched, goals, design))


def _constraint(text: str) -> tuple[Constraint, Measure]:
    """A constraint, and the measure that it bounds."""
    parsed = Constraint.parse(text)
    measure = measure_of(ALIASES.get(parsed.name, parsed.name), code=True)
    return Constraint(measure.name, parsed.at_least, parsed.limit), measure


def _check_measures(objectives: list[Measure], bounded: list[Measure], data: Dataset) -> None:
    names = [m.name for m in objectives]
    if not names:
        raise HwgenError("objective", "--objectives", "names no objective", "write accuracy,luts")
    if len(set(names)) < len(names):
        raise HwgenError("objective", "--objectives", f"names {', '.join(names)}: one of them twice", "name each once")
    blind = next((m for m in [*objectives, *bounded] if m.uses_targets and data.targets is None), None)
    if blind is not None:
        raise HwgenError("data", "--data", f"has no targets, and {blind.name} needs them", "give them as y")


def _header(text: str, data: Dataset, request: Request, searched: Searched, goals: Goals, design: Design) -> Header:
    library = "numpy" if request.strategy in ("greedy", "exhaustive") else "optuna"
    trial = [request.options.record.model_dump_json(), str(request.target), " ".join(design.measures)]
    trial += [] if design.retraining is None else [str(design.retraining)]
    trial += [] if design.dsps else ["without multiplier blocks"]
    return Header(
        hwgen=_version("hwgen"), libraries={library: _version(library)}, model_sha256=hashlib.sha256(text.encode()).hexdigest(),
        data_sha256=data.sha256, space_sha256=searched.space.sha256, objectives=tuple(o.name for o in goals.objectives),
        constraints=tuple(map(str, goals.constraints)), strategy=request.strategy, seed=request.seed, batch=request.batch,
        trial=hashlib.sha256(json.dumps(trial).encode()).hexdigest(),
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


@contextmanager
def pool_of(design: Design, request: Request) -> Generator[Pool]:
    """Who tries points, as the request says."""
    if request.ray is not None:
        from hwgen.search.ray_workers import ray_pool

        with ray_pool(design, request.seed, address=request.ray or None, workers=request.workers) as pool:
            yield pool
    elif request.workers > 1:
        with Processes(design, request.seed, request.workers) as pool:
            yield pool
    else:
        yield Here(design, request.seed)


def _searched(prepared: Prepared, request: Request, journal: Journal, progress: Progress) -> Found:
    space, goals = prepared.searched.space, prepared.goals
    done: list[TrialRecord] = []
    best: list[Measures] = []

    def told(record: TrialRecord) -> None:
        done.append(record)
        measures = record.outcome.measures
        if measures is not None and goals.nearest([*best, measures]) == len(best):
            best[:] = [measures]
        progress(len(done), best[0] if best else None)

    interrupted = False
    try:
        _uniform(prepared, journal)
        with pool_of(prepared.design, request) as pool:
            run(Plan(space, prepared.strategy, request.trials, request.batch), journal, pool, told)
    except KeyboardInterrupt:
        interrupted = True
    trials = [journal.trials[n] for n in sorted(journal.trials) if n < request.trials]
    uniform = [journal.uniform[b] for b in sorted(journal.uniform)]
    return Found(space, goals, trials, uniform, request.target, request.dsps, interrupted)


def _uniform(prepared: Prepared, journal: Journal) -> None:
    """The designs with the same bits everywhere, without training; what the front is compared with."""
    missing = [bits for bits in prepared.searched.uniform if bits not in journal.uniform]
    if not missing:
        return
    bench = Bench(prepared.design)

    def tried(key: Key, seed: int) -> Trial:
        del seed
        return bench.measured(bench.graph, prepared.searched.uniform[key[0]])

    for bits in missing:
        journal.add(UniformRecord(bits=bits, outcome=outcome_of(tried, (bits,), 0)))


def _check_found(found: Found) -> None:
    if found.interrupted or not found.trials:
        return
    if not found.judged:
        what = f"has no legal point: all {len(found.trials)} trials failed, the first with: {found.trials[0].outcome.error}"
        raise HwgenFailure("space", "search space", what, "give other choices in [search]")
    nearest = found.nearest
    if not found.front and nearest is not None:
        trial, measures = nearest
        wrong = ", ".join(f"{c.name} {measures[c.name]:g} (asked: {c})" for c in found.goals.constraints if c.excess(measures))
        what = f"none of {len(found.trials)} meets all; the nearest is trial {trial.number} with {wrong}"
        raise HwgenFailure("constraint", "constraints", what, "loosen them, widen the space, or give more --trials")
