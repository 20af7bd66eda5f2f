"""Tables about a build."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from hwgen import BuildReport
from hwgen.dataflow.layers import layer_rows
from hwgen.dataflow.stage import Buffer, Dataflow


def layers(flow: Dataflow) -> Table:
    """A row a stage; int4 and uint4 are signed and unsigned codes of 4 bits."""
    table = Table(title=f"Layers of {flow.name}")
    for heading in ("layer", "output shape", "input", "weights", "output", "in × out", "multipliers", "cycles", "FIFO"):
        table.add_column(heading, justify="left" if heading == "layer" else "right")
    for stage, row in zip(flow.stages, layer_rows(flow), strict=True):
        weights = "" if row.weight_bits is None else f"{row.weight_bits} bits"
        table.add_row(
            row.path, " × ".join(map(str, stage.output.type.shape[1:])), row.input_format, weights, row.output_format,
            row.parallelism or "", str(row.multipliers), str(row.cycles), str(row.fifo_depth),
        )
    return table


def branches(flow: Dataflow) -> Table:
    """A row a FIFO behind a fork, where a value that is used twice waits for what is made of it on the longer way.

    Where a layer stands on the shorter way, it waits in that layer's own FIFO (see `layers`).
    """
    table = Table(title=f"FIFOs on branches of {flow.name}")
    for heading in ("value", "made by", "shape", "beats a tensor", "depth, beats", "bits"):
        table.add_column(heading, justify="left" if heading in ("value", "made by") else "right")
    for buffer in (e for e in flow.elements if isinstance(e, Buffer)):
        (stream,) = buffer.gives
        value, numbers = stream.value, (stream.beats, buffer.depth, buffer.depth * stream.bits)
        shape = " × ".join(map(str, value.type.shape[1:]))
        table.add_row(value.name, value.producer.path, shape, *map(str, numbers))
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
