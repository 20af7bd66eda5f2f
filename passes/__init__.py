"""Passes over graphs, one a file.  ``ALL`` is what the entry point ``hwgen.passes`` offers."""

from passes.analysis.infer_ranges import InferRanges
from passes.transform.argmax_on_chip import ArgmaxOnChip
from passes.transform.assign_input_format import AssignInputFormat
from passes.transform.assign_layer_precision import AssignLayerPrecision
from passes.transform.assign_precision import AssignPrecision
from passes.transform.fold_batch_norm import FoldBatchNorm
from passes.transform.fold_constants import FoldConstants
from passes.transform.fold_gates import FoldGates
from passes.transform.fold_scalar_arithmetic import FoldScalarArithmetic
from passes.transform.lower import Lower

ALL = (
    FoldConstants, FoldScalarArithmetic, FoldGates, FoldBatchNorm, AssignLayerPrecision, AssignInputFormat, AssignPrecision,
    ArgmaxOnChip, Lower, InferRanges,
)

__all__ = [
    "ALL", "ArgmaxOnChip", "AssignInputFormat", "AssignLayerPrecision", "AssignPrecision", "FoldBatchNorm",
    "FoldConstants", "FoldGates", "FoldScalarArithmetic", "InferRanges", "Lower",
]
