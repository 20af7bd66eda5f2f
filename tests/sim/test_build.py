"""`build`: only what was verified takes the place of an earlier build (kills: tests/crash)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks import mlp

from hwgen import flow
from hwgen.errors import HwgenError
from hwgen.ir.text import print_graph
from hwgen.rtl.build_directory import Build, Manifest, write_build


def model(folder: Path, seed: int) -> Path:
    path = folder / "model.hwg"
    path.write_text(print_graph(mlp((6, 8, 3), seed)))
    return path


def test_a_build_that_differs_leaves_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    assert flow.build(model(tmp_path, 1), out, samples=20).ok
    before = Build(out).manifest

    def broken(*arguments: object, **options: object) -> Manifest:
        manifest = write_build(*arguments, **options)  # pyright: ignore[reportArgumentType]
        memory = Path(str(arguments[2])) / "mem" / "s0_matvec_weight.mem"
        memory.write_text(memory.read_text().replace("0", "1"))
        return manifest

    monkeypatch.setattr(flow, "write_build", broken)
    report = flow.build(model(tmp_path, 2), out, samples=20)
    assert not report.ok
    assert report.build_dir.name == "out.failed"
    assert Build(out).manifest == before


def test_bad_input_writes_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad.hwg"
    bad.write_text("graph")
    with pytest.raises(HwgenError):
        flow.build(bad, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.hwg"]


def test_real_inputs_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HwgenError, match="shape"):
        flow.build(model(tmp_path, 1), tmp_path / "out", inputs=np.zeros((4, 5)))
