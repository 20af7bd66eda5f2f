"""A branch that waits for many beats has them in block memory, and the design keeps the cycles that the model predicts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from branching import node

from hwgen.dataflow.cycles import predict, size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import plan
from hwgen.formats import Integer
from hwgen.ir.graph import NO_ATTRS, Graph, topological
from hwgen.ops.eltwise import EltwiseAttrs
from hwgen.ops.quantize import DECODE
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.window_conv import ConvAttrs
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.compare import verify
from hwgen.sim.samples import draw


def residual(*, projected: bool) -> Graph:
    """A sum of an image of 12 x 48 x 4 and its convolution over nine rows.  projected: with a convolution on the skip too.

    The skip waits for four rows and more: in its own FIFO, or in that behind the convolution.
    """
    random = np.random.default_rng(7)
    image = make(INPUT, InputAttrs((1, 12, 48, 4), Integer(-128, 127)), [], "image", "image").output
    tall = node("conv_codes", ConvAttrs(random.integers(-4, 4, (4, 9, 1, 4)), pads=(4, 0, 4, 0)), [image], "tall")
    skip = node("conv_codes", ConvAttrs(random.integers(-4, 4, (4, 1, 1, 4))), [image], "skip") if projected else image
    added = node("eltwise", EltwiseAttrs("add"), [tall, skip], "add")
    out = make(DECODE, NO_ATTRS, [added], "sum", "sum").output
    return Graph("residual", topological([out], [image.producer]), (out,))


@pytest.mark.slow
@pytest.mark.parametrize(("projected", "module"), [(False, "hg_stream_fifo"), (True, "hg_credit_fifo")])
def test_a_deep_skip_stands_in_block_memory_and_costs_no_cycle(projected: bool, module: str, tmp_path: Path) -> None:
    graph = residual(projected=projected)
    flow = size_fifos(plan(graph, from_text(graph, "4x4")))
    emit(graph, flow, tmp_path / "b", source_sha256="", values=evaluate(graph, draw(flow, 4, 0)))
    instances = (tmp_path / "b" / "rtl" / "hwgen_top.v").read_text().split(";")
    (deep,) = [i for i in instances if re.search(r"hg_(stream|credit)_fifo\b", i) and ".RamStyle(2)" in i]
    assert re.search(rf"\b{module}\b", deep)
    build = Build(tmp_path / "b")
    result = verify(build, draw(build.flow, 6, 3), seed=3)
    assert (result.mismatches, result.first_difference) == (0, None)
    assert result.performance == predict(flow)
