"""A model without any quantizer gets a precision by default, and the command says so."""

from __future__ import annotations

from pathlib import Path

from hwgen.flow import DEFAULT_PRECISION, import_model, lower
from hwgen.ops.quantize import QuantizeAttrs
from tests.cli.support import Hwgen


def test_a_float_model_emits_with_the_default_precision_and_says_so(hwgen: Hwgen, mlp: Path) -> None:
    done = hwgen("emit", mlp, "--json")
    assert (done.code, done.record["default_precision"]) == (0, DEFAULT_PRECISION)
    shown = hwgen("emit", mlp)
    assert f"{DEFAULT_PRECISION} of what was float (the default; --precision chooses another)" in " ".join(shown.out.split())
    done = hwgen("emit", mlp, "--precision", "fixed<5,2>", "--json")
    assert (done.code, done.record["default_precision"]) == (0, None)


def test_every_weight_and_input_of_a_float_model_is_quantized_by_default(mlp: Path) -> None:
    lowered = lower(import_model(mlp))
    formats = {str(n.attrs.format) for n in lowered.quantized.nodes if isinstance(n.attrs, QuantizeAttrs)}
    assert formats == {DEFAULT_PRECISION} and lowered.default_precision == DEFAULT_PRECISION
