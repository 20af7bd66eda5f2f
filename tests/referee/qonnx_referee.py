"""QONNX's own execution as an independent opinion on the integer reference, quantizer by quantizer.

Each quantizer is judged on the inputs that QONNX itself had: where codes differ, QONNX's go on to the next layer.  QONNX
computes in float32, the reference exactly, so a difference is allowed only where the exact value lies within the rounding
noise of that float32 computation of a boundary between the two codes; each such case is kept with both numbers.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from hwgen.dataflow.plan import integer_format
from hwgen.flow import Lowered
from hwgen.formats import Integer, Quantized
from hwgen.ir.graph import Array, Graph, Value
from hwgen.numerics.rounding import level_boundary
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.record import attrs_as
from hwgen.ops.run import run_node
from hwgen.ops.scalar import BatchNormAttrs, ScaleBiasAttrs
from hwgen.ops.source import ConstantAttrs

EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class NoiseCase:
    """A difference that float32 rounding explains.  distance: of the exact value to the boundary; noise: its bound; in steps."""

    value: str
    sample: int
    element: int
    ours: int
    theirs: int
    distance: float
    noise: float


@dataclass(frozen=True)
class Judgement:
    """compared: codes compared.  mismatches: differences that nothing excuses.  noise: those that rounding explains."""

    compared: int
    mismatches: tuple[NoiseCase, ...]
    noise: tuple[NoiseCase, ...]


def _bump_batch(model: onnx.ModelProto, samples: int) -> onnx.ModelProto:
    initializers = {i.name for i in model.graph.initializer}
    for info in [*model.graph.input, *model.graph.output]:
        if info.name not in initializers:
            info.type.tensor_type.shape.dim[0].dim_value = samples
            for dim in info.type.tensor_type.shape.dim[1:]:
                dim.dim_value = dim.dim_value or 1
    del model.graph.value_info[:]
    return model


def run_qonnx(path: Path, inputs: Array) -> dict[str, Array]:
    """Every tensor of the file as qonnx computes it for float32 ``inputs`` (samples, …)."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    logging.getLogger("onnx").setLevel(logging.ERROR)
    one = len(inputs) == 1  # the file's own shapes will do, and QONNX is slow to infer those of wrapped operators
    model = ModelWrapper(onnx.load(str(path)) if one else _bump_batch(onnx.load(str(path)), len(inputs)))
    for opset in model.model.opset_import:
        opset.version = max(opset.version, 1)
    domains = {o.domain for o in model.model.opset_import}
    for node in model.graph.node:
        if node.domain not in domains:
            model.model.opset_import.append(onnx.helper.make_opsetid(node.domain, 1))
            domains.add(node.domain)
    model = model if one else model.transform(InferShapes())
    constants = {i.name for i in model.graph.initializer}
    name = next(i.name for i in model.graph.input if i.name not in constants)
    return execute_onnx(model, {name: inputs.astype(np.float32)}, return_full_exec_context=True)


def _their_codes(reals: Array, format_: Quantized) -> Array:
    scale = np.array([float(s) for s in format_.scales])
    zero = np.array(format_.zeros, dtype=np.float64)
    return np.rint(reals.astype(np.float64) / scale + zero).astype(np.int64)


def _noise(graph: Graph, given: dict[str, Array]) -> dict[Value, tuple[Array, Array]]:
    """Value and bound of the float32 error of every real value, quantizer outputs being given."""
    result: dict[Value, tuple[Array, Array]] = {}
    for node in graph.nodes:
        inputs = [result[v] for v in node.inputs]
        if node.op in ("input", "quantize"):
            value = given[node.output.name] if node.output.name in given else inputs[0][0]
            result[node.output] = (value, np.zeros_like(value))
            continue
        value = run_node(node, [v for v, _ in inputs])
        if isinstance(node.attrs, ConstantAttrs):
            error = np.abs(value) * EPSILON
        elif node.op == "linear":
            (x, ex), (w, ew) = inputs[:2]
            magnitude = np.abs(x) @ np.abs(w).T
            error = ex @ np.abs(w).T + np.abs(x) @ ew.T + (x.shape[-1] + 4) * EPSILON * magnitude
            if len(inputs) > 2:
                error = error + EPSILON * (np.abs(inputs[2][0]) + np.abs(value)) * 2
        elif node.op in ("scale_bias", "batch_norm"):
            attrs = node.attrs.scale_bias() if isinstance(node.attrs, BatchNormAttrs) else attrs_as(node, ScaleBiasAttrs)
            gain, bias = (np.array([float(v) for v in vector]) for vector in (attrs.gain, attrs.bias))
            x, ex = inputs[0]
            error = ex * np.abs(gain) + 8 * EPSILON * (np.abs(x * gain) + np.abs(bias))
            if isinstance(node.attrs, BatchNormAttrs):  # (x - mean) * gain + beta: the mean and beta may be larger than their sum
                beta = np.array([float(v) for v in node.attrs.beta])
                error = error + 8 * EPSILON * (np.abs(beta) + np.abs(beta - bias))
        elif node.op in ("relu", "identity", "reshape", "transpose"):
            error = run_node(node, [inputs[0][1]])
        else:
            error = inputs[0][1] + 4 * EPSILON * np.abs(value)
        result[node.output] = (value, error)
    return result


