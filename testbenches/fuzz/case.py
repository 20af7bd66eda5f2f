"""One network with all that decides how it runs, and the folder that keeps it.

    model.hwg     the lowered graph (or the real one, where lowering it is what fails)
    codes.npz     (samples, …) integer codes of each input; absent for a real graph
    case.json     parallelism, FIFO depth, traffic, seeds, where it comes from, what differed, the command that repeats it
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from hwgen.dataflow.cycles import least_fifos, size_fifos
from hwgen.dataflow.folding import layers
from hwgen.dataflow.plan import plan, with_depths
from hwgen.dataflow.stage import Buffer, Dataflow
from hwgen.dataflow.unit import Parallelism
from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import Graph
from hwgen.ir.text import parse_graph, print_graph
from hwgen.ops.checking import check as check_graph
from hwgen.ops.table import ATTRS
from hwgen.rtl.atomic import replaced_folder
from hwgen.sim.native_runner import ALL_TRAFFIC, Resets
from hwgen.sim.samples import Codes
from hwgen.sim.trials import Trial

RECORD: Final = "case.json"
MODEL: Final = "model.hwg"
CODES: Final = "codes.npz"
_TRAFFIC: Final = {t.name: t for t in ALL_TRAFFIC}


ERRORS: Final = (HwgenError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What a defect of the toolchain looks like; what the machine does wrong (OSError, MemoryError) is no finding."""

_DEFECTS: Final = ("broken-graph", "not-understood")
"""Codes of HwgenError that say that a defect was met."""


def is_refusal(error: Exception) -> bool:
    """Whether lowering says no, with reason: no exact requantizer fits the hardware's forms."""
    return isinstance(error, HwgenError) and error.code not in _DEFECTS


def is_real(graph: Graph) -> bool:
    """Whether the graph is still to be lowered."""
    return any(v.type.format is REAL for v in graph.inputs)


@dataclass(frozen=True, eq=False)
class FuzzCase:
    """graph: lowered; or real, and then the rest is empty: lowering it is the whole trial.

    parallelism: of each layer, by its path.  fifo_depth: of every stage's FIFO; 0: all as computed.  trials: the runs.
    codes: (samples, …) of each input.  origin: seed and number that it was drawn from.
    """

    graph: Graph
    parallelism: dict[str, Parallelism]
    fifo_depth: int
    trials: tuple[Trial, ...]
    codes: Codes | None
    origin: str

    @property
    def real(self) -> bool:
        """Whether the graph is still to be lowered."""
        return is_real(self.graph)

    def flow(self) -> Dataflow:
        """The design, as deep FIFOs as the case says; where it says so, those of branches are the least that these allow."""
        chosen = [(n, self.parallelism[n.path]) for n, _ in layers(self.graph) if n.path in self.parallelism]
        flow = plan(self.graph, chosen)
        if not self.fifo_depth:
            return size_fifos(flow)
        stages = {s.name: self.fifo_depth for s in flow.stages if s.fifo_depth}
        whole = {e.name: e.gives[0].beats for e in flow.elements if isinstance(e, Buffer)}
        return least_fifos(with_depths(flow, stages | whole))


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrialRecord(_Record):
    """seed: of initial state, traffic and resets.  resets: count, most edges between them, most edges of one."""

    seed: int
    traffic: str
    resets: tuple[int, int, int] = (0, 0, 2)


class CaseRecord(_Record):
    """The contents of ``case.json``."""

    origin: str
    differed: str
    parallelism: dict[str, tuple[int, int]]
    fifo_depth: int
    trials: tuple[TrialRecord, ...]
    command: str


def save(case: FuzzCase, folder: Path, differed: str) -> None:
    """Writes the folder; it appears whole or not at all."""
    record = CaseRecord(
        origin=case.origin, differed=differed, parallelism={k: (p.inputs, p.outputs) for k, p in case.parallelism.items()},
        fifo_depth=case.fifo_depth,
        trials=tuple(
            TrialRecord(
                seed=t.seed, traffic=t.traffic.name, resets=(t.resets.count, t.resets.gap_cycles, t.resets.longest_cycles)
            )
            for t in case.trials
        ),
        command=f"cd testbenches && python -m fuzz {folder.name}",
    )
    with replaced_folder(folder, RECORD) as fresh:
        (fresh / MODEL).write_text(print_graph(case.graph))
        if case.codes is not None:
            np.savez(fresh / CODES, **case.codes)
        (fresh / RECORD).write_text(record.model_dump_json(indent=2) + "\n")


def _load_codes(path: Path) -> Codes | None:
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def load(folder: Path) -> FuzzCase:
    """The case of a folder.  Raises HwgenError where it is none."""
    if not (folder / RECORD).is_file():
        raise HwgenError("no-case", f"folder {folder.name!r}", f"holds no {RECORD}", "give a folder that the fuzzer left")
    record = CaseRecord.model_validate_json((folder / RECORD).read_text())
    graph = parse_graph((folder / MODEL).read_text(), ATTRS)
    check_graph(graph)
    return FuzzCase(
        graph, {k: Parallelism(*p) for k, p in record.parallelism.items()}, record.fifo_depth,
        tuple(Trial(t.seed, _TRAFFIC[t.traffic], Resets(*t.resets)) for t in record.trials),
        _load_codes(folder / CODES), record.origin,
    )
