"""Hardware as data, read as the templates' headers say: parameters and memory alone give the reference's results."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod
from random import Random

import numpy as np
import pytest

from hwgen.dataflow.unit import Memory, Role, Unit
from hwgen.formats import Integer
from hwgen.ops.matvec import weight_code
from hwgen.ops.record import IntegerOp
from hwgen.ops.table import INTEGER_OPS

SAMPLES = 60
OF_ONE_UNIT = [op for op in INTEGER_OPS if op.name.startswith("requant_") or op.name in ("matvec", "table", "argmax_index")]
"""What streams or has windows is held to its order of beats in test_windows.py and by the cycle model's reference."""


def field(word: int, at: int, bits: int) -> int:
    return word >> at & (1 << bits) - 1


def signed(raw: int, bits: int) -> int:
    return raw - (1 << bits) if raw >> bits - 1 & 1 else raw


def words(memory: Memory) -> list[int]:
    """What a memory file holds: fields side by side, the first one lowest."""
    result = []
    for k in range(memory.depth):
        word = at = 0
        for one in memory.fields:
            word |= (int(one.values[k]) & (1 << one.bits) - 1) << at
            at += one.bits
        result.append(word)
    return result


def bits_of(value: int, format_: Integer) -> int:
    """How the wires carry a value: two's complement, or one bit for -1 and +1."""
    return (value + 1) // 2 if format_.bipolar else value & (1 << format_.bits) - 1


def beats(raw: Sequence[int], lanes: int) -> list[list[int]]:
    """Of one position."""
    padded = [*raw, *[0] * (-len(raw) % lanes)]
    return [padded[i : i + lanes] for i in range(0, len(padded), lanes)]


def positions(raw: Sequence[int], channels: int) -> list[Sequence[int]]:
    return [raw[k : k + channels] for k in range(0, len(raw), channels)]


def matvec(unit: Unit, raw: Sequence[int]) -> list[int]:
    p = dict(unit.parameters)
    memory = words(unit.memories[0])
    in_blocks, out_blocks = ceil(p["In"] / p["InLanes"]), ceil(p["Out"] / p["OutLanes"])
    assert len(memory) == p["Positions"] * in_blocks * out_blocks, "depth of the weight memory"

    def factor(bits: int, width: int, kind: str) -> int:
        return {"unsigned": bits, "signed": signed(bits, width), "bipolar": 2 * bits - 1}[kind]

    x_kind, w_kind = ("unsigned", "signed", "bipolar")[p["XKind"]], ("signed", "bipolar", "signed")[p["WKind"]]
    sums = [0] * (out_blocks * p["OutLanes"])
    for i, beat in enumerate(beat for one in positions(raw, p["In"]) for beat in beats(one, p["InLanes"])):
        for o in range(out_blocks):
            for row in range(p["OutLanes"]):
                for column in range(p["InLanes"]):
                    if i % in_blocks * p["InLanes"] + column < p["In"]:
                        at = (row * p["InLanes"] + column) * p["WWidth"]
                        weight = factor(field(memory[i * out_blocks + o], at, p["WWidth"]), p["WWidth"], w_kind)
                        sums[o * p["OutLanes"] + row] += weight * factor(beat[column], p["XWidth"], x_kind)
    low = -(1 << p["AccWidth"] - 1)
    assert all(low <= s < -low for s in sums[: p["Out"]]), "a sum overflows the accumulator"
    return sums[: p["Out"]]


def requant_scale(unit: Unit, raw: Sequence[int]) -> list[int]:
    p = dict(unit.parameters)
    memory, sums = words(unit.memories[0]), p["TwoSums"] + 1
    width = p["MWidth"] + sums * p["BWidth"]
    assert len(memory) == p["Blocks"] and unit.memories[0].width_bits == p["Lanes"] * width
    result = []
    for k, beat in enumerate(beats(raw, p["Lanes"])):
        for lane, bits in enumerate(beat):
            own = field(memory[k % p["Blocks"]], lane * width, width)
            m = signed(field(own, 0, p["MWidth"]), p["MWidth"]) if p["MWidth"] else 1
            offsets = [signed(field(own, p["MWidth"] + j * p["BWidth"], p["BWidth"]), p["BWidth"]) for j in range(sums)]
            a = signed(bits, p["InWidth"]) if p["InSigned"] else bits
            y = sum((a * m + b) >> p["Shift"] for b in offsets)
            result.append(y if p["Wrap"] else min(max(y, p["OutLow"]), p["OutHigh"]))
    return result


