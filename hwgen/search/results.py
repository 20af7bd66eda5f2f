"""What a search has found: the trials, the front among them, and the files that say it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from hwgen.cost.accuracy import accuracy_of
from hwgen.cost.area import Target
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions
from hwgen.precision.rules import PrecisionConfig, Section
from hwgen.precision.toml_text import quoted, to_toml
from hwgen.rtl.atomic import write_text
from hwgen.search.confirm import Confirmed
from hwgen.search.evaluate import with_options
from hwgen.search.goals import Goals, Measures
from hwgen.search.journal import TrialRecord, UniformRecord, read_only
from hwgen.search.retrain import FOLDER
from hwgen.search.space import Key, Setting, Space

FRONT: Final = "front.json"
FRONT_FOLDER: Final = "front"
UNIFORM_FOLDER: Final = "uniform"
BEST: Final = "best.toml"
NEAREST: Final = "nearest.toml"


@dataclass(frozen=True)
class Found:
    """trials: in their order.  uniform: designs with so many bits everywhere.  target, dsps: what area was estimated of.

    interrupted: whether trials are missing.  confirmed: designs that were synthesized, by their trials' numbers.
    """

    space: Space
    goals: Goals
    trials: Sequence[TrialRecord]
    uniform: Sequence[UniformRecord]
    target: Target
    dsps: bool = True
    interrupted: bool = False
    confirmed: Mapping[int, Confirmed] = field(default_factory=dict[int, Confirmed])

    @property
    def judged(self) -> list[tuple[TrialRecord, Measures]]:
        """The trials that did not fail, each point once."""
        first: dict[Key, tuple[TrialRecord, Measures]] = {}
        for trial in self.trials:
            if trial.outcome.measures is not None:
                first.setdefault(trial.key, (trial, trial.outcome.measures))
        return list(first.values())

    @property
    def failed(self) -> list[TrialRecord]:
        """Those that failed."""
        return [t for t in self.trials if t.outcome.measures is None]

    @property
    def front(self) -> list[tuple[TrialRecord, Measures]]:
        """Trials that meet all constraints and that none of these dominates; the best of the first objective first."""
        judged = self.judged
        return [judged[k] for k in self.goals.front([m for _, m in judged])]

    @property
    def nearest(self) -> tuple[TrialRecord, Measures] | None:
        """The trial that comes nearest to the constraints."""
        judged = self.judged
        place = self.goals.nearest([m for _, m in judged])
        return None if place is None else judged[place]


def of_journal(folder: Path, like: Found) -> Found:
    """Another study in whose journal the same was asked for.  Raises HwgenError where it was not."""
    header, trials, uniform = read_only(folder)
    asked = tuple(o.name for o in like.goals.objectives)
    if header.objectives != asked:
        what = f"is after {', '.join(header.objectives)}, not {', '.join(asked)}"
        raise HwgenError("journal", f"study {folder.name!r}", what, "compare studies of the same objectives")
    return Found(like.space, like.goals, trials, uniform, like.target, like.dsps)


def kept_model(trial: TrialRecord) -> str | None:
    """The file of the model that a trial trained, in the study's folder; None where it did not."""
    digest = trial.outcome.graph_sha256
    return None if digest is None else f"{FOLDER}/{digest}.hwg"


def trial_config(options: BuildOptions, space: Space, trial: TrialRecord) -> str:
    """The configuration file with which `hwgen build` makes exactly what a trial judged.

    A trial that trained kept its model, which has its formats in it: then the file is for that model.
    """
    kept = kept_model(trial)
    title = f"trial {trial.number}" if kept is None else f"trial {trial.number}, of the model {kept}"
    return config_text(title, options, space.settings(trial.key), with_formats=kept is None)


