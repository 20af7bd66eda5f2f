"""Models whose graphs are no chain of sensible operators, or grow without bounds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from hostile.case import HARMLESS, Case, Command, Group
from hostile.draft import QONNX, Draft, tensor
from hostile.models import model
from hostile.numbers import BATCH_NORM
from hostile.spoilt import SPOILT, Spoil, giant, inputs, node, x_shape
from onnx import AttributeProto, SparseTensorProto, TensorProto, helper, numpy_helper


def chain(length: int) -> Spoil:
    def spoil(draft: Draft) -> None:
        draft.nodes = {f"n{i}": helper.make_node("Relu", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(length)}
        draft.outputs = [helper.make_tensor_value_info(f"v{length}", TensorProto.FLOAT, [1, 4])]

    return spoil


def long_cycle(draft: Draft) -> None:
    chain(10_000)(draft)
    draft.nodes["n0"].input[0] = "v10000"


def nested(kind: str, depth: int) -> Spoil:
    """Subgraphs within each other, in the branches of an If or the body of a Loop."""

    def spoil(draft: Draft) -> None:
        graph = helper.make_graph([helper.make_node("Relu", ["y"], ["z"])], "g", [], [])
        key = "then_branch" if kind == "If" else "body"
        for _ in range(depth):
            graph = helper.make_graph([helper.make_node(kind, ["y"], ["z"], name="deep", **{key: graph})], "g", [], [])
        draft.nodes["relu"] = graph.node[0]

    return spoil


def functions(recursive: bool) -> Case:
    """Functions of the model's own, one of which calls itself."""

    def make(folder: Path) -> Command:
        made = Draft().model()
        body = [helper.make_node("F" if recursive else "Relu", ["a"], ["b"], domain="own" if recursive else "")]
        made.functions.append(helper.make_function("own", "F", ["a"], ["b"], body, [helper.make_opsetid("", 13)]))
        made.graph.node[3].op_type, made.graph.node[3].domain = "F", "own"
        made.opset_import.append(helper.make_opsetid("own", 1))
        (folder / "model.onnx").write_bytes(made.SerializeToString())
        return ("build", "model.onnx")

    return Case(make)


def sparse(draft: Draft) -> None:
    values = numpy_helper.from_array(np.array([1.0], np.float32), "w")
    made = SparseTensorProto(values=values, indices=numpy_helper.from_array(np.array([1 << 60]), "i"), dims=[1 << 30, 1 << 30])
    draft.nodes["constant"] = helper.make_node("Constant", [], ["unused"], sparse_value=made)


def opset(*pairs: tuple[str, int]) -> Spoil:
    return lambda draft: setattr(draft, "opsets", [helper.make_opsetid(*pair) for pair in pairs])


def doubled_attribute(draft: Draft) -> None:
    draft.nodes["fc"].attribute.append(helper.make_attribute("transB", 0))


def attribute_of_two_kinds(draft: Draft) -> None:
    draft.nodes["fc"].attribute[0].f = 1.0
    draft.nodes["fc"].attribute[0].type = AttributeProto.UNDEFINED


def reference_attribute(draft: Draft) -> None:
    draft.nodes["fc"].attribute[0].ref_attr_name = "transB"


def raw_and_typed(draft: Draft) -> None:
    draft.tensors["w"].float_data.extend([1.0] * 12)


def broadcast_bomb(length: int) -> Spoil:
    """A column and a row of constants whose sum is a giant matrix."""

    def spoil(draft: Draft) -> None:
        draft.tensors |= {n: tensor(n, np.ones(s)) for n, s in (("column", (length, 1)), ("row", (1, length)))}
        draft.nodes = {
            "sum": helper.make_node("Add", ["column", "row"], ["matrix"], name="bomb"),
            **draft.nodes,
            "use": helper.make_node("MatMul", ["out", "matrix"], ["end"], name="use"),
        }
        draft.outputs = [helper.make_tensor_value_info("end", TensorProto.FLOAT, [1, length])]

    return spoil


