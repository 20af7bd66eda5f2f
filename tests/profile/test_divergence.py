"""Where a quantized run leaves the float one: errors against NumPy, and lost decisions against runs that are cut by hand."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, lower
from hwgen.ir.graph import Array, Graph
from hwgen.ops.run import constant_floats
from hwgen.ops.source import ConstantAttrs
from hwgen.precision.rules import PrecisionConfig
from hwgen.profile.divergence import Divergence, diverge
from tests.networks import mlp
from tests.profile.networks import residual, small, two_inputs


def quantized(graph: Graph, **layers: dict[str, str]) -> Graph:
    """With these types of layers; all else in 16 bits."""
    given = {"layers": layers, "default": {"weight": "fixed<16,3>", "input": "fixed<16,5>"}}
    return lower(graph, BuildOptions(formats=PrecisionConfig.of(**given), input_format="fixed<16,5>")).quantized


def parameter(graph: Graph, name: str) -> Array:
    value = graph.value(name)
    assert value is not None and isinstance(value.producer.attrs, ConstantAttrs)
    return constant_floats(value.producer.attrs)


def test_a_graph_does_not_leave_itself(random: Random) -> None:
    graph, data = residual(random)
    found = diverge(graph, graph, data)
    assert found.first is None and found.jump is None and found.flips == ()
    assert [d.value for d in found.distances] == ["x", "y1", "a1", "y2", "sum", "a2", "y3"]


def test_errors_are_those_that_numpy_finds(random: Random) -> None:
    graph, data = small(random)
    coarse = quantized(graph, fc1={"weight": "fixed<3,2>"}, a1={"output": "ufixed<3,2>"})
    found = {d.value: d for d in diverge(graph, coarse, data).distances}
    x = data.inputs["x"].astype(np.float64)
    weight, bias = parameter(graph, "fc1.w"), parameter(graph, "fc1.b")
    rounded_x = np.clip(np.rint(x * 2**11), -(2**15), 2**15 - 1) / 2**11
    rounded_weight = np.clip(np.rint(weight * 2), -4, 3) / 2
    right, made = x @ weight.T + bias, rounded_x @ rounded_weight.T + bias
    error = np.clip(np.rint(np.maximum(made, 0) * 2), 0, 7) / 2 - np.maximum(right, 0)
    assert found["a1"].format == "ufixed<3,2>"
    assert found["a1"].largest == pytest.approx(np.abs(error).max())
    assert found["a1"].snr_db == pytest.approx(10 * np.log10((np.maximum(right, 0) ** 2).sum() / (error**2).sum()))
    assert found["a1"].lost_db == pytest.approx(found["y1"].snr_db - found["a1"].snr_db)
    assert found["a1"].before_db == found["y1"].snr_db


def test_the_first_jump_is_the_first_layer_that_adds_much_of_its_own(random: Random) -> None:
    graph, data = residual(random)
    found = diverge(graph, quantized(graph, a1={"output": "ufixed<16,5>"}, fc2={"weight": "fixed<2,1>"}), data)
    assert found.first is not None and found.first.value == "x"
    assert found.jump is not None and found.jump.layer == "fc2" and found.jump.lost_db > 20


def test_decisions_are_lost_where_a_run_that_is_cut_there_says_so(random: Random) -> None:
    found: Divergence | None = None
    for _ in range(20):
        graph, data = small(random, samples=300)
        types = {"fc1": {"weight": "fixed<4,2>"}, "a1": {"output": "ufixed<3,2>"}, "fc2": {"weight": "fixed<3,2>"}}
        coarse = quantized(graph, **types)
        found = diverge(graph, coarse, data)
        if found.flips and len({f.value for f in found.flips}) > 1:
            break
    assert found is not None and found.flips
    x = data.inputs["x"].astype(np.float64)
    (w1, b1), (w2, b2) = ((parameter(graph, f"fc{k}.w"), parameter(graph, f"fc{k}.b")) for k in (1, 2))
    rounded_w1, rounded_w2 = np.clip(np.rint(w1 * 4), -8, 7) / 4, np.clip(np.rint(w2 * 2), -4, 3) / 2
    seen = {"x": np.clip(np.rint(x * 2**11), -(2**15), 2**15 - 1) / 2**11}
    seen["y1"] = seen["x"] @ rounded_w1.T + b1
    seen["a1"] = np.clip(np.rint(np.maximum(seen["y1"], 0) * 2), 0, 7) / 2
    seen["y2"] = seen["a1"] @ rounded_w2.T + b2
    in_float = {
        "x": np.maximum(seen["x"] @ w1.T + b1, 0) @ w2.T + b2, "y1": np.maximum(seen["y1"], 0) @ w2.T + b2,
        "a1": seen["a1"] @ w2.T + b2, "y2": seen["y2"],
    }
    right = np.maximum(x @ w1.T + b1, 0) @ w2.T + b2
    was = right.argmax(axis=1)
    order = ["x", "y1", "a1", "y2"]
    wanted: dict[int, str] = {}
    for sample in np.nonzero(seen["y2"].argmax(axis=1) != was)[0]:
        kept = [in_float[name][sample].argmax() == was[sample] for name in order]
        wanted[int(sample)] = order[max((k + 1 for k, right_still in enumerate(kept) if right_still), default=0)]
    assert {f.sample: f.value for f in found.flips} == wanted
    for flip in found.flips:
        assert flip.was == was[flip.sample] and flip.becomes == seen["y2"][flip.sample].argmax()
        assert flip.margin == pytest.approx(right[flip.sample, flip.was] - right[flip.sample, flip.becomes])


def test_parts_of_the_data_say_what_all_of_it_says(random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, data = two_inputs(random)
    coarse = quantized(graph, fc1={"weight": "fixed<3,2>"})
    whole = diverge(graph, coarse, data)
    monkeypatch.setattr("hwgen.profile.divergence.PART_SAMPLES", 7)
    parts = diverge(graph, coarse, data)
    assert [(d.value, round(d.snr_db, 6)) for d in parts.distances] == [(d.value, round(d.snr_db, 6)) for d in whole.distances]
    assert parts.flips == whole.flips


def test_networks_that_share_nothing_are_refused(random: Random) -> None:
    graph, data = small(random)
    with pytest.raises(HwgenError, match="share no names of values"):
        diverge(graph, mlp((6, 3), 1), Dataset({"x": data.inputs["x"]}))
