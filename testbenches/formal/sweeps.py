"""What is exhausted at small widths: products of all kinds, reductions and pairs of operands, and requantizers with all their
parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from formal.codes import KINDS, activation, bits_of, by_name, every_word, memory_line, named, signed, streamed, weight
from formal.player import Integers, Sweep
from formal.requantizers import requantizers

_WORD: Final = (1 << 32) - 1


def product(x_kind: int, limit: int = 8) -> Sweep:
    """Every pair of codes of every width up to ``limit`` bits and every kind of weight, used and not."""
    x_widths = range(1, 2 if x_kind == 2 else limit + 1)
    weights = [*((width, 0) for width in range(1, limit + 1)), (1, 1), (2, 2)]
    x_max = x_widths[-1]
    words = every_word(x_max + limit + 1)
    used, legal = bits_of(words, x_max + limit, 1), bits_of(words, x_max, 2) != 2
    columns: list[Integers] = []
    for xw in x_widths:
        x = used * activation(bits_of(words, 0, xw), xw, x_kind)
        for ww, kind in weights:
            values = (x * weight(bits_of(words, x_max, ww), ww, kind)) & _WORD
            columns.append(np.where(legal, values, -1) if kind == 2 else values)
    pairs = sum(2 * (3 if kind == 2 else 1 << ww) << xw for xw in x_widths for ww, kind in weights)
    parameters = {"XMax": x_max, "XKind": x_kind, "WMax": limit}
    return Sweep("ex_product", "hg_product", parameters, x_max + limit + 1, words, np.stack(columns, axis=1), 0, pairs)


def array(x_kind: int) -> Sweep:
    """Every input of arrays of 2 x 2 lanes: lanes and rows in their places, unused lanes zero."""
    xw, ww = 1 if x_kind == 2 else 3, 3
    start = 2 * xw + 2
    words = every_word(start + 4 * ww)
    x = [activation(bits_of(words, i * xw, xw), xw, x_kind) * bits_of(words, 2 * xw + i, 1) for i in range(2)]
    columns: list[Integers] = []
    for kind, width in ((0, ww), (1, 1), (2, 2)):
        for k in range(4):
            codes = bits_of(words, start + k * ww, width)
            values = (x[k % 2] * weight(codes, width, kind)) & _WORD
            columns.append(np.where(codes != 2, values, -1) if kind == 2 else values)
    expected = np.stack(columns, axis=1)
    parameters = {"XWidth": xw, "XKind": x_kind, "WWidth": ww}
    return Sweep("ex_mult_array", "hg_mult_array", parameters, start + 4 * ww, words, expected, 1, int((expected >= 0).sum()))


REDUCED: Final = (
    # Kind, Width, Signed, Taps, OutWidth
    (0, 3, 0, 3, 3), (0, 3, 1, 3, 4), (0, 6, 1, 1, 6), (1, 3, 0, 3, 5), (1, 3, 1, 3, 5), (1, 3, 1, 3, 3), (1, 1, 0, 5, 3),
)
_REDUCED_NAMES: Final = ("Kind", "Width", "Signed", "Taps", "OutWidth")


def reduced(choice: tuple[int, ...]) -> Sweep:
    """Every sequence of Taps codes, its maximum or its sum."""
    p = by_name(_REDUCED_NAMES, choice)
    width, taps = p["Width"], p["Taps"]
    words = every_word(width * taps)
    codes = np.stack([bits_of(words, k * width, width) for k in range(taps)], axis=1)
    values = signed(codes, width) if p["Signed"] else codes
    outputs = (values.sum(axis=1) if p["Kind"] else values.max(axis=1)) % (1 << p["OutWidth"])
    return streamed("ex_reduce", "hg_reduce", p, width, (), codes.reshape(-1, 1), outputs[:, None], 1, taps)


WEIGHTED: Final = (
    # Width, XKind, WWidth, WKind, Taps, OutWidth, RomStyle
    (3, 0, 3, 0, 2, 7, 0), (3, 1, 3, 0, 2, 6, 2), (1, 2, 3, 0, 3, 5, 1), (3, 1, 1, 1, 3, 6, 2), (3, 0, 2, 2, 2, 5, 0),
    (1, 2, 1, 1, 4, 4, 2), (2, 1, 2, 2, 1, 3, 1),
)
_WEIGHTED_NAMES: Final = ("Width", "XKind", "WWidth", "WKind", "Taps", "OutWidth", "RomStyle")


def weighted(choice: tuple[int, ...]) -> Sweep:
    """Every sequence of Taps codes with every sequence of weights, a block each."""
    p = by_name(_WEIGHTED_NAMES, choice)
    width, bits, taps = p["Width"], p["WWidth"], p["Taps"]
    sets = every_word(bits * taps)
    weights = np.stack([bits_of(sets, k * bits, bits) for k in range(taps)], axis=1)
    if p["WKind"] == 2:
        weights = weights[(weights != 2).all(axis=1)]
    words = np.repeat(every_word(width * taps), len(weights))
    codes = np.stack([bits_of(words, k * width, width) for k in range(taps)], axis=1)
    met = np.tile(weight(weights, bits, p["WKind"]), (1 << (width * taps), 1))
    outputs = (activation(codes, width, p["XKind"]) * met).sum(axis=1) % (1 << p["OutWidth"])
    memory = [memory_line(int(code), bits) for code in weights.ravel()]
    parameters = {**p, "Kind": 2, "Blocks": len(weights)}
    latency = (2 if p["RomStyle"] == 2 else 1) + 2
    return streamed("ex_reduce", "hg_reduce", parameters, width, memory, codes.reshape(-1, 1), outputs[:, None], latency, taps)


OPERANDS: Final = (
    # AWidth, BWidth, AMul, AOff, BMul, BOff, OutWidth: plain; scaled, to more bits and to fewer; one bit; wide constants
    (4, 4, 1, 0, 1, 0, 5), (4, 3, 3, -5, -2, 7, 8), (5, 5, 7, -100, 11, 3, 4), (1, 6, -1, 1, 5, 0, 7),
    (3, 3, 5 << 32, -(9 << 32), 3, -1, 32), (8, 8, 1, -128, -1, 127, 16),
)
_OPERAND_NAMES: Final = ("AWidth", "BWidth", "AMul", "AOff", "BMul", "BOff", "OutWidth")


def eltwise(choice: tuple[int, ...]) -> Sweep:
    """Every pair of codes, signed and not: sum, product, minimum and maximum."""
    p = by_name(_OPERAND_NAMES, choice)
    words = every_word(p["AWidth"] + p["BWidth"])
    codes = bits_of(words, 0, p["AWidth"]), bits_of(words, p["AWidth"], p["BWidth"])
    columns: list[Integers] = []
    for combine in (np.add, np.multiply, np.minimum, np.maximum):
        for sign in range(4):
            a = signed(codes[0], p["AWidth"]) if sign % 2 else codes[0]
            b = signed(codes[1], p["BWidth"]) if sign // 2 else codes[1]
            columns.append(combine(a * p["AMul"] + p["AOff"], b * p["BMul"] + p["BOff"]) % (1 << p["OutWidth"]))
    expected = np.stack(columns, axis=1)
    return Sweep("ex_eltwise", "hg_eltwise", p, p["AWidth"] + p["BWidth"], words, expected, 2, expected.size)


def sweeps() -> dict[str, Callable[[], Sweep]]:
    """All of them by name; each is made when it is called."""
    found: dict[str, Callable[[], Sweep]] = {}
    for kind, name in enumerate(KINDS):
        found[f"product, {name}: weights signed, bipolar, ternary, up to 8x8 bits"] = partial(product, kind)
        found[f"mult_array, {name}: weights signed, bipolar, ternary, 2x2 lanes, up to 3x3 bits"] = partial(array, kind)
    for choice in REDUCED:
        found[f"reduce, {named(by_name(_REDUCED_NAMES, choice))}"] = partial(reduced, choice)
    for choice in WEIGHTED:
        found[f"reduce, weighted {named(by_name(_WEIGHTED_NAMES, choice))}"] = partial(weighted, choice)
    for choice in OPERANDS:
        found[f"eltwise, all kinds and signs, {named(by_name(_OPERAND_NAMES, choice))}"] = partial(eltwise, choice)
    return found | requantizers()
