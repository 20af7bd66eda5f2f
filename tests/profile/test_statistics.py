"""Statistics of values: against NumPy on all elements at once, whatever the parts were; bad data are refused by name."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from random import Random

import numpy as np
import pytest

from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.profile.histograms import QUANTILE_ERROR, Float64, LinearHistogram, LogHistogram
from hwgen.profile.statistics import LEVELS, Statistics, profile_graph
from tests.profile.networks import residual, small


def numbers(random: Random, count: int) -> Float64:
    """Of both signs and many sizes, with zeros, repeated numbers and the ends of powers of two."""
    rng = np.random.default_rng(random.getrandbits(32))
    parts = [
        rng.normal(0, 10.0 ** random.randint(-9, 9), count), np.zeros(random.randint(1, count)), rng.integers(-4, 4, count) / 4,
        2.0 ** rng.integers(-40, 40, count), np.maximum(rng.normal(0, 1, count), 0),
    ]
    return rng.permutation(np.concatenate(random.sample(parts, random.randint(1, 5))))


def in_parts(random: Random, values: Float64) -> Statistics:
    cuts = sorted(random.sample(range(1, len(values)), min(5, len(values) - 1)))
    first, *others = (Statistics.of(part, whole=False) for part in np.split(values, cuts))
    for other in others:
        first = first.merged(other)
    return first


def test_parts_together_say_what_all_elements_say(random: Random) -> None:
    for _ in range(50):
        values = numbers(random, 400)
        seen, whole = in_parts(random, values), Statistics.of(values)
        assert (seen.least, seen.greatest, seen.zeros) == (values.min(), values.max(), int((values == 0).sum()))
        assert seen.smallest == np.abs(values[values != 0]).min(initial=np.inf)
        assert np.array_equal(seen.log.keys, whole.log.keys) and np.array_equal(seen.log.counts, whole.log.counts)
        assert seen.bins == whole.bins and seen.outliers == whole.outliers and seen.count == len(values)
        rest = values - values.mean()
        scale = np.abs(values).max(initial=0) or 1.0
        assert seen.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-12 * scale)
        assert seen.deviation == pytest.approx(values.std(), rel=1e-9, abs=1e-12 * scale)
        if seen.skewness is not None and values.std() > 1e-6 * scale:
            assert seen.skewness == pytest.approx((rest**3).mean() / values.std() ** 3, rel=1e-6, abs=1e-6)
            assert seen.kurtosis == pytest.approx((rest**4).mean() / values.std() ** 4 - 3, rel=1e-6, abs=1e-6)


def test_quantiles_of_weights_are_exact_and_those_of_values_within_the_stated_error(random: Random) -> None:
    for _ in range(50):
        values = numbers(random, 300)
        ordered = np.sort(values)
        right = [ordered[int(level * (len(values) - 1))] for level in LEVELS]
        assert list(Statistics.of(values).quantiles) == right
        for found, wanted in zip(in_parts(random, values).quantiles, right, strict=True):
            assert abs(found - wanted) <= QUANTILE_ERROR * abs(wanted)


def test_powers_of_two_are_counted_exactly(random: Random) -> None:
    values = numbers(random, 500)
    wanted: dict[int, tuple[int, int]] = {}
    for value in values[values != 0].tolist():
        exact, exponent = Fraction(abs(value)), -80
        while exact >= Fraction(2) ** (exponent + 1):
            exponent += 1
        negative, positive = wanted.get(exponent, (0, 0))
        wanted[exponent] = (negative + (value < 0), positive + (value > 0))
    assert LogHistogram.of(values).powers == dict(sorted(wanted.items()))


def test_no_number_beyond_a_limit_is_missed(random: Random) -> None:
    for _ in range(100):
        values = numbers(random, 100)
        low, high = sorted(random.choice((random.choice(values.tolist()), random.uniform(-2, 2))) for _ in range(2))
        beyond = int(((values < low) | (values > high)).sum())
        near = int(((values < low + QUANTILE_ERROR * 2 * abs(low)) | (values > high - QUANTILE_ERROR * 2 * abs(high))).sum())
        assert beyond <= LogHistogram.of(values).beyond(low, high) <= near


def test_bins_are_as_fine_as_64_of_them_can_be_and_count_what_lies_in_them(random: Random) -> None:
    for _ in range(50):
        values = numbers(random, 200)
        bins = LinearHistogram.of(values)
        if bins.exponent is None:
            assert not values.any() and bins.counts == (len(values),)
            continue
        places = np.floor(values / bins.width).astype(int)
        assert 1 <= len(bins.counts) <= 64 and bins.first == places.min()
        assert np.bincount(places - bins.first).tolist() == list(bins.counts)
        finer = np.floor(np.array([values.min(), values.max()]) * 2 / bins.width)
        assert np.diff(finer)[0] >= 64 or bins.width <= 2.0**-38 * np.abs(values).max()


@pytest.mark.parametrize("number", [0.0, -3.7, 1e-30])
def test_a_constant_has_no_skew_and_quantiles_that_are_it(number: float) -> None:
    seen = Statistics.of(np.full((4, 5), number), whole=False).merged(Statistics.of(np.full(3, number), whole=False))
    assert seen.constant and seen.skewness is None and seen.kurtosis is None
    assert set(seen.quantiles) == {number} and seen.outliers == 0 and sum(seen.bins.counts) == 23


def test_outliers_are_what_takes_more_integer_bits_than_nearly_all() -> None:
    values = np.concatenate([np.linspace(-1.99, 1.99, 9990), [5.0, -9.0, 2.0]])
    assert Statistics.of(values).outliers == 3
    assert Statistics.of(np.linspace(-1.99, 1.99, 9990)).outliers == 0


def test_outliers_are_counted_as_defined_for_any_numbers(random: Random) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    for _ in range(50):
        values = rng.standard_t(random.choice((1, 2, 5)), 3000) * (rng.random(3000) < random.choice((0.0005, 0.5, 1)))
        needed = np.where(values != 0, np.frexp(values)[1], -10_000)
        level = min(e for e in np.unique(np.append(needed, -10_000)) if (needed > e).mean() <= 0.001)
        assert Statistics.of(values, whole=False).outliers == int((needed > level).sum())


def test_every_value_and_weight_is_seen_whatever_the_parts(random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, data = residual(random)
    profiles = []
    for samples in (500, 7):
        monkeypatch.setattr("hwgen.profile.statistics.PART_SAMPLES", samples)
        done: list[int] = []
        profiles.append(profile_graph(graph, data, done.append))
        assert done[-1] == data.samples
    one, other = profiles
    assert [v.name for v in one.values] == [v.name for v in other.values]
    assert {v.name for v in one.values} == {v.name for v in graph.values() if v.producer.op not in ("reshape", "transpose")}
    for a, b in zip(one.values, other.values, strict=True):
        seen, same = a.statistics, b.statistics  # sums of another batch may be rounded otherwise
        assert (same.least, same.greatest, same.mean) == pytest.approx((seen.least, seen.greatest, seen.mean), rel=1e-9, abs=1e-9)
        assert sum(seen.bins.counts) == sum(same.bins.counts) == seen.count == same.count
    roles = {v.name: v.role for v in one.values}
    assert [r for r in roles.values() if r != "value"] == ["weight", "bias", "weight", "bias", "weight", "bias"]


def test_a_value_that_is_no_finite_number_is_named(random: Random) -> None:
    graph, data = small(random, scale=1e30)
    huge = Dataset({name: array.astype(np.float64) * 1e290 for name, array in data.inputs.items()})
    with np.errstate(all="ignore"), pytest.raises(HwgenError, match=r"linear 'fc1', value 'y1': becomes -?inf in float64"):
        profile_graph(graph, huge)


def test_integers_and_other_shapes_are_refused_by_name(random: Random) -> None:
    graph, data = small(random)
    lowered = lower(graph).graph
    with pytest.raises(HwgenError, match="comes in as codes"):
        profile_graph(lowered, data)
    with pytest.raises(HwgenError, match=r"input 'x': gets data of shape \(5, 4\); give \(samples, 6\)"):
        profile_graph(graph, Dataset({"x": np.zeros((5, 4))}))
    with pytest.raises(HwgenError, match="input 'x': has no data"):
        profile_graph(graph, Dataset({"z": np.zeros((5, 6))}))


@pytest.mark.filterwarnings("error")
def test_numbers_at_the_ends_of_float64_have_statistics_without_a_warning() -> None:
    for values in ([-1e300, 1e300, 0.0], [5e-324, -1e-310, 0.0], [1e-160, 2e-160]):
        first, *others = (Statistics.of(part, whole=False) for part in np.split(np.array(values), len(values)))
        seen = reduce(Statistics.merged, others, first)
        assert (seen.least, seen.greatest) == (min(values), max(values)) and sum(seen.bins.counts) == len(values)
        assert seen.skewness is None and seen.kurtosis is None
