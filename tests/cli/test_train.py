"""``hwgen train``: from an ONNX file and data to a file with formats that becomes hardware."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.support import Hwgen, write_mlp

pytest.importorskip("torch")
pytest.importorskip("brevitas")

FORMATS = ("--precision", "fixed<6,3>", "--input-format", "fixed<8,4>")


@pytest.fixture
def task(tmp_path: Path) -> tuple[Path, Path]:
    """A model and data."""
    random = np.random.default_rng(3)
    centres = random.normal(0, 1.5, (3, 6))
    labels = random.integers(0, 3, 200)
    np.savez(tmp_path / "train.npz", x=(centres[labels] + random.normal(0, 0.6, (200, 6))).astype(np.float32), y=labels)
    return write_mlp(tmp_path / "model.onnx"), tmp_path / "train.npz"


def test_a_float_model_is_trained_in_its_formats(hwgen: Hwgen, task: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = task
    out = tmp_path / "trained.hwg"
    outcome = hwgen("train", model, "--data", data, *FORMATS, "--epochs", 8, "--lr", 0.02, "--batch", 16, "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    record = outcome.record
    assert record["metric"] == "accuracy" and record["loss"] == "cross-entropy" and len(record["epochs"]) == 9
    assert record["after"] > record["before"] and abs(record["exact"] - record["after"]) <= 0.05
    assert not out.with_name("trained.hwg.checkpoint").exists()
    assert "fixed<6,3>" in out.read_text()
    checked = hwgen("check", out, "--json")
    assert checked.code == 0, checked.err


def test_bad_data_and_options_are_usage_errors(hwgen: Hwgen, task: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = task
    np.savez(tmp_path / "bare.npz", x=np.zeros((4, 6), np.float32))
    for arguments, said in (
        (["--data", tmp_path / "bare.npz"], "has no targets"), (["--data", data, "--out", "x.txt"], "does not end in .hwg"),
        (["--data", data, "--loss", "hinge"], "is not known"), (["--data", data, "--metric", "acuracy"], "did you mean accuracy"),
        (["--data", tmp_path / "none.npz"], "none.npz"),
    ):
        outcome = hwgen("train", model, *arguments, *FORMATS)
        assert outcome.code == 2 and said in outcome.err, outcome.err


JUDGE = """
import os, signal

calls = 0

def judge(outputs, targets):
    global calls
    calls += 1
    if calls == 4 and not os.path.exists("calm"):
        os.kill(os.getpid(), signal.SIGINT)
    return float((outputs[0].argmax(axis=1) == targets).mean())
"""


def test_an_interrupt_keeps_the_best_epoch_and_resume_goes_on_to_the_same_end(
    hwgen: Hwgen, task: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metric sends the signal of Ctrl-C when it judges the third epoch."""
    model, data = task
    (tmp_path / "judging.py").write_text(JUDGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = ("train", model, "--data", data, *FORMATS, "--epochs", 5, "--lr", 0.02, "--metric", "judging:judge", "--json")
    broken = hwgen(*asked, "--out", "a.hwg")
    assert broken.code == 130 and broken.record["interrupted"] and len(broken.record["epochs"]) == 3
    assert Path("a.hwg").exists() and Path("a.hwg.checkpoint").exists()
    Path("calm").touch()
    whole, undisturbed = hwgen(*asked, "--out", "a.hwg", "--resume"), hwgen(*asked, "--out", "b.hwg")
    assert whole.code == undisturbed.code == 0
    assert whole.record["epochs"] == undisturbed.record["epochs"] and Path("a.hwg").read_bytes() == Path("b.hwg").read_bytes()
    assert not Path("a.hwg.checkpoint").exists()
