"""The tables of layers and branches that `build`, `emit`, `sim` and `estimate` print."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hwgen.cli.screen import Cell, Screen
from hwgen.dataflow.layers import branch_rows, layer_rows, memory_bits
from hwgen.dataflow.stage import Dataflow
from hwgen.dataflow.use import MultiplierUse, multiplier_use


def layer_records(flow: Dataflow, interval_cycles: int) -> dict[str, Any]:
    """For JSON: the layers, the FIFOs of branches, and all memory in bits.  interval_cycles: between inferences."""
    uses = [multiplier_use(stage, interval_cycles) for stage in flow.stages]
    memory = memory_bits(flow)
    return {
        "layers": [{**asdict(row), "use": use and asdict(use)} for row, use in zip(layer_rows(flow), uses, strict=True)],
        "branches": [asdict(row) for row in branch_rows(flow)],
        "memory_bits": {**asdict(memory), "total": memory.total},
    }


def print_layers(screen: Screen, flow: Dataflow, interval_cycles: int) -> None:
    """The layers as a table, and the FIFOs of branches as another.  Columns that say nothing are left out."""
    rows: list[list[Cell]] = []
    for stage, row in zip(flow.stages, layer_rows(flow), strict=True):
        use = multiplier_use(stage, interval_cycles)
        rows.append(
            [
                row.path, " + ".join(row.operators), row.input_format, row.output_format, row.weight_bits, row.parallelism,
                row.multipliers or None, *_shares(use), row.cycles, row.rom_bits or None, row.buffer_bits or None,
                row.fifo_depth or None,
            ]
        )
    columns = [
        "layer", "operators", "in", "out", "weight bits", "parallelism", "multipliers", "use", "on padding", "cycles", "rom bits",
        "buffer bits", "fifo depth",
    ]
    shown = [k for k, name in enumerate(columns) if name not in ("on padding", "buffer bits") or any(r[k] for r in rows)]
    screen.table([columns[k] for k in shown], [[row[k] for k in shown] for row in rows])
    screen.line()
    branches = branch_rows(flow)
    if branches:
        screen.table(["branch from", "to", "fifo depth", "bits"], [[b.source, b.target, b.depth, b.bits] for b in branches])
        screen.line()


def _shares(use: MultiplierUse | None) -> tuple[str | None, str | None]:
    """Time of the multipliers spent on products, and on positions outside the tensor."""
    if use is None:
        return None, None
    return f"{use.products:.1%}", f"{use.padding:.1%}" if use.padding else None


def memory_facts(flow: Dataflow) -> list[tuple[str, str]]:
    """All memory in bits, by its kind."""
    memory = memory_bits(flow)
    names = ("read-only", "buffers", "FIFOs of stages", "FIFOs of branches")
    sizes = (memory.roms, memory.buffers, memory.stage_fifos, memory.branch_fifos)
    parts = [f"{name} {bits}" for name, bits in zip(names, sizes, strict=True) if bits]
    return [("memory", f"{memory.total} bits: {', '.join(parts)}")]
