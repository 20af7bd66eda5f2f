"""Valid files with random changes: only our own error comes out of the API.  HWGEN_MUTATIONS=n: so many examples a file."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hostile.draft import Draft
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto

from hwgen.cli.arrays import load_array
from hwgen.config import read_config
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, check_model, emit_model, import_model, lower, plan_dataflow
from hwgen.formats import parse
from hwgen.ir.text import print_graph
from hwgen.rtl.build_directory import Build
from hwgen.sim.samples import draw

EXAMPLES: Final = int(os.environ.get("HWGEN_MUTATIONS") or 120)
MANY: Final = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
_WORDS: Final = (
    b"",
    b"\0",
    b"\xff",
    b"-1",
    b"0",
    b"99999999999",
    b"1e999",
    b"nan",
    b"(",
    b"[",
    b'"',
    b"real",
    b"int4096",
    b"%0",
    b"x",
    b"/",
    b"\n",
    b"sqrt",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\x0f",
    b"\x80" * 9,
)


def change(data: bytes, draws: list[tuple[int, int, int, bytes]]) -> bytes:
    """Each draw: where (a fraction of 2^16), how, how long, and what."""
    for place, how, length, what in draws:
        at = place * len(data) >> 16
        match how:
            case 0:
                data = data[:at] + what + data[at + len(what) :]
            case 1:
                data = data[:at] + what + data[at:]
            case 2:
                data = data[:at] + data[at + length :]
            case 3:
                data = data[:at] + data[at : at + length] + data[at:]
            case _:
                data = data[:at] + bytes([data[at] ^ (1 << length % 8)]) + data[at + 1 :] if at < len(data) else data
    return data


CHANGES: Final = st.lists(
    st.tuples(st.integers(0, 65535), st.integers(0, 4), st.integers(0, 40), st.sampled_from(_WORDS) | st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)


def harmless(action: Callable[[], object]) -> None:
    """Does it, or refuses it for a reason that somebody thought of."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            action()
    except HwgenError as error:
        assert error.code != "not-understood", f"{error}"
        assert error.where and error.what and error.fix
        assert str(error).isprintable() and len(str(error)) < 1500


def down(path: Path) -> None:
    """The way from a file to a plan, with a few samples."""
    options = BuildOptions(samples=2, precision="fixed<6,3>")
    lowered = lower(import_model(path), options)
    draw(plan_dataflow(lowered.graph, options), 2, 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("mutations")
    emit_model(Draft().write(made), made / "build", BuildOptions(samples=2))
    return made


@MANY
@given(CHANGES)
def test_changed_bytes_of_a_model(folder: Path, draws: list[tuple[int, int, int, bytes]]) -> None:
    path = folder / "changed.onnx"
    path.write_bytes(change(Draft().model().SerializeToString(), draws))
    harmless(lambda: down(path))


def fields(message: Any, found: list[tuple[Any, Any, int | None]]) -> list[tuple[Any, Any, int | None]]:
    """Every field that is set, of a message and of all within: the message, the field's descriptor, the index where it repeats."""
    for field, value in message.ListFields():
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
        for index, one in enumerate(value) if repeated and not isinstance(value, bytes | str) else [(None, value)]:
            found.append((message, field, index))
            if field.type == field.TYPE_MESSAGE:
                fields(one, found)
    return found


_VALUES: Final = {
    int: st.sampled_from([0, 1, -1, 2, 7, 8, 13, 127, 1 << 20, (1 << 31) - 1]) | st.integers(-5, 20),
    float: st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, 1e38, float("nan"), float("inf"), 0.5, 3.0]),
    str: st.sampled_from(
        [
            "",
            "x",
            "y",
            "w",
            "Relu",
            "Gemm",
            "Add",
            "MatMul",
            "Reshape",
            "Transpose",
            "BatchNormalization",
            "Quant",
            "Trunc",
            "\x1b",
            "axis",
            "ROUND",
        ]
    ),
    bytes: st.sampled_from([b"", b"FLOOR", b"\xff", b"\0" * 4, b"\0\0\xc0\x7f", b"\0\0\x80\x3f"]) | st.binary(max_size=8),
}


