"""The table of ports and stages of a build, with what each takes and gives."""

from __future__ import annotations

from typing import Any

from hwgen.cli.screen import Cell, Screen
from hwgen.dataflow.layers import LayerRow, layer_rows, place_names
from hwgen.dataflow.links import links_of
from hwgen.dataflow.stage import Dataflow, Stream, integer_format


def stage_records(flow: Dataflow) -> list[dict[str, Any]]:
    """For JSON: one object a place, inputs first, then stages, then outputs."""
    links, names, rows = links_of(flow), place_names(flow), layer_rows(flow)
    gives: list[Stream] = [*flow.inputs, *(s.gives[0] for s in flow.stages), *flow.outputs]
    records: list[dict[str, Any]] = []
    for place, (label, name, stream) in enumerate(zip(links.labels, names, gives, strict=True)):
        row = rows[place - links.inputs] if links.is_stage(place) else None
        records.append(
            {
                "place": label, "name": name, "operators": list(row.operators) if row else [],
                "takes": [
                    {"from": links.labels[link.source], "name": names[link.source], "fifo_depth": link.fifo_depth}
                    for link in links.links if link.target == place
                ],
                "format": integer_format(stream.value).short, "shape": list(stream.value.type.shape[1:]), "lanes": stream.lanes,
                **_sizes(row),
            }
        )
    return records


def _sizes(row: LayerRow | None) -> dict[str, Any]:
    if row is None:
        return {"cycles": None, "buffer_bits": None, "fifo_depth": None}
    return {"cycles": row.cycles, "buffer_bits": row.buffer_bits or None, "fifo_depth": row.fifo_depth or None}


def print_stages(screen: Screen, flow: Dataflow) -> None:
    """The same as a table."""
    rows: list[list[Cell]] = []
    for record in stage_records(flow):
        takes = [f"{t['from']} (FIFO of {t['fifo_depth']})" if t["fifo_depth"] else t["from"] for t in record["takes"]]
        shape = "x".join(map(str, record["shape"]))
        rows.append(
            [
                record["place"], record["name"], " + ".join(record["operators"]), ", ".join(takes), record["format"], shape,
                record["lanes"], record["cycles"], record["buffer_bits"], record["fifo_depth"],
            ]
        )
    columns = ["", "name", "operators", "takes", "format", "shape", "a beat", "cycles", "buffer bits", "fifo depth"]
    screen.table(columns, rows)
