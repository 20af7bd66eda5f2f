"""The native runner: a design compiled to a program that streams thousands of inferences and records every bit."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hwgen.errors import HwgenFailure
from hwgen.formats import IntArray
from hwgen.ir.graph import Value
from hwgen.rtl.assemble import TOP, StreamPort
from hwgen.rtl.beats import Bytes, to_beats
from hwgen.sim.verilator import build_model

_HARNESS: Final = Path(__file__).parent / "native" / "harness.cpp"
_DEADLOCK, _FRAMING = 3, 4


@dataclass(frozen=True, slots=True)
class Traffic:
    """How often, in percent, the source offers a beat and the sink is ready."""

    name: str
    valid_percent: int
    ready_percent: int


FULL_RATE: Final = Traffic("full rate", 100, 100)
STALLS: Final = Traffic("random stalls", 50, 50)


@dataclass(frozen=True, slots=True)
class Recording:
    """beats: (vectors, beats, bytes) as they came out; fewer vectors where the design stopped.  deadlock: whether it did.

    first, done: edges of each inference's first beat in and last result out.  framing: whether tlast was wrong.
    """

    beats: Bytes
    first: tuple[int, ...]
    done: tuple[int, ...]
    deadlock: bool
    framing: bool


@dataclass(frozen=True, slots=True)
class NativeModel:
    """A compiled design.  folder: the working directory, where ``mem/`` is found."""

    program: Path
    folder: Path
    source: Value
    in_port: StreamPort
    out_port: StreamPort

    def run(self, codes: IntArray, *, seed: int, traffic: Traffic, cycles_hint: int) -> Recording:
        """Streams ``codes`` (samples, …) through the design.  cycles_hint: idle cycles after which it counts as stopped."""
        samples = codes.shape[0]
        data = to_beats(codes, self.source, self.in_port)
        with tempfile.TemporaryDirectory(prefix="hwgen-run-") as work_name:
            work = Path(work_name)
            (work / "in").write_bytes(data.tobytes())
            numbers = [
                samples, self.in_port.beats, self.in_port.beat_bytes, self.out_port.beats, self.out_port.beat_bytes, seed,
                traffic.valid_percent, traffic.ready_percent, cycles_hint,
            ]
            command = [str(self.program), *(str(work / n) for n in ("in", "out", "times")), *map(str, numbers)]
            result = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
            if result.returncode not in (0, _DEADLOCK, _FRAMING):
                words = [w for w in (result.stdout + result.stderr).splitlines() if w.strip() and "Aborting" not in w]
                raise HwgenFailure(
                    "simulation", self.folder.name, words[0] if words else f"simulator stopped with {result.returncode}",
                    "build the design again",
                )
            out = np.frombuffer((work / "out").read_bytes(), np.uint8)
            times = np.frombuffer((work / "times").read_bytes(), np.int64)
        whole = len(out) // (self.out_port.beats * self.out_port.beat_bytes)
        beats = out[: whole * self.out_port.beats * self.out_port.beat_bytes]
        return Recording(
            beats.reshape(whole, self.out_port.beats, self.out_port.beat_bytes),
            tuple(times[:samples].tolist()), tuple(times[samples : samples + whole].tolist()),
            result.returncode == _DEADLOCK, result.returncode == _FRAMING,
        )


def compile_native(sources: Sequence[Path], folder: Path, source: Value, in_port: StreamPort, out_port: StreamPort) -> NativeModel:
    """Compiles the design for `NativeModel.run`; an already built one is taken from the cache."""
    program = build_model(sources, TOP, harness=[_HARNESS], cxx_flags=("-O2",))
    return NativeModel(program, folder, source, in_port, out_port)