def set_field(draws: st.DataObject, place: tuple[Any, Any, int | None]) -> None:
    """Another value, one more of it, or none."""
    message, field, index = place
    holder = getattr(message, field.name)
    how = draws.draw(st.integers(0, 3))
    if field.type == field.TYPE_MESSAGE:
        if index is None or how == 0:
            message.ClearField(field.name)
        elif how == 1:
            del holder[index]
        else:
            holder.add().CopyFrom(holder[index])
        return
    kind = type(holder[index] if index is not None else holder)
    value = draws.draw(_VALUES[kind])
    try:
        if index is None:
            message.ClearField(field.name) if how == 0 else setattr(message, field.name, value)
        elif how == 0:
            del holder[index]
        elif how == 1:
            holder.append(value)
        else:
            holder[index] = value
    except (ValueError, TypeError):
        return  # protobuf itself refuses it: text that is no UTF-8, a number of another width


@MANY
@given(st.data())
def test_changed_fields_of_a_model(folder: Path, draws: st.DataObject) -> None:
    model = Draft().model()
    for _ in range(draws.draw(st.integers(1, 3))):
        places = fields(model, [])
        set_field(draws, places[draws.draw(st.integers(0, len(places) - 1))])
    path = folder / "fields.onnx"
    path.write_bytes(model.SerializeToString())
    assert ModelProto.FromString(path.read_bytes()) is not None
    harmless(lambda: down(path))


@MANY
@given(CHANGES, st.booleans())
def test_changed_texts_of_a_graph(folder: Path, draws: list[tuple[int, int, int, bytes]], integers: bool) -> None:
    path = folder / "changed.hwg"
    whole = (folder / "build" / "model.hwg").read_text() if integers else print_graph(check_model(folder / "model.onnx").require())
    path.write_bytes(change(whole.encode(), draws))
    harmless(lambda: down(path))


@MANY
@given(
    CHANGES,
    st.sampled_from(
        [
            "fixed<8,4,trn,wrap>",
            "uint4[scale=0.1,zero=3]",
            "int8[scale=1 2 3,axis=0]",
            "ap_fixed<18,10,AP_RND,AP_SAT>",
            "int<-3,4>[scale=1/2*sqrt(3),offset=0]",
        ]
    ),
)
def test_changed_formats(draws: list[tuple[int, int, int, bytes]], text: str) -> None:
    changed = change(text.encode(), draws).decode("utf-8", "replace")
    harmless(lambda: str(parse(changed)))


_TOML: Final = (
    b'[build]\nsamples = 10\nprecision = "fixed<8,3>"\nparallelism = "4x4"\nargmax = true\n\n[layers."fc"]\nparallelism = "8x8"\n'
)


@MANY
@given(CHANGES)
def test_changed_configurations(folder: Path, draws: list[tuple[int, int, int, bytes]]) -> None:
    path = folder / "changed.toml"
    path.write_bytes(change(_TOML, draws))
    harmless(lambda: read_config(path))


@MANY
@given(CHANGES, st.sampled_from(["<f4", ">f8", "<i8", "|u1"]))
def test_changed_arrays(folder: Path, draws: list[tuple[int, int, int, bytes]], kind: str) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(8).reshape(2, 4).astype(kind))
    path = folder / "changed.npy"
    path.write_bytes(change(buffer.getvalue(), draws))
    harmless(lambda: load_array(path, "--inputs"))


@MANY
@given(CHANGES, st.sampled_from(["manifest.json", "filelist.f"]))
def test_changed_builds(folder: Path, draws: list[tuple[int, int, int, bytes]], name: str) -> None:
    path = folder / "build" / name
    whole = path.read_bytes()
    try:
        path.write_bytes(change(whole, draws))
        harmless(lambda: Build(folder / "build").check_hardware())
    finally:
        path.write_bytes(whole)


@MANY
@given(st.data())
def test_changed_values_of_a_manifest(folder: Path, draws: st.DataObject) -> None:
    path = folder / "build" / "manifest.json"
    whole = path.read_bytes()
    record = json.loads(whole)
    part, key = record, draws.draw(st.sampled_from(sorted(record)))
    while isinstance(part[key], dict | list) and part[key] and draws.draw(st.booleans()):
        part = part[key]
        key = draws.draw(st.sampled_from(sorted(part))) if isinstance(part, dict) else draws.draw(st.integers(0, len(part) - 1))
    part[key] = draws.draw(st.sampled_from([None, 0, -1, 1 << 70, 1.5, "", "x", "../x", "9x9", [], {}, [0], True]))
    try:
        path.write_text(json.dumps(record))
        harmless(lambda: Build(folder / "build").check_hardware())
    finally:
        path.write_bytes(whole)
