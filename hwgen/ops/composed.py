"""Foreign operators that are read as several of ours: moves between depth and space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from hwgen.ir.graph import Value
from hwgen.ops.importing import ImportCall, OnnxCall, OnnxRule, TorchCall, TorchRule
from hwgen.ops.shape import ReshapeAttrs, TransposeAttrs


def _moved(call: ImportCall, split: Sequence[int], perm: Sequence[int], merged: Sequence[int]) -> Value:
    """Axes split, moved, and merged again."""
    parts = call.emit("reshape", ReshapeAttrs(tuple(split)), [call.value(0)], suffix=".split")
    moved = call.emit("transpose", TransposeAttrs(tuple(perm)), [parts], suffix=".moved")
    return call.emit("reshape", ReshapeAttrs(tuple(merged)), [moved])


def _image(call: ImportCall) -> tuple[int, int, int]:
    shape = call.value(0).type.shape
    if len(shape) != 4:
        raise call.refuse(f"a tensor of shape {shape}", "give an image (batch, channels, rows, columns)")
    return shape[1], shape[2], shape[3]


def _to_space(call: ImportCall, block: int, *, depth_first: bool) -> Value:
    """depth_first: the channel's highest digits choose the place in the block (ONNX's DCR), else its lowest (CRD, torch)."""
    channels, rows, cols = _image(call)
    if block < 1 or channels % (block * block):
        raise call.refuse(f"blocks of {block} from {channels} channels", "use a number of channels that the block's square divides")
    inner = channels // (block * block)
    merged = (1, inner, rows * block, cols * block)
    if depth_first:
        return _moved(call, (1, block, block, inner, rows, cols), (0, 3, 4, 1, 5, 2), merged)
    return _moved(call, (1, inner, block, block, rows, cols), (0, 1, 4, 2, 5, 3), merged)


def _to_depth(call: ImportCall, block: int, *, depth_first: bool) -> Value:
    channels, rows, cols = _image(call)
    if block < 1 or rows % block or cols % block:
        raise call.refuse(f"blocks of {block} from {rows}x{cols} positions", "use sizes that the block divides")
    split = (1, channels, rows // block, block, cols // block, block)
    merged = (1, channels * block * block, rows // block, cols // block)
    return _moved(call, split, (0, 3, 5, 1, 2, 4) if depth_first else (0, 1, 3, 5, 2, 4), merged)


def _onnx_depth_to_space(call: OnnxCall) -> Value:
    mode = call.text("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise call.refuse(f"mode {mode!r}", "use DCR or CRD")
    return _to_space(call, call.integer("blocksize"), depth_first=mode == "DCR")


def _onnx_space_to_depth(call: OnnxCall) -> Value:
    return _to_depth(call, call.integer("blocksize"), depth_first=True)


def _factor(call: TorchCall, name: str) -> int:
    given = call.argument(1, name)
    if not isinstance(given, int):
        raise call.refuse(f"{name}={given}", "give a whole number")
    return given


def _torch_shuffle(call: TorchCall) -> Value:
    return _to_space(call, _factor(call, "upscale_factor"), depth_first=False)


def _torch_unshuffle(call: TorchCall) -> Value:
    return _to_depth(call, _factor(call, "downscale_factor"), depth_first=False)


ONNX: Final[Mapping[str, OnnxRule]] = {"DepthToSpace": _onnx_depth_to_space, "SpaceToDepth": _onnx_space_to_depth}
TORCH: Final[Mapping[str, TorchRule]] = {
    "aten.pixel_shuffle.default": _torch_shuffle, "aten.pixel_unshuffle.default": _torch_unshuffle,
}
