"""Parameters of foreign quantizers, read and checked: scales, zero points, bit widths, rounding; QONNX FloatQuant whole."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import Minifloat, Specials
from hwgen.formats.text_parts import MAX_BITS
from hwgen.ir.graph import Array
from hwgen.numerics.rounding import Rounding
from hwgen.ops.importing import ImportCall, OnnxCall

_ROUNDING: Final = {
    "ROUND": Rounding.HALF_EVEN, "HALF_EVEN": Rounding.HALF_EVEN, "CEIL": Rounding.CEIL, "FLOOR": Rounding.FLOOR,
    "UP": Rounding.UP, "DOWN": Rounding.DOWN, "ROUND_TO_ZERO": Rounding.DOWN, "HALF_UP": Rounding.HALF_UP,
    "HALF_DOWN": Rounding.HALF_DOWN,
}
_GREATEST_WHOLE: Final = 1 << 31


def exact_scales(call: ImportCall, array: Array, what: str) -> tuple[Fraction, ...]:
    """Positive numbers, exact."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    if not np.isfinite(flat).all() or (flat <= 0).any():
        bad = flat[~(flat > 0)][:1]
        raise call.refuse(f"{what} {bad} is not a positive number", "export the model again")
    return tuple(Fraction(float(v)) for v in flat)


def whole_numbers(call: ImportCall, array: Array, what: str) -> tuple[int, ...]:
    """Whole numbers of at most 32 bits."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    if not np.isfinite(flat).all() or (flat != np.rint(flat)).any() or (np.abs(flat) > _GREATEST_WHOLE).any():
        raise call.refuse(f"{what} {flat[:1].tolist()} is not a whole number of 32 bits", f"use a whole {what}")
    return tuple(int(v) for v in flat)


def bits_of(call: ImportCall, array: Array) -> int:
    """The one bit width of a tensor, 1 to 62."""
    widths = whole_numbers(call, array, "bit width")
    if len(set(widths)) != 1:
        raise call.refuse("the bit width varies inside the tensor", "use one bit width per tensor")
    if not 1 <= widths[0] <= MAX_BITS:
        raise call.refuse(f"bit width {widths[0]}", f"use 1 to {MAX_BITS} bits")
    return widths[0]


def axis_of(call: ImportCall, shape: tuple[int, ...], *parameters: Array) -> int | None:
    """The one axis of ``shape`` along which the parameters vary; None where all are scalars."""
    axis: int | None = None
    for array in parameters:
        if array.size == 1:
            continue
        padded = (1,) * (len(shape) - array.ndim) + array.shape
        varying = [i for i, d in enumerate(padded) if d != 1]
        if len(padded) != len(shape) or len(varying) != 1 or padded[varying[0]] != shape[varying[0]]:
            raise call.refuse(
                f"scale or zero point of shape {array.shape} for a tensor of shape {shape}",
                "use one scale a tensor or one a channel",
            )
        if axis not in (None, varying[0]):
            raise call.refuse("scale and zero point vary along different axes", "use one axis for both")
        axis = varying[0]
    return axis


def rounding_of(call: OnnxCall, default: str) -> Rounding:
    """The attribute ``rounding_mode``."""
    name = call.text("rounding_mode", default).upper()
    if name not in _ROUNDING:
        raise call.refuse(f"rounding_mode {name!r}", f"use one of {', '.join(_ROUNDING)}")
    return _ROUNDING[name]


def flag(call: OnnxCall, name: str) -> bool:
    """An attribute that is 0 or 1."""
    value = call.integer(name)
    if value not in (0, 1):
        raise call.refuse(f"{name}={value}", f"{name} is 0 or 1")
    return bool(value)


def along_of(axis: int | None, *parameters: tuple[object, ...]) -> int | None:
    """``axis`` where one of the parameters has several numbers, else None."""
    return axis if any(len(p) > 1 for p in parameters) else None


def float_format(call: OnnxCall) -> Minifloat:
    """The format of QONNX FloatQuant (x, scale, exponent bits, mantissa bits, exponent bias, greatest value).

    As QONNX and Brevitas execute it: x / scale to the nearest member, subnormals among them whatever ``has_subnormal`` says
    (it only informs).  Without ``saturation`` what lies beyond becomes infinity, or NaN where there is no infinity.
    """
    value, scale_array = call.value(0), call.constant(1)
    scale = exact_scales(call, scale_array, "scale")
    exponent_bits, mantissa_bits = _one(call, 2, "number of exponent bits"), _one(call, 3, "number of mantissa bits")
    bias = _one(call, 4, "exponent bias")
    infinity, nan, saturates = flag(call, "has_inf"), flag(call, "has_nan"), flag(call, "saturation")
    call.ignore("has_subnormal")
    limit = exact_scales(call, call.constant(5), "greatest value") if call.has(5) else (None,)
    axis = along_of(axis_of(call, value.type.shape, scale_array), scale)
    specials = Specials.IEEE if infinity else Specials.FN if nan else Specials.NONE
    mode = rounding_of(call, "ROUND")
    try:
        every = Minifloat(exponent_bits=exponent_bits, mantissa_bits=mantissa_bits, bias=bias)
        if limit[0] is None or limit[0] >= every.greatest:  # QONNX takes the lesser of the two, special words or not
            limit = (every.greatest,)
        return Minifloat(
            exponent_bits=exponent_bits, mantissa_bits=mantissa_bits, bias=bias, specials=specials, overflows=not saturates,
            limit=limit[0], scale=scale, along=axis, mode=mode,
        )
    except HwgenError as error:
        raise call.refuse(error.what, error.fix) from error


def _one(call: ImportCall, index: int, what: str) -> int:
    numbers = whole_numbers(call, call.constant(index), what)
    if len(set(numbers)) != 1:
        raise call.refuse(f"the {what} varies inside the tensor", "use one number per tensor")
    return numbers[0]
