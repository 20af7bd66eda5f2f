"""The space of a model: what sections of the configuration choose, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import constant, graph_of, mlp
from search.models import Subject, subject

from hwgen import flow
from hwgen.data import Dataset
from hwgen.dataflow.folding import paths
from hwgen.errors import HwgenError
from hwgen.ir.graph import NO_ATTRS, Graph
from hwgen.ops.linear import LINEAR
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.search.making import DEFAULT_BITS, UNIFORM_BITS, Searched, search_space
from hwgen.search_section import SearchSection


@pytest.fixture
def small(tmp_path: Path) -> Subject:
    return subject(tmp_path, 1, (6, 5, 4, 3))


def space_of(graph: Graph, data: Dataset, section: dict[str, Any]) -> Searched:
    return search_space(graph, SearchSection.model_validate(section), data, paths(flow.lower(graph).graph), "f.toml")


def labels(found: Searched) -> dict[str, list[str]]:
    return {d.name: [c.label for c in d.choices] for d in found.space.dimensions}


def test_without_choices_weights_and_inputs_that_need_codes_have_the_usual_bits(small: Subject) -> None:
    found = space_of(small.graph, small.data, {})
    usual = [str(b) for b in DEFAULT_BITS]
    assert labels(found) == {f"fc{k}.{role}": usual for k in (1, 2, 3) for role in ("input", "weight")}
    assert found.space.size == len(DEFAULT_BITS) ** 6
    assert all(s.text.startswith(("fixed<", "ufixed<")) for s in found.space.settings(found.space.largest))


def test_most_specific_section_decides_and_choices_stand_in_the_order_of_their_bits(small: Subject) -> None:
    found = space_of(small.graph, small.data, {
        "weight": [8, 4, "6/tensor"], "bias": ["fixed<16,6>"], "types": {"linear": {"input": [5]}},
        "patterns": {"fc[23]": {"weight": ["ternary/channel", 3]}}, "layers": {"fc3": {"weight": ["minifloat<4,3>"]}},
    })
    assert labels(found) == {
        "fc1.input": ["5"], "fc1.weight": ["4", "6/tensor", "8"], "fc1.bias": ["fixed<16,6>"],
        "fc2.input": ["5"], "fc2.weight": ["ternary/channel", "3"], "fc2.bias": ["fixed<16,6>"],
        "fc3.input": ["5"], "fc3.weight": ["minifloat<4,3>"], "fc3.bias": ["fixed<16,6>"],
    }


def test_layers_that_are_chosen_together_share_a_dimension_and_are_fitted_alone(small: Subject) -> None:
    found = space_of(small.graph, small.data, {"patterns": {"fc[12]": {"weight": [3, 4], "together": True}}, "input": [6]})
    assert labels(found) == {"fc1.input": ["6"], "patterns.\"fc[12]\".weight": ["3", "4"], "fc2.input": ["6"], "fc3.input": ["6"]}
    together = next(d for d in found.space.dimensions if d.name.endswith("weight"))
    assert [s.path for s in together.choices[0].settings] == ["fc1", "fc2"]


def test_parallelism_is_chosen_for_layers_with_multipliers(small: Subject) -> None:
    found = space_of(small.graph, small.data, {"parallelism": ["full", "2x2", "1x4"], "layers": {"fc1": {"parallelism": ["4x4"]}}})
    assert labels(found) == {
        "fc1.parallelism": ["4x4"], "fc2.parallelism": ["2x2", "1x4", "full"], "fc3.parallelism": ["2x2", "1x4", "full"],
    }


def test_layers_that_take_the_same_graph_input_share_its_format(seed: int) -> None:
    x = make(INPUT, InputAttrs((1, 4)), [], "x", "x").output
    weights = np.random.default_rng(seed).normal(0, 1, (2, 3, 4))
    graph = graph_of(*(make(LINEAR, NO_ATTRS, [x, constant(w, f"w{k}")], f"y{k}", f"fc{k}").output for k, w in enumerate(weights)))
    data = Dataset({"x": np.random.default_rng(seed).normal(0, 1, (9, 4))})
    assert labels(space_of(graph, data, {"input": [4, 8]})) == {"fc0.input": ["4", "8"]}
    with pytest.raises(HwgenError, match="layers fc0 and fc1 take the same input; give the same choices for both"):
        space_of(graph, data, {"input": [4, 8], "layers": {"fc1": {"input": [4]}}})


def test_quantizers_of_the_model_are_places_to_choose_for() -> None:
    graph = mlp((4, 5, 3), 1)
    data = Dataset({"x": np.random.default_rng(1).normal(0, 1, (9, 4))})
    assert set(labels(space_of(graph, data, {}))) == {"fc1.input", "fc1.weight", "fc2.input", "fc2.weight"}


def test_uniform_designs_set_every_place_of_formats(small: Subject) -> None:
    found = space_of(small.graph, small.data, {"parallelism": ["2x2"], "weight": [4], "input": ["3/tensor"]})
    assert tuple(found.uniform) == UNIFORM_BITS
    for bits, settings in found.uniform.items():
        assert len(settings) == 6 and all(f"fixed<{bits}," in s.text for s in settings)


@pytest.mark.parametrize(("section", "said"), [
    ({"layers": {"fc9": {"weight": [4]}}}, r"config 'f.toml', search.layers.\"fc9\": is no layer of the model; did you mean fc"),
    ({"types": {"conv": {"weight": [4]}}}, "the model has no layer of this type; it has"),
    ({"types": {"lineer": {"weight": [4]}}}, "is no type of layer here; did you mean linear"),
    ({"patterns": {"conv.*": {"weight": [4]}}}, "matches no layer of the model"),
    ({"layers": {"act1": {"weight": [4]}}}, "has no weight"),
    ({"weight": ["fixed<0,1>"]}, "0 bits"), ({"weight": ["flxed<4,1>"]}, "is not a known format"),
    ({"weight": ["auto"]}, "'auto' is no format"), ({"weight": [1]}, "one bit holds no number and its negative"),
    ({"input": ["4/channel"]}, "has no output channels"), ({"parallelism": ["4y4"]}, "cannot read '4y4'"),
    ({"layers": {"act1": {"parallelism": ["2x2"]}}}, "act1"), ({"layers": {"fc1": {"output": [20]}}}, "20"),
])
def test_section_that_fits_nothing_is_named(small: Subject, section: dict[str, Any], said: str) -> None:
    with pytest.raises((HwgenError, ValueError), match=said):
        space_of(small.graph, small.data, section)
