"""Which section of a configuration decides a role, and what fits nothing in a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from networks import constant, graph_of, mlp

from hwgen.config import read_config
from hwgen.errors import HwgenError
from hwgen.ir.graph import NO_ATTRS, Graph, Node
from hwgen.ops.activation import RELU
from hwgen.ops.conv import CONV, RealConvAttrs
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.precision.rules import ALL, ROLES, LayerFormats, PrecisionConfig
from hwgen.precision.toml_text import to_toml


def network() -> Graph:
    """in → blocks.0.conv → blocks.0.act → blocks.1.conv, all of one channel and four positions."""
    value = make(INPUT, InputAttrs((1, 1, 4)), [], "in", "in").output
    for block in range(2):
        kernel = constant(np.ones((1, 1, 1)), f"w{block}")
        attrs = RealConvAttrs((1,), (1,), (0, 0), 1)
        value = make(CONV, attrs, [value, kernel], f"y{block}", f"blocks.{block}.conv").output
        if not block:
            value = make(RELU, NO_ATTRS, [value], "a", "blocks.0.act").output
    return graph_of(value)


def node(graph: Graph, path: str) -> Node:
    (found,) = (n for n in graph.nodes if n.path == path)
    return found


def formats(config: PrecisionConfig, path: str) -> dict[str, str]:
    graph = network()
    found = config.on(graph).formats_of(node(graph, path))
    return {role: str(getattr(found, role)) for role in ROLES if getattr(found, role) is not None}


def test_the_most_specific_section_wins_role_by_role() -> None:
    config = PrecisionConfig.of(
        default={"weight": "fixed<8,1>", "bias": "fixed<8,2>", "input": "fixed<8,3>", "output": "fixed<8,4>"},
        types={"conv": {"weight": "fixed<7,1>", "bias": "fixed<7,2>", "input": "fixed<7,3>"}, "conv1d": {"bias": "fixed<6,2>"}},
        patterns={"blocks[.].*": {"weight": "fixed<5,1>", "input": "fixed<5,3>"}, ".*0[.]conv": {"input": "fixed<4,3>"}},
        layers={"blocks.0.conv": {"weight": "fixed<3,1>"}},
    )
    assert formats(config, "blocks.0.conv") == {
        "weight": "fixed<3,1>", "bias": "fixed<6,2>", "input": "fixed<4,3>", "output": "fixed<8,4>",
    }
    assert formats(config, "blocks.1.conv") == {
        "weight": "fixed<5,1>", "bias": "fixed<6,2>", "input": "fixed<5,3>", "output": "fixed<8,4>",
    }
    assert formats(config, "in")["input"] == "fixed<8,3>"


def test_all_stands_for_what_a_section_does_not_name_and_auto_leaves_alone() -> None:
    config = PrecisionConfig.of(
        default={"all": "fixed<8,4>", "weight": "fixed<6,1>"},
        layers={"blocks.0.act": {"input": "auto"}, "blocks.1.conv": {"all": "auto"}},
    )
    assert formats(config, "blocks.0.conv") == {r: "fixed<6,1>" if r == "weight" else "fixed<8,4>" for r in ROLES}
    assert "input" not in formats(config, "blocks.0.act") and formats(config, "blocks.0.act")["output"] == "fixed<8,4>"
    assert formats(config, "blocks.1.conv") == {}


def test_only_a_layer_or_a_pattern_names_a_role() -> None:
    graph = network()
    for sections, named in (
        ({"default": {"weight": "fixed<8,1>"}}, False), ({"types": {"conv": {"weight": "fixed<8,1>"}}}, False),
        ({"patterns": {".*conv": {"weight": "fixed<8,1>"}}}, True), ({"layers": {"blocks.0.conv": {"weight": "fixed<8,1>"}}}, True),
        ({"layers": {"blocks.0.conv": {"all": "fixed<8,1>"}}}, False),
    ):
        choice = PrecisionConfig.of(**sections).on(graph).choice(node(graph, "blocks.0.conv"), "weight")
        assert choice is not None and choice.named is named, sections


def test_names_are_compared_as_hls4ml_writes_them_and_exactly_first() -> None:
    config = PrecisionConfig.of(layers={"blocks_0_conv": {"weight": "fixed<3,1>"}})
    assert formats(config, "blocks.0.conv") == {"weight": "fixed<3,1>"}
    x = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    first = make(RELU, NO_ATTRS, [x], "a", "a.b").output
    graph = graph_of(make(RELU, NO_ATTRS, [first], "b", "a_b").output)
    rules = PrecisionConfig.of(layers={"a_b": {"output": "fixed<3,1>"}}).on(graph)
    assert [rules.choice(node(graph, path), "output") is not None for path in ("a.b", "a_b")] == [False, True]
    with pytest.raises(HwgenError, match=r"may be each of a\.b, a_b"):
        PrecisionConfig.of(layers={"A-B": {"output": "fixed<3,1>"}}).on(graph)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"layers": {"blocks.0.cnv": {"weight": "fixed<8,4>"}}},
            'layers."blocks.0.cnv": is no layer of the model; did you mean blocks.0.conv?',
        ),
        ({"layers": {"nothing": {"weight": "auto"}}}, "is no layer of the model"),
        ({"layers": {"blocks.0.conv": {}, "blocks_0_conv": {}}}, "has an entry already"),
        (
            {"layers": {"blocks.0.act": {"weight": "fixed<8,4>"}}},
            'layers."blocks.0.act".weight: relu has no weight; give input or output',
        ),
        ({"layers": {"in": {"input": "fixed<8,4>"}}}, "input has no input; give output"),
        ({"types": {"linar": {"weight": "fixed<8,4>"}}}, "is no type of layer here; did you mean linear?"),
        ({"types": {"linear": {"weight": "fixed<8,4>"}}}, "the model has no layer of this type; it has input, conv, relu"),
        ({"types": {"relu": {"bias": "fixed<8,4>"}}}, "relu has no bias"),
        ({"patterns": {"conv": {"weight": "fixed<8,4>"}}}, 'patterns."conv": matches no layer of the model in full'),
        ({"patterns": {".*act": {"weight": "fixed<8,4>"}}}, "relu has no weight"),
        ({"patterns": {"(": {"weight": "fixed<8,4>"}}}, "is no regular expression: missing"),
        ({"patterns": {f"x{k}|.*": {} for k in range(101)}}, "use at most 100"),
    ],
)
def test_what_fits_nothing_is_refused_by_its_key(sections: dict, said: str) -> None:
    with pytest.raises(HwgenError) as error:
        PrecisionConfig.of(**sections).on(network())
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"wieght": "fixed<8,4>"}, "default.wieght: is not a known key; did you mean weight?"),
        ({"weight": "fixd<8,4>"}, "default.weight: format 'fixd<8,4>' is not a known format"),
        ({"weight": "real"}, "is not what a quantizer makes"),
        ({"weight": "int<0,3>[scale=1,offset=0]"}, "is not what a quantizer makes"),
        ({"weight": "fixed<99,4>"}, "99 bits"),
    ],
)
def test_a_wrong_key_or_format_is_refused_by_its_key(texts: dict[str, str], said: str) -> None:
    with pytest.raises(HwgenError) as error:
        PrecisionConfig.of(default=texts)
    assert said in str(error.value)


def test_parallelism_comes_from_the_most_specific_section_that_has_one() -> None:
    config = PrecisionConfig.of(
        default={"parallelism": "1x1"}, types={"conv1d": {"parallelism": "2x2"}}, layers={"blocks.1.conv": {"parallelism": "3x3"}},
        patterns={".*conv": {"weight": "fixed<8,4>"}},
    )
    known = ["blocks.0.conv", "blocks.1.conv"]
    assert config.on(network()).parallelism(known) == {"blocks.0.conv": "2x2", "blocks.1.conv": "3x3"}
    for sections in ({"types": {"relu": {"parallelism": "2x2"}}}, {"layers": {"blocks.0.cnv": {"parallelism": "2x2"}}}):
        with pytest.raises(HwgenError, match="means no layer that has multipliers"):
            PrecisionConfig.of(**sections).on(network()).parallelism(known)


FORMATS = (
    "fixed<8,4>", "ufixed<5,-1,trn,wrap>", "int4[scale=1/3]", "int8[scale=1/3 2/7,axis=0]", "binary[scale=1]", "minifloat<4,3>",
    "mxint<4,8,16>", "mxfp8<e4m3>", "auto",
)
NAMES = ("fc1", "a.b", 'quoted "name"', "back\\slash", "tab\there", "naïve ☃", "", "[x]", "a#b", "del\x7f", "new\nline")


@pytest.fixture
def again(tmp_path: Path) -> Callable[[PrecisionConfig], PrecisionConfig]:
    def through_a_file(config: PrecisionConfig) -> PrecisionConfig:
        path = tmp_path / "formats"
        path.write_text(to_toml(config), encoding="utf-8")
        return read_config(path).layers

    return through_a_file


def test_what_is_written_as_toml_is_read_again_as_the_same(
    again: Callable[[PrecisionConfig], PrecisionConfig], random: Random
) -> None:
    def section() -> dict[str, str]:
        roles = random.sample((*ROLES, ALL), random.randint(1, 4))
        texts = {role: random.choice(FORMATS) for role in sorted(roles, key=(*ROLES, ALL).index)}
        return {**texts, **({"parallelism": "2x3"} if random.random() < 0.3 else {})}

    for _ in range(20):
        names = random.sample(NAMES, 4)
        config = PrecisionConfig.of(
            default=section(), types={"relu": section()}, patterns={n: section() for n in names[:2]},
            layers={n: section() for n in names[2:]},
        )
        found = again(config)
        assert (found.default, found.types, found.meaning) == (config.default, config.types, config.meaning)
        for one, other in ((found.patterns, config.patterns), (found.layers, config.layers)):
            assert [(n, s.given, s.parallelism) for n, s in one] == [(n, s.given, s.parallelism) for n, s in other]
        assert again(found) == found


def test_a_layer_that_nothing_is_said_of_has_no_formats() -> None:
    graph = mlp((3, 2), 1)
    assert PrecisionConfig().on(graph).formats_of(graph.nodes[-1]) == LayerFormats(None, None, None, None, None)
    assert not PrecisionConfig().gives_formats
