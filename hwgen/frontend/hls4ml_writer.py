"""A model's formats as a configuration of hls4ml, each layer by its name."""

from __future__ import annotations

import json
from typing import Any, Final

from hwgen.errors import HwgenError
from hwgen.formats import Affine, Fixed, Format
from hwgen.ir.graph import Graph, Node
from hwgen.numerics.rounding import Rounding
from hwgen.precision.points import Point, layers_of, points

_ROUNDING: Final = {
    Rounding.HALF_CEIL: "AP_RND", Rounding.FLOOR: "AP_TRN", Rounding.HALF_EVEN: "AP_RND_CONV", Rounding.DOWN: "AP_TRN_ZERO",
    Rounding.HALF_DOWN: "AP_RND_ZERO", Rounding.HALF_UP: "AP_RND_INF",
}
_DEFAULT: Final = "ap_fixed<16,6>"
"""Of the whole model, which hls4ml asks for; each layer says its own."""


def type_text(format_: Format, where: str) -> str:
    """hls4ml's text for a format.  Raises HwgenError for what no fixed point of its is."""
    fixed = format_ if isinstance(format_, Fixed) else _fixed(format_)
    if fixed is None or fixed.mode not in _ROUNDING:
        fix = "give it a fixed-point format for a file of hls4ml's"
        raise HwgenError("hls4ml", where, f"{format_} is no type of hls4ml's", fix)
    sign, overflow = "" if fixed.is_signed else "u", "AP_WRAP" if fixed.wrap else "AP_SAT"
    return f"ap_{sign}fixed<{fixed.width},{fixed.integer_bits},{_ROUNDING[fixed.mode]},{overflow}>"


def _fixed(format_: Format) -> Fixed | None:
    """The fixed-point format of the same members, if there is one."""
    if not isinstance(format_, Affine) or format_.narrow or format_.zero != (0,) or len(format_.scale) != 1:
        return None
    (scale,) = format_.scale
    if scale.numerator & (scale.numerator - 1) or scale.denominator & (scale.denominator - 1):
        return None
    exponent = scale.numerator.bit_length() - scale.denominator.bit_length()
    return Fixed(format_.width, format_.width + exponent, format_.is_signed, format_.mode)


def hls4ml_config(graph: Graph) -> dict[str, Any]:
    """``Model`` and ``LayerName`` of a graph with quantizers, none of them folded, whose layers are those of the model.

    Raises HwgenError where a format is no type of hls4ml's, a bias has none, or a quantizer stands where hls4ml has none.
    """
    found = {path: {"result": "auto"} for path in layers_of(graph)}
    known: set[Node] = set()
    for point in points(graph):
        where = f"{point.role} of {point.path!r}"
        if point.role == "input":
            continue
        _note(point, known)
        if point.role == "output":
            if point.value.producer.op == "quantize":
                found[point.path]["result"] = type_text(point.value.type.format, where)
        elif point.format is None:
            raise HwgenError("hls4ml", where, "is exact, for which hls4ml has no type", "give it a format")
        else:
            found[point.path][point.role] = type_text(point.format, where)
    for node in graph.nodes:
        if node.op == "quantize" and node not in known:
            what = f"is quantized to {node.output.type.format} where no layer ends, or for some of its users only"
            raise HwgenError("hls4ml", f"value {node.inputs[0].name!r}", what, "give the layer before an output format instead")
    layers = {path: {"Precision": {**precision}} for path, precision in found.items()}
    return {"Model": {"Precision": {"default": _DEFAULT}, "ReuseFactor": 1}, "LayerName": layers}


def _note(point: Point, known: set[Node]) -> None:
    """The quantizers that a point accounts for."""
    value = point.value
    while value.producer.op in ("quantize", "transpose", "reshape", "identity"):
        if value.producer.op == "quantize":
            known.add(value.producer)
        if point.role == "output":
            break
        value = value.producer.inputs[0]


def written(config: dict[str, Any], *, as_json: bool) -> str:
    """The file."""
    if as_json:
        return json.dumps(config, indent=2) + "\n"
    import yaml

    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
