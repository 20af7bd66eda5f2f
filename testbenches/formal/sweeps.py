"""What is exhausted: products of all kinds, and requantizers with all their parameters, at small widths.

What must come is computed here, in NumPy's integers, from the sentences in the templates' heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np

from formal.player import Integers, Sweep, Words

KINDS: Final = ("unsigned", "signed", "bipolar")
"""Of activations, in the order of the templates' numbers; weights are signed, bipolar or ternary."""

_WORD: Final = (1 << 32) - 1


def _signed(codes: Integers, bits: int) -> Integers:
    return codes - ((codes >> (bits - 1)) << bits)


def _field(words: Words, start: int, bits: int) -> Integers:
    return ((words >> np.uint64(start)) & np.uint64((1 << bits) - 1)).astype(np.int64)


def _x(codes: Integers, bits: int, kind: int) -> Integers:
    return (codes, _signed(codes, bits), 2 * codes - 1)[kind]


def _w(codes: Integers, bits: int, kind: int) -> Integers:
    return (_signed(codes, bits), 2 * codes - 1, _signed(codes, bits))[kind]


def _all(bits: int) -> Words:
    return np.arange(1 << bits, dtype=np.uint64)


def product(x_kind: int, limit: int = 8) -> Sweep:
    """Every pair of codes of every width up to ``limit`` bits and every kind of weight, used and not."""
    x_widths = range(1, 2 if x_kind == 2 else limit + 1)
    weights = [*((width, 0) for width in range(1, limit + 1)), (1, 1), (2, 2)]
    x_max = x_widths[-1]
    words = _all(x_max + limit + 1)
    used, legal = _field(words, x_max + limit, 1), _field(words, x_max, 2) != 2
    columns: list[Integers] = []
    for xw in x_widths:
        x = used * _x(_field(words, 0, xw), xw, x_kind)
        for ww, kind in weights:
            values = (x * _w(_field(words, x_max, ww), ww, kind)) & _WORD
            columns.append(np.where(legal, values, -1) if kind == 2 else values)
    pairs = sum(2 * (3 if kind == 2 else 1 << ww) << xw for xw in x_widths for ww, kind in weights)
    parameters = {"XMax": x_max, "XKind": x_kind, "WMax": limit}
    return Sweep("ex_product", "hg_product", parameters, x_max + limit + 1, words, np.stack(columns, axis=1), 0, pairs)


def array(x_kind: int) -> Sweep:
    """Every input of arrays of 2 x 2 lanes: lanes and rows in their places, unused lanes zero."""
    xw, ww = 1 if x_kind == 2 else 3, 3
    start = 2 * xw + 2
    words = _all(start + 4 * ww)
    x = [_x(_field(words, i * xw, xw), xw, x_kind) * _field(words, 2 * xw + i, 1) for i in range(2)]
    columns: list[Integers] = []
    for kind, width in ((0, ww), (1, 1), (2, 2)):
        for k in range(4):
            codes = _field(words, start + k * ww, width)
            values = (x[k % 2] * _w(codes, width, kind)) & _WORD
            columns.append(np.where(codes != 2, values, -1) if kind == 2 else values)
    expected = np.stack(columns, axis=1)
    parameters = {"XWidth": xw, "XKind": x_kind, "WWidth": ww}
    return Sweep("ex_mult_array", "hg_mult_array", parameters, start + 4 * ww, words, expected, 1, int((expected >= 0).sum()))


SCALES: Final = (
    # InWidth, InSigned, MWidth, BWidth, TwoSums, OutWidth, OutLow, OutHigh, Wrap
    (6, 1, 4, 6, 0, 4, -8, 7, 0), (6, 0, 4, 6, 0, 4, 0, 15, 0), (5, 1, 4, 5, 1, 3, -3, 2, 0), (5, 0, 3, 5, 1, 4, 0, 9, 0),
    (8, 1, 0, 8, 0, 4, -7, 7, 0), (7, 1, 0, 5, 1, 4, -8, 7, 0), (6, 0, 0, 5, 1, 3, 0, 7, 1), (6, 1, 4, 6, 0, 4, -8, 7, 1),
    (5, 1, 3, 5, 1, 5, -16, 15, 1), (2, 1, 5, 8, 0, 2, -2, -1, 0), (1, 0, 1, 1, 0, 1, 0, 1, 0),
)
_NAMES: Final = ("InWidth", "InSigned", "MWidth", "BWidth", "TwoSums", "OutWidth", "OutLow", "OutHigh", "Wrap")
_SHIFTS: Final = 12


def _by_name(names: Sequence[str], values: Sequence[int]) -> dict[str, int]:
    return dict(zip(names, values, strict=True))


def _scaled(a: Integers, field: Words, shift: int, p: dict[str, int]) -> Integers:
    """Code that hg_requant_scale_lane makes of ``a`` with the parameters in ``field``."""
    m = _signed(_field(field, 0, p["MWidth"]), p["MWidth"]) if p["MWidth"] else 1
    offsets = [_signed(_field(field, p["MWidth"] + k * p["BWidth"], p["BWidth"]), p["BWidth"]) for k in range(1 + p["TwoSums"])]
    y = np.sum([np.floor_divide(a * m + b, 1 << shift) for b in offsets], axis=0)
    return (y if p["Wrap"] else np.clip(y, p["OutLow"], p["OutHigh"])) % (1 << p["OutWidth"])


def _field_bits(p: dict[str, int]) -> int:
    return p["MWidth"] + (1 + p["TwoSums"]) * p["BWidth"]


def _value(codes: Integers, p: dict[str, int]) -> Integers:
    return _signed(codes, p["InWidth"]) if p["InSigned"] else codes


