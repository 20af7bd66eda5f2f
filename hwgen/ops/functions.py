"""Smooth activations: exact real functions of a code (`hwgen.numerics.functions`), which become tables or thresholds.

    sigmoid tanh erf exp gelu gelu_tanh silu mish softsign square sqrt reciprocal     as their names say
    elu          scale * x where x > 0, else scale * alpha * (exp(rate * x) - 1): ELU, SELU, CELU
    softplus     log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold, if there is one (as torch defines it)
    hard_swish   x * min(max(x + 3, 0), 6) / 6
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.ir.graph import NO_ATTRS, Attrs, NoAttrs, Node, TensorType, Value
from hwgen.numerics.functions import FUNCTIONS
from hwgen.numerics.scalar_map import Chain, ClampedAffine
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.activation import CLIP, ClipAttrs, default_real, exact_number, infer_same, unary
from hwgen.ops.importing import ImportCall, OnnxCall, OnnxRule, TorchCall, TorchRule
from hwgen.ops.real_sampling import FUNCTION_OPS, random_number, trail
from hwgen.ops.record import Float64, RealOp, RealSampler, attrs_as, make
from hwgen.ops.scalar import ScaleBiasAttrs


@dataclass(frozen=True, slots=True)
class EluAttrs(Attrs):
    """See the module; rate is not zero."""

    alpha: Surd
    scale: Surd
    rate: Surd


@dataclass(frozen=True, slots=True)
class SoftplusAttrs(Attrs):
    """See the module; beta is not zero."""

    beta: Surd
    threshold: Surd | None


def _not_zero(node: Node, number: Surd, what: str) -> tuple[TensorType, ...]:
    if number.sign() == 0:
        raise HwgenError("numerics", f"{node.op} {node.path!r}", f"{what} is 0", "use another number")
    return infer_same(node)


# --- meaning ----------------------------------------------------------------------------------------------------------


def _elu_chain(chain: Chain, attrs: EluAttrs) -> Chain:
    below = Chain().scaled(attrs.rate, ZERO).applied("expm1").scaled(attrs.scale * attrs.alpha, ZERO)
    return chain.chosen(ZERO, below, Chain().scaled(attrs.scale, ZERO), edge_above=False)


def _softplus_chain(chain: Chain, attrs: SoftplusAttrs) -> Chain:
    smooth = Chain().applied("softplus")
    scaled = chain.scaled(attrs.beta, ZERO)
    if attrs.threshold is None:
        scaled = scaled.applied("softplus")
    else:
        scaled = scaled.chosen(attrs.threshold, smooth, Chain(), edge_above=False)
    return scaled.scaled(attrs.beta.inverse(), ZERO)


def _hard_swish_chain(chain: Chain) -> Chain:
    # x * (x + 3) / 6 = ((x + 3/2)^2 - 9/4) / 6 between -3 and 3
    bend = Chain().scaled(UNIT, Surd.of(Fraction(3, 2))).applied("square").scaled(Surd.of(Fraction(1, 6)), Surd.of(Fraction(-3, 8)))
    low = Chain().chosen(Surd.of(-3), Chain((ClampedAffine(ZERO, ZERO),)), bend)
    return chain.chosen(Surd.of(3), low, Chain())


def _floats(name: str, x: Float64) -> Float64:
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # infinite or no number where there is no value
        return FUNCTIONS[name].array(x).astype(np.float64)


def _elu_floats(node: Node, x: Float64) -> Float64:
    attrs = attrs_as(node, EluAttrs)
    scale, below = float(attrs.scale), float(attrs.scale) * float(attrs.alpha)
    return np.where(x > 0, scale * x, below * np.expm1(np.minimum(float(attrs.rate) * x, 700)))


def _softplus_floats(node: Node, x: Float64) -> Float64:
    attrs = attrs_as(node, SoftplusAttrs)
    scaled = x * float(attrs.beta)
    smooth: Float64 = FUNCTIONS["softplus"].array(scaled).astype(np.float64) / float(attrs.beta)
    return smooth if attrs.threshold is None else np.where(scaled > float(attrs.threshold), x, smooth)


# --- import -----------------------------------------------------------------------------------------------------------


def _elu(call: ImportCall, alpha: Surd, scale: Surd, rate: Surd) -> Value:
    if rate.sign() == 0:
        raise call.refuse("the slope inside the exponential is 0", "use another number")
    return call.emit("elu", EluAttrs(alpha, scale, rate), [call.value(0)])


def _torch_elu(call: TorchCall) -> Value:
    return _elu(call, *(exact_number(call, index, what) for index, what in ((1, "alpha"), (2, "scale"), (3, "input_scale"))))


_TORCH_SELU: Final = Surd.of(1.6732632423543772848170429916717), Surd.of(1.0507009873554804934193349852946)


def _torch_selu(call: TorchCall) -> Value:
    return _elu(call, *_TORCH_SELU, UNIT)


def _onnx_selu(call: OnnxCall) -> Value:
    alpha = default_real(call, "alpha", "1.67326319217681884765625")
    return _elu(call, alpha, default_real(call, "gamma", "1.05070102214813232421875"), UNIT)


def _celu(call: ImportCall, alpha: Surd) -> Value:
    if alpha.sign() == 0:
        raise call.refuse("alpha is 0", "use another number")
    return _elu(call, alpha, UNIT, alpha.inverse())


def _torch_softplus(call: TorchCall) -> Value:
    beta, threshold = exact_number(call, 1, "beta"), exact_number(call, 2, "the threshold")
    if beta.sign() == 0:
        raise call.refuse("beta is 0", "use another number")
    return call.emit("softplus", SoftplusAttrs(beta, threshold), [call.value(0)])


def _mirrored(attrs: Attrs) -> TorchRule:
    """Of ``-x``, and negated: log(sigmoid(x)) = -softplus(-x)."""
    negative = ScaleBiasAttrs((-UNIT,), (ZERO,))

    def rule(call: TorchCall) -> Value:
        inner = call.emit("scale_bias", negative, [call.value(0)], suffix=".negative")
        return call.emit("scale_bias", negative, [call.emit("softplus", attrs, [inner], suffix=".softplus")])

    return rule


def _onnx_gelu(call: OnnxCall) -> Value:
    return _gelu(call, call.text("approximate", "none"))


def _torch_gelu(call: TorchCall) -> Value:
    return _gelu(call, call.argument(1, "approximate", "none"))


def _gelu(call: ImportCall, approximate: object) -> Value:
    if approximate not in ("none", "tanh"):
        raise call.refuse(f"approximate={approximate!r}", "use 'none' or 'tanh'")
    return call.emit("gelu_tanh" if approximate == "tanh" else "gelu", NO_ATTRS, [call.value(0)])


def _onnx_swish(call: OnnxCall) -> Value:
    """x * sigmoid(alpha * x) = silu(alpha * x) / alpha."""
    alpha = default_real(call, "alpha", "1")
    if alpha == UNIT:
        return call.emit("silu", NO_ATTRS, [call.value(0)])
    if alpha.sign() == 0:
        return call.emit("scale_bias", ScaleBiasAttrs((Surd.of(Fraction(1, 2)),), (ZERO,)), [call.value(0)])
    scaled = call.emit("scale_bias", ScaleBiasAttrs((alpha,), (ZERO,)), [call.value(0)], suffix=".scaled")
    inner = call.emit("silu", NO_ATTRS, [scaled], suffix=".silu")
    return call.emit("scale_bias", ScaleBiasAttrs((alpha.inverse(),), (ZERO,)), [inner])


def _torch_power(call: TorchCall) -> Value:
    """Powers with a constant exponent of 1, 2, 1/2 or -1."""
    exponent = exact_number(call, 1, "the exponent").rational
    known = {Fraction(1): "identity", Fraction(2): "square", Fraction(1, 2): "sqrt", Fraction(-1): "reciprocal"}
    if exponent is None or exponent not in known:
        raise call.refuse(f"exponent {exponent}", "exponents 1, 2, 1/2 and -1 are supported")
    return call.emit(known[exponent], NO_ATTRS, [call.value(0)])


# --- records ----------------------------------------------------------------------------------------------------------


def _takes(value: Value) -> bool:
    """One function of a value is enough between two quantizers: their exact values are slow to find."""
    return all(node.op not in FUNCTION_OPS for node in trail(value))


def _sample(op_name: str, low: int | None = None, high: int | None = None) -> RealSampler:
    """The function of a value, clipped before to where it is defined, or not too large."""

    def sample(random: Random, value: Value, name: str) -> Value:
        if low is not None or high is not None:
            limits = ClipAttrs(*(None if limit is None else Surd.of(Fraction(limit, 4)) for limit in (low, high)))
            value = make(CLIP, limits, [value], f"{name}.clip", f"{name}.clip").output
        return make(FUNCTION[op_name], NO_ATTRS, [value], name, name).output

    return sample


def _both_kinds(torch: str, rule: TorchRule) -> dict[str, TorchRule]:
    return {f"aten.{torch}.default": rule, f"aten.{torch}_.default": rule}


def _function(
    name: str, onnx: Mapping[str, OnnxRule], torch: Mapping[str, TorchRule], *, low: int | None = None, high: int | None = None
) -> RealOp:
    return RealOp(
        name, NoAttrs, infer_same,
        evaluate=lambda node, x: _floats(name, x[0]),
        lower=lambda lowering, node, x: x[0].map(lambda chain, _: chain.applied(name)),
        onnx=onnx, torch=torch, sample=_sample(name, low, high), takes=_takes,
    )


def _plain(name: str, onnx: str, torch: str, *, low: int | None = None, high: int | None = None) -> RealOp:
    rule = unary(name)
    return _function(name, {onnx: rule} if onnx else {}, _both_kinds(torch, rule) if torch else {}, low=low, high=high)


SIGMOID = _plain("sigmoid", "Sigmoid", "sigmoid")
TANH = _plain("tanh", "Tanh", "tanh")
ERF = _plain("erf", "Erf", "erf")
EXP = _plain("exp", "Exp", "exp", high=12)
GELU = _function("gelu", {"Gelu": _onnx_gelu}, _both_kinds("gelu", _torch_gelu))
GELU_TANH = _plain("gelu_tanh", "", "")
SILU = _function("silu", {"Swish": _onnx_swish}, _both_kinds("silu", unary("silu")))
MISH = _plain("mish", "Mish", "mish")
SOFTSIGN = _plain("softsign", "Softsign", "")
SQUARE = _function("square", {}, {**_both_kinds("square", unary("square")), "aten.pow.Tensor_Scalar": _torch_power})
SQRT = _plain("sqrt", "", "sqrt", low=0)
RECIPROCAL = _plain("reciprocal", "Reciprocal", "reciprocal", low=1)
ELU = RealOp(
    "elu", EluAttrs, lambda node: _not_zero(node, attrs_as(node, EluAttrs).rate, "the rate"),
    evaluate=lambda node, x: _elu_floats(node, x[0]),
    lower=lambda lowering, node, x: x[0].map(lambda chain, _: _elu_chain(chain, attrs_as(node, EluAttrs))),
    onnx={
        "Elu": lambda call: _elu(call, default_real(call, "alpha", "1"), UNIT, UNIT), "Selu": _onnx_selu,
        "Celu": lambda call: _celu(call, default_real(call, "alpha", "1")),
    },
    torch={
        **_both_kinds("elu", _torch_elu), **_both_kinds("selu", _torch_selu),
        **_both_kinds("celu", lambda call: _celu(call, exact_number(call, 1, "alpha"))),
    },
    sample=lambda random, value, name: _elu_sample(random, value, name), takes=_takes,
)
SOFTPLUS = RealOp(
    "softplus", SoftplusAttrs, lambda node: _not_zero(node, attrs_as(node, SoftplusAttrs).beta, "beta"),
    evaluate=lambda node, x: _softplus_floats(node, x[0]),
    lower=lambda lowering, node, x: x[0].map(lambda chain, _: _softplus_chain(chain, attrs_as(node, SoftplusAttrs))),
    onnx={"Softplus": unary("softplus", SoftplusAttrs(UNIT, None))},
    torch={"aten.softplus.default": _torch_softplus, "aten.log_sigmoid.default": _mirrored(SoftplusAttrs(UNIT, None))},
    sample=lambda random, value, name: _softplus_sample(random, value, name), takes=_takes,
)
HARD_SWISH = RealOp(
    "hard_swish", NoAttrs, infer_same,
    evaluate=lambda node, x: x[0] * np.clip(x[0] + 3, 0, 6) / 6,
    lower=lambda lowering, node, x: x[0].map(lambda chain, _: _hard_swish_chain(chain)),
    onnx={"HardSwish": unary("hard_swish")}, torch=_both_kinds("hardswish", unary("hard_swish")),
    sample=lambda random, value, name: make(HARD_SWISH, NO_ATTRS, [value], name, name).output, takes=_takes,
)

FUNCTION: Final = {
    op.name: op for op in (SIGMOID, TANH, ERF, EXP, GELU, GELU_TANH, SILU, MISH, SOFTSIGN, SQUARE, SQRT, RECIPROCAL)
}


def _elu_sample(random: Random, value: Value, name: str) -> Value:
    alpha, scale = random_number(random, 2), random.choice((UNIT, random_number(random, 2)))
    attrs = EluAttrs(alpha, scale, random.choice((UNIT, Surd.of(Fraction(1, 3)), Surd.of(2))))
    return make(ELU, attrs, [value], name, name).output


def _softplus_sample(random: Random, value: Value, name: str) -> Value:
    beta, threshold = random.choice((UNIT, UNIT, Surd.of(2), Surd.of(Fraction(-1, 3)))), random.choice((None, Surd.of(20), UNIT))
    return make(SOFTPLUS, SoftplusAttrs(beta, threshold), [value], name, name).output
