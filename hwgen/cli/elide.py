"""The text form with its long parts left out, for reading."""

from __future__ import annotations

import re
from typing import Final

_SHOWN: Final = 4
"""Elements of a list that stay."""
_PART: Final = re.compile(
    r'(?P<name>"(?:[^"\\]|\\.)*")'
    r"|(?P<kind>i64|f32|f64|exact)<(?P<shape>[0-9x]*):[^>]*>"
    r"|(?P<key>scale|offset)=(?P<values>[^\],;\"]+)"
    r"|\((?P<tuple>[^()\"]*; [^()\"]*)\)"
)
_NESTED: Final = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*")|\((?P<tuple>\([^()"]*\)(?:; \([^()"]*\))+)\)')


def _some(words: list[str], separator: str) -> str:
    if len(words) <= _SHOWN:
        return separator.join(words)
    return separator.join([*words[:_SHOWN], f"... {len(words)} in all"])


def _shorter(match: re.Match[str]) -> str:
    if match["name"] is not None:
        return match["name"]
    if match["kind"] is not None:
        return f"{match['kind']}<{match['shape']}:...>"
    if match["key"] is not None:
        return f"{match['key']}={_some(match['values'].split(' '), ' ')}"
    return f"({_some(match['tuple'].split('; '), '; ')})"


def _shorter_nested(match: re.Match[str]) -> str:
    if match["name"] is not None:
        return match["name"]
    return f"({_some([f'({part})' for part in match['tuple'][1:-1].split('); (')], '; ')})"


def elided(text: str) -> str:
    """``text`` of `hwgen.ir.text.print_graph` without the contents of arrays and the rest of long lists; names stay."""
    return _NESTED.sub(_shorter_nested, _PART.sub(_shorter, text))
