"""Where the example keeps its files."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("build/digits_mlp")
MODEL = "digits_mlp.onnx"
TEST_SET = "test_set.npz"
"""Images and labels of the test set, and the logits that Brevitas computes for them."""
