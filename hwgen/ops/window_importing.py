"""Attributes of convolutions and pools as ONNX and torch write them, and the padding that their words mean."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.ir.graph import Shape
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall


def positions(call: ImportCall, shape: Shape) -> Shape:
    """The axes of positions of a tensor (batch, channels, positions…)."""
    if not 3 <= len(shape) <= 4:
        raise call.refuse(f"a tensor of shape {shape}", "use (batch, channels, length) or (batch, channels, rows, columns)")
    return shape[2:]


def checked(
    call: ImportCall, name: str, given: Sequence[int] | None, rank: int, *, default: int | None = 1, least: int = 1
) -> Shape:
    """One number an axis, each at least ``least``."""
    if given is None:
        if default is None:
            raise call.refuse(f"{name} is missing", "export with this attribute written out")
        return (default,) * rank
    if len(given) != rank or min(given) < least:
        raise call.refuse(f"{name} {list(given)} for {rank} axes of positions", f"give {rank} numbers of at least {least}")
    return tuple(given)


def onnx_pads(call: OnnxCall, size: Shape, kernel: Shape, strides: Shape, dilations: Shape, *, gaps: bool) -> Shape:
    """Pads before each axis, then after each: from ``pads``, or from what ``auto_pad`` says.

    gaps: whether it says something (no padding) where strides leave so many positions out that none is needed.
    """
    rank, mode = len(size), call.text("auto_pad", "NOTSET")
    pads = checked(call, "pads", call.integers("pads"), 2 * rank, default=0, least=0)
    if mode == "NOTSET":
        return pads
    if mode not in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        raise call.refuse(f"auto_pad {mode!r}", "use NOTSET, SAME_UPPER, SAME_LOWER or VALID")
    if any(pads):
        raise call.refuse(f"auto_pad {mode!r} and pads {list(pads)}", "give one of the two")
    if mode == "VALID":
        return pads
    totals = [
        (-(-n // stride) - 1) * stride + dilation * (taps - 1) + 1 - n
        for n, taps, stride, dilation in zip(size, kernel, strides, dilations, strict=True)
    ]
    if min(totals) < 0 and not gaps:
        raise call.refuse(f"auto_pad {mode!r} with windows {list(kernel)} that skip positions", "write the pads out")
    totals = [max(0, t) for t in totals]
    smaller, larger = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return (*smaller, *larger) if mode == "SAME_UPPER" else (*larger, *smaller)


def same_pads(kernel: Shape, dilations: Shape) -> Shape:
    """torch's ``padding='same'``: the smaller half before."""
    totals = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
    return (*(t // 2 for t in totals), *(t - t // 2 for t in totals))


def torch_integers(call: TorchCall, index: int, name: str, rank: int, *, default: int | None = 1, least: int = 1) -> Shape:
    """A list argument; one number stands for all axes, an empty list for the default."""
    given = call.argument(index, name, None)
    if isinstance(given, int) and not isinstance(given, bool):
        given = [given]
    whole = [v for v in given if isinstance(v, int)] if isinstance(given, list | tuple) else []
    if isinstance(given, list | tuple) and len(whole) != len(given):
        raise call.refuse(f"{name} {list(given)}", "use whole numbers")
    return checked(call, name, whole * rank if len(whole) == 1 else whole or None, rank, default=default, least=least)


def flag(call: TorchCall, index: int, name: str, *, default: bool) -> bool:
    """A boolean argument."""
    given = call.argument(index, name, default)
    if not isinstance(given, bool):
        raise call.refuse(f"{name}={given}", "use True or False")
    return given
