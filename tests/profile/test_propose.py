"""Types are proposed that hold what was asked for, no bit of which can go, and that build as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from hwgen.config import read_config
from hwgen.data import Dataset
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.flow import BuildOptions, lower
from hwgen.formats import Fixed
from hwgen.ir.graph import Graph, Rewriter
from hwgen.metrics import METRICS
from hwgen.ops.record import make
from hwgen.ops.source import CONSTANT, ConstantAttrs
from hwgen.precision.toml_text import to_toml
from hwgen.profile.check import tally
from hwgen.profile.exact import exact_outputs, real_outputs
from hwgen.profile.fitting import fixed_of
from hwgen.profile.judge import Judge, Verdict
from hwgen.profile.narrowing import Narrowing
from hwgen.profile.propose import Trials, by_metric, by_noise, smallest_global
from hwgen.profile.report import ProfileOptions, profile_model
from hwgen.profile.slots import Slot, Types, bits_of, prepared, slots_of
from hwgen.profile.statistics import Statistics, profile_graph
from tests.networks import mlp
from tests.profile.networks import residual, small, two_inputs

Networks = Callable[[Random], tuple[Graph, Dataset]]


def slots(random: Random, count: int) -> tuple[Slot, ...]:
    rng = np.random.default_rng(random.getrandbits(32))
    return tuple(
        Slot(f"fc{k}", "linear", "weight", (), Statistics.of(rng.normal(0, 10.0 ** rng.integers(-2, 2), 40))) for k in range(count)
    )


@pytest.fixture
def weighted(random: Random, monkeypatch: pytest.MonkeyPatch) -> tuple[Slot, ...]:
    """Places of different sizes."""
    made = slots(random, 5)
    sizes = {slot: random.randint(1, 1000) for slot in made}
    monkeypatch.setattr(Slot, "elements", property(lambda slot: sizes[slot]))
    return made


def noise(types: Types) -> float:
    """Of all places, each relative to its own numbers."""
    return sum(4.0 ** -(f.width - f.integer_bits) / s.statistics.deviation ** 2 for s, f in types.items())


def test_narrowing_ends_where_no_bit_can_go(weighted: tuple[Slot, ...]) -> None:
    search = Narrowing(weighted, lambda types: Verdict(0.0, noise(types), 0.0), 0.01)
    passed = search.run()
    assert [s.bits for s in passed] == sorted({s.bits for s in passed}, reverse=True)
    last = passed[-1]
    assert noise(last.types) <= 0.01 and last.bits == bits_of(last.types)
    for slot, format_ in last.types.items():
        narrower = fixed_of(slot.statistics, format_.width - format_.integer_bits - 1)
        assert narrower.width >= format_.width or noise({**last.types, slot: narrower}) > 0.01


def test_the_error_of_a_loss_counts_against_it(weighted: tuple[Slot, ...]) -> None:
    sure, unsure = (Narrowing(weighted, lambda types, e=e: Verdict(0.0, noise(types), e), 0.01).run()[-1] for e in (0.0, 0.009))
    assert noise(unsure.types) <= 0.001 and unsure.bits > sure.bits


def test_types_that_no_hardware_has_are_left_out(weighted: tuple[Slot, ...]) -> None:
    def judge(types: Types) -> Verdict:
        if any(f.width == 5 for f in types.values()):
            raise HwgenError("unsupported-node", "fc0", "five bits", "use others")
        return Verdict(0.0, noise(types), 0.0)

    assert 5 not in {f.width for f in Narrowing(weighted, judge, 0.01).run()[-1].types.values()}


def test_what_cannot_be_kept_names_the_nearest(weighted: tuple[Slot, ...]) -> None:
    with pytest.raises(HwgenFailure, match=r"no width of 8 to 16 bits keeps the loss below 0\.01; the nearest loses 0\.5 ± 0\.1"):
        Narrowing(weighted, lambda types: Verdict(0.0, 0.5, 0.1), 0.01).run()

    def broken(types: Types) -> Verdict:
        raise HwgenError("metric", "metric 'mine'", "raises KeyError", "correct the function")

    with pytest.raises(HwgenError, match="raises KeyError"):
        Narrowing(weighted, broken, 0.01).run()


def test_the_error_of_a_loss_is_that_of_its_mean() -> None:
    rng = np.random.default_rng(3)
    scores, targets = rng.normal(0, 1, (20, 3)), rng.integers(0, 3, 20)
    other = scores + rng.normal(0, 1, (20, 3))
    judge = Judge(METRICS["accuracy"], (scores,), targets)
    right, wrong = ((s.argmax(axis=1) == targets).astype(float) for s in (scores, other))
    verdict = judge.verdict((other,))
    assert verdict.loss == pytest.approx((right - wrong).mean()) and verdict.value == wrong.mean()
    assert verdict.error == pytest.approx((right - wrong).std(ddof=1) / 20**0.5)
    lower_is_better = Judge(METRICS["mse"], (scores,), scores).verdict((other,))
    assert lower_is_better.loss == pytest.approx(((other - scores) ** 2).mean())


@pytest.mark.slow
@pytest.mark.parametrize("network", [small, residual, two_inputs])
def test_a_proposal_keeps_the_loss_and_reads_back_as_it_is(random: Random, network: Networks, tmp_path: Path) -> None:
    graph, data = network(random)
    found = profile_model(graph, data, ProfileOptions(metric=METRICS["cross_entropy"], most_loss=0.05))
    proposal = found.proposal
    assert proposal is not None and proposal.chosen is not None and proposal.chosen.loss <= 0.05
    assert found.checks is not None and not any(c.tally.overflow for c in found.checks if c.role in ("weight", "bias", "input"))
    (tmp_path / "types.toml").write_text(to_toml(proposal.config))
    again = lower(graph, BuildOptions(formats=read_config(tmp_path / "types.toml").layers))
    (outputs,), (wanted,) = exact_outputs(again, data), exact_outputs(lower(graph, BuildOptions(formats=proposal.config)), data)
    assert np.array_equal(outputs, wanted)
    assert found.verdict is not None and found.verdict.value == METRICS["cross_entropy"]((outputs,), data.targets)
    assert again.default_precision is None or not any("16" in str(n.output.type.format) for n in again.quantized.nodes)


def test_of_the_types_that_pass_those_are_taken_that_others_confirm(random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, data = small(random)
    folded = prepared(graph)
    places = slots_of(graph, folded, profile_graph(folded, data))
    trials = Trials.of(graph, data, METRICS["cross_entropy"])
    search = Narrowing(places, trials.verdict, 0.05, margin=0.0)
    passed = search.run()
    turned_down = {id(s.types) for s in passed[-2:]}
    by_types = {tuple(s.types.values()): id(s.types) for s in passed}

    def confirmation(_: Trials, types: Types) -> Verdict:
        return Verdict(0.0, 1.0 if by_types[tuple(types.values())] in turned_down else 0.0, 0.0)

    monkeypatch.setattr(Trials, "confirmation", confirmation)
    fresh = by_metric(trials, Narrowing(places, trials.verdict, 0.05, margin=0.0))
    assert fresh.holds and fresh.wider == 2 and dict(fresh.types) == dict(passed[-3].types)
    monkeypatch.setattr(Trials, "confirmation", lambda *_: Verdict(0.0, 1.0, 0.0))
    assert not by_metric(trials, Narrowing(places, trials.verdict, 0.05, margin=0.0)).holds


def test_one_type_for_all_is_the_narrowest_that_keeps_the_loss(random: Random) -> None:
    graph, data = small(random, samples=200)
    folded = prepared(graph)
    trials = Trials.of(graph, data, METRICS["cross_entropy"])
    search = Narrowing(slots_of(graph, folded, profile_graph(folded, data)), trials.verdict, 0.05)
    one = smallest_global(search)
    assert one is not None and one.verdict.loss + one.verdict.error <= 0.05
    assert one.bits == one.format.width * sum(s.elements for s in search.slots)
    for integer_bits in range(-2, 8):
        verdict = trials.verdict(dict.fromkeys(search.slots, Fixed(one.format.width - 1, integer_bits)))
        assert verdict.loss + verdict.error > 0.05


@pytest.mark.parametrize("network", [small, residual])
def test_each_place_keeps_its_signal_to_noise_ratio_and_one_bit_less_does_not(random: Random, network: Networks) -> None:
    graph, data = network(random)
    folded = prepared(graph)
    profile = profile_graph(folded, data)
    values = {s: s.values for s in slots_of(graph, folded, profile)}
    found = by_noise(folded, tuple(values), data, 25.0)
    assert found.holds
    floats = real_outputs(replace(folded, outputs=tuple(v for held in values.values() for v in held)), data)
    at = dict(zip([v for held in values.values() for v in held], floats, strict=True))
    for slot, format_ in found.types.items():
        (value,) = slot.values
        numbers = at[value][0] if slot.holds_parameters else at[value]
        numbers = at[value][: value.type.shape[0]] if slot.holds_parameters else numbers
        assert tally(format_, numbers).snr_db >= 25
        fewer = [f for f in range(-20, 30) if fixed_of(slot.statistics, f).width == format_.width - 1]
        assert all(tally(fixed_of(slot.statistics, f), numbers).snr_db < 25 for f in fewer)


def test_layers_of_zeros_and_constant_inputs_get_types(random: Random) -> None:
    graph, data = small(random)
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if node.output.name in ("fc1.w", "fc2.b"):
            zeros = ConstantAttrs(np.zeros(node.output.type.shape, np.float32))
            rewriter.replace(node.output, make(CONSTANT, zeros, [], node.output.name, node.path).output)
    constant = Dataset({"x": np.full_like(data.inputs["x"], 0.75)}, data.targets)
    for options in (ProfileOptions(snr_db=20.0), ProfileOptions(metric=METRICS["cross_entropy"], most_loss=0.5)):
        found = profile_model(rewriter.finish(), constant, options)
        assert found.proposal is not None and found.proposal.holds
        assert {v.name for v in found.profile.values if v.statistics.constant} >= {"x", "fc1.w", "fc2.b"}


def test_a_model_that_quantizes_itself_is_looked_at_as_it_is(random: Random) -> None:
    graph = mlp((6, 8, 3), random.getrandbits(16))
    data = Dataset({"x": np.random.default_rng(1).normal(0, 3, (50, 6))})
    found = profile_model(graph, data)
    assert found.checks is not None and found.divergence is not None and found.divergence.first is not None
    assert {(c.layer, c.role) for c in found.checks} >= {("x", "input"), ("fc1", "weight"), ("fc2", "weight")}
    assert {str(c.format) for c in found.checks} >= {"int8[scale=1/16]", "int4[scale=1/8]"}
    assert found.proposal is None
    assert {v.name: v.role for v in found.profile.values if v.role != "value"} == {
        "fc1.w": "weight", "fc1.b": "bias", "fc2.w": "weight", "fc2.b": "bias",
    }, "weights as they were before their quantizers"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ProfileOptions(overflow=0.9), "--overflow: 0.9 is not from 0 to 0.5"),
        (ProfileOptions(snr_db=300.0), "--snr: 300 is not from 0 to 90"),
        (ProfileOptions(most_loss=float("nan")), "--max-loss: nan is not from 0"),
        (ProfileOptions(snr_db=20.0, most_loss=0.1), "--snr: given together with --max-loss"),
        (ProfileOptions(metric=METRICS["accuracy"]), "metric 'accuracy': needs targets"),
    ],
)
def test_options_that_make_no_sense_are_refused(random: Random, options: ProfileOptions, message: str) -> None:
    graph, data = small(random)
    with pytest.raises(HwgenError, match=message):
        profile_model(graph, Dataset(data.inputs), options)


def test_too_few_samples_judge_no_loss(random: Random) -> None:
    graph, data = small(random)
    with pytest.raises(HwgenError, match="9 samples say little about a loss of accuracy"):
        profile_model(graph, data.part(slice(9)))
