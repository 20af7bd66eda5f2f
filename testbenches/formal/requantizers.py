"""Requantizers, exhausted: every input with all parameters of a channel, at small widths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from formal.codes import bits_of, by_name, every_word, memory_line, named, signed, streamed
from formal.player import Integers, Sweep, Words

SCALES: Final = (
    # InWidth, InSigned, MWidth, BWidth, TwoSums, OutWidth, OutLow, OutHigh, Wrap
    (6, 1, 4, 6, 0, 4, -8, 7, 0), (6, 0, 4, 6, 0, 4, 0, 15, 0), (5, 1, 4, 5, 1, 3, -3, 2, 0), (5, 0, 3, 5, 1, 4, 0, 9, 0),
    (8, 1, 0, 8, 0, 4, -7, 7, 0), (7, 1, 0, 5, 1, 4, -8, 7, 0), (6, 0, 0, 5, 1, 3, 0, 7, 1), (6, 1, 4, 6, 0, 4, -8, 7, 1),
    (5, 1, 3, 5, 1, 5, -16, 15, 1), (2, 1, 5, 8, 0, 2, -2, -1, 0), (1, 0, 1, 1, 0, 1, 0, 1, 0),
)
_NAMES: Final = ("InWidth", "InSigned", "MWidth", "BWidth", "TwoSums", "OutWidth", "OutLow", "OutHigh", "Wrap")
_SHIFTS: Final = 12


def _scaled(a: Integers, field: Words, shift: int, p: dict[str, int]) -> Integers:
    """Code that hg_requant_scale_lane makes of ``a`` with the parameters in ``field``."""
    m = signed(bits_of(field, 0, p["MWidth"]), p["MWidth"]) if p["MWidth"] else 1
    offsets = [signed(bits_of(field, p["MWidth"] + k * p["BWidth"], p["BWidth"]), p["BWidth"]) for k in range(1 + p["TwoSums"])]
    y = np.sum([np.floor_divide(a * m + b, 1 << shift) for b in offsets], axis=0)
    return (y if p["Wrap"] else np.clip(y, p["OutLow"], p["OutHigh"])) % (1 << p["OutWidth"])


def _field_bits(p: dict[str, int]) -> int:
    return p["MWidth"] + (1 + p["TwoSums"]) * p["BWidth"]


def _value(codes: Integers, p: dict[str, int]) -> Integers:
    return signed(codes, p["InWidth"]) if p["InSigned"] else codes


def lane(choice: tuple[int, ...]) -> Sweep:
    """Every input of hg_requant_scale_lane with every multiplier and every offset, at every shift."""
    p = by_name(_NAMES, choice)
    bits = p["InWidth"] + _field_bits(p)
    words = every_word(bits)
    a, field = _value(bits_of(words, 0, p["InWidth"]), p), words >> np.uint64(p["InWidth"])
    expected = np.stack([_scaled(a, field, shift, p) for shift in range(_SHIFTS)], axis=1)
    parameters, latency = {**p, "Shifts": _SHIFTS}, 3 if p["MWidth"] else 2
    return Sweep("ex_requant_lane", "hg_requant_scale_lane", parameters, bits, words, expected, latency, expected.size)


WHOLE_SCALES: Final = ((SCALES[2], 3, 0), (SCALES[8], 2, 2), ((4, 0, 3, 5, 0, 4, 0, 15, 0), 4, 1), (SCALES[5], 1, 2))
"""Parameters, Shift, RomStyle."""


def scale(choice: tuple[int, ...], shift: int, style: int) -> Sweep:
    """hg_requant_scale: two lanes, one block for every set of parameters; every input with every block in both lanes."""
    p = by_name(_NAMES, choice)
    p["BWidth"] = min(p["BWidth"], 4)
    bits, in_bits = _field_bits(p), p["InWidth"]
    fields = (every_word(bits), every_word(bits)[::-1])
    memory = [f"{int(one) | int(other) << bits:0{-(-2 * bits // 4)}x}" for one, other in zip(*fields, strict=True)]
    first = np.repeat(np.arange(1 << in_bits), 1 << bits)
    codes = np.stack([first, (first * 5 + 3) % (1 << in_bits)], axis=1)
    outputs = [_scaled(_value(codes[:, k], p), np.tile(fields[k], 1 << in_bits), shift, p) for k in range(2)]
    parameters = {**p, "Lanes": 2, "Blocks": 1 << bits, "Shift": shift, "RomStyle": style}
    latency = (2 if style == 2 else 1) + 2 + (1 if p["MWidth"] else 0)
    return streamed(
        "ex_requant_scale", "hg_requant_scale", parameters, in_bits, memory, codes, np.stack(outputs, axis=1), latency
    )


THRESHOLDS: Final = (
    # InWidth, InSigned, Levels, TWidth, HasInvert, OutOffset, OutWidth, RomStyle, TreeLevelsPerStage
    (4, 1, 1, 5, 1, 0, 1, 0, 2), (4, 0, 2, 5, 1, -1, 2, 2, 1), (4, 1, 3, 4, 1, -2, 3, 1, 2), (3, 0, 3, 4, 0, 4, 3, 0, 1),
    (5, 1, 2, 6, 0, -2, 2, 2, 2), (1, 0, 4, 2, 1, 0, 3, 0, 3),
)
_THRESHOLD_NAMES: Final = (
    "InWidth", "InSigned", "Levels", "TWidth", "HasInvert", "OutOffset", "OutWidth", "RomStyle", "TreeLevelsPerStage",
)


def threshold(choice: tuple[int, ...]) -> Sweep:
    """hg_requant_threshold: a block for every set of thresholds, in any order, rising and falling; every input with every block."""
    p = by_name(_THRESHOLD_NAMES, choice)
    bits, in_bits = p["Levels"] * p["TWidth"] + p["HasInvert"], p["InWidth"]
    fields = every_word(bits)
    memory = [f"{int(field):0{-(-bits // 4)}x}" for field in fields]
    codes = np.repeat(np.arange(1 << in_bits), len(fields))
    field = np.tile(fields, 1 << in_bits)
    a = _value(codes, p)
    if p["HasInvert"]:
        a = np.where(bits_of(field, bits - 1, 1) == 1, -a - 1, a)
    reached = [a >= signed(bits_of(field, k * p["TWidth"], p["TWidth"]), p["TWidth"]) for k in range(p["Levels"])]
    outputs = (p["OutOffset"] + np.sum(reached, axis=0)) % (1 << p["OutWidth"])
    tree = -(-(p["Levels"] - 1).bit_length() // p["TreeLevelsPerStage"])
    latency = (2 if p["RomStyle"] == 2 else 1) + tree + 2
    parameters = {**p, "Blocks": len(fields)}
    return streamed(
        "ex_requant_threshold", "hg_requant_threshold", parameters, in_bits, memory, codes[:, None], outputs[:, None], latency
    )


PIECES: Final = (
    # Pieces, TWidth, Shift, RomStyle; the rest as in SCALES
    (2, 4, 1, 0, (4, 1, 2, 2, 0, 3, -4, 3, 0)), (3, 3, 1, 2, (3, 0, 0, 3, 0, 3, 0, 7, 0)),
    (2, 3, 2, 1, (4, 0, 2, 2, 1, 3, 0, 5, 0)), (4, 2, 0, 0, (3, 1, 1, 1, 0, 4, -8, 7, 1)),
)


def pieces(count: int, threshold_bits: int, shift: int, style: int, choice: tuple[int, ...]) -> Sweep:
    """hg_requant_pieces: a block for every set of thresholds that do not fall, multipliers and offsets; every input with each."""
    p = by_name(_NAMES, choice)
    piece_bits, thresholds = _field_bits(p), count - 1
    bits = count * piece_bits + thresholds * threshold_bits
    words = every_word(bits)
    starts = [count * piece_bits + k * threshold_bits for k in range(thresholds)]
    limits = np.stack([signed(bits_of(words, start, threshold_bits), threshold_bits) for start in starts])
    rising = (np.diff(limits, axis=0) >= 0).all(axis=0)
    words, limits = words[rising], limits[:, rising]
    codes = np.repeat(np.arange(1 << p["InWidth"]), len(words))
    a, words_met, limits_met = _value(codes, p), np.tile(words, 1 << p["InWidth"]), np.tile(limits, 1 << p["InWidth"])
    chosen = np.sum(a >= limits_met, axis=0)
    outputs = _scaled(a, words_met >> (chosen * piece_bits).astype(np.uint64), shift, p)
    parameters = {**p, "Pieces": count, "TWidth": threshold_bits, "Blocks": len(words), "Shift": shift, "RomStyle": style}
    latency = (2 if style == 2 else 1) + 3 + (1 if p["MWidth"] else 0)
    memory = [memory_line(int(word), bits) for word in words]
    return streamed(
        "ex_requant_pieces", "hg_requant_pieces", parameters, p["InWidth"], memory, codes[:, None], outputs[:, None], latency
    )


def requantizers() -> dict[str, Callable[[], Sweep]]:
    """All of them by name; each is made when it is called."""
    found: dict[str, Callable[[], Sweep]] = {}
    for choice in SCALES:
        found[f"requant_scale_lane, Shift=0...{_SHIFTS - 1} {named(by_name(_NAMES, choice))}"] = partial(lane, choice)
    for choice, shift, style in WHOLE_SCALES:
        name = f"requant_scale, Shift={shift} RomStyle={style} {named(by_name(_NAMES, choice))}"
        found[name] = partial(scale, choice, shift, style)
    for count, bits, shift, style, choice in PIECES:
        name = f"requant_pieces, Pieces={count} TWidth={bits} Shift={shift} RomStyle={style} {named(by_name(_NAMES, choice))}"
        found[name] = partial(pieces, count, bits, shift, style, choice)
    for choice in THRESHOLDS:
        found[f"requant_threshold, {named(by_name(_THRESHOLD_NAMES, choice))}"] = partial(threshold, choice)
    return found
