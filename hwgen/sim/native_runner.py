"""The native runner: a design compiled to a program that streams thousands of inferences and records every bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hwgen.dataflow.stage import Dataflow
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.formats import IntArray
from hwgen.rtl.assemble import TOP
from hwgen.rtl.atomic import work_folder
from hwgen.rtl.beats import Bytes, to_beats
from hwgen.rtl.ports import StreamPort, framing_errors, input_ports, output_ports
from hwgen.sim.process import run_tool
from hwgen.sim.verilator import build_model

_HARNESS: Final = Path(__file__).parent / "native" / "harness.cpp"
_STOPPED, _VALID_IN_RESET = 3, 5


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
    """When a source offers a beat and when a sink is ready; each port by itself."""

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
    """What came out of a run, by output port.

    beats: (vectors, beats, bytes) of each; fewer vectors where the design stopped.  first, done: edges of each inference's first
    beat in and last result out, of any port; done only of those that came out everywhere.  stopped: whether nothing moved any more.
    wrong: ports whose tlast or framing error was wrong, or where a beat came that was not due.  All of these of the run after the
    last reset; cut: (beats, bytes) of each port, for each run that a reset ended.  valid_in_reset: whether tvalid was high after
    two edges of a reset.  cycles: edges simulated, with the resets.
    """

    beats: tuple[Bytes, ...]
    first: tuple[int, ...]
    done: tuple[int, ...]
    stopped: bool
    wrong: tuple[str, ...]
    cut: tuple[tuple[Bytes, ...], ...]
    valid_in_reset: bool
    cycles: int


@dataclass(frozen=True, slots=True)
class Tap:
    """A stream inside the top.  net: its nets without ``_valid``, ``_ready``, ``_data``.  bits: of a beat."""

    net: str
    bits: int

    @property
    def beat_bytes(self) -> int:
        """Bytes of a beat."""
        return -(-self.bits // 8)


@dataclass(frozen=True, slots=True)
class Inside:
    """What was seen at the taps of a run.

    runs: for each run, the last one last, (beats, bytes) of each tap.  waiting: valid and ready of each tap where the design
    stopped; empty where it did not.
    """

    runs: tuple[tuple[Bytes, ...], ...]
    waiting: tuple[tuple[bool, bool], ...]


@dataclass(frozen=True, slots=True)
class NativeModel:
    """A compiled design.  folder: the working directory, where ``mem/`` is found.  taps: where it looks inside."""

    program: Path
    folder: Path
    flow: Dataflow
    taps: tuple[Tap, ...] = ()

    def run(
        self, codes: Sequence[IntArray], *, seed: int, traffic: Traffic, cycles_hint: int, resets: Resets = NO_RESETS
    ) -> Recording:
        """Streams codes (samples, …) of each input port through the design.  cycles_hint: idle cycles after which it has stopped.

        The seed draws the state of all registers at the start, the traffic and the resets.
        """
        return self.look(codes, seed=seed, traffic=traffic, cycles_hint=cycles_hint, resets=resets)[0]

    def look(
        self, codes: Sequence[IntArray], *, seed: int, traffic: Traffic, cycles_hint: int, resets: Resets = NO_RESETS
    ) -> tuple[Recording, Inside]:
        """`run`, and what the taps saw."""
        samples = len(codes[0])
        ins, outs = input_ports(self.flow), output_ports(self.flow)
        with work_folder("hwgen-run-") as work:
            for number, (array, stream, port) in enumerate(zip(codes, self.flow.inputs, ins, strict=True)):
                (work / f"in{number}").write_bytes(to_beats(array, stream.value, port).tobytes())
            (work / "nets").write_text("".join(f"{tap.net} {tap.beat_bytes}\n" for tap in self.taps))
            sizes = [number for port in (*ins, *outs) for number in (port.beats, port.beat_bytes)]
            numbers = [
                samples, seed, traffic.source, traffic.sink, cycles_hint, resets.count, resets.gap_cycles, resets.longest_cycles,
            ]
            result = run_tool([str(self.program), str(work), *map(str, (*numbers, *sizes))], self.folder)
            if result.returncode not in (0, _STOPPED, _VALID_IN_RESET):
                words = [w for w in (result.stdout + result.stderr).splitlines() if w.strip() and "Aborting" not in w]
                raise HwgenFailure(
                    "simulation", self.folder.name, words[0] if words else f"simulator stopped with {result.returncode}",
                    "build the design again",
                )
            return self._recorded(work, samples, result.returncode)

    def _recorded(self, work: Path, samples: int, status: int) -> tuple[Recording, Inside]:
        ins, outs = input_ports(self.flow), output_ports(self.flow)
        times = np.frombuffer((work / "times").read_bytes(), np.int64)
        first, done, wrong, (cycles,), counts = np.split(times, np.cumsum(
            [len(ins) * samples, len(outs) * samples, len(ins) + len(outs), 1]
        ))
        counts = counts.reshape(-1, len(outs) + len(self.taps))
        places = [(work / f"out{k}", port.beat_bytes) for k, port in enumerate(outs)]
        places += [(work / f"tap{k}", tap.beat_bytes) for k, tap in enumerate(self.taps)]
        runs = list(zip(*(_runs(*place, counts[:, k]) for k, place in enumerate(places)), strict=True))
        beats = tuple(_whole(run, port) for run, port in zip(runs[-1], outs, strict=False))
        through = min(map(len, beats))
        stopped = work / "stopped"
        waiting = [line.split()[1:] for line in stopped.read_text().splitlines()] if stopped.is_file() else []
        return Recording(
            beats, _earliest(first.reshape(-1, samples)),
            tuple(done.reshape(-1, samples)[:, :through].max(axis=0).tolist()), status == _STOPPED,
            tuple(port.name for port, bad in zip((*ins, *outs), wrong, strict=True) if bad),
            tuple(run[: len(outs)] for run in runs[:-1]), status == _VALID_IN_RESET, int(cycles),
        ), Inside(
            tuple(run[len(outs) :] for run in runs), tuple((valid == "1", ready == "1") for valid, ready in waiting),
        )


def _runs(path: Path, beat_bytes: int, counts: IntArray) -> list[Bytes]:
    """(beats, bytes) of each run."""
    data = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, beat_bytes)
    return np.split(data, np.cumsum(counts[:-1]))


def _earliest(edges: IntArray) -> tuple[int, ...]:
    """The first edge of each column, of those that came; -1 where none did.

    A run may end before an input takes what bears on no output any more.
    """
    came = np.where(edges < 0, np.iinfo(np.int64).max, edges).min(axis=0)
    return tuple(np.where((edges < 0).all(axis=0), -1, came).tolist())


def _whole(run: Bytes, port: StreamPort) -> Bytes:
    """(vectors, beats, bytes) of the vectors that came out."""
    vectors = len(run) // port.beats
    return run[: vectors * port.beats].reshape(vectors, port.beats, port.beat_bytes)


def compile_native(
    sources: Sequence[Path], folder: Path, flow: Dataflow, *, taps: Sequence[Tap] = (), program: Path | None = None,
    flags: Sequence[str] = (),
) -> NativeModel:
    """Compiles the design for `NativeModel.run`; an already built one is taken from the cache.

    taps: streams inside the top that are looked at, which makes it slower.  program: for one short run: put there, quickly
    compiled, and not kept in the cache.  flags: more for Verilator.
    """
    names = " ".join(f"X({port.name},{error})" for port, error in zip(input_ports(flow), framing_errors(flow), strict=True))
    defines = [f"HG_INPUTS(X)={names}", f"HG_OUTPUTS(X)={' '.join(f'X({port.name})' for port in output_ports(flow))}"]
    if taps:
        defines.append("HG_TAPS")
        flags = (*flags, "--vpi", "--public-depth", "1")
    built = build_model(
        sources, TOP, harness=[_HARNESS], flags=flags, cxx_flags=("-O2",) if program is None else ("-O0",), defines=defines,
        out=program, keep=program is None,
    )
    return NativeModel(built, folder, flow, tuple(taps))
