"""What has no integer form where it stands is refused by its name; what changes no code becomes nothing."""

from __future__ import annotations

import pytest
from networks import graph_of, quantized

from hwgen.errors import HwgenError
from hwgen.ir.graph import NO_ATTRS, Value
from hwgen.ops.arithmetic import DIV
from hwgen.ops.functions import FUNCTION
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs
from passes import Lower


def source(name: str) -> Value:
    return quantized(make(INPUT, InputAttrs((1, 2)), [], name, name).output, "uint4[scale=1]", f"{name}.q")


def test_a_quotient_of_computed_values_is_refused_by_its_name() -> None:
    quotient = make(DIV, NO_ATTRS, [source("x"), source("z")], "ratio", "net.ratio").output
    for last in (quotient, quantized(quotient, "uint4[scale=1]", "y")):
        with pytest.raises(HwgenError, match=r"div 'net.ratio': has no integer form where it stands"):
            Lower()(graph_of(last))


@pytest.mark.parametrize(
    ("made_of", "made", "ops"), [("uint1[scale=1]", "uint1[scale=1]", []), ("uint1[scale=1]", "uint1[scale=2]", ["table"])]
)
def test_a_function_that_changes_no_code_is_no_table(made_of: str, made: str, ops: list[str]) -> None:
    x = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    square = make(FUNCTION["square"], NO_ATTRS, [quantized(x, made_of, "x.q")], "square", "square").output
    after, _ = Lower()(graph_of(quantized(square, made, "y")))
    assert [n.op for n in after.nodes if n.op.startswith("requant") or n.op == "table"] == ops
