"""What ``hwgen profile`` prints: tables, and the same as JSON."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from hwgen.cli.screen import Cell, Screen
from hwgen.errors import clean
from hwgen.profile.histograms import QUANTILE_ERROR
from hwgen.profile.statistics import LEVELS

if TYPE_CHECKING:
    from hwgen.profile.check import TypeCheck
    from hwgen.profile.divergence import Distance, Divergence
    from hwgen.profile.judge import Verdict
    from hwgen.profile.report import ProfileReport
    from hwgen.profile.statistics import ValueProfile

_MOST_FLIPS = 10


def record_of(report: ProfileReport) -> dict[str, Any]:
    """For JSON: infinite ratios are null."""
    proposal, one = report.proposal, report.one_type
    return {
        "model": {"name": report.model}, "samples": report.samples, "quantile_error": QUANTILE_ERROR,
        "values": [_value(v) for v in report.profile.values],
        "proposal": None if proposal is None else {
            "types": [
                {"layer": s.layer, "role": s.role, "format": str(f), "elements": s.elements, "bits": s.elements * f.width}
                for s, f in proposal.types.items()
            ],
            "bits": proposal.bits, "weight_bits": proposal.weight_bits, "value_bits": proposal.bits - proposal.weight_bits,
            "trials": proposal.trials, "max_loss": report.most_loss, "snr_db": report.snr_db, "holds": proposal.holds,
            "chosen": _verdict(proposal.chosen), "confirmed": _verdict(proposal.confirmed),
        },
        "one_type": None if one is None else {"format": str(one.format), "bits": one.bits, "verdict": _verdict(one.verdict)},
        "metric": None if report.metric is None else {
            "name": report.metric, "float": report.real, "hardware": _verdict(report.verdict),
        },
        "checks": None if report.checks is None else [_check(c) for c in report.checks],
        "divergence": None if report.divergence is None else _divergence(report.divergence),
    }


def _number(value: float) -> float | None:
    return value if isfinite(value) else None


def _verdict(verdict: Verdict | None) -> dict[str, float] | None:
    return None if verdict is None else {"value": verdict.value, "loss": verdict.loss, "error": verdict.error}


def _value(value: ValueProfile) -> dict[str, Any]:
    seen = value.statistics
    return {
        "layer": value.layer, "operator": value.operator, "value": value.name, "role": value.role, "shape": list(value.shape),
        "count": seen.count, "zeros": seen.zeros, "outliers": seen.outliers, "least": seen.least, "greatest": seen.greatest,
        "smallest": _number(seen.smallest), "mean": _number(seen.mean), "deviation": _number(seen.deviation),
        "skewness": seen.skewness, "kurtosis": seen.kurtosis,
        "quantiles": {str(level): q for level, q in zip(LEVELS, seen.quantiles, strict=True)},
        "exact_quantiles": seen.exact is not None,
        "powers_of_two": {str(e): list(pair) for e, pair in seen.log.powers.items()},
        "histogram": {"first": seen.bins.first, "width": seen.bins.width, "counts": list(seen.bins.counts)},
    }


def _check(check: TypeCheck) -> dict[str, Any]:
    tally = check.tally
    return {
        "layer": check.layer, "role": check.role, "value": check.value, "format": str(check.format), "count": tally.count,
        "overflow": tally.overflow, "underflow": tally.underflow, "snr_db": _number(tally.snr_db),
    }


def _distance(distance: Distance | None) -> dict[str, Any] | None:
    return None if distance is None else {
        "layer": distance.layer, "value": distance.value, "format": distance.format, "largest_error": distance.largest,
        "snr_db": _number(distance.snr_db), "lost_db": _number(distance.lost_db),
    }


def _divergence(found: Divergence) -> dict[str, Any]:
    flips = None if found.flips is None else [
        {"sample": f.sample, "was": f.was, "becomes": f.becomes, "margin": f.margin, "layer": f.layer, "value": f.value}
        for f in found.flips
    ]
    return {
        "values": [_distance(d) for d in found.distances], "first": _distance(found.first), "jump": _distance(found.jump),
        "flips": flips,
    }


# --- tables -----------------------------------------------------------------------------------------------------------


def print_report(screen: Screen, report: ProfileReport) -> None:
    """Statistics, types with what they do, the way of the error, and what it comes to."""
    ends = ["least", "1 %", "median", "99 %", "greatest"]
    columns = ["layer", "value", "role", *ends, "mean", "deviation", "kurtosis", "zeros", "outliers"]
    screen.table(columns, [_statistics_row(v) for v in report.profile.values])
    if report.checks is not None:
        screen.line()
        screen.table(
            ["layer", "role", "value", "type", "numbers", "overflow", "become 0", "signal/noise, dB"],
            [_check_row(c) for c in report.checks],
        )
    if report.divergence is not None:
        screen.line()
        screen.table(
            ["layer", "value", "type", "largest error", "signal/noise, dB", "lost here, dB"],
            [
                [d.layer, d.value, d.format, d.largest, _decibels(d.snr_db), _decibels(d.lost_db)]
                for d in report.divergence.distances
            ],
        )
        if report.divergence.flips:
            screen.line()
            screen.table(
                ["sample", "in float", "quantized", "margin", "lost in layer", "at value"],
                [[f.sample, f.was, f.becomes, f.margin, f.layer, f.value] for f in report.divergence.flips[:_MOST_FLIPS]],
            )
    screen.line()
    screen.facts(_facts(report))


def _check_row(check: TypeCheck) -> list[Cell]:
    tally = check.tally
    return [
        check.layer, check.role, check.value, str(check.format), tally.count, tally.overflow, tally.underflow,
        _decibels(tally.snr_db),
    ]


def _decibels(number: float) -> str | None:
    return f"{number:.1f}" if isfinite(number) else None


def _statistics_row(value: ValueProfile) -> list[Cell]:
    seen = value.statistics
    low, median, high = (seen.quantiles[LEVELS.index(level)] for level in (0.01, 0.5, 0.99))
    return [
        value.layer, value.name, value.role, seen.least, low, median, high, seen.greatest, seen.mean, seen.deviation,
        seen.kurtosis, f"{seen.zeros / seen.count:.1%}", seen.outliers,
    ]


def _facts(report: ProfileReport) -> list[tuple[str, str]]:
    facts = [("samples", f"{report.samples}; quantiles of values within {QUANTILE_ERROR:.1%} of themselves, of weights exact")]
    constant = [v.name for v in report.profile.values if v.statistics.constant]
    if constant:
        facts.append(("always the same number", clean(", ".join(constant))))
    if report.metric is not None and report.real is not None:
        facts.append((f"{report.metric} in float", f"{report.real:.6g}"))
    if report.metric is not None and report.verdict is not None:
        verdict = report.verdict
        lost = f"a loss of {verdict.loss:.6g} ± {verdict.error:.2g}"
        facts.append((f"{report.metric} of the hardware", f"{verdict.value:.6g}, {lost}"))
    proposal = report.proposal
    if proposal is not None:
        facts.append(
            ("bits proposed", f"{proposal.bits}: {proposal.weight_bits} of weights and biases, the rest of one sample's values")
        )
        if proposal.confirmed is not None:
            confirmed = f"{proposal.confirmed.loss:.6g} ± {proposal.confirmed.error:.2g}"
            facts.append(("loss on samples that chose nothing", f"{confirmed}; {proposal.trials} sets of types tried"))
    if report.one_type is not None:
        facts.append(("bits of the smallest single type", f"{report.one_type.bits}, {report.one_type.format}"))
    if report.divergence is not None:
        facts += _way_of_the_error(report.divergence, report.samples)
    return facts


def _way_of_the_error(found: Divergence, samples: int) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    for name, place in (("first error", found.first), ("first jump of the error", found.jump)):
        if place is not None:
            lost = f", {place.lost_db:.1f} dB lost" if isfinite(place.lost_db) else ""
            facts.append((name, clean(f"layer {place.layer!r}, value {place.value!r}{lost}")))
    if found.flips is not None:
        facts.append(("decisions that differ", f"{len(found.flips)} of {samples}"))
    return facts