def judge(lowered: Lowered, theirs: dict[str, Array], codes: Array) -> Judgement:
    """Compares every quantizer's codes with qonnx's tensors."""
    graph, quantized = lowered.graph, lowered.quantized
    formats = {
        n.output.name: n.attrs.format for n in quantized.nodes if isinstance(n.attrs, QuantizeAttrs) and n.output.name in theirs
    }
    # an input that the model quantizes itself: the host does it, and float32 may round a grid point to its neighbour
    for node in quantized.nodes:
        if node.output.name in formats and node.inputs[0].producer.op == "input":
            codes = _their_codes(theirs[node.output.name], formats[node.output.name])
    values: dict[Value, Array] = {}
    given: dict[str, Array] = {v.name: integer_format(graph.inputs[0]).decode(codes) for v in quantized.inputs}
    differing: list[tuple[str, Array, Array]] = []
    alive = np.ones(len(codes), dtype=bool)
    compared = 0
    for node in graph.nodes:
        value = node.output
        ours = codes if node.op == "input" else run_node(node, [values[v] for v in node.inputs])
        values[value] = ours
        if value.name not in formats or not isinstance(value.type.format, Integer):
            continue
        format_ = formats[value.name]
        their = _their_codes(theirs[value.name].reshape(ours.shape), format_)
        compared += int(alive.sum()) * ours[0].size
        theirs_here = np.where(alive.reshape(-1, *[1] * (ours.ndim - 1)), their, ours)
        if (ours != theirs_here).any():
            differing.append((value.name, ours, theirs_here))
        # noise may carry a code beyond what the exact network can reach; the rest of that sample has no exact counterpart
        outside = (their < value.type.format.low) | (their > value.type.format.high)
        alive &= ~outside.reshape(len(ours), -1).any(axis=1)
        values[value] = np.where(outside, ours, their)
        given[value.name] = format_.decode(their)
    for name, format_ in formats.items():
        given.setdefault(name, format_.decode(_their_codes(theirs[name], format_)))
    for node in quantized.nodes:  # shapes of the real graph
        if node.output.name in given:
            given[node.output.name] = given[node.output.name].reshape(-1, *node.output.type.shape[1:])
    noise, mismatches = [], []
    table = {n.output.name: n for n in quantized.nodes}
    reals = _noise(quantized, given) if differing else {}
    for name, ours, their in differing:
        value, error = reals[table[name].inputs[0]]
        scale = np.broadcast_to(np.array([float(s) for s in formats[name].scales]), ours.shape).reshape(value.shape)
        steps, bound = value / scale, error / scale
        for index in np.argwhere((ours != their).reshape(value.shape)):
            at = tuple(index)
            low, high = sorted((int(ours.reshape(value.shape)[at]), int(their.reshape(value.shape)[at])))
            zero = formats[name].zeros[0]
            boundary = 0.0 if formats[name].bipolar else float(level_boundary(high, formats[name].rounding)[0]) - zero
            distance = abs(float(steps[at]) - boundary)
            case = NoiseCase(
                name, int(at[0]), int(np.ravel_multi_index(at[1:], value.shape[1:])), low, high, distance, float(bound[at])
            )
            close = distance <= case.noise and (high - low == 1 or formats[name].bipolar)
            (noise if close else mismatches).append(case)
    return Judgement(compared, tuple(mismatches), tuple(noise))
