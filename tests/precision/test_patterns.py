"""Regular expressions of strangers: their meaning, their limits, and that none takes its time."""

from __future__ import annotations

import pytest

from hwgen.errors import HwgenError
from hwgen.precision.patterns import MAX_PATTERN, matcher


def test_a_name_matches_as_a_whole() -> None:
    for pattern, name, matches in (
        ("conv[0-9]+", "conv12", True), ("conv[0-9]+", "conv12.bias", False), ("a|b", "b", True), ("a|b", "ab", False),
        ("(?i)CONV", "conv", True), (r"\w+\.fc", "x.fc", True), (".*", "naïve ☃", True), ("", "", True),
    ):
        assert matcher(pattern, "here")(name) is matches, (pattern, name)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(.*)*(.*)*(.*)*b", "(a?){30}a{30}b", "([a-z]+)*[0-9]"])
def test_an_expression_that_backtracking_would_never_finish_is_matched_at_once(pattern: str) -> None:
    assert matcher(pattern, "here")("a" * 4000) is False


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(", "[z-a]", "(a{1000}){1000}", "*", "\ud800"])
def test_what_is_no_expression_of_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(HwgenError, match=r"here: is no regular expression: .+ RE2's syntax"):
        matcher(pattern, "here")


def test_a_long_expression_is_refused_and_a_strange_name_matches_nothing_else() -> None:
    with pytest.raises(HwgenError, match="the limit is"):
        matcher("a" * (MAX_PATTERN + 1), "here")
    assert matcher("a.b", "here")("a\ud800b") and not matcher("ab", "here")("a\ud800b")
