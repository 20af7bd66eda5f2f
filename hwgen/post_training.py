"""Quantization after training, as one step: formats put in, and what data tell of them (`hwgen.calibration`), in the right order.

    fold batch norms → equalize layers → formats → ranges → rounding of weights → biases
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen import flow
from hwgen.calibration.ranges import DEFAULT_SHARE, Method, RangeOptions
from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph
from hwgen.pipeline import Info, pass_of, run


@dataclass(frozen=True, slots=True)
class PostTraining:
    """method: of the ranges of all formats that are put in (None: as the formats say); share: see `RangeOptions`.

    power_of_two_scales: of scales that ``method`` chooses.  equalize, round_weights, correct_biases: whether to.
    """

    method: Method | None = None
    share: float = DEFAULT_SHARE
    power_of_two_scales: bool = False
    equalize: bool = False
    round_weights: bool = False
    correct_biases: bool = False

    def __post_init__(self) -> None:
        if self.method is not None:
            RangeOptions(self.method, self.share)
        elif self.power_of_two_scales:
            raise HwgenError("usage", "--power-of-two-scales", "given without --method", "give --method mse as well")

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do."""
        return self.method is not None or self.equalize or self.needs_data

    @property
    def needs_data(self) -> bool:
        """Whether it cannot be done without data; ranges of weights can."""
        return self.round_weights or self.correct_biases


def quantize_after_training(
    graph: Graph, options: flow.BuildOptions, chosen: PostTraining, data: Dataset | None, *, seed: int = 0
) -> tuple[Graph, tuple[Info, ...]]:
    """The graph with the formats that the options say, calibrated, its weights still floats; `hwgen.flow.lower` lowers it.

    data: the model's inputs; targets are not looked at.  The model's own quantizers keep their ranges, and so does the input where
    ``options.input_format`` is given.  seed: of the order of samples in learned rounding.
    Raises HwgenError where data are missing.
    """
    if data is None and chosen.needs_data:
        option = "--round" if chosen.round_weights else "--bias-correction"
        raise HwgenError("usage", option, "needs data", "give --calibration as well")
    own = {n.output.name for n in graph.nodes if n.op == "quantize"}
    before = [pass_of("equalize-layers")] if chosen.equalize else []
    graph, infos = flow.for_training(graph, options, fold_batch_norm=True, before_formats=before)
    if options.input_format is not None:
        own |= {n.output.name for n in graph.nodes if n.op == "quantize" and n.inputs[0].producer.op == "input"}
    passes = []
    if chosen.method is not None:
        passes.append(
            pass_of(
                "calibrate-ranges", data=data, method=chosen.method, share=chosen.share, power_of_two=chosen.power_of_two_scales,
                keep=tuple(sorted(own)),
            )
        )
    if chosen.round_weights:
        passes.append(pass_of("round-weights", data=data, seed=seed))
    if chosen.correct_biases:
        passes.append(pass_of("correct-biases", data=data))
    graph, more = run(graph, passes)
    return graph, (*infos, *more)
