"""The account of the passes (``--explain``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hwgen.cli.screen import Screen
from hwgen.errors import clean
from hwgen.flow import BuildOptions, Lowered
from hwgen.pipeline import Info, Note


def pass_records(infos: Sequence[Info]) -> list[dict[str, Any]]:
    """The account for JSON."""

    def notes(of: Sequence[Note]) -> list[dict[str, str]]:
        return [{"where": n.where, "what": n.what} for n in of]

    return [{"pass": i.name, "effect": i.effect.value, "changed": notes(i.changed), "left": notes(i.left)} for i in infos]


def print_passes(screen: Screen, infos: Sequence[Info]) -> None:
    """The account as lines."""
    for info in infos:
        screen.line(f"{info.name} ({info.effect.value}): {len(info.changed)} changed, {len(info.left)} left")
        for mark, notes in (("+", info.changed), ("-", info.left)):
            for note in notes:
                screen.line(f"  {mark} {clean(note.where)}: {clean(note.what)}")
    screen.line()


def takes_default_input(lowered: Lowered, options: BuildOptions) -> bool:
    """Whether an input came in unquantized and got the default format because none was asked for."""
    named = {i.name: i for i in lowered.infos}
    return options.input_format is None and bool(named["assign-input-format"].changed if "assign-input-format" in named else ())


def precision_facts(lowered: Lowered, options: BuildOptions) -> list[tuple[str, str]]:
    """The precision that a model without any quantizer got because none was asked for, and what hls4ml's file says in vain."""
    facts: list[tuple[str, str]] = []
    if lowered.default_precision is not None:
        facts.append(("precision", f"{lowered.default_precision} of what was float (the default; --precision chooses another)"))
    if options.hls4ml_config is not None and options.hls4ml_config.unused:
        keys = dict.fromkeys(key.rpartition(".")[2] for key in options.hls4ml_config.unused)
        facts.append(("not used", clean(f"{', '.join(keys)} of {options.hls4ml_config.file}: sums and tables are exact")))
    return facts
