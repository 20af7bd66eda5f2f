"""``hwgen formats``: the number formats and what they hold."""

from __future__ import annotations

from typing import Annotated

import typer

from hwgen.cli.options import Json


def formats(
    format_text: Annotated[str | None, typer.Argument(metavar="[FORMAT]", help="A format to explain, e.g. 'fixed<8,4>'.")] = None,
    json: Json = False,
) -> None:
    """List the number formats, or explain one.

    With bits, range, step, rounding and overflow.
    """
    from hwgen.cli.screen import Screen
    from hwgen.formats import EXAMPLES, parse_quantized

    screen = Screen(as_json=json)
    chosen = [(e.text, e.meaning) for e in EXAMPLES] if format_text is None else [(format_text, "")]
    records: list[dict[str, object]] = []
    for text, meaning in chosen:
        format_ = parse_quantized(text)
        zeros = format_.zeros
        corners = [s * (code - z) for code in (format_.low, format_.high) for s in format_.scales for z in zeros]
        records.append(
            {
                "format": text, "canonical": str(format_), "bits": format_.bits, "low": float(min(corners)),
                "high": float(max(corners)), "step": float(min(format_.scales) * (2 if format_.bipolar else 1)),
                "rounding": format_.rounding.value, "overflow": "wrap" if format_.wraps else "saturate", "meaning": meaning,
            }
        )
    screen.result({"formats": records})
    names = ["format", "bits", "low", "high", "step", "rounding", "overflow", "meaning" if format_text is None else "canonical"]
    screen.table(names, [[_cell(record[name]) for name in names] for record in records])


def _cell(value: object) -> str | int | float:
    return value if isinstance(value, int | float) else str(value)
