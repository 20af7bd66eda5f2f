"""The commands that make a build again and check it, fit to be pasted into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.rtl.manifest import Manifest, OptionsRecord
from hwgen.sim.record import VerificationRecord
from hwgen.synth.record import Synthesis


@dataclass(frozen=True, slots=True)
class Command:
    """what: it does, in a few words.  line: for a shell; MODEL and BUILD stand for paths."""

    what: str
    line: str


def _word(text: str) -> str:
    """One word of a shell command, whatever the text; what cannot be printed becomes a question mark."""
    return shlex.quote("".join(c if c.isprintable() else "?" for c in text))


def _options(options: OptionsRecord) -> list[str]:
    words: list[str] = []
    for name, value in (
        ("--parallelism", options.parallelism), ("--interval", options.interval),
        ("--hls4ml-config", options.hls4ml_config_sha256 and "TYPES.yml"), ("--precision", options.precision),
        ("--calibration", options.calibration_sha256 and "CALIBRATION.npy"), ("--input-format", options.input_format),
    ):
        if value is not None:
            words += [name, _word(str(value))]
    return [*words, "--argmax"] if options.argmax else words


def inputs_file(manifest: Manifest) -> str:
    """What stands for the given data: one array, or one for each input by name."""
    return "INPUTS.npy" if len(manifest.inputs) == 1 else "INPUTS.npz"


def commands(
    manifest: Manifest, verification: VerificationRecord | None, syntheses: Sequence[Synthesis]
) -> tuple[Command, ...]:
    """Build, verify, synthesize and report again."""
    checked: list[str] = []
    if verification is not None:
        checked = ["--samples", str(verification.samples), "--seed", str(verification.seed)]
        if verification.inputs == "given":
            checked += ["--inputs", inputs_file(manifest)]
    found = [Command("Make the same build from the model", " ".join(["hwgen build MODEL", *_options(manifest.options), *checked]))]
    found.append(Command("Verify this build again", " ".join(["hwgen sim BUILD", *checked])))
    found.append(Command("Simulate it with cocotb, every layer under random stalls", "hwgen sim BUILD --cocotb"))
    for synthesis in syntheses:
        routed = " --pnr" if synthesis.timing is not None else ""
        checked_netlist = " --netlist-sim" if synthesis.netlist is not None else ""
        line = f"hwgen synth BUILD --target {synthesis.target}{routed}{checked_netlist}"
        found.append(Command(f"Synthesize it for {synthesis.target} again", line))
    found.append(Command("Write this page again", "hwgen report BUILD"))
    return tuple(found)
