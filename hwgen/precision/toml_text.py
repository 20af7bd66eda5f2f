"""A configuration of formats as TOML, in the form that `hwgen.config` reads."""

from __future__ import annotations

import json

from hwgen.precision.rules import AUTO, PrecisionConfig, Section


def to_toml(config: PrecisionConfig) -> str:
    """The sections that say something, in their order; what was read from them is the same as ``config`` says."""
    groups = {"types": config.types, "patterns": config.patterns, "layers": config.layers}
    sections = [("[default]", config.default)]
    sections += [(f"[{group}.{quoted(name)}]", section) for group, found in groups.items() for name, section in found]
    parts = [_section(head, section) for head, section in sections if section.given or section.parallelism]
    meaning = [] if config.meaning == "hwgen" else [f"meaning = {quoted(config.meaning)}\n"]
    return "\n".join([*meaning, *parts])


def _section(head: str, section: Section) -> str:
    lines = [head, *(f"{role} = {quoted(AUTO if format_ is None else str(format_))}" for role, format_ in section.given)]
    if section.parallelism:
        lines.append(f"parallelism = {quoted(section.parallelism)}")
    return "".join(f"{line}\n" for line in lines)


def quoted(text: str) -> str:
    """``text`` as a basic string of TOML; a lone surrogate, which no file can hold, becomes a question mark."""
    sound = text.encode("utf-8", "replace").decode()
    return json.dumps(sound, ensure_ascii=False).replace("\x7f", "\\u007f")