def lane(choice: tuple[int, ...]) -> Sweep:
    """Every input of hg_requant_scale_lane with every multiplier and every offset, at every shift."""
    p = _by_name(_NAMES, choice)
    bits = p["InWidth"] + _field_bits(p)
    words = _all(bits)
    a, field = _value(_field(words, 0, p["InWidth"]), p), words >> np.uint64(p["InWidth"])
    expected = np.stack([_scaled(a, field, shift, p) for shift in range(_SHIFTS)], axis=1)
    parameters, latency = {**p, "Shifts": _SHIFTS}, 3 if p["MWidth"] else 2
    return Sweep("ex_requant_lane", "hg_requant_scale_lane", parameters, bits, words, expected, latency, expected.size)


def _streamed(
    wrapper: str, template: str, parameters: dict[str, int], in_bits: int, memory: Sequence[str], codes: Integers,
    outputs: Integers, latency: int,
) -> Sweep:
    """A sweep of a module that takes valid beats: a reset, then the beats with a pause after every sixth.

    codes, outputs: (beats, lanes).
    """
    beats, count = codes.shape
    cycles = 1 + np.arange(beats) + np.arange(beats) // 6
    words = np.zeros(int(cycles[-1]) + 1, dtype=np.uint64)
    words[0] = 1 << (count * in_bits + 1)
    valid = np.uint64(1 << (count * in_bits))
    words[cycles] = valid | sum(codes[:, lane].astype(np.uint64) << np.uint64(lane * in_bits) for lane in range(count))
    expected = np.full((len(words), count + 1), -1, dtype=np.int64)
    expected[:, count] = 0
    expected[cycles] = np.concatenate([outputs, np.ones((beats, 1), dtype=np.int64)], axis=1)
    return Sweep(wrapper, template, parameters, count * in_bits + 2, words, expected, latency, outputs.size, memory)


WHOLE_SCALES: Final = ((SCALES[2], 3, 0), (SCALES[8], 2, 2), ((4, 0, 3, 5, 0, 4, 0, 15, 0), 4, 1), (SCALES[5], 1, 2))
"""Parameters, Shift, RomStyle."""


def scale(choice: tuple[int, ...], shift: int, style: int) -> Sweep:
    """hg_requant_scale: two lanes, one block for every set of parameters; every input with every block in both lanes."""
    p = _by_name(_NAMES, choice)
    p["BWidth"] = min(p["BWidth"], 4)
    bits, in_bits = _field_bits(p), p["InWidth"]
    fields = (_all(bits), _all(bits)[::-1])
    memory = [f"{int(one) | int(other) << bits:0{-(-2 * bits // 4)}x}" for one, other in zip(*fields, strict=True)]
    first = np.repeat(np.arange(1 << in_bits), 1 << bits)
    codes = np.stack([first, (first * 5 + 3) % (1 << in_bits)], axis=1)
    outputs = [_scaled(_value(codes[:, k], p), np.tile(fields[k], 1 << in_bits), shift, p) for k in range(2)]
    parameters = {**p, "Lanes": 2, "Blocks": 1 << bits, "Shift": shift, "RomStyle": style}
    latency = (2 if style == 2 else 1) + 2 + (1 if p["MWidth"] else 0)
    return _streamed(
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
    p = _by_name(_THRESHOLD_NAMES, choice)
    bits, in_bits = p["Levels"] * p["TWidth"] + p["HasInvert"], p["InWidth"]
    fields = _all(bits)
    memory = [f"{int(field):0{-(-bits // 4)}x}" for field in fields]
    codes = np.repeat(np.arange(1 << in_bits), len(fields))
    field = np.tile(fields, 1 << in_bits)
    a = _value(codes, p)
    if p["HasInvert"]:
        a = np.where(_field(field, bits - 1, 1) == 1, -a - 1, a)
    reached = [a >= _signed(_field(field, k * p["TWidth"], p["TWidth"]), p["TWidth"]) for k in range(p["Levels"])]
    outputs = (p["OutOffset"] + np.sum(reached, axis=0)) % (1 << p["OutWidth"])
    tree = -(-(p["Levels"] - 1).bit_length() // p["TreeLevelsPerStage"])
    latency = (2 if p["RomStyle"] == 2 else 1) + tree + 2
    parameters = {**p, "Blocks": len(fields)}
    return _streamed(
        "ex_requant_threshold", "hg_requant_threshold", parameters, in_bits, memory, codes[:, None], outputs[:, None], latency
    )


def _named(names: Sequence[str], values: Sequence[int]) -> str:
    return " ".join(f"{name}={value}" for name, value in _by_name(names, values).items())


def sweeps() -> dict[str, Callable[[], Sweep]]:
    """All of them by name; each is made when it is called."""
    found: dict[str, Callable[[], Sweep]] = {}
    for kind, name in enumerate(KINDS):
        found[f"product, {name}: weights signed, bipolar, ternary, up to 8x8 bits"] = partial(product, kind)
        found[f"mult_array, {name}: weights signed, bipolar, ternary, 2x2 lanes, up to 3x3 bits"] = partial(array, kind)
    for choice in SCALES:
        found[f"requant_scale_lane, Shift=0...{_SHIFTS - 1} {_named(_NAMES, choice)}"] = partial(lane, choice)
    for choice, shift, style in WHOLE_SCALES:
        found[f"requant_scale, Shift={shift} RomStyle={style} {_named(_NAMES, choice)}"] = partial(scale, choice, shift, style)
    for choice in THRESHOLDS:
        found[f"requant_threshold, {_named(_THRESHOLD_NAMES, choice)}"] = partial(threshold, choice)
    return found