def requant_pieces(unit: Unit, raw: Sequence[int]) -> list[int]:
    p = dict(unit.parameters)
    memory, sums, pieces = words(unit.memories[0]), p["TwoSums"] + 1, p["Pieces"]
    line = p["MWidth"] + sums * p["BWidth"]
    width = pieces * line + (pieces - 1) * p["TWidth"]
    assert len(memory) == p["Blocks"] and unit.memories[0].width_bits == p["Lanes"] * width
    result = []
    for k, beat in enumerate(beats(raw, p["Lanes"])):
        for lane, bits in enumerate(beat):
            own = field(memory[k % p["Blocks"]], lane * width, width)
            a = signed(bits, p["InWidth"]) if p["InSigned"] else bits
            first = pieces * line
            thresholds = [signed(field(own, first + j * p["TWidth"], p["TWidth"]), p["TWidth"]) for j in range(pieces - 1)]
            at = sum(a >= t for t in thresholds) * line
            m = signed(field(own, at, p["MWidth"]), p["MWidth"]) if p["MWidth"] else 1
            offsets = [signed(field(own, at + p["MWidth"] + j * p["BWidth"], p["BWidth"]), p["BWidth"]) for j in range(sums)]
            y = sum((a * m + b) >> p["Shift"] for b in offsets)
            result.append(y if p["Wrap"] else min(max(y, p["OutLow"]), p["OutHigh"]))
    return result


def requant_threshold(unit: Unit, raw: Sequence[int]) -> list[int]:
    p = dict(unit.parameters)
    memory = words(unit.memories[0])
    width = p["Levels"] * p["TWidth"] + p["HasInvert"]
    assert len(memory) == p["Blocks"] and unit.memories[0].width_bits == p["Lanes"] * width
    result = []
    for k, beat in enumerate(beats(raw, p["Lanes"])):
        for lane, bits in enumerate(beat):
            own = field(memory[k % p["Blocks"]], lane * width, width)
            a = signed(bits, p["InWidth"]) if p["InSigned"] else bits
            a = ~a if p["HasInvert"] and field(own, width - 1, 1) else a
            thresholds = [signed(field(own, j * p["TWidth"], p["TWidth"]), p["TWidth"]) for j in range(p["Levels"])]
            result.append(p["OutOffset"] + sum(a >= t for t in thresholds))
    return result


def table(unit: Unit, raw: Sequence[int]) -> list[int]:
    p = dict(unit.parameters)
    memory = words(unit.memories[0])
    assert len(memory) == 1 << p["InWidth"] and unit.memories[0].width_bits == p["OutWidth"]
    return [memory[code] for code in raw]


def argmax(unit: Unit, raw: Sequence[int]) -> list[int]:
    p = dict(unit.parameters)
    values = [signed(bits, p["Width"]) if p["Signed"] else bits for bits in raw[: p["Elements"]]]
    assert p["Elements"] <= 1 << p["IndexWidth"]
    return [values.index(max(values))]


READ = {
    "hg_matvec": matvec, "hg_requant_scale": requant_scale, "hg_requant_threshold": requant_threshold,
    "hg_requant_pieces": requant_pieces,
    "hg_table": table, "hg_argmax": argmax,
}


