"""Fixtures: small models, and the command run in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hwgen.cli.main import run
from tests.cli.support import Hwgen, Outcome, write_mlp

ROOT = Path(__file__).resolve().parents[2]
MODELS = Path(os.environ.get("HWGEN_MODELS") or ROOT.parent / "shared" / "models")


@pytest.fixture
def hwgen(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hwgen:
    """Runs ``hwgen ARGUMENTS`` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(a) for a in arguments])
        shown = capsys.readouterr()
        return Outcome(code, shown.out, shown.err)

    return call


@pytest.fixture
def mlp(tmp_path: Path) -> Path:
    """A network of two layers, in float."""
    return write_mlp(tmp_path / "mlp.onnx")


@pytest.fixture
def unsupported(tmp_path: Path) -> Path:
    """The same with an operator that nobody supports at its end."""
    return write_mlp(tmp_path / "bad.onnx", last="Hardmax")


@pytest.fixture
def shared_model() -> Callable[[str], Path]:
    """A real model by file name; skips where it is not there."""

    def find(name: str) -> Path:
        path = MODELS / name
        if not path.is_file():
            pytest.skip(f"{name} is not in {MODELS.name}; set HWGEN_MODELS to the folder of the real models")
        return path

    return find
