"""``hwgen formats``: the number formats and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hwgen.cli.options import Json

if TYPE_CHECKING:
    from hwgen.cli.screen import Screen
    from hwgen.formats import Block, Quantized

_MOST_SHOWN: Final = 512
"""Members that are shown as a table; JSON has up to 2**16."""
_MEMBERS_A_ROW: Final = 16


def formats(
    format_text: Annotated[str | None, typer.Argument(metavar="[FORMAT]", help="A format to explain: 'minifloat<4,3>'.")] = None,
    json: Json = False,
) -> None:
    """List the number formats, or explain one.

    With bits (of an element in memory, its share of a shared exponent included), number of values, range, step, rounding and
    overflow; of one format the values, too.
    """
    from hwgen.cli.screen import Screen
    from hwgen.formats import EXAMPLES, parse_quantizer

    screen = Screen(as_json=json)
    records: list[dict[str, Any]]
    if format_text is None:
        records = [{**_record(e.text, parse_quantizer(e.text)), "meaning": e.meaning} for e in EXAMPLES]
    else:
        format_ = parse_quantizer(format_text)
        records = [{**_record(format_text, format_), "meaning": "", "members": _members(format_)}]
    screen.result({"formats": records})
    last = "meaning" if format_text is None else "canonical"
    names = ["format", "bits", "values", "low", "high", "step", "rounding", "overflow", last]
    screen.table(names, [[record[name] for name in names] for record in records])
    if format_text is not None:
        _show_detail(screen, parse_quantizer(format_text), records[0])


def _record(text: str, format_: Quantized | Block) -> dict[str, Any]:
    from hwgen.formats.facts import facts_of

    facts = facts_of(format_)
    return {
        "format": text, "canonical": str(format_), "bits": _number(facts.bits), "values": facts.values, "low": float(facts.low),
        "high": float(facts.high), "step": float(facts.step), "rounding": facts.rounding, "overflow": facts.overflow,
        "code_bits": facts.code_bits or None, "shared_exponent": facts.shared and list(facts.shared),
    }


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


def _members(format_: Quantized | Block) -> list[float] | None:
    """The values of an element, in order."""
    from hwgen.formats import Block
    from hwgen.formats.facts import members_of

    found = members_of(format_.element if isinstance(format_, Block) else format_)
    return None if found is None else [float(m) for m in found]


def _show_detail(screen: Screen, format_: Quantized | Block, record: dict[str, Any]) -> None:
    from hwgen.formats import Block
    from hwgen.formats.float_format import MAX_CODE_BITS

    screen.line()
    if isinstance(format_, Block):
        least, greatest = format_.exponents
        screen.line(
            f"{format_.size} elements along axis {format_.along} share 2**s, s from {least} to {greatest}: "
            f"the exponent of the largest magnitude, less that of the largest member ({format_.element_exponent})."
        )
    if record["code_bits"]:
        wide = "; too wide for hardware, but constants may lie closer together" if record["code_bits"] > MAX_CODE_BITS else ""
        screen.line(f"As integers, in units of the step: {record['code_bits']} bits{wide}.")
    members: list[float] | None = record["members"]
    if members is None or len(members) > _MOST_SHOWN:
        return
    even = all(b - a == members[1] - members[0] for a, b in pairwise(members))
    mirrored = members == [-m for m in reversed(members)]
    shown = [m for m in members if m >= 0] if mirrored else members
    of = "Values of an element, times 2**s" if isinstance(format_, Block) else "Values"
    screen.line(f"{of}{', and the same with a minus sign' if mirrored else ''}:")
    for row in _rows(shown) if even else _binades(shown):
        screen.line("  " + " ".join(f"{m:.10g}" for m in row))


def _rows(members: Sequence[float]) -> list[Sequence[float]]:
    return [members[k : k + _MEMBERS_A_ROW] for k in range(0, len(members), _MEMBERS_A_ROW)]


def _binades(members: Sequence[float]) -> list[Sequence[float]]:
    """A new row where the distance to the next member grows."""
    rows: list[list[float]] = [[]]
    step = 0.0
    for at, member in enumerate(members):
        after = members[at + 1] - member if at + 1 < len(members) else step
        if rows[-1] and after > step and at:
            rows.append([])
        step = after
        rows[-1].append(member)
    return [part for row in rows for part in _rows(row)] if max(map(len, rows)) > 2 else _rows(members)
