"""Bias correction: what quantizing changes in the mean of each channel of a product goes into its bias.

    b'  =  b + mean(W x + b) - mean(Q(W) Q(x) + b)

over the data, layer by layer, each after those before it have been corrected (Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", 2019, with data in place of the analytic means).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.calibration.operands import operand
from hwgen.calibration.twins import Twin, by_channel, swept
from hwgen.data import Dataset
from hwgen.ir.graph import Graph, Value
from hwgen.ops.record import Float64, make
from hwgen.ops.run import run_node
from hwgen.ops.source import CONSTANT, ConstantAttrs
from hwgen.pipeline import Notes


def mean_shift(twin: Twin) -> Float64:
    """(channels,): by how much the means without quantizers lie above those with them."""
    given = run_node(twin.node, twin.quantized)
    return by_channel(twin.node, twin.wanted - given).mean(axis=1)


def correct_biases(graph: Graph, data: Dataset, notes: Notes | None = None) -> Graph:
    """The graph with corrected biases; a product without a bias gets one.  Biases that are quantized are corrected before that."""
    notes = notes or Notes()
    names = {v.name for v in graph.values()}

    def change(twin: Twin) -> Sequence[Value] | None:
        node, shift = twin.node, mean_shift(twin)
        _, weight, *biases = node.inputs
        if not shift.any():
            return None
        if not biases:
            name = f"{node.output.name}.bias"
            while name in names:
                name += "_"
            names.add(name)
            bias = make(CONSTANT, ConstantAttrs(shift.astype(np.float32)), [], name, node.path).output
        else:
            found = operand(graph, biases[0])
            if found is None:
                notes.left(node.path, "its bias is computed, made of codes, or used by others too")
                return None
            old = found.floats
            whole = old.reshape(-1) + shift  # a bias of one number becomes one a channel
            fits = old.size == len(shift)
            quantizer = found.quantizer
            if not fits and quantizer is not None and getattr(quantizer.output.type.format, "axis", None) is not None:
                notes.left(node.path, "its bias is one number with a scale a channel")
                return None
            bias = found.with_data(whole.reshape(old.shape) if fits else whole)
        notes.changed(node.path, f"bias corrected by up to {np.abs(shift).max():.3g}")
        return (weight, bias)

    return swept(graph, data, change)