def input_bomb(length: int) -> Spoil:
    def spoil(draft: Draft) -> None:
        x_shape(1, length)(draft)
        draft.nodes = {
            "q": Draft.quant("x", "xq", "q"),
            "r": helper.make_node("Relu", ["xq"], ["y"]),
            "s": Draft.quant("y", "out", "s"),
        }

    return spoil


def doubling(steps: int) -> Spoil:
    """Shapes that double with each Concat, and values that double with each product."""

    def spoil(draft: Draft) -> None:
        made = {"first": helper.make_node("Constant", [], ["c0"], value_ints=[1, 4])}
        for i in range(steps):
            made[f"n{i}"] = helper.make_node("Concat", [f"c{i}", f"c{i}"], [f"c{i + 1}"], axis=0)
        made["reshape"] = helper.make_node("Reshape", ["x", f"c{steps}"], ["x2"], name="bomb")
        draft.nodes = {**made, **draft.nodes}
        draft.nodes["quantize_x"].input[0] = "x2"

    return spoil


def squares(steps: int) -> Spoil:
    """A constant squared again and again: its digits double each time."""

    def spoil(draft: Draft) -> None:
        draft.tensors["c0"] = tensor("c0", [[0.7, 1.1, 1.3]])
        made = {f"n{i}": helper.make_node("Mul", [f"c{i}", f"c{i}"], [f"c{i + 1}"], name=f"square{i}") for i in range(steps)}
        draft.nodes = {**made, **draft.nodes}
        draft.nodes["relu"] = helper.make_node("Add", ["y", f"c{steps}"], ["z"], name="use")

    return spoil


def gains(steps: int) -> Spoil:
    """A value multiplied by awkward constants again and again."""

    def spoil(draft: Draft) -> None:
        draft.tensors["c"] = tensor("c", [[0.7, 1.1, 1.3]])
        names = ["y", *(f"g{i}" for i in range(steps)), "z"]
        del draft.nodes["relu"]
        for i, (a, b) in enumerate(pairwise(names)):
            draft.nodes[f"g{i}"] = helper.make_node("Mul", [a, "c"], [b], name=f"gain{i}")

    return spoil


def norms(steps: int) -> Spoil:
    """Batch norms one after another: sums of ever more square roots."""

    def spoil(draft: Draft) -> None:
        names = ["y", *(f"g{i}" for i in range(steps)), "z"]
        del draft.nodes["relu"]
        for i, (a, b) in enumerate(pairwise(names)):
            for k, one in enumerate(BATCH_NORM):
                draft.tensors[f"{one}{i}"] = tensor(f"{one}{i}", np.random.default_rng(i * 4 + k).uniform(0.5, 1.5, 3))
            draft.nodes[f"g{i}"] = helper.make_node("BatchNormalization", [a, *(f"{o}{i}" for o in BATCH_NORM)], [b], name=f"bn{i}")

    return spoil


def twice(field: str) -> Spoil:
    def spoil(draft: Draft) -> None:
        getattr(draft, field).append(getattr(draft, field)[0])

    return spoil


def shape_calls(op: str, *operands: Any, **attributes: Any) -> Spoil:
    """A shape computation with hostile constants, whose result becomes a reshape's target."""

    def spoil(draft: Draft) -> None:
        names = []
        for i, values in enumerate(operands):
            draft.tensors[f"s{i}"] = tensor(f"s{i}", values, np.int64)
            names.append(f"s{i}")
        draft.nodes = {
            "shape": helper.make_node(op, names, ["target"], name="shape", **attributes),
            "reshape": helper.make_node("Reshape", ["x", "target"], ["x2"], name="reshape"),
            **draft.nodes,
        }
        draft.nodes["quantize_x"].input[0] = "x2"

    return spoil


