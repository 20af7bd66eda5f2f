"""A sweep: every input of a small arithmetic module played through its simulation, and compared with integers computed here."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.rtl.templates import closure
from hwgen.sim.verilator import build_model

HERE: Final = Path(__file__).resolve().parent
Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Inputs of a wrapper of ``exhaust/``, and what must come.

    bits: of an input word.  words: (cycles,) inputs.  expected: (cycles, outputs) 32-bit words as unsigned integers, those of
    cycle k come ``latency`` cycles later; -1 where anything may come.  checked: combinations of operands and parameters.
    memory: lines of m.mem.
    """

    wrapper: str
    template: str
    parameters: Mapping[str, int]
    bits: int
    words: Words
    expected: Integers
    latency: int
    checked: int
    memory: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Swept:
    """mismatches: output words that differ.  first: where, in words."""

    mismatches: int
    first: str
    seconds: float


def play(sweep: Sweep, changed: Mapping[str, str] | None = None) -> Swept:
    """Build the model and play the sweep.  changed: texts of templates to take instead of their files, by module."""
    start = time.monotonic()
    bytes_in, outputs = -(-sweep.bits // 8), sweep.expected.shape[1]
    words = np.concatenate([sweep.words, np.zeros(sweep.latency, dtype=np.uint64)])
    with tempfile.TemporaryDirectory(prefix="hwgen-sweep-") as name:
        folder = Path(name)
        sources: list[Path] = []
        for path in closure([sweep.template]):
            sources.append(folder / path.name)
            sources[-1].write_text((changed or {}).get(path.stem) or path.read_text())
        sources.append(HERE / "exhaust" / f"{sweep.wrapper}.sv")
        program = build_model(
            sources, sweep.wrapper, parameters=sweep.parameters, harness=[HERE / "exhaust" / "player.cpp"],
            flags=["-Wno-fatal"] if changed else [], keep=not changed, out=folder / "program",
        )
        (folder / "m.mem").write_text("".join(f"{line}\n" for line in sweep.memory))
        (folder / "inputs").write_bytes(words.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :bytes_in].tobytes())
        subprocess.run([str(program), "inputs", "outputs", str(bytes_in), str(4 * outputs)], cwd=folder, check=True)
        came = np.fromfile(folder / "outputs", dtype="<u4").astype(np.int64).reshape(-1, outputs)[sweep.latency :]
    wrong = (came != sweep.expected) & (sweep.expected >= 0)
    first = ""
    if wrong.any():
        cycle, output = map(int, np.argwhere(wrong)[0])
        one, other = came[cycle, output], sweep.expected[cycle, output]
        first = f"input {int(sweep.words[cycle]):#x}, output {output}: {one}, expected {other}"
    return Swept(int(wrong.sum()), first, time.monotonic() - start)
