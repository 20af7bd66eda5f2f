"""Verification of a graph against the rules of `hwgen.ir.verify` and the operators' own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph, Node, TensorType
from hwgen.ir.verify import verify
from hwgen.ops.scalar import BatchNormAttrs
from hwgen.ops.table import definition
from hwgen.ops.weights import PRODUCTS

_INPUTS: Final[Mapping[str, Collection[int]]] = {
    "input": (0,), "constant": (0,), **dict.fromkeys(PRODUCTS, (2, 3)),
    **dict.fromkeys(("add", "sub", "mul", "div", "min", "max", "eltwise"), (2,)),
    **dict.fromkeys(("concat", "join"), range(1, 1 << 16)),
}
"""Numbers of inputs that an operator may have, where it is not one."""


def check(graph: Graph) -> None:
    """Raises HwgenError where the graph breaks a rule."""
    verify(graph, lambda node: definition(node.op).infer(node))


def check_foreign(graph: Graph) -> None:
    """`check` for a graph that was read from a file: inputs and attributes may be anything of the right type."""
    verify(graph, _inferred)


def _inferred(node: Node) -> tuple[TensorType, ...]:
    where = f"{node.op} {node.path!r}"
    if len(node.inputs) not in _INPUTS.get(node.op, (1,)):
        raise HwgenError("graph-text", where, f"has {len(node.inputs)} inputs", "write the file with `hwgen import` again")
    try:
        if isinstance(node.attrs, BatchNormAttrs):
            node.attrs.scale_bias()
        return definition(node.op).infer(node)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        what = f"has attributes or inputs that make no sense ({type(error).__name__}: {error})"
        raise HwgenError("graph-text", where, what, "write the file with `hwgen import` again") from error
