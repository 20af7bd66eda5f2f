"""All that a profile finds about a model and its data, in one record: what the command, the page and the examples show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, Lowered, lower
from hwgen.ir.graph import Graph
from hwgen.metrics import METRICS, Metric
from hwgen.precision.rules import PrecisionConfig
from hwgen.profile.check import TypeCheck, check_types
from hwgen.profile.divergence import Divergence, diverge
from hwgen.profile.exact import exact_outputs, real_outputs
from hwgen.profile.judge import Judge, Verdict
from hwgen.profile.narrowing import Narrowing
from hwgen.profile.parameters import without_quantizers
from hwgen.profile.propose import GlobalType, Proposal, Trials, by_metric, by_noise, smallest_global
from hwgen.profile.slots import prepared, slots_of
from hwgen.profile.statistics import Profile, profile_graph

DEFAULT_LOSS: Final = 0.005
DEFAULT_SNR_DB: Final = 30.0


@dataclass(frozen=True)
class ProfileOptions:
    """formats: types that are looked at as they are, instead of a proposal.  propose: whether types are wanted at all.

    metric, most_loss: what a proposal keeps, in the metric's units; snr_db: a signal-to-noise ratio of each value instead.
    Without any of them: half a point of accuracy where the data have targets, else 30 dB.
    overflow: share of each place's numbers that may.  compare: also find the smallest single type that keeps the loss.
    seed: of the split of the samples into those that choose and those that confirm.
    """

    formats: PrecisionConfig | None = None
    propose: bool = True
    metric: Metric | None = None
    most_loss: float | None = None
    snr_db: float | None = None
    overflow: float = 0.0
    compare: bool = False
    seed: int = 0


@dataclass(frozen=True)
class ProfileReport:
    """samples: profiled.  profile: of the network as its hardware computes it, batch norms folded.

    proposal: None where types were given, or none wanted.  most_loss, snr_db: what it had to keep.
    one_type: the smallest single type with the same loss, where it was looked for and found.
    checks, divergence: of the types proposed or given; None where there are none.
    metric: name, or None; verdict: of these types on all samples, from the integers of the hardware.
    real: the metric without any quantizer.
    """

    model: str
    samples: int
    profile: Profile
    proposal: Proposal | None
    most_loss: float | None
    snr_db: float | None
    one_type: GlobalType | None
    checks: tuple[TypeCheck, ...] | None
    divergence: Divergence | None
    metric: str | None
    verdict: Verdict | None
    real: float | None

    @property
    def ok(self) -> bool:
        """Whether a proposal that was wanted keeps what was asked for."""
        return self.proposal is None or self.proposal.holds


Progress = Callable[[str, int, int | None], None]
"""Told of a phase, how much of it is done, and how much there is, where that is known."""


def profile_model(
    graph: Graph, data: Dataset, options: ProfileOptions | None = None, progress: Progress = lambda phase, done, of: None
) -> ProfileReport:
    """Profiles a model of reals, as it was imported, on data; proposes types or looks at those given.

    Raises HwgenError for bad data or options, HwgenFailure where no types do.
    """
    options = options or ProfileOptions()
    _check(options)
    folded = prepared(graph)
    profile = profile_graph(folded, data, lambda done: progress("profile", done, data.samples))
    metric = options.metric or (METRICS["accuracy"] if data.targets is not None and options.snr_db is None else None)
    proposal, one_type, most_loss, snr_db = None, None, None, None
    if options.formats is None and options.propose and (slots := slots_of(graph, folded, profile)):
        if options.snr_db is None and metric is not None:
            most_loss = DEFAULT_LOSS if options.most_loss is None else options.most_loss
            trials = Trials.of(graph, data, metric, options.seed)
            search = Narrowing(
                slots, trials.verdict, most_loss, options.overflow,
                progress=lambda count, bits: progress(f"try types: {count}, {bits} bits", count, None),
            )
            proposal = by_metric(trials, search)
            one_type = smallest_global(search) if options.compare else None
        else:
            snr_db = DEFAULT_SNR_DB if options.snr_db is None else options.snr_db
            proposal = by_noise(folded, slots, data, snr_db, options.overflow, lambda done: progress("measure", done, data.samples))
    lowered, bare = _lowered(graph, options, proposal), without_quantizers(folded)
    checks, divergence, verdict, real = None, None, None, None
    if lowered is not None:
        checks = check_types(bare, lowered.quantized, data, lambda done: progress("check", done, data.samples))
        divergence = diverge(bare, lowered.quantized, data, lambda done: progress("compare", done, data.samples))
    if metric is not None:
        judge = Judge(metric, real_outputs(bare, data), data.targets)
        real = judge.value
        verdict = judge.verdict(exact_outputs(lowered, data)) if lowered is not None else None
    return ProfileReport(
        graph.name, data.samples, profile, proposal, most_loss, snr_db, one_type, checks, divergence,
        None if metric is None else metric.name, verdict, real,
    )


def _lowered(graph: Graph, options: ProfileOptions, proposal: Proposal | None) -> Lowered | None:
    """The integers that are looked at; None where neither types are given nor the model has any."""
    formats = options.formats if proposal is None else proposal.config
    if formats is None and not any(n.op == "quantize" for n in graph.nodes):
        return None
    return lower(graph, BuildOptions(formats=formats))


def _check(options: ProfileOptions) -> None:
    for name, number, low, high in (
        ("--overflow", options.overflow, 0.0, 0.5), ("--max-loss", options.most_loss, 0.0, float("inf")),
        ("--snr", options.snr_db, 0.0, 90.0),
    ):
        if number is not None and not low <= number <= high:
            raise HwgenError("usage", name, f"{number:g} is not from {low:g} to {high:g}", "give a number in that range")
    of_proposals = {"--snr": options.snr_db, "--max-loss": options.most_loss, "--overflow": options.overflow or None}
    asked = [name for name, number in of_proposals.items() if number is not None]
    if options.formats is not None and asked:
        raise HwgenError("usage", asked[0], "given together with types to look at", "ask for a proposal, or look at types")
    if options.snr_db is not None and options.most_loss is not None:
        raise HwgenError("usage", "--snr", "given together with --max-loss", "give one of the two")
