"""The text form of graphs: reads back what it prints; damaged text is refused with line and column and nothing else."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Affine, Binary, Fixed, Format, Integer
from hwgen.ir.graph import NO_ATTRS, Array, Attrs, Graph, NoAttrs, Node, TensorType, Value, topological
from hwgen.ir.text import parse_graph, print_graph
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.table import ATTRS


@dataclass(frozen=True, eq=False, slots=True)
class EveryKind(Attrs):
    """One field of each kind that an attribute can have."""

    whole: int
    flag: bool
    name: str
    exact: Surd
    format: Format
    sizes: tuple[int, ...]
    nested: tuple[tuple[Surd, ...], ...]
    floats: Array
    codes: Array
    exacts: Array
    maybe: int | None
    absent: int | None


@dataclass(frozen=True, slots=True)
class InAttrs(Attrs):
    """Like the operator ``input``."""

    shape: tuple[int, ...]
    format: Format = REAL


KINDS: dict[str, type[Attrs]] = {"input": InAttrs, "every": EveryKind, "join": NoAttrs}


def node(op: str, attrs: Attrs, inputs: list[Value], name: str, type_: TensorType, path: str | None = None) -> Node:
    return Node(op, attrs, tuple(inputs), (type_,), (name,), name if path is None else path)


def exacts(*values: Surd) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def sample(name: str = "net") -> Graph:
    type_ = TensorType((1, 3), Integer(-5, 9, (Surd.of(Fraction(1, 3)),), (Surd.sqrt(Fraction(2, 7)),)))
    x = node("input", InAttrs((1, 3), Affine(4, True, False, (Fraction(1, 10),))), [], "x", type_)
    unused = node("input", InAttrs((1, 2)), [], "unused", TensorType((1, 2), REAL))
    attrs = EveryKind(
        -12345678901234567890, True, 'quote " backslash \\ é ; ) ] ! # @ %1', Surd.of(Fraction(-3, 7)) + Surd.sqrt(Fraction(5)),
        Fixed(8, 4), (1, 2, 3), ((UNIT, ZERO), (), (Surd.of(Fraction(1, 2)),)),
        np.array([[1.5, -0.0, 1e-45], [3.4e38, 0.1, -1]], dtype=np.float32), np.array([-(1 << 62), 0, 7]),
        exacts(Surd.of(2), Surd.sqrt(Fraction(3)), ZERO), 4, None,
    )
    middle = node("every", attrs, [x.output], "mid\ndle", TensorType((1, 3), Binary((Fraction(2),))), "path/with \"quotes\" and ✓")
    last = node("join", NO_ATTRS, [middle.output, x.output, middle.output], "out", TensorType((), REAL), "")
    return Graph(name, topological([last.output], [x, unused]), (last.output, x.output))


def same_attribute(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        same = a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()
        return a.dtype == b.dtype and a.shape == b.shape and same
    return type(a) is type(b) and a == b


def assert_same(a: Graph, b: Graph) -> None:
    assert (a.name, len(a.nodes)) == (b.name, len(b.nodes))
    place = {value: i for graph in (a, b) for i, value in enumerate(graph.values())}
    for left, right in zip(a.nodes, b.nodes, strict=True):
        assert (left.op, left.path, left.output_names) == (right.op, right.path, right.output_names)
        assert left.output_types == right.output_types
        assert [place[v] for v in left.inputs] == [place[v] for v in right.inputs]
        for field in fields(left.attrs):  # pyright: ignore[reportArgumentType]
            assert same_attribute(getattr(left.attrs, field.name), getattr(right.attrs, field.name)), f"{left.path}: {field.name}"
    assert [place[v] for v in a.outputs] == [place[v] for v in b.outputs]


@pytest.mark.parametrize("name", ["net", "", 'a "b" \\ \n ☃', "%0 = input() {"])
def test_every_kind_of_attribute_reads_back(name: str) -> None:
    graph = sample(name)
    again = parse_graph(print_graph(graph), KINDS)
    assert_same(graph, again)
    assert print_graph(again) == print_graph(graph)


def test_inputs_keep_their_order_and_the_unused_one_stays() -> None:
    assert [v.name for v in parse_graph(print_graph(sample()), KINDS).inputs] == ["x", "unused"]


@pytest.mark.parametrize(
    "array",
    [np.zeros((0,)), np.zeros((2, 0, 3), dtype=np.float32), np.array(5.0), np.array(7), np.arange(1000).reshape(10, 100),
     np.arange(12.0).reshape(3, 4).T, np.array([np.nan, np.inf, -np.inf]), np.array([1, 2], dtype=">i8")],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_read_back_bit_for_bit(array: Array) -> None:
    x = node("input", InAttrs((1,)), [], "x", TensorType((1,), REAL))
    attrs = EveryKind(0, False, "", ZERO, REAL, (), (), array, array, exacts(), None, None)
    made = node("every", attrs, [x.output], "y", TensorType((1,), REAL))
    again = parse_graph(print_graph(Graph("g", (x, made), (made.output,))), KINDS)
    read = again.outputs[0].producer.attrs
    assert isinstance(read, EveryKind), "the operator's own class"
    assert read.floats.shape == array.shape
    assert read.floats.tobytes() == np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


# --- damage -----------------------------------------------------------------------------------------------------------

GOOD = print_graph(sample())
ONE = 'graph "g" {\n  %0 "x" = input[shape=(1; 4), format=!real!]() : 1x4 real @ "x"\n  return %0\n}\n'


def test_the_plain_example_is_read() -> None:
    assert print_graph(parse_graph(ONE, KINDS)) == ONE


def wrong(old: str, new: str) -> str:
    assert ONE.count(old) >= 1, f"the example holds {old!r}"
    return ONE.replace(old, new, 1)


BOMB = base64.b64encode(zlib.compress(bytes(1 << 20))).decode()
DAMAGED = {
    "empty": ("", 1),
    "no head": ("hello\n", 1),
    "no name": (wrong('graph "g"', "graph g"), 1),
    "name of another type": (wrong('"g"', "[[[["), 1),
    "deep name": (wrong('"g"', "[" * 100_000), 1),
    "text behind the head": (wrong("{\n", "{ x\n"), 1),
    "no return": ('graph "g" {\n', 2),
    "cut off before the end": (ONE[:-3], 4),
    "text behind the end": (ONE + "more\n", 4),
    "unknown operator": (wrong("input[", "import_os["), 2),
    "unknown attribute": (wrong("shape=", "shapes="), 2),
    "attribute twice": (wrong("shape=(1; 4), ", "shape=(1; 4), shape=(1; 4), "), 2),
    "attribute missing": (wrong("shape=(1; 4), ", ""), 2),
    "attribute of another type": (wrong("(1; 4)", '"14"'), 2),
    "element of another type": (wrong("(1; 4)", "(1; true)"), 2),
    "bad tuple": (wrong("(1; 4)", "(1 4)"), 2),
    "deep tuple": (wrong("(1; 4)", "(" * 100_000), 2),
    "giant number": (wrong("(1; 4)", f"(1; {'9' * 10_000})"), 2),
    "unknown format": (wrong("!real!", "!reel!"), 2),
    "open format": (wrong("!real!]", "!real]"), 2),
    "unknown type": (wrong("1x4 real", "1x4 reel9"), 2),
    "shape without a size": (wrong("1x4 real", "1xx4 real"), 2),
    "shape of an x": (wrong("1x4 real", "x real"), 2),
    "giant shape": (wrong("1x4 real", "1x9999999999999 real"), 2),
    "endless shape": (wrong("1x4 real", "x".join("1" * 5000) + " real"), 2),
    "no type": (wrong("1x4 real ", ""), 2),
    "two types": (wrong("1x4 real", "1x4 real, 1x4 real"), 2),
    "two values of an input": (wrong('%0 "x" =', '%0 "x", %1 "y" =').replace("1x4 real", "1x4 real, 1x4 real"), 2),
    "no value": (wrong('%0 "x" = ', " = ").replace(": 1x4 real", ": "), 2),
    "used before made": (wrong("]()", "](%7)"), 2),
    "uses itself": (wrong("]()", "](%0)"), 2),
    "made twice": (wrong("  return", ONE.split("\n")[1] + "\n  return"), 3),
    "returns what is not there": (wrong("return %0", "return %1"), 3),
    "returns nothing": (wrong("return %0", "return "), 3),
    "returns text": (wrong("return %0", "return %0, x"), 3),
    "text behind a node": (wrong('@ "x"\n', '@ "x" more\n'), 2),
    "array too short": (wrong("(1; 4)", f"i64<9x9:{base64.b64encode(zlib.compress(b'12345678')).decode()}>"), 2),
    "array too long": (wrong("(1; 4)", f"i64<1:{BOMB}>"), 2),
    "array too large": (wrong("(1; 4)", f"i64<999999999x999999999:{BOMB}>"), 2),
    "array of no base64": (wrong("(1; 4)", "f32<1:###>"), 2),
    "array of no zlib": (wrong("(1; 4)", "f32<1:AAAA>"), 2),
    "array of a strange shape": (wrong("(1; 4)", "f32<1x:AAAA>"), 2),
    "exact array of other length": (wrong("(1; 4)", "exact<3:1 2>"), 2),
    "exact array of no numbers": (wrong("(1; 4)", "exact<1:1/0>"), 2),
    "array where a tuple is due": (wrong("(1; 4)", "exact<1:1>"), 2),
    "division by zero": (wrong("(1; 4)", "#1/0"), 2),
    "unfinished name": (wrong('@ "x"', '@ "x'), 2),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damage_is_refused_where_it_is(what: str) -> None:
    text, line = DAMAGED[what]
    with pytest.raises(HwgenError) as caught:
        parse_graph(text, KINDS)
    assert re.fullmatch(r"line \d+, column \d+", caught.value.where), caught.value.where
    assert caught.value.where.startswith(f"line {line},"), f"{caught.value}"
    assert caught.value.fix, "it says what to do"


def test_bytes_of_an_array_are_not_unpacked_beyond_what_its_shape_says() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(1 << 28), 9)).decode()
    with pytest.raises(HwgenError, match="array of 1 elements"):
        parse_graph(wrong("(1; 4)", f"i64<1:{bomb}>"), KINDS)


def only_hwgen_error(action: Callable[[], object]) -> None:
    try:
        action()
    except HwgenError as error:
        assert re.fullmatch(r"line \d+, column \d+", error.where), error.where


SIGNS = '%0123456789x<>[](){}"\\!#@:;,= \n'


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 6), st.text(max_size=4) | st.text(alphabet=SIGNS, max_size=6))
@example(0, 0, "")
def test_nothing_but_a_located_error_comes_of_damaged_text(at: int, gone: int, put: str) -> None:
    only_hwgen_error(lambda: parse_graph(GOOD[:at] + put + GOOD[at + gone :], KINDS))


@given(st.text())
def test_nothing_but_a_located_error_comes_of_any_text(text: str) -> None:
    only_hwgen_error(lambda: parse_graph(text, KINDS))
    only_hwgen_error(lambda: parse_graph('graph "g" {\n  ' + text, KINDS))


def test_text_cut_at_every_place_is_refused() -> None:
    for end in range(len(GOOD)):
        with pytest.raises(HwgenError):
            parse_graph(GOOD[:end], KINDS)


def test_samples_of_all_operators_read_back(random: Random) -> None:
    from hwgen.ops.table import INTEGER_OPS

    for op in INTEGER_OPS:
        assert op.sample is not None, f"{op.name} has a sample"
        case = op.sample(random)
        source = case.node.inputs[0].producer
        graph = Graph(op.name, topological([case.node.output], [source]), (case.node.output,))
        assert_same(graph, parse_graph(print_graph(graph), ATTRS))