def _graphs() -> Iterator[tuple[str, Case]]:
    for what, (spoil, _, reason) in SPOILT.items():
        yield what, model(spoil, says=reason if reason.isascii() else "")
    yield "a cycle of 10^4 nodes", model(long_cycle, says="cycle")
    yield "a chain of 10^5 nodes", model(chain(100_000), says="nodes")
    for kind in ("If", "Loop"):
        for depth in (1, 8, 25):
            yield f"{depth} {kind} within each other", model(nested(kind, depth))
    yield "a function of its own", functions(recursive=False)
    yield "a function that calls itself", functions(recursive=True)
    yield "a sparse tensor of 2^60", model(sparse)
    yield "no opset", model(opset(), HARMLESS)
    yield "an unknown opset", model(opset(("", 13), ("nobody.knows", 1), (QONNX, 1)), HARMLESS)
    yield "a huge opset", model(opset(("", 1 << 62), (QONNX, 1)))
    yield "a negative opset", model(opset(("", -5), (QONNX, 1)))
    yield "an opset zero", model(opset(("", 0), (QONNX, 1)))
    yield "two opsets of one domain", model(opset(("", 1), ("", 13), (QONNX, 1)))
    yield "ai.onnx of opset 1", model(opset(("ai.onnx", 1), (QONNX, 1)))
    yield "an attribute twice", model(doubled_attribute)
    yield "an attribute of two kinds", model(attribute_of_two_kinds)
    yield "an attribute that refers to another", model(reference_attribute)
    yield "a weight both raw and typed", model(raw_and_typed)
    yield "an input twice", model(twice("inputs"))
    yield "an output twice", model(twice("outputs"), HARMLESS)
    yield "a thousand outputs", model(lambda d: setattr(d, "outputs", d.outputs * 1000), HARMLESS)
    yield "an input with an initial value", model(lambda d: d.tensors.update(x=tensor("x", [[1, 2, 3, 4]])))
    yield "an empty output name", model(lambda d: d.nodes["relu"].output.__setitem__(0, ""))
    yield "an empty input name", model(lambda d: d.nodes["relu"].input.__setitem__(0, ""))
    yield "an output that is the input", model(lambda d: setattr(d, "outputs", [helper.make_tensor_value_info("x", 1, [1, 4])]))
    yield "an output that is a weight", model(lambda d: setattr(d, "outputs", [helper.make_tensor_value_info("w", 1, [3, 4])]))
    yield "an output that is a node of shapes", model(lambda d: setattr(d.nodes["relu"], "op_type", "Shape"))
    for shape in ((1, 0), (0, 0), (1, -1), (1, 1 << 31), (1, 1 << 27), (1, 1 << 20, 1 << 20), (1, 4, 0)):
        yield f"an input of {shape}", model(x_shape(*shape))
    for size in (1 << 19, 1 << 20, 1 << 24, 1 << 28):
        yield f"an input of {size} alone", model(input_bomb(size))
    for shape in ([0], [0, 4], [3, 0], [1 << 28], [1 << 14, 1 << 14], [-1, -1], [1 << 63 - 1]):
        yield f"a weight of {shape}", model(giant("w", shape))
    for size in (300, 4096, 1 << 16):
        yield f"a broadcast to {size} x {size}", model(broadcast_bomb(size))
    yield "a shape that doubles 30 times", model(doubling(30))
    yield "a constant squared 30 times", model(squares(30))
    yield "a value multiplied 300 times", model(gains(300), HARMLESS)
    yield "a value multiplied 5000 times", model(gains(5000))
    yield "30 batch norms in a row", model(norms(30), says="square roots")
    for kind, wanted in (("Reshape", [-1, -1]), ("Reshape", [1 << 62, 1 << 62]), ("Reshape", [0, 0, 0]), ("Reshape", [])):

        def spoil(draft: Draft, kind: str = kind, wanted: list[int] = wanted) -> None:
            draft.tensors["target"] = tensor("target", wanted, np.int64)
            draft.nodes = {"r": helper.make_node(kind, ["x", "target"], ["x2"], name="reshape"), **draft.nodes}
            draft.nodes["quantize_x"].input[0] = "x2"

        yield f"{kind} to {wanted}", model(spoil)
    bad: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("Unsqueeze", ([1, 4], [1 << 40]), {}),
        ("Unsqueeze", ([1, 4], list(range(64))), {}),
        ("Squeeze", ([1, 4], [7]), {}),
        ("Gather", ([1, 4], [1 << 62]), {}),
        ("Gather", ([1, 4], [0]), {"axis": 9}),
        ("Concat", ([1, 4], [[1]]), {"axis": 0}),
        ("Concat", (), {"axis": 0}),
        ("Concat", ([1],), {}),
        ("Slice", ([1, 4], [0], [1 << 62], [9]), {}),
        ("Slice", ([1, 4], [0, 0], [1]), {}),
        ("Slice", ([1, 4], [0], [2], [0], [0]), {}),
        ("Slice", ([1, 4],), {}),
        ("Cast", ([1, 4],), {}),
        ("Cast", ([1, 4],), {"to": 1 << 40}),
        ("Shape", (), {}),
        ("Identity", (), {}),
        ("Gather", ([1, 4],), {}),
        ("Shape", ([1],), {"start": "x"}),
    ]
    for op, operands, attributes in bad:
        yield f"{op} of {operands} with {attributes}", model(shape_calls(op, *operands, **attributes))
    odd: list[tuple[str, list[str], dict[str, Any]]] = [
        ("Transpose", ["y"], {"perm": [1 << 62, 0]}),
        ("Transpose", ["y"], {"perm": [0] * 100}),
        ("Flatten", ["y"], {"axis": 1 << 62}),
        ("Flatten", ["y"], {"axis": -(1 << 63)}),
        ("Softmax", ["y"], {"axis": 1 << 40}),
        ("ArgMax", ["y"], {"axis": -(1 << 40)}),
        ("ArgMax", ["y"], {"keepdims": 1 << 40}),
        ("Clip", ["y", "b", "b"], {}),
        ("Pow", ["y", "b"], {}),
        ("Sqrt", ["y"], {}),
        ("Div", ["y", "zero"], {}),
        ("Div", ["b", "y"], {}),
        ("Add", ["y", "w"], {}),
        ("Dropout", ["y", "b", "b"], {}),
        ("Squeeze", ["y"], {"axes": [9]}),
        ("Constant", [], {}),
        ("Relu", [], {}),
        ("Relu", ["y"] * 1000, {}),
        ("QuantizeLinear", ["y", "scale", "zero"], {}),
        ("DequantizeLinear", ["y", "scale"], {}),
        ("Gemm", ["y", "y"], {}),
        ("Gemm", [], {}),
        ("MatMul", ["w", "w"], {}),
        ("BatchNormalization", ["y", "b"], {}),
        ("Sub", ["y"], {}),
        ("Mul", ["zero", "zero"], {}),
        ("Pow", ["zero", "zero"], {}),
        ("Sqrt", ["b"], {}),
        ("Div", ["zero", "zero"], {}),
        ("Sigmoid", ["b"], {}),
        ("ArgMax", ["b"], {"axis": 0}),
        ("Softmax", ["b"], {}),
        ("Reshape", ["y"], {}),
        ("Transpose", ["scale"], {}),
        ("Squeeze", ["scale"], {"axes": [0]}),
        ("Flatten", ["scale"], {}),
        ("Relu", ["b"], {}),
        ("Identity", ["w"], {}),
    ]
    for op, operands, attributes in odd:
        yield (
            f"{op} of {operands[:3]} with {attributes}",
            model(node("relu", helper.make_node(op, operands, ["z"], name="odd", **attributes))),
        )
    for op, operands in (
        ("Quant", []),
        ("BipolarQuant", ["y"]),
        ("Trunc", ["y", "scale", "zero"]),
        ("Trunc", ["y"] + ["bits"] * 5),
        ("Quant", ["y"] * 4),
    ):
        yield (
            f"qonnx {op} of {operands}",
            model(node("relu", helper.make_node(op, operands, ["z"], name="odd", domain=QONNX, signed=1, narrow=0))),
        )
    yield "a Quant of its own scale", model(inputs("quantize_x", "x", "w", "zero", "bits"))


GRAPHS: Final[Group] = dict(_graphs())
