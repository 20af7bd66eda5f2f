"""The page of a profile: one HTML file without scripts, addresses or anything beside it, as `hwgen.report.page` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Final

from markupsafe import Markup

from hwgen import __version__
from hwgen.formats import Format
from hwgen.precision.toml_text import to_toml
from hwgen.profile.drawings import PowerAxis, decibel_bar, linear, magnitudes
from hwgen.profile.histograms import QUANTILE_ERROR
from hwgen.profile.report import ProfileReport
from hwgen.profile.statistics import ValueProfile
from hwgen.report.page import environment, style_and_policy
from hwgen.rtl.atomic import write_text

_FOLDER: Final = Path(__file__).resolve().parent
_MOST_FLIPS: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A value or weight, its drawings, and the types that it is rounded to; more than one where users differ."""

    value: ValueProfile
    formats: tuple[Format, ...]
    magnitudes: Markup
    linear: Markup


def _rows(report: ProfileReport) -> tuple[tuple[Row, ...], PowerAxis]:
    types: dict[str, list[Format]] = {}
    for check in report.checks or ():
        types.setdefault(check.value, []).append(check.format)
    values = report.profile.values
    axis = PowerAxis.of([v.statistics for v in values], [f for found in types.values() for f in found])
    rows: list[Row] = []
    for value in values:
        formats = tuple(dict.fromkeys(types.get(value.name, ())))
        drawing = magnitudes(value.statistics, axis, formats[0] if formats else None)
        rows.append(Row(value, formats, drawing, linear(value.statistics)))
    return tuple(rows), axis


def decibels(number: float) -> str:
    """A ratio in decibels; a dash where there is no error, or nothing else."""
    return f"{number:.1f}" if isfinite(number) else "–"


def render(report: ProfileReport) -> str:
    """The page; the same report gives the same bytes."""
    style, policy = style_and_policy()
    rows, axis = _rows(report)
    distances = () if report.divergence is None else report.divergence.distances
    most = max((d.snr_db for d in distances if isfinite(d.snr_db)), default=0.0)
    parts = [("ranges", "Ranges"), ("values", "Values")]
    parts += [("types", "Types")] if report.checks else []
    parts += [("error", "Error")] if report.divergence is not None else []
    parts += [("configuration", "Configuration")] if report.proposal is not None else []
    return environment(_FOLDER).get_template("page.html.jinja").render(
        report=report, rows=rows, axis=axis, parts=parts, policy=policy, style=style, hwgen_version=__version__,
        distances=[(d, decibel_bar(d.snr_db, most)) for d in distances], decibels=decibels, quantile_error=QUANTILE_ERROR,
        toml=None if report.proposal is None else to_toml(report.proposal.config), most_flips=_MOST_FLIPS,
    )


def write_page(report: ProfileReport, path: Path) -> None:
    """Writes the page.  Raises HwgenError where it cannot."""
    write_text(path, render(report))
