"""Files from outside: whatever they hold, they are read or refused with the place, the reason and a way out; in seconds."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hostile.draft import Draft, tensor
from hostile.spoilt import SPOILT
from onnx import TensorProto, helper

from hwgen.errors import HwgenError
from hwgen.frontend.onnx_reader import ReadResult, read_onnx


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


def test_a_file_cut_at_every_eighth_byte_is_refused_or_read(tmp_path: Path) -> None:
    whole = Draft().model().SerializeToString()
    for end in range(0, len(whole), 8):
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
