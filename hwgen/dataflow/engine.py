"""Runs the compiled cycle model, native/engine.cpp, on a dataflow; the program is compiled once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from hwgen.dataflow.description import Ends, describe
from hwgen.dataflow.stage import Buffer, Dataflow, Stream
from hwgen.errors import HwgenFailure
from hwgen.rtl.atomic import work_folder
from hwgen.sim.cache import cache_folder, keep, kept, prune
from hwgen.sim.process import run_tool
from hwgen.sim.toolchain import Compiler, find_compiler

_SOURCES: Final = Path(__file__).parent / "native"
_FLAGS: Final = ("-std=c++17", "-O2")
_KEPT: Final = 8

Edges = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A stream that does not move.  offered: a beat is there and nobody takes it; else somebody waits and nobody offers one."""

    ends: Ends
    offered: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened in a run, in clock edges.

    first, done: of each stream the edges at which each tensor's first and last beat moved.  issued: of each stage with a
    pipeline the edges at which it issued each tensor's last operation.  occupancy: most places ever reserved in the FIFO of a
    stage or buffer, by name.  stopped: the edge of the last move where nothing moves any more although the inferences have not
    passed all streams; waits: a circle of waiting then, or its last link where something waits for itself.
    unlimited: the FIFOs had no end.
    """

    first: Mapping[Stream, Edges]
    done: Mapping[Stream, Edges]
    issued: Mapping[str, Edges]
    occupancy: Mapping[str, int]
    stopped: int | None
    waits: tuple[Blocked, ...]
    unlimited: bool


@lru_cache(maxsize=1)
def _key(compiler: Compiler) -> str:
    total = hashlib.sha256(f"{compiler.executable} {compiler.version} {_FLAGS}".encode())
    for source in sorted(_SOURCES.iterdir()):
        total.update(source.name.encode() + b"\0" + hashlib.sha256(source.read_bytes()).digest())
    return total.hexdigest()[:32]


def _program() -> Path:
    compiler = find_compiler()
    key, folder = _key(compiler), cache_folder("engine")
    built = kept(folder, key)
    if built is None:
        with work_folder("hwgen-engine-") as work:
            command = [str(compiler.executable), *_FLAGS, str(_SOURCES / "engine.cpp"), "-o", "engine"]
            done = run_tool(command, work)
            if done.returncode != 0:
                said = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0]
                raise HwgenFailure("compile-failed", "the cycle model", f"{command[0]} says: {said}", "use another C++17 compiler")
            built = keep(work / "engine", folder, key)
        prune(folder, _KEPT)
    return built


def run(
    flow: Dataflow, inferences: int, *, pace_cycles: int = 0, unlimited: bool = False, lazy: Buffer | None = None,
    by_beat: bool = False,
) -> Trace:
    """Runs the model with all outputs always ready, until nothing moves any more.

    Windows that lie outside an image may leave before it comes; what so belongs to one inference more is left out of the edges.

    pace_cycles: a tensor's beats are offered evenly over this many edges, one tensor after the other; 0: at once.
    unlimited: FIFOs without end.  lazy: takes a beat only when nothing else can move, whatever its depth; its occupancy is then
    the least depth at which the flow runs, and the edges mean nothing.  by_beat: computes every beat inside the stages too,
    where otherwise those between a window and what takes them follow from the first; the result is the same.
    """
    description = describe(flow, unlimited=unlimited)
    number = -1 if lazy is None else description.elements.index(lazy.name)
    text = f"run {inferences} {pace_cycles} {number} {int(not by_beat)}\n{description.text}"
    program = _program()
    result = run_tool([str(program)], program.parent, text=text)
    if result.returncode != 0:
        what = f"the cycle model stopped with {result.returncode}: {result.stderr.strip()}"
        raise HwgenFailure("cycle-model", flow.name, what, "please report this design")
    first: dict[Stream, Edges] = {}
    done: dict[Stream, Edges] = {}
    issued: dict[str, Edges] = {}
    occupancy: dict[str, int] = {}
    stopped: int | None = None
    waits: list[Blocked] = []
    for line in result.stdout.splitlines():
        what, *words = line.split()
        at, *edges = map(int, words)
        match what:
            case "first" | "done":
                if (stream := description.streams[at].stream) is not None:
                    (first if what == "first" else done)[stream] = tuple(edges[:inferences])
            case "issued":
                issued[description.elements[at]] = tuple(edges[:inferences])
            case "most":
                occupancy[description.elements[at]] = edges[0]
            case "stopped":
                stopped = at
            case _:
                waits.append(Blocked(description.streams[at], what == "offered"))
    return Trace(first, done, issued, occupancy, stopped, tuple(waits), unlimited)
