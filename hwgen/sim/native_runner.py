"""The native runner: a design compiled to a program that streams thousands of inferences and records every bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.formats import IntArray
from hwgen.ir.graph import Value
from hwgen.rtl.assemble import TOP, StreamPort
from hwgen.rtl.atomic import work_folder
from hwgen.rtl.beats import Bytes, to_beats
from hwgen.sim.process import run_tool
from hwgen.sim.verilator import build_model

_HARNESS: Final = Path(__file__).parent / "native" / "harness.cpp"
_DEADLOCK, _FRAMING, _VALID_IN_RESET = 3, 4, 5


@dataclass(frozen=True, slots=True)
class Pace:
    """When an end of a stream is willing, as the harness reads it: a kind's letter and its number."""

    kind: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind}{self.number}"


def chance(percent: int) -> Pace:
    """In each cycle with this probability."""
    return Pace("c", percent)


ALWAYS: Final = chance(100)
IN_BURSTS: Final = Pace("b", 12)
"""Runs of 1 to 12 cycles, willing and not in turn."""
STALL_AFTER_FIRST: Final = Pace("s", 40)
"""Always, but for 40 cycles right after the first beat."""
ON_DEMAND: Final = Pace("d")
"""Only after the other end was seen waiting: a sink whose ready comes after valid."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """When the source offers a beat and when the sink is ready."""

    name: str
    source: Pace
    sink: Pace


FULL_RATE: Final = Traffic("full rate", ALWAYS, ALWAYS)
STALLS: Final = Traffic("random stalls", chance(50), chance(50))
SPARSE_INPUT: Final = Traffic("sparse input, ready before valid", chance(5), ALWAYS)
SPARSE_OUTPUT: Final = Traffic("sparse output", ALWAYS, chance(5))
BURSTS: Final = Traffic("bursts", IN_BURSTS, IN_BURSTS)
LONG_STALL: Final = Traffic("one long stall after the first beat", ALWAYS, STALL_AFTER_FIRST)
READY_AFTER_VALID: Final = Traffic("ready only after valid", ALWAYS, ON_DEMAND)
ALL_TRAFFIC: Final = (FULL_RATE, STALLS, SPARSE_INPUT, SPARSE_OUTPUT, BURSTS, LONG_STALL, READY_AFTER_VALID)
"""The profiles of ``testbenches/hwgen_tb/traffic.py``."""


@dataclass(frozen=True, slots=True)
class Resets:
    """Resets in the midst of a run: ``count``, each 0 to ``gap_cycles`` edges after the one before, of 2 to ``longest_cycles``.

    Two edges are the least that ``hg_reset`` allows.  After each the stream begins again with the first inference.
    """

    count: int
    gap_cycles: int
    longest_cycles: int = 6

    def __post_init__(self) -> None:
        if min(self.count, self.gap_cycles, self.longest_cycles - 2) < 0:
            raise HwgenError("usage", str(self), "is no run of resets", "give counts that are not negative, and two edges or more")


NO_RESETS: Final = Resets(0, 0)


@dataclass(frozen=True, slots=True)
class Recording:
    """beats: (vectors, beats, bytes) as they came out; fewer vectors where the design stopped.  deadlock: whether it did.

    first, done: edges of each inference's first beat in and last result out.  framing: whether tlast was wrong, or a beat
    came that was not due.  All of these of the run after the last reset; cut: (beats, bytes) of each run that a reset ended.
    valid_in_reset: whether tvalid was high after two edges of a reset.
    """

    beats: Bytes
    first: tuple[int, ...]
    done: tuple[int, ...]
    deadlock: bool
    framing: bool
    cut: tuple[Bytes, ...]
    valid_in_reset: bool


@dataclass(frozen=True, slots=True)
class NativeModel:
    """A compiled design.  folder: the working directory, where ``mem/`` is found."""

    program: Path
    folder: Path
    source: Value
    in_port: StreamPort
    out_port: StreamPort

    def run(
        self, codes: IntArray, *, seed: int, traffic: Traffic, cycles_hint: int, resets: Resets = NO_RESETS
    ) -> Recording:
        """Streams ``codes`` (samples, …) through the design.  cycles_hint: idle cycles after which it counts as stopped.

        The seed draws the state of all registers at the start, the traffic and the resets.
        """
        samples = codes.shape[0]
        data = to_beats(codes, self.source, self.in_port)
        with work_folder("hwgen-run-") as work:
            (work / "in").write_bytes(data.tobytes())
            numbers = [
                samples, self.in_port.beats, self.in_port.beat_bytes, self.out_port.beats, self.out_port.beat_bytes, seed,
                traffic.source, traffic.sink, cycles_hint, resets.count, resets.gap_cycles, resets.longest_cycles,
            ]
            command = [str(self.program), *(str(work / n) for n in ("in", "out", "times")), *map(str, numbers)]
            result = run_tool(command, self.folder)
            if result.returncode not in (0, _DEADLOCK, _FRAMING, _VALID_IN_RESET):
                words = [w for w in (result.stdout + result.stderr).splitlines() if w.strip() and "Aborting" not in w]
                raise HwgenFailure(
                    "simulation", self.folder.name, words[0] if words else f"simulator stopped with {result.returncode}",
                    "build the design again",
                )
            out = np.frombuffer((work / "out").read_bytes(), np.uint8).reshape(-1, self.out_port.beat_bytes)
            times = np.frombuffer((work / "times").read_bytes(), np.int64)
        runs = np.split(out, np.cumsum(times[2 * samples : -1]))
        whole = len(runs[-1]) // self.out_port.beats
        return Recording(
            runs[-1][: whole * self.out_port.beats].reshape(whole, self.out_port.beats, self.out_port.beat_bytes),
            tuple(times[:samples].tolist()), tuple(times[samples : samples + whole].tolist()),
            result.returncode == _DEADLOCK, result.returncode == _FRAMING, tuple(runs[:-1]), result.returncode == _VALID_IN_RESET,
        )


def compile_native(
    sources: Sequence[Path], folder: Path, source: Value, in_port: StreamPort, out_port: StreamPort, *,
    program: Path | None = None, flags: Sequence[str] = (),
) -> NativeModel:
    """Compiles the design for `NativeModel.run`; an already built one is taken from the cache.

    program: for one short run: put there, quickly compiled, and not kept in the cache.  flags: more for Verilator.
    """
    cxx_flags = ("-O2",) if program is None else ("-O0",)
    built = build_model(
        sources, TOP, harness=[_HARNESS], flags=flags, cxx_flags=cxx_flags, out=program, keep=program is None
    )
    return NativeModel(built, folder, source, in_port, out_port)
