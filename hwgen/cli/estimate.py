"""``hwgen estimate``: cycles, memory and area of a design before any synthesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwgen.cli.options import AnyPath, Json, ModelOptions, with_model_options
from hwgen.cost.area import Target

if TYPE_CHECKING:
    from hwgen.cli.screen import Cell
    from hwgen.cost.area import Area
    from hwgen.cost.estimate import Estimate
    from hwgen.rtl.build_directory import Build
    from hwgen.synth.record import Synthesis


@with_model_options
def estimate(
    model: AnyPath,
    options: ModelOptions,
    target: Annotated[
        Target | None, typer.Option("--target", help="The family of devices; without it, the total for each of them.")
    ] = None,
    json: Json = False,
) -> None:
    """Estimate area and speed, without synthesis.

    Cycles, multipliers, memory, and the cells of each layer; beside what synthesis said of a build, where it did.
    """
    import time

    from hwgen import flow
    from hwgen.cli.layers import layer_records, memory_facts, print_layers
    from hwgen.cli.screen import Screen
    from hwgen.cost import estimate as cost
    from hwgen.dataflow.cycles import predict
    from hwgen.rtl.build_directory import Build

    screen = Screen(as_json=json)
    with options.resolved(model) as request:
        existing = Build(model) if model.is_dir() else None
        as_built = existing is not None and request.options.parallelism is None and request.options.interval is None
        if existing is not None and as_built:
            planned = existing.flow
        else:
            graph = existing.graph if existing is not None else flow.lower(flow.import_model(model), request.options).graph
            planned = flow.plan_dataflow(graph, request.options)
    performance = predict(planned)
    chosen = target or request.options.target
    start = time.perf_counter()
    estimates = [cost.estimate(planned, one) for one in ([chosen] if chosen is not None else Target)]
    seconds = time.perf_counter() - start
    made = {e.target: _synthesis(existing, e.target) if existing is not None and as_built else None for e in estimates}
    screen.result(
        {
            "model": {"name": planned.name, "macs": planned.macs},
            "performance": {
                "predicted_latency_cycles": performance.latency_cycles,
                "predicted_interval_cycles": performance.interval_cycles, "multipliers": planned.multipliers,
            },
            **layer_records(planned, performance.interval_cycles), "estimates": [_record(e, made[e.target]) for e in estimates],
            "seconds": {"estimate": round(seconds, 4)},
        }
    )
    print_layers(screen, planned, performance.interval_cycles)
    rows = _layer_rows(estimates[0], made[estimates[0].target]) if len(estimates) == 1 else []
    rows += [_row(str(e.target) if len(estimates) > 1 else "all", e.total, made[e.target]) for e in estimates]
    compared = any(made.values())
    columns = ["layer" if len(estimates) == 1 else "target", "luts", "ffs", "carries", "dsps", "brams"]
    compared_columns = ["synthesized: luts", "dsps", "brams", "error of luts"]
    screen.table([*columns, *(compared_columns if compared else [])], [r if compared else r[: len(columns)] for r in rows])
    screen.line()
    screen.facts(
        [
            ("latency", f"{performance.latency_cycles} cycles predicted"),
            ("interval", f"{performance.interval_cycles} cycles predicted"),
            ("multipliers", str(planned.multipliers)),
            *memory_facts(planned),
            *_expected_error([e for e in estimates if made[e.target] is None]),
            ("estimated in", f"{seconds * 1000:.1f} ms"),
        ]
    )


def _synthesis(build: Build, target: Target) -> Synthesis | None:
    """What synthesis said of the build as it is now."""
    from hwgen.synth.store import is_current, load

    found = load(build, target)
    return found if found is not None and is_current(build, found) else None


def _expected_error(estimates: list[Estimate]) -> list[tuple[str, str]]:
    from hwgen.cost.accuracy import MEASURED

    lines: list[tuple[str, str]] = []
    for one in estimates:
        factor = MEASURED[one.target]
        text = f"{one.target}: luts within a factor {factor.typical:g} of Yosys's as a rule, {factor.largest:g} at most"
        lines.append(("" if lines else "expected error", f"{text}; dsps and brams exact (measured)"))
    return lines


def _error_percent(estimated: int, synthesized: int) -> float:
    return round(100 * (estimated - synthesized) / max(1, synthesized), 1)


def _row(name: str, area: Area, made: Synthesis | None, synthesized: Area | None = None) -> list[Cell]:
    seen = synthesized or (made.total if made is not None else None)
    beside: list[Cell] = [None] * 4
    if seen is not None:
        beside = [seen.luts, seen.dsps, seen.brams, f"{_error_percent(area.luts, seen.luts):+.1f} %"]
    return [name, area.luts, area.ffs, area.carries, area.dsps, area.brams, *beside]


def _layer_rows(one: Estimate, made: Synthesis | None) -> list[list[Cell]]:
    parts = [(s.path, s.area) for s in one.stages] + [("(ports and reset)", one.other)]
    seen = [None] * len(parts) if made is None else [*(s.area for s in made.stages), made.other]
    return [_row(name, area, made, other) for (name, area), other in zip(parts, seen, strict=True)]


def _record(one: Estimate, made: Synthesis | None) -> dict[str, Any]:
    from dataclasses import asdict

    from hwgen.cost.accuracy import MEASURED

    errors = None
    if made is not None:
        pairs = zip(asdict(one.total).items(), asdict(made.total).values(), strict=True)
        errors = {name: _error_percent(estimated, synthesized) for (name, estimated), synthesized in pairs}
    return {
        "target": str(one.target), "total": asdict(one.total), "stages": [asdict(s) for s in one.stages],
        "other": asdict(one.other), "synthesized": asdict(made.total) if made is not None else None, "error_percent": errors,
        "expected_factor": asdict(MEASURED[one.target]),
    }
