"""Passes over graphs, one a file.  ``ALL`` is what the entry point ``hwgen.passes`` offers."""

from passes.analysis.infer_ranges import InferRanges
from passes.transform.argmax_on_chip import ArgmaxOnChip
from passes.transform.assign_formats import AssignFormats
from passes.transform.assign_input_format import AssignInputFormat
from passes.transform.assign_precision import AssignPrecision
from passes.transform.calibrate_ranges import CalibrateRanges
from passes.transform.correct_biases import CorrectBiases
from passes.transform.equalize_layers import EqualizeLayers
from passes.transform.fold_batch_norm import FoldBatchNorm
from passes.transform.fold_constants import FoldConstants
from passes.transform.fold_gates import FoldGates
from passes.transform.fold_scalar_arithmetic import FoldScalarArithmetic
from passes.transform.lower import Lower
from passes.transform.prune_blocks import PruneBlocks
from passes.transform.prune_channels import PruneChannels
from passes.transform.prune_magnitude import PruneMagnitude
from passes.transform.prune_n_m import PruneNM
from passes.transform.round_weights import RoundWeights

ALL = (
    FoldConstants, FoldScalarArithmetic, FoldGates, FoldBatchNorm, AssignFormats, AssignInputFormat, AssignPrecision,
    ArgmaxOnChip,
    EqualizeLayers, CalibrateRanges, RoundWeights, CorrectBiases, Lower, InferRanges,
    PruneMagnitude, PruneNM, PruneChannels, PruneBlocks,
)

__all__ = [
    "ALL", "ArgmaxOnChip", "AssignInputFormat", "AssignFormats", "AssignPrecision", "CalibrateRanges", "CorrectBiases",
    "EqualizeLayers", "FoldBatchNorm", "FoldConstants", "FoldGates", "FoldScalarArithmetic", "InferRanges", "Lower", "PruneBlocks",
    "PruneChannels", "PruneMagnitude", "PruneNM", "RoundWeights",
]
