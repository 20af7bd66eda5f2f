"""Files from outside: whatever they hold, they are read or refused with the place, the reason and a way out; in seconds."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from hwgen.errors import HwgenError
from hwgen.frontend.onnx_reader import ReadResult, read_onnx

QONNX = "qonnx.custom_op.general"


def tensor(name: str, values: Any, kind: type = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=kind), name)


class Draft:
    """A small sound network; each test spoils one thing of it before it is written."""

    def __init__(self) -> None:
        weight = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
        self.tensors = {
            t.name: t
            for t in (
                tensor("w", weight), tensor("b", [1, 2, 3]), tensor("scale", 0.25), tensor("zero", 0), tensor("bits", 4),
            )
        }
        self.nodes = {
            "quantize_x": self.quant("x", "xq", "quantize_x"),
            "quantize_w": self.quant("w", "wq", "quantize_w"),
            "fc": helper.make_node("Gemm", ["xq", "wq", "b"], ["y"], name="fc", transB=1),
            "relu": helper.make_node("Relu", ["y"], ["z"], name="relu"),
            "quantize_y": self.quant("z", "out", "quantize_y"),
        }
        self.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])]
        self.outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3])]
        self.opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]

    @staticmethod
    def quant(x: str, y: str, name: str, **changed: Any) -> NodeProto:
        settings = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **changed}
        return helper.make_node("Quant", [x, "scale", "zero", "bits"], [y], name=name, domain=QONNX, **settings)

    def model(self) -> ModelProto:
        graph = helper.make_graph(list(self.nodes.values()), "g", self.inputs, self.outputs, list(self.tensors.values()))
        return helper.make_model(graph, opset_imports=self.opsets)

    def write(self, folder: Path) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(self.model().SerializeToString())
        return path


def refusal(path: Path) -> HwgenError:
    """The error that a file is refused with; every problem that it has names place, reason and way out."""
    result: list[ReadResult] = []

    def read() -> None:
        result.append(read_onnx(path))
        result[0].require()

    with pytest.raises(HwgenError) as caught:
        read()
    for problem in result[0].problems if result else (caught.value,):
        assert problem.where and problem.what and problem.fix and problem.code, str(problem)
        assert "\n" not in str(problem) and str(problem).isprintable(), "one printable line"
        assert len(str(problem)) < 1500, "of bounded length"
    return caught.value


def read_or_refuse(path: Path) -> None:
    try:
        read_onnx(path).require()
    except HwgenError as error:
        assert error.where and error.what and error.fix, str(error)


def test_the_draft_itself_is_read(tmp_path: Path) -> None:
    graph = read_onnx(Draft().write(tmp_path)).require()
    assert [v.name for v in graph.inputs] == ["x"] and graph.outputs[0].type.shape == (1, 3)


# --- one thing spoilt -------------------------------------------------------------------------------------------------

Spoil = Callable[[Draft], None]


def node(name: str, made: NodeProto) -> Spoil:
    return lambda draft: draft.nodes.update({name: made})


def replaced(made: TensorProto) -> Spoil:
    return lambda draft: draft.tensors.update({made.name: made})


def attribute(name: str, key: str, value: Any) -> Spoil:
    def spoil(draft: Draft) -> None:
        kept = [a for a in draft.nodes[name].attribute if a.name != key]
        del draft.nodes[name].attribute[:]
        draft.nodes[name].attribute.extend([*kept, *([] if value is None else [helper.make_attribute(key, value)])])

    return spoil


def inputs(name: str, *names: str) -> Spoil:
    def spoil(draft: Draft) -> None:
        del draft.nodes[name].input[:]
        draft.nodes[name].input.extend(names)

    return spoil


def x_shape(*dims: int | str | None) -> Spoil:
    def spoil(draft: Draft) -> None:
        draft.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(dims))]

    return spoil


def giant(name: str, dims: list[int], raw: bytes = b"") -> Spoil:
    made = TensorProto(name=name, data_type=TensorProto.FLOAT, raw_data=raw)
    made.dims.extend(dims)
    return replaced(made)


def wrong_attribute_type(draft: Draft) -> None:
    draft.nodes["fc"].attribute[0].type = AttributeProto.FLOAT


def cycle(draft: Draft) -> None:
    draft.nodes["fc"].input[0] = "out"


def self_loop(draft: Draft) -> None:
    draft.nodes["relu"].input[0] = "z"


def same_name_twice(draft: Draft) -> None:
    draft.nodes["again"] = helper.make_node("Relu", ["y"], ["z"], name="again")


def weight_and_result_of_one_name(draft: Draft) -> None:
    draft.tensors["z"] = tensor("z", [1.0])


def no_output(draft: Draft) -> None:
    draft.outputs = []


def output_of_no_node(draft: Draft) -> None:
    draft.outputs = [helper.make_tensor_value_info("nowhere", TensorProto.FLOAT, [1, 3])]


def node_without_output(draft: Draft) -> None:
    del draft.nodes["relu"].output[:]
    draft.nodes["quantize_y"].input[0] = "y"


def no_input(draft: Draft) -> None:
    draft.inputs = []
    draft.tensors["x"] = tensor("x", [[1, 2, 3, 4]])


def old_opset(draft: Draft) -> None:
    draft.opsets = [helper.make_opsetid("", 1), helper.make_opsetid(QONNX, 1)]


def integer_input(draft: Draft) -> None:
    draft.inputs = [helper.make_tensor_value_info("x", TensorProto.INT64, [1, 4])]


def sequence_input(draft: Draft) -> None:
    draft.inputs = [helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [1, 4])]


def shapeless_input(draft: Draft) -> None:
    draft.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)]


def one_more_input(draft: Draft) -> None:
    draft.nodes["relu"].input.append("b")


def second_output(draft: Draft) -> None:
    draft.nodes["relu"].output.append("second")
    draft.nodes["quantize_y"].input[0] = "second"


def bad_utf8(draft: Draft) -> None:
    next(a for a in draft.nodes["quantize_y"].attribute if a.name == "rounding_mode").s = b"\xff\xfe"


SPOILT: dict[str, tuple[Spoil, str, str]] = {
    # what: (how, the place that the message names, a word of the reason)
    "unsupported operator": (
        node("relu", helper.make_node("Einsum", ["y"], ["z"], name="my_einsum", equation="ij->ij")), "my_einsum", "not supported"
    ),
    "misspelt operator": (node("relu", helper.make_node("ReLU", ["y"], ["z"], name="act")), "act", "not supported"),
    "foreign domain": (node("relu", helper.make_node("Relu", ["y"], ["z"], name="act", domain="os.path")), "act", "os.path"),
    "control flow": (
        node("relu", helper.make_node("If", ["y"], ["z"], name="branch", then_branch=helper.make_graph([], "t", [], []),
                                      else_branch=helper.make_graph([], "e", [], []))), "branch", "not supported",
    ),
    "unknown attribute": (attribute("fc", "fused_activation", "tanh"), "fc", "fused_activation"),
    "attribute of a wrong type": (wrong_attribute_type, "fc", "wrong type"),
    "missing attribute": (attribute("quantize_x", "signed", None), "quantize_x", "signed"),
    "flag of 2": (attribute("quantize_x", "narrow", 2), "quantize_x", "narrow=2"),
    "unknown rounding": (attribute("quantize_x", "rounding_mode", "STOCHASTIC"), "quantize_x", "STOCHASTIC"),
    "rounding of no text": (bad_utf8, "quantize_y", ""),
    "transposed input": (attribute("fc", "transA", 1), "fc", "transA"),
    "misfit weight": (attribute("fc", "transB", 0), "fc", "do not fit"),
    "misfit bias": (replaced(tensor("b", [1, 2, 3, 4, 5])), "fc", "bias"),
    "vector weight": (replaced(tensor("w", [1, 2, 3, 4])), "fc", "weight"),
    "weight of NaN": (replaced(tensor("w", np.full((3, 4), np.nan))), "weight 'w'", "NaN"),
    "bias of infinity": (replaced(tensor("b", [1, np.inf, 3])), "weight 'b'", "infinity"),
    "scale of zero": (replaced(tensor("scale", 0.0)), "quantize_x", "positive"),
    "negative scale": (replaced(tensor("scale", -0.5)), "quantize_x", "positive"),
    "scale of NaN": (replaced(tensor("scale", np.nan)), "scale", "NaN"),
    "scale of nothing": (replaced(tensor("scale", np.zeros((0,)))), "quantize_x", "scale"),
    "computed scale": (inputs("quantize_x", "x", "y", "zero", "bits"), "", ""),
    "zero point of a half": (replaced(tensor("zero", 0.5)), "quantize_x", "whole"),
    "no bits": (replaced(tensor("bits", 0)), "quantize_x", "bit width 0"),
    "1000 bits": (replaced(tensor("bits", 1000)), "quantize_x", "bit width 1000"),
    "a million million bits": (replaced(tensor("bits", 1e30)), "quantize_x", "bit width"),
    "two and a half bits": (replaced(tensor("bits", 2.5)), "quantize_x", "whole"),
    "negative bits": (replaced(tensor("bits", -4)), "quantize_x", "bit width -4"),
    "two bit widths": (replaced(tensor("bits", [4, 5, 4, 4])), "quantize_x", "bit width"),
    "misfit scales": (replaced(tensor("scale", [0.5] * 7)), "quantize_x", "scale"),
    "missing inputs": (inputs("quantize_x", "x"), "quantize_x", "missing"),
    "input of no node": (inputs("relu", "nobody"), "relu", "made by no node"),
    "an input too many": (one_more_input, "relu", ""),
    "an output that the operator does not have": (second_output, "quantize_y", "made by no node"),
    "a cycle": (cycle, "", "cycle"),
    "a node that uses itself": (self_loop, "relu", ""),
    "a value made twice": (same_name_twice, "'z'", "twice"),
    "a weight and a result of one name": (weight_and_result_of_one_name, "'z'", "twice"),
    "no output": (no_output, "model", "output"),
    "an output of no node": (output_of_no_node, "nowhere", "no node"),
    "a node without output": (node_without_output, "relu", "no output"),
    "no input": (no_input, "model", "no input"),
    "old opset": (old_opset, "model", "opset 1 "),
    "input of integers": (integer_input, "input 'x'", "floats"),
    "input of sequences": (sequence_input, "input 'x'", "floats"),
    "input without a shape": (shapeless_input, "input 'x'", "axes"),
    "input of one axis": (x_shape(4), "input 'x'", "1 axes"),
    "input of unknown size": (x_shape(1, "n"), "input 'x'", "no fixed size"),
    "input of negative size": (x_shape(1, -4), "input 'x'", "shape"),
    "input of 2**62": (x_shape(1, 1 << 62), "input 'x'", "shape"),
    "input of many axes": (x_shape(*[1] * 40, 4), "input 'x'", "shape"),
    "weight of 2**62": (giant("w", [1 << 62, 4]), "weight 'w'", "shape"),
    "weight of 2**31 by 2**31": (giant("w", [1 << 31, 1 << 31]), "weight 'w'", "shape"),
    "weight of a negative size": (giant("w", [-3, 4]), "weight 'w'", "shape"),
    "weight of many axes": (giant("w", [1] * 70), "weight 'w'", "shape"),
    "weight whose bytes are missing": (giant("w", [3, 4], b"1234"), "weight 'w'", "4 bytes for 12"),
    "weight whose numbers are missing": (
        replaced(TensorProto(name="w", data_type=1, dims=[3, 4], float_data=[1, 2])), "weight 'w'", "12 elements"
    ),
    "weight of a large shape and no numbers": (
        replaced(TensorProto(name="w", data_type=1, dims=[1 << 14, 1 << 14])), "weight 'w'", "elements"
    ),
    "weight of texts": (
        replaced(TensorProto(name="w", data_type=TensorProto.STRING, dims=[1], string_data=[b"x"])), "weight 'w'", "type"
    ),
    "weight of no type": (replaced(TensorProto(name="w", data_type=0, dims=[1])), "weight 'w'", "type"),
    "weight of an unknown type": (replaced(TensorProto(name="w", data_type=999, dims=[1])), "weight 'w'", "type"),
    "weight of complex numbers": (replaced(tensor("w", [[1j]], np.complex64)), "weight 'w'", "type"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_spoilt_model_is_refused_at_the_place(what: str, tmp_path: Path) -> None:
    spoil, place, reason = SPOILT[what]
    draft = Draft()
    spoil(draft)
    error = refusal(draft.write(tmp_path))
    assert place in error.where, f"{error}"
    assert reason in error.what, f"{error}"


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    draft = Draft()
    draft.nodes["relu"] = helper.make_node("Erf", ["y"], ["z"], name="first")
    draft.nodes["other"] = helper.make_node("Foo", ["xq"], ["foo"], name="second")
    draft.tensors["b"] = tensor("b", [np.nan] * 3)
    places = " ".join(p.where for p in read_onnx(draft.write(tmp_path)).problems)
    assert "weight 'b'" in places and "second" in places


def test_dropout_is_read_with_its_ratio_as_an_input(tmp_path: Path) -> None:
    draft = Draft()
    draft.tensors["ratio"] = tensor("ratio", 0.5)
    draft.nodes["relu"] = helper.make_node("Dropout", ["y", "ratio"], ["z"], name="dropout")
    read_onnx(draft.write(tmp_path)).require()


# --- names ------------------------------------------------------------------------------------------------------------

REFUSED_NAMES = [
    "module top; endmodule", "../../etc/passwd", "a/../b", "$(touch x)", "a`b`", "x\ny", "x\0y", "\x1b[31mred", "x" * 100_000,
    "`include \"x.v\"", "${HOME}", "\u202eevil", " ", "x;endmodule", "back\\slash",
]
KEPT_NAMES = [
    "/etc/passwd", "onnx::Add_0", "/a/a.0/Gemm", "é☃\U0001f600", "-rf", "module.fc1", "a;b", "in put", "weekend", "end", "module",
    "x" * 4096,
]


@pytest.mark.parametrize("name", REFUSED_NAMES, ids=range(len(REFUSED_NAMES)))
def test_a_name_with_code_or_a_path_upwards_is_refused(name: str, tmp_path: Path) -> None:
    draft = Draft()
    draft.nodes["fc"].name = name
    assert refusal(draft.write(tmp_path)).code == "bad-name"


@pytest.mark.parametrize("name", KEPT_NAMES, ids=range(len(KEPT_NAMES)))
def test_strange_names_are_only_names(name: str, tmp_path: Path) -> None:
    draft = Draft()
    draft.nodes["fc"].name = name
    draft.nodes["fc"].output[0] = name
    draft.nodes["relu"].input[0] = name
    graph = read_onnx(draft.write(tmp_path)).require()
    assert any(n.path == name for n in graph.nodes), "the name is kept, as data"
    draft.nodes["relu"] = helper.make_node("Nothing", [name], ["z"], name=name)
    assert refusal(draft.write(tmp_path)).code == "unsupported-node"


# --- files ------------------------------------------------------------------------------------------------------------


def write(folder: Path, data: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(data)
    return path


class Bomb:
    """Unpickling this would leave a mark."""

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return os.mkdir, ("pickle-was-run",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_run(protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal(write(tmp_path, pickle.dumps(Bomb(), protocol)))
    assert not (tmp_path / "pickle-was-run").exists()


def test_a_zip_is_refused_by_its_kind(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", b"x" * 100)
    assert "zip" in refusal(write(tmp_path, buffer.getvalue())).what


@pytest.mark.parametrize("data", [b"", b"\0", b"hello", b"\x1f\x8b\x08\0", b"{}", b"\x08" * 1000, b"\xff" * 1000], ids=repr)
def test_what_is_no_onnx_is_refused(data: bytes, tmp_path: Path) -> None:
    assert "model.onnx" in refusal(write(tmp_path, data)).where


def test_a_folder_a_missing_file_a_device_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing.onnx", Path("/dev/zero"), tmp_path / "pipe", tmp_path / ("x" * 300)):
        refusal(path)


def test_a_file_cut_at_every_16th_byte_is_refused_or_read(tmp_path: Path) -> None:
    whole = Draft().model().SerializeToString()
    for end in range(0, len(whole), 16):
        read_or_refuse(write(tmp_path, whole[:end]))


def test_random_bytes_are_refused_or_read(tmp_path: Path, random: Random) -> None:
    for _ in range(300):
        read_or_refuse(write(tmp_path, random.randbytes(random.randint(0, 300))))


def test_a_model_with_changed_bytes_is_refused_or_read(tmp_path: Path, random: Random) -> None:
    whole = Draft().model().SerializeToString()
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(random.choice((1, 1, 2, 8))):
            at = random.randrange(len(data))
            match random.randrange(3):
                case 0:
                    data[at] = random.randrange(256)
                case 1:
                    del data[at : at + random.randint(1, 8)]
                case _:
                    data[at:at] = random.randbytes(random.randint(1, 4))
        read_or_refuse(write(tmp_path, bytes(data)))


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    for _ in range(25):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], name="deep", then_branch=graph)], "g", [], [])
    graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1]))
    refusal(write(tmp_path, helper.make_model(graph).SerializeToString()))
    refusal(write(tmp_path, b"\x3a\x7f" * 5000))


def test_a_long_chain_of_nodes_is_read(tmp_path: Path) -> None:
    draft = Draft()
    draft.nodes = {f"n{i}": helper.make_node("Relu", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(5000)}
    draft.outputs = [helper.make_tensor_value_info("v5000", TensorProto.FLOAT, [1, 4])]
    assert len(read_onnx(draft.write(tmp_path)).require().nodes) == 5001


# --- external data ----------------------------------------------------------------------------------------------------


def external(folder: Path, **entries: str) -> Path:
    draft = Draft()
    made = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3, 4], data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        made.external_data.add(key=key, value=value)
    draft.tensors["w"] = made
    return draft.write(folder)


WEIGHT = np.arange(12, dtype="<f4").tobytes()


@pytest.mark.parametrize("entries", [{}, {"offset": "8"}, {"offset": "8", "length": "48"}], ids=str)
def test_external_data_beside_the_model_is_read(entries: dict[str, str], tmp_path: Path) -> None:
    lead = b"12345678" if entries else b""
    (tmp_path / "w.bin").write_bytes(lead + WEIGHT + (b"tail" if "length" in entries else b""))
    graph = read_onnx(external(tmp_path, location="w.bin", **entries)).require()
    weight = next(n for n in graph.nodes if n.path == "w")
    assert getattr(weight.attrs, "data", None) is not None
    assert np.array_equal(weight.attrs.data.ravel(), np.arange(12))  # pyright: ignore[reportAttributeAccessIssue]


OUTSIDE = [
    {"location": "../secret.bin"}, {"location": "sub/../../secret.bin"}, {"location": "..\\secret.bin"}, {"location": ""},
    {"location": "."}, {"location": "sub"}, {"location": "missing.bin"}, {"location": "w\0.bin"}, {"location": "link.bin"},
    {"location": "hard.bin"}, {"location": "linked/secret.bin"}, {"location": "pipe"}, {"location": "x" * 5000}, {},
]


@pytest.mark.parametrize("entries", OUTSIDE, ids=lambda e: e.get("location", "none")[:20].replace("\0", "0") or "empty")
def test_external_data_anywhere_else_is_refused(entries: dict[str, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(WEIGHT)
    (home / "link.bin").symlink_to(tmp_path / "secret.bin")
    (home / "linked").symlink_to(tmp_path)
    os.link(tmp_path / "secret.bin", home / "hard.bin")
    os.mkfifo(home / "pipe")
    error = refusal(external(home, **entries))
    assert "'w'" in error.where and error.code == "external-data", str(error)


def test_external_data_at_an_absolute_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT)
    assert refusal(external(tmp_path, location=str(tmp_path / "w.bin"))).code == "external-data"


@pytest.mark.parametrize(
    "entries",
    [{"offset": "4"}, {"length": "44"}, {"length": "4000"}, {"offset": "-4"}, {"length": "-1"}, {"offset": "x"},
     {"offset": "9" * 5000}, {"offset": "1e3"}, {"length": "99999999999999999999"}],
    ids=lambda e: str(e)[:30],
)
def test_external_data_of_another_length_is_refused(entries: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT)
    assert "'w'" in refusal(external(tmp_path, location="w.bin", **entries)).where


def test_external_data_too_large_for_its_shape_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(1 << 40)  # a sparse file
    assert "'w'" in refusal(external(tmp_path, location="w.bin")).where