def latency(unit: Unit) -> int:
    """By the templates' headers."""
    p = dict(unit.parameters)
    rom = 2 if p.get("RomStyle") == 2 else 1
    match unit.module:
        case "hg_matvec":
            return rom + ceil((p["InLanes"] - 1).bit_length() / p["TreeLevelsPerStage"]) + 2
        case "hg_requant_scale":
            return rom + 2 + (p["MWidth"] > 0)
        case "hg_requant_pieces":
            return rom + 3 + (p["MWidth"] > 0)
        case "hg_requant_threshold":
            return rom + ceil((p["Levels"] - 1).bit_length() / p["TreeLevelsPerStage"]) + 2
        case "hg_argmax":
            return (p["Lanes"] - 1).bit_length() + 1
        case _:
            return rom


@pytest.mark.parametrize("op", OF_ONE_UNIT, ids=lambda op: op.name)
def test_parameters_and_memory_alone_compute_the_reference(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        case = op.sample(random)
        node, (unit,) = case.node, op.units(case.node, op.fit(case.node, case.parallelism))
        x, y = node.inputs[0].type.format, node.output.type.format
        assert isinstance(x, Integer) and isinstance(y, Integer), "codes in and out"
        shape, step = node.inputs[0].type.shape[1:], 2 if x.bipolar else 1
        count = int(np.prod(shape))
        drawn = [[random.randrange(x.low, x.high + 1, step) for _ in range(count)] for _ in range(3)]
        for flat in ([x.low] * count, [x.high] * count, *drawn):
            wanted = op.reference(node, [np.array(flat, dtype=np.int64).reshape(1, *shape)]).ravel().tolist()
            channels, made = (count, len(wanted)) if op.name == "matvec" else (shape[-1], node.output.type.shape[-1])
            parts = positions([bits_of(v, x) for v in flat], channels)
            got = [code for part in parts for code in READ[unit.module](unit, part)[:made]]
            mask = (1 << y.bits) - 1
            assert [g & mask for g in got] == [bits_of(w, y) for w in wanted], f"{case} of {flat}"


@pytest.mark.parametrize("op", OF_ONE_UNIT, ids=lambda op: op.name)
def test_numbers_of_a_unit_are_those_of_its_template(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        case = op.sample(random)
        (unit,) = op.units(case.node, op.fit(case.node, case.parallelism))
        p = dict(unit.parameters)
        assert unit.latency_cycles == latency(unit), f"{case}"
        if unit.module == "hg_matvec":
            assert (unit.in_lanes, unit.out_lanes, unit.repeats) == (p["InLanes"], p["OutLanes"], ceil(p["Out"] / p["OutLanes"]))
            *outer, channels = case.node.inputs[0].type.shape
            assert (p["Positions"], p["In"]) == (prod(outer), channels)
            assert (unit.in_beats, unit.out_beats) == (p["Positions"] * ceil(p["In"] / p["InLanes"]), unit.repeats)
            assert (unit.multipliers, unit.macs) == (p["InLanes"] * p["OutLanes"], p["Positions"] * p["In"] * p["Out"])
            assert unit.role is Role.FRONT and not p["HasBias"] and p["Groups"] == 1
        else:
            assert unit.in_lanes == p["Lanes"] and unit.role is Role.PIPELINE and unit.multipliers == 0
            *outer, channels = case.node.inputs[0].type.shape
            assert unit.in_beats == prod(outer) * ceil(channels / p["Lanes"])
            wanted = (1, prod(outer)) if unit.module == "hg_argmax" else (unit.in_lanes, unit.in_beats)
            assert (unit.out_lanes, unit.out_beats) == wanted


def test_narrowest_kinds_and_widths_are_chosen() -> None:
    """Weights of -1 and +1 take one bit, with 0 two, without a multiplier; others the bits of their extremes."""
    def code(*values: int) -> tuple[int, int]:
        found = weight_code(np.array([values], dtype=np.int64))
        return found.kind, found.bits

    assert code(1, -1, 1) == code(1, 1) == (1, 1)
    assert code(1, 0, -1) == code(0, 0) == (2, 2)
    assert code(-2, 1) == (0, 2) and code(-2, 2) == (0, 3) and code(2, 1) == (0, 3)
    assert code(-8, 7) == (0, 4) and code(-9, 7) == code(-8, 8) == (0, 5)
