"""Hardware of networks whose weights and values are minifloats, powers of two and blocks: every bit is that of the reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from uneven import network

from hwgen import flow
from hwgen.ir.text import print_graph

WEIGHTS = (
    ("minifloat<3,2>", "log<3,bias=7>", "mxint<5,6,8>", "bminifloat<2,1,4,16>", "blog<3,6,16,zero>", "mxfp4<e2m1>"),
    ("minifloat<2,1,nosub>", "minifloat<4,3>", "mxint8", "minifloat<4,2,denormed>", "log<4,zero>",
     "mxfp6<e2m3>", "minifloat<3,2>[scale=1/3]"),
)


@pytest.mark.slow
@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda w: w[0])
def test_no_bit_differs_from_the_reference(weights: tuple[str, ...], seed: int, tmp_path: Path) -> None:
    model = tmp_path / "model.hwg"
    model.write_text(print_graph(network(*weights, seed=seed)))
    report = flow.build(model, tmp_path / "out", samples=200, seed=seed, parallelism="4x4")
    assert report.ok and report.verification.samples == 200


VALUES = (
    ("minifloat<3,2>", "int8[scale=1/16]"), ("log<3>", "int8[scale=1/3]"), ("mxint<4,4,4>", "int8[scale=1/16]"),
    ("mxfp4<e2m1,3>", "minifloat<3,2>"), ("blog<3,2,8>", "int6[scale=1/4]"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("between", "source"), VALUES, ids=lambda v: v)
def test_computed_values_of_any_format_are_those_of_the_reference(between: str, source: str, seed: int, tmp_path: Path) -> None:
    model = tmp_path / "model.hwg"
    model.write_text(print_graph(network("int4[scale=1/8]", "mxfp4<e2m1>", source=source, between=between, seed=seed)))
    report = flow.build(model, tmp_path / "out", samples=200, seed=seed, parallelism="2x2")
    assert report.ok and report.verification.samples == 200
