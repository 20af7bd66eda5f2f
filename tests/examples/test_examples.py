"""Each example runs from the command line and ends well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "example", ["digits_mlp", "torch_mlp", "pass_api", "digits_cnn", "muon_conv1d", "jet_images", "residual", "unet"]
)
def test_example_runs(example: str) -> None:
    pytest.importorskip("brevitas", reason="brevitas is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    done = subprocess.run(
        [sys.executable, "-m", f"examples.{example}.run"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "with a wrong bit" in done.stdout
