"""Each command: what it prints, where, and its exit code."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from hwgen.cli.main import app
from tests.cli.support import Hwgen, write_mlp

PRECISION = ("--precision", "fixed<5,2>")
COMMANDS = ("build", "check", "import", "show", "inspect", "estimate", "emit", "sim", "report", "trace", "ops", "formats", "doctor")


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_has_help(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"hwgen {command}" in result.stdout
    assert "--json" in result.stdout


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert [c for c in COMMANDS if f"  {c} " not in result.stdout] == []


# --- build ------------------------------------------------------------------------------------------------------------


def test_build_prints_exactly_the_documented_keys(hwgen: Hwgen, mlp: Path) -> None:
    done = hwgen("build", mlp, *PRECISION, "--samples", 7, "--json")
    assert done.code == 0, done.err
    record = done.record
    assert set(record) == {
        "model", "input_format", "host_steps", "verification", "performance", "synthesis", "seconds", "build_dir", "layers",
        "branches", "memory_bits", "default_precision",
    }
    assert record["model"] == {"name": "mlp", "nodes": 8, "parameters": 53, "macs": 45}
    assert set(record["verification"]) == {"samples", "mismatches", "reference_max_abs_error", "first_difference"}
    assert record["verification"]["samples"] == 7
    assert record["verification"]["mismatches"] == 0
    assert record["verification"]["first_difference"] is None
    assert set(record["performance"]) == {
        "latency_cycles", "interval_cycles", "predicted_latency_cycles", "predicted_interval_cycles", "multipliers",
        "multiplier_utilization",
    }
    assert record["performance"]["latency_cycles"] == record["performance"]["predicted_latency_cycles"]
    assert record["synthesis"] == dict.fromkeys(["target", "luts", "ffs", "dsps", "brams", "fmax_mhz"])
    assert set(record["seconds"]) == {"import", "lower", "emit", "simulate", "synthesize", "total"}
    assert record["build_dir"] == "build/mlp"
    assert [layer["path"] for layer in record["layers"]] == ["fc1", "fc2"]
    assert done.err == "", "nothing reports progress under --json"
    assert Path("build/mlp/manifest.json").is_file()


def test_build_prints_a_table_and_says_that_the_input_format_is_the_default(hwgen: Hwgen, tmp_path: Path) -> None:
    # a quantizer is put on the input of the first product, so the model's own input stays open only behind a scale
    path = write_mlp(tmp_path / "named.onnx")
    model = onnx.load(path)
    model.graph.node[0].input[0] = "scaled"
    model.graph.node.insert(0, onnx.helper.make_node("Mul", ["x", "half"], ["scaled"], name="half"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32([0.3]), "half"))
    onnx.save(model, path)
    done = hwgen("build", path, *PRECISION, "--samples", 5)
    assert done.code == 0, done.err
    assert "matvec + requant" in done.out
    assert "the default; --input-format chooses another" in done.out
    assert "bit for bit equal" in done.out
    assert "build/named" in done.out


def test_build_takes_parallelism_interval_inputs_and_argmax(hwgen: Hwgen, mlp: Path) -> None:
    np.save("data.npy", np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32))
    done = hwgen(
        "build", mlp, *PRECISION, "--argmax", "--inputs", "data.npy", "--calibration", "data.npy", "--interval", 8,
        "--out", "other", "--explain", "--json",
    )
    assert done.code == 0, done.err
    assert done.record["verification"]["samples"] == 9
    assert done.record["performance"]["interval_cycles"] <= 8
    assert done.record["build_dir"] == "other"
    assert "argmax-on-chip" in [p["pass"] for p in done.record["passes"]]
    done = hwgen("build", mlp, *PRECISION, "--parallelism", "fc1=2x3,6x3", "--samples", 3, "--json")
    assert [layer["parallelism"] for layer in done.record["layers"]] == ["2x3", "5x3"]


def test_cocotb_result_is_part_of_the_object(hwgen: Hwgen, mlp: Path) -> None:
    pytest.importorskip("cocotb", reason="cocotb is not installed")
    done = hwgen("build", mlp, *PRECISION, "--samples", 4, "--cocotb", "--json")
    assert done.code == 0, done.out + done.err
    assert done.record["cocotb"]["failures"] == []
    assert done.record["cocotb"]["passed"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qkeras_jettagging.onnx", "TFC_2W2A.onnx", "unsw_nb15-mlp-w2a2.onnx"])
def test_real_model_builds_and_verifies(hwgen: Hwgen, shared_model: Callable[[str], Path], name: str) -> None:
    done = hwgen("build", shared_model(name), "--samples", 20, "--json")
    assert done.code == 0, done.err
    assert done.record["verification"]["mismatches"] == 0


# --- what fails -------------------------------------------------------------------------------------------------------


def one_line(text: str) -> str:
    assert text.count("\n") == 1 and text.endswith("\n"), text
    return text


def test_unsupported_node_is_one_line_and_nothing_is_written(hwgen: Hwgen, unsupported: Path) -> None:
    done = hwgen("build", unsupported)
    assert done.code == 2
    line = one_line(done.err)
    assert "Hardmax 'last'" in line and "not supported" in line and "hwgen ops" in line
    assert done.out == ""
    assert not Path("build").exists()


def test_error_is_an_object_under_json(hwgen: Hwgen, unsupported: Path) -> None:
    done = hwgen("build", unsupported, "--json")
    assert done.code == 2
    assert set(done.record) == {"error"}
    assert set(done.record["error"]) == {"code", "where", "what", "fix"}
    assert done.record["error"]["code"] == "unsupported-node"
    one_line(done.err)


def test_failing_build_leaves_the_earlier_one_as_it_was(hwgen: Hwgen, mlp: Path) -> None:
    assert hwgen("emit", mlp, *PRECISION).code == 0
    before = files(Path("build/mlp"))
    assert hwgen("build", mlp, "--parallelism", "fc9=2x2", *PRECISION).code == 2
    write_mlp(mlp, last="Hardmax")
    assert hwgen("build", mlp, *PRECISION).code == 2
    assert files(Path("build/mlp")) == before
    assert [p.name for p in Path("build").iterdir()] == ["mlp"]


def test_interrupted_emission_leaves_the_earlier_build_as_it_was(hwgen: Hwgen, mlp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hwgen("emit", mlp, *PRECISION).code == 0
    before = files(Path("build/mlp"))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hwgen.rtl.build_directory._write_vectors", stop)
    done = hwgen("emit", mlp, *PRECISION, "--parallelism", "2x2")
    assert done.code == 130
    assert one_line(done.err) == "hwgen: interrupted; nothing half-made was left\n"
    assert files(Path("build/mlp")) == before
    assert [p.name for p in Path("build").iterdir()] == ["mlp"]


def test_a_folder_that_is_no_build_is_not_overwritten(hwgen: Hwgen, mlp: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    done = hwgen("build", mlp, *PRECISION, "--out", "mine")
    assert done.code == 2
    assert "no build of hwgen" in one_line(done.err)
    assert files(tmp_path / "mine") == {"notes.txt": b"keep"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing command"),
        (("biuld",), "biuld"),
        (("build",), "MODEL"),
        (("build", "m.onnx", "--samplse", "3"), "--samplse"),
        (("build", "m.onnx", "--samples", "many"), "--samples"),
        (("build", "m.onnx", "--samples", "0"), "--samples"),
        (("build", "m.onnx"), "No such file"),
        (("sim", "nowhere"), "hwgen build"),
        (("sim", "nowhere", "--codes", "a.npy", "--inputs", "b.npy"), "--codes"),
        (("show", "."), "hwgen build"),
        (("formats", "fixd<8>"), "is not a known format"),
        (("import", "m.onnx", "--out", "m.txt"), ".hwg"),
    ],
)
def test_wrong_usage_is_one_line(hwgen: Hwgen, arguments: tuple[str, ...], said: str) -> None:
    done = hwgen(*arguments)
    assert done.code == 2
    assert said in one_line(done.err)
    assert done.out == ""
    if arguments:
        assert set(hwgen(*arguments, "--json").record) == {"error"}


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x80\4", b"\x1f\x8b", b"graph", bytes(range(256))])
@pytest.mark.parametrize("suffix", [".onnx", ".hwg"])
@pytest.mark.parametrize("command", ["build", "check", "import", "show", "inspect", "emit"])
def test_no_foreign_file_makes_a_traceback(hwgen: Hwgen, tmp_path: Path, command: str, suffix: str, content: bytes) -> None:
    (tmp_path / f"foreign{suffix}").write_bytes(content)
    done = hwgen(command, f"foreign{suffix}")
    assert done.code == 2, done.err
    one_line(done.err)
    assert [p.name for p in tmp_path.iterdir()] == [f"foreign{suffix}"]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([["a"]]), "real numbers"),
        (np.array([1.0, 2.0]), "one sample a row"),
        (np.zeros((0, 6)), "one sample a row"),
        (np.full((2, 6), np.nan), "NaN"),
        (np.zeros((2, 5)), "shape"),
        (np.array([[{}]], dtype=object), "no NumPy array"),
    ],
)
def test_data_that_does_not_fit_is_refused(hwgen: Hwgen, mlp: Path, array: np.ndarray, said: str) -> None:
    np.save("data.npy", array, allow_pickle=True)
    done = hwgen("build", mlp, *PRECISION, "--inputs", "data.npy")
    assert done.code == 2
    assert said in one_line(done.err)
    assert not Path("build/mlp").exists()


def test_unexpected_exception_is_one_line(hwgen: Hwgen, mlp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("odd\x1b[31m\nthing")

    monkeypatch.delenv("HWGEN_DEBUG", raising=False)
    monkeypatch.setattr("hwgen.cli.files.import_model", fail)
    done = hwgen("show", mlp, "--json")
    assert done.code == 1
    line = one_line(done.err)
    assert "internal error" in line and "please report" in line and "\x1b" not in line
    assert done.record["error"]["code"] == "internal"
    monkeypatch.setenv("HWGEN_DEBUG", "1")
    assert "Traceback" in hwgen("show", mlp).err


def test_control_characters_of_names_do_not_reach_the_terminal(hwgen: Hwgen, tmp_path: Path) -> None:
    path = write_mlp(tmp_path / "m.onnx", name="\x1b[31mred\x07[bold]")
    for arguments in (("check", path, *PRECISION), ("show", path), ("build", path, *PRECISION, "--samples", 3)):
        done = hwgen(*arguments)
        assert done.code == 2, done.err
        assert "\x1b" not in done.out + done.err and "\x07" not in done.out + done.err


def test_markup_in_names_is_text(hwgen: Hwgen, tmp_path: Path) -> None:
    path = write_mlp(tmp_path / "m.onnx", name="[bold]<red>&")
    for arguments in (
        ("check", path, *PRECISION), ("show", path), ("inspect", path, *PRECISION), ("build", path, *PRECISION, "--samples", 3),
        ("build", path, "--explain", *PRECISION, "--samples", 3), ("show", path, "--svg", "m.svg"),
    ):
        done = hwgen(*arguments)
        assert done.code == 0, done.err
    assert "[bold]" in hwgen("check", path, *PRECISION).out, "names are text, not markup"
    ElementTree.parse("m.svg")


# --- check, import, show, inspect -------------------------------------------------------------------------------------


def test_check_lists_every_problem_at_once(hwgen: Hwgen, tmp_path: Path) -> None:
    path = write_mlp(tmp_path / "two.onnx")
    model = onnx.load(path)
    for index, op in enumerate(("Hardmax", "LpNormalization")):
        model.graph.node.append(onnx.helper.make_node(op, ["x"], [f"o{index}"], name=f"n{index}"))
        model.graph.output.append(onnx.helper.make_tensor_value_info(f"o{index}", 1, ["batch", 6]))
    model.graph.node.append(onnx.helper.make_node("Relu", ["o0"], ["o2"], name="behind"))
    onnx.save(model, path)
    done = hwgen("check", path, "--json")
    assert done.code == 2
    assert [(p["code"], p["where"]) for p in done.record["problems"]] == [
        ("unsupported-node", "Hardmax 'n0'"), ("unsupported-node", "LpNormalization 'n1'")
    ]
    assert {n["path"]: n["status"] for n in done.record["nodes"]} == {
        "fc1": "supported", "act1": "supported", "fc2": "supported", "n0": "unsupported", "n1": "unsupported",
        "behind": "not judged",
    }
    shown = hwgen("check", path)
    assert "Hardmax 'n0'" in shown.out and "LpNormalization 'n1'" in shown.out
    assert "and 1 more" in one_line(shown.err)
    assert [p.name for p in tmp_path.iterdir()] == ["two.onnx"]


def quantize_input(path: Path) -> None:
    """Puts a quantizer on the input, and on nothing else: the rest gets no precision by default then."""
    model = onnx.load(path)
    model.graph.node[0].input[0] = "xq"
    quant = onnx.helper.make_node(
        "Quant", ["x", "scale", "zero", "bits"], ["xq"], name="quant", domain="qonnx.custom_op.general", signed=1, narrow=0,
        rounding_mode="ROUND",
    )
    model.graph.node.insert(0, quant)
    for name, value in (("scale", 0.25), ("zero", 0.0), ("bits", 4.0)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(value), name))
    model.opset_import.append(onnx.helper.make_opsetid("qonnx.custom_op.general", 1))
    onnx.save(model, path)


def test_check_also_tries_to_lower(hwgen: Hwgen, mlp: Path) -> None:
    quantize_input(mlp)
    done = hwgen("check", mlp, "--json")
    assert done.code == 2
    assert [p["code"] for p in done.record["problems"]] == ["not-quantized"]
    done = hwgen("check", mlp, *PRECISION, "--json")
    assert (done.code, done.record["problems"]) == (0, [])
    assert not Path("build").exists()


def test_imported_file_builds_the_same_hardware(hwgen: Hwgen, mlp: Path) -> None:
    done = hwgen("import", mlp, "--out", "sub/mlp.hwg", "--json")
    assert done.code == 0, done.err
    assert done.record == {"model": {"name": "mlp", "nodes": 8}, "file": "sub/mlp.hwg"}
    assert hwgen("emit", mlp, *PRECISION, "--out", "a").code == 0
    assert hwgen("emit", "sub/mlp.hwg", *PRECISION, "--out", "b").code == 0
    first, second = files(Path("a")), files(Path("b"))
    assert {k: v for k, v in first.items() if k != "manifest.json"} == {k: v for k, v in second.items() if k != "manifest.json"}


def test_show_prints_what_can_be_read_back_only_when_full(hwgen: Hwgen, mlp: Path) -> None:
    full = hwgen("show", mlp, "--full")
    assert hwgen("import", mlp, "--out", "mlp.hwg").code == 0
    assert full.out == Path("mlp.hwg").read_text()
    short = hwgen("show", mlp).out
    assert "f32<5x6:...>" in short
    assert len(short.splitlines()) == len(full.out.splitlines())
    assert hwgen("emit", mlp, *PRECISION).code == 0
    assert "= matvec[" in hwgen("show", "build/mlp").out
    record = hwgen("show", "build/mlp", "--json").record
    assert [n["operator"] for n in record["nodes"]][:2] == ["input", "matvec"]


def test_stages_of_a_build_tell_what_each_takes_and_gives(hwgen: Hwgen, mlp: Path) -> None:
    assert hwgen("emit", mlp, *PRECISION, "--parallelism", "2x3").code == 0
    places = hwgen("show", "build/mlp", "--stages", "--json").record["stages"]
    assert [(p["place"], [t["from"] for t in p["takes"]], p["shape"], p["lanes"]) for p in places] == [
        ("in", [], [6], 2), ("1", ["in"], [5], 3), ("2", ["1"], [3], 3), ("out", ["2"], [3], 3),
    ]
    assert "matvec + requant" in hwgen("show", "build/mlp", "--stages").out
    done = hwgen("show", mlp, "--stages")
    assert done.code == 2
    assert "hwgen emit" in one_line(done.err)


def test_names_are_not_elided(hwgen: Hwgen, tmp_path: Path) -> None:
    path = write_mlp(tmp_path / "m.onnx", name="i64<3:abc> (1; 2; 3; 4; 5; 6)")
    assert "i64<3:abc> (1; 2; 3; 4; 5; 6)1" in hwgen("show", path).out


def test_drawing_holds_every_node_and_is_escaped(hwgen: Hwgen, tmp_path: Path) -> None:
    path = write_mlp(tmp_path / "m.onnx", name="</text><script>&")
    done = hwgen("show", path, "--svg", "out/m.svg", "--json")
    assert done.code == 0, done.err
    root = ElementTree.parse("out/m.svg").getroot()
    names = {element.tag.partition("}")[2] for element in root.iter()}
    assert names == {"svg", "title", "defs", "marker", "path", "rect", "text"}
    texts = [element.text for element in root.iter() if element.tag.endswith("}text")]
    assert texts.count("linear") == 2 and "</text><script>&1" in texts
    first = Path("out/m.svg").read_bytes()
    hwgen("show", path, "--svg", "out/m.svg")
    assert Path("out/m.svg").read_bytes() == first


def test_inspect_shows_codes_within_the_proven_range(hwgen: Hwgen, mlp: Path) -> None:
    done = hwgen("inspect", mlp, *PRECISION, "--json")
    assert done.code == 0, done.err
    rows = done.record["values"]
    assert [r["operator"] for r in rows][:3] == ["input", "matvec", "requant_scale"]
    assert all(r["low"] <= r["seen_low"] <= r["seen_high"] <= r["high"] for r in rows)
    hwgen("emit", mlp, *PRECISION)
    built = hwgen("inspect", "build/mlp", "--json").record["values"]
    assert built == rows
    assert "thresholds" in hwgen("inspect", mlp, *PRECISION).out or "shift" in hwgen("inspect", mlp, *PRECISION).out


# --- sim and trace ----------------------------------------------------------------------------------------------------


def corrupt(build: Path) -> None:
    """Turns the bits of the second layer's weights."""
    stages = json.loads((build / "manifest.json").read_text())["stages"]
    assert stages[1]["path"] == "fc2"
    path = next(f for f in sorted((build / "mem").iterdir()) if "s1" in f.name and f.stat().st_size)
    digits = str.maketrans("0123456789abcdef", "fedcba9876543210")
    lines = [line if line.startswith(("//", "@")) else line.translate(digits) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")


def test_simulation_of_a_damaged_build_names_the_layer_and_is_reproducible(hwgen: Hwgen, mlp: Path) -> None:
    assert hwgen("emit", mlp, *PRECISION).code == 0
    assert hwgen("sim", "build/mlp", "--samples", 6).code == 0
    corrupt(Path("build/mlp"))
    done = hwgen("sim", "build/mlp", "--samples", 6)
    assert done.code == 1
    assert "layer 'fc2'" in done.out and "MISMATCH" in done.out
    command = next(line for line in done.out.splitlines() if line.startswith("reproduce")).split()[2:]
    again = hwgen(*command, "--json")
    assert again.code == 1
    assert again.record["verification"]["mismatches"] > 0
    assert "layer 'fc2'" in again.record["verification"]["first_difference"]
    traced = hwgen("trace", mlp, "build/mlp", *PRECISION, "--json")
    assert traced.code == 1
    assert traced.record["difference"] is None, "the references are equal"
    assert "layer 'fc2'" in traced.record["recorded_failures"]["build/mlp"]


def test_missing_memory_file_is_a_failure_of_one_line(hwgen: Hwgen, mlp: Path) -> None:
    assert hwgen("emit", mlp, *PRECISION).code == 0
    next(f for f in sorted(Path("build/mlp/mem").iterdir()) if f.stat().st_size).unlink()
    done = hwgen("sim", "build/mlp", "--json")
    assert done.code == 1
    one_line(done.err)
    assert set(done.record) == {"error"}


def test_codes_outside_the_input_format_are_refused(hwgen: Hwgen, mlp: Path) -> None:
    assert hwgen("emit", mlp, *PRECISION).code == 0
    np.save("codes.npy", np.full((2, 6), 99))
    done = hwgen("sim", "build/mlp", "--codes", "codes.npy")
    assert done.code == 2
    assert "-16 to 15" in one_line(done.err)
    np.save("codes.npy", np.full((2, 6), 0.5))
    assert "integers" in one_line(hwgen("sim", "build/mlp", "--codes", "codes.npy").err)


def test_trace_finds_the_layer_whose_weight_was_changed(hwgen: Hwgen, mlp: Path, tmp_path: Path) -> None:
    model = onnx.load(mlp)
    weight = next(t for t in model.graph.initializer if t.name == "w2")
    changed = onnx.numpy_helper.to_array(weight).copy()
    changed[1, 2] += 1
    weight.CopyFrom(onnx.numpy_helper.from_array(changed, "w2"))
    onnx.save(model, tmp_path / "other.onnx")
    done = hwgen("trace", mlp, "other.onnx", *PRECISION, "--json")
    assert done.code == 1, done.err
    assert (done.record["difference"]["layer"], done.record["difference"]["element"]) == ("fc2", 1)
    same = hwgen("trace", mlp, mlp, *PRECISION, "--json")
    assert (same.code, same.record["difference"]) == (0, None)
    assert hwgen("emit", "other.onnx", *PRECISION).code == 0
    built = hwgen("trace", mlp, "build/other", *PRECISION)
    assert built.code == 1
    assert "layer 'fc2'" in built.out


def test_trace_compares_a_float_model_with_its_hardware(hwgen: Hwgen, mlp: Path) -> None:
    assert hwgen("emit", mlp, "--precision", "fixed<14,4>").code == 0
    assert hwgen("trace", mlp, "build/mlp").code == 1
    np.save("data.npy", np.random.default_rng(0).normal(size=(20, 6)))  # small enough not to saturate
    done = hwgen("trace", mlp, "build/mlp", "--inputs", "data.npy", "--tolerance", "0.05", "--json")
    assert (done.code, done.record["difference"]) == (0, None)
    assert done.record["compared"] >= 3


# --- tables and the doctor --------------------------------------------------------------------------------------------


def test_ops_lists_names_and_modules(hwgen: Hwgen) -> None:
    record = hwgen("ops", "--json").record
    assert any("Gemm" in op["onnx"] for op in record["operators"])
    assert {"name": "matvec", "modules": ["hg_matvec"]} in record["hardware"]
    assert "hg_matvec" in hwgen("ops").out


def test_formats_tells_bits_range_and_step(hwgen: Hwgen) -> None:
    (one,) = hwgen("formats", "fixed<8,4>", "--json").record["formats"]
    assert (one["bits"], one["low"], one["high"], one["step"]) == (8, -8.0, 127 / 16, 1 / 16)
    assert len(hwgen("formats", "--json").record["formats"]) >= 7


def test_doctor_names_what_is_missing_and_the_way_out(hwgen: Hwgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    healthy = hwgen("doctor", "--json")
    assert healthy.code == 0, healthy.out
    names = {f["name"] for f in healthy.record["findings"]}
    assert {"python", "verilator", "C++ compiler", "make", "perl", "cache folder"} <= names
    from hwgen.sim.toolchain import find_compiler

    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    find_compiler.cache_clear()
    try:
        done = hwgen("doctor")
    finally:
        find_compiler.cache_clear()
    assert done.code == 1
    assert "MISSING" in done.out and "apt-get install g++" in done.out
