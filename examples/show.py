"""Tables about a build."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from hwgen import BuildReport
from hwgen.dataflow.plan import Dataflow, Stage
from hwgen.formats import Format, Integer
from hwgen.ops.linear import MatvecAttrs, weight_code


def _codes(format_: Format) -> str:
    if not isinstance(format_, Integer):
        return str(format_)
    return "±1" if format_.bipolar else f"{'s' if format_.signed else 'u'}{format_.bits}"


def _weights(stage: Stage) -> tuple[str, str]:
    attrs = stage.units[0].node.attrs
    if not isinstance(attrs, MatvecAttrs):
        return "", ""
    outputs, inputs = attrs.weight.shape
    code = weight_code(attrs.weight)
    return f"{inputs} → {outputs}", {1: "±1", 2: "ternary"}.get(code.kind, f"s{code.bits}")


def layers(flow: Dataflow) -> Table:
    """A row a stage; s4 and u4 are signed and unsigned codes of 4 bits."""
    table = Table(title=f"Layers of {flow.name}")
    for heading in ("layer", "size", "input", "weights", "output", "in × out", "multipliers", "cycles", "FIFO"):
        table.add_column(heading, justify="left" if heading == "layer" else "right")
    for stage in flow.stages:
        size, weights = _weights(stage)
        first, last = stage.first, stage.last
        table.add_row(
            stage.path, size, _codes(stage.input.type.format), weights, _codes(stage.output.type.format),
            f"{first.in_lanes} × {last.out_lanes}", str(first.multipliers), str(stage.cycles), str(stage.fifo_depth),
        )
    return table


def results(report: BuildReport, extra: dict[str, str]) -> Table:
    """Cycles predicted and simulated, mismatches, and what else the example wants to say."""
    table = Table(title="Simulation", show_header=False)
    check, predicted = report.verification, report.predicted
    seen = check.performance
    rows = {
        "latency, cycles": f"{seen.latency_cycles if seen else '?'} simulated, {predicted.latency_cycles} predicted",
        "interval, cycles": f"{seen.interval_cycles if seen else '?'} simulated, {predicted.interval_cycles} predicted",
        "multipliers": str(report.flow.multipliers),
        "multipliers busy (slowest layer)": f"{check.multiplier_utilization or 0:.1%}",
        "inferences simulated": f"{check.samples}, at full rate and under random stalls",
        "inferences with a wrong bit": str(check.mismatches),
        **extra,
        "build directory": str(report.build_dir),
    }
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def console() -> Console:
    """Wide enough for the tables where the output is no terminal."""
    found = Console()
    return found if found.is_terminal else Console(width=120)