def config_text(title: str, options: BuildOptions, settings: Sequence[Setting], *, with_formats: bool = True) -> str:
    """The configuration file of a design."""
    made = with_options(options, settings)
    config = made.formats or made.folding or PrecisionConfig()
    config = config if with_formats else _without_formats(config)
    lines = [f"# {title}", "[build]"]
    given: dict[str, str | int | bool | None] = {
        "precision": options.precision, "input_format": options.input_format, "argmax": options.argmax or None,
        "parallelism": options.parallelism, "interval": options.interval,
    }
    lines += [f"{key} = {_toml(value)}" for key, value in given.items() if value is not None]
    return "\n".join([*lines, "", to_toml(config)])


def _toml(value: str | int | bool) -> str:
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def _without_formats(config: PrecisionConfig) -> PrecisionConfig:
    def bare(sections: Sequence[tuple[str, Section]]) -> tuple[tuple[str, Section], ...]:
        return tuple((name, replace(section, given=())) for name, section in sections)

    return replace(
        config, default=replace(config.default, given=()), types=bare(config.types), patterns=bare(config.patterns),
        layers=bare(config.layers),
    )


def record(found: Found) -> dict[str, Any]:
    """What `FRONT` holds, and what ``--json`` prints."""
    def entry(trial: TrialRecord, measures: Measures, config: str) -> dict[str, Any]:
        seen = found.confirmed.get(trial.number)
        counted = None if seen is None else {
            "area": asdict(seen.area), "error_percent": seen.errors_percent(measures), "tools": seen.tools,
        }
        return {
            "trial": trial.number, "key": list(trial.key), "config": config, "model": kept_model(trial),
            "choices": _labels(found.space, trial), "measures": dict(measures), "synthesized": counted,
        }

    nearest = found.nearest
    return {
        "objectives": [{"name": o.name, "maximise": o.maximise} for o in found.goals.objectives],
        "constraints": [str(c) for c in found.goals.constraints], "target": str(found.target),
        "dsps": found.dsps, "expected_factor": asdict(accuracy_of(found.target, dsps=found.dsps)),
        "space": {"points": found.space.size, "dimensions": {d.name: [c.label for c in d.choices] for d in found.space.dimensions}},
        "trials": {"total": len(found.trials), "failed": len(found.failed), "different": len({t.key for t in found.trials})},
        "front": [entry(t, m, f"{FRONT_FOLDER}/{t.number:04d}.toml") for t, m in found.front],
        "nearest": None if found.front or nearest is None else entry(*nearest, NEAREST),
        "uniform": [
            {
                "bits": u.bits, "config": f"{UNIFORM_FOLDER}/{u.bits:02d}.toml", "measures": u.outcome.measures,
                "error": u.outcome.error,
            }
            for u in found.uniform
        ],
        "interrupted": found.interrupted,
    }


def _labels(space: Space, trial: TrialRecord) -> Mapping[str, str]:
    return {d.name: c.label for d, c in zip(space.dimensions, space.choices(trial.key), strict=True)}


def write(folder: Path, found: Found, options: BuildOptions, uniform: Mapping[int, Sequence[Setting]]) -> None:
    """The front, a configuration for each of its points, and the best of the first objective as `BEST`.

    uniform: settings of the designs that it is compared with, which get a configuration as well.
    """
    configs = {f"{FRONT_FOLDER}/{t.number:04d}.toml": t for t, _ in found.front}
    if found.front:
        configs[BEST] = found.front[0][0]
    elif found.nearest is not None:
        configs[NEAREST] = found.nearest[0]
    shutil.rmtree(folder / FRONT_FOLDER, ignore_errors=True)
    for name in {BEST, NEAREST} - configs.keys():
        (folder / name).unlink(missing_ok=True)
    for name, trial in configs.items():
        write_text(folder / name, trial_config(options, found.space, trial))
    for bits, settings in uniform.items():
        write_text(folder / UNIFORM_FOLDER / f"{bits:02d}.toml", config_text(f"{bits} bits everywhere", options, settings))
    write_text(folder / FRONT, json.dumps(record(found), indent=2) + "\n")
