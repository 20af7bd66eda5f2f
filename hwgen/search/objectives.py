"""What a trial may measure: how good the outputs are, how many bits are kept and moved, and what the hardware takes."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from hwgen.cost.area import Area
from hwgen.cost.estimate import Estimate
from hwgen.data import Dataset
from hwgen.dataflow.cycles import Performance
from hwgen.dataflow.stage import Dataflow
from hwgen.errors import HwgenError, clean
from hwgen.flow import Lowered
from hwgen.ir.graph import Array
from hwgen.metrics import METRICS, Metric, metric_of

Outputs = tuple[Array, ...]
GUIDE: Final = "output_error"
"""Grows smoothly as precision is lost, and needs no targets."""


@dataclass(frozen=True)
class Candidate:
    """A design that is tried.  outputs: exact, as the hardware's.  real_outputs: of the model in float64.

    average_bits, total_bits: of an element of what is chosen a format for; of all weights and biases.
    """

    lowered: Lowered
    flow: Dataflow
    performance: Performance
    estimated: Callable[[], Estimate]
    outputs: Outputs
    real_outputs: Outputs
    data: Dataset
    average_bits: float
    total_bits: float

    @cached_property
    def estimate(self) -> Estimate:
        """Of its area."""
        return self.estimated()

    @property
    def area(self) -> Area:
        """Of all of it."""
        return self.estimate.total

    @property
    def output_error(self) -> float:
        """Mean square of what the outputs are beside those of the model, in parts of their own mean square."""
        pairs = [(a.astype(np.float64), b) for a, b in zip(self.outputs, self.real_outputs, strict=True)]
        if any(a.shape != b.shape for a, b in pairs):
            raise HwgenError("objective", GUIDE, "the design gives other outputs than the model", "leave it out with --argmax")
        wrong = sum(float(((a - b) ** 2).sum()) for a, b in pairs)
        return wrong / (sum(float((b**2).sum()) for _, b in pairs) or 1.0)


@dataclass(frozen=True, slots=True)
class Measure:
    """meaning: for people.  maximise: whether more is better.  uses_targets: of the data."""

    name: str
    meaning: str
    maximise: bool
    of: Callable[[Candidate], float]
    uses_targets: bool = False


_KNOWN: Final = (
    Measure(GUIDE, "mean square error of the outputs, in parts of their own", False, lambda c: c.output_error),
    Measure("average_bits", "bits of an element of weights and inputs", False, lambda c: c.average_bits),
    Measure("total_bits", "bits of all weights and biases", False, lambda c: c.total_bits),
    Measure("luts", "lookup tables, estimated", False, lambda c: c.area.luts),
    Measure("ffs", "flip-flops, estimated", False, lambda c: c.area.ffs),
    Measure("dsps", "multiplier blocks", False, lambda c: c.area.dsps),
    Measure("brams", "block memories", False, lambda c: c.area.brams),
    Measure("latency", "cycles of one inference, alone", False, lambda c: c.performance.latency_cycles),
    Measure("interval", "cycles between inferences", False, lambda c: c.performance.interval_cycles),
)
HARDWARE: Final[Mapping[str, Measure]] = {m.name: m for m in _KNOWN}
ALIASES: Final = {"loss": "cross_entropy", "latency_cycles": "latency", "interval_cycles": "interval"}


def _of_metric(metric: Metric) -> Measure:
    def of(candidate: Candidate) -> float:
        return metric(candidate.outputs, candidate.data.targets)

    return Measure(metric.name, "how good the outputs are", metric.higher_is_better, of, metric.needs_targets)


def measure_of(text: str, *, code: bool) -> Measure:
    """The measure ``text`` names.  code: ``package.module:function`` may be imported; only for what stands on the command line.

    A function of one parameter takes the `Candidate`, one of two the outputs and the targets (`hwgen.metrics.metric_of`).  More is
    better unless it has an attribute ``higher_is_better = False``.
    """
    name = ALIASES.get(text, text)
    if name in HARDWARE:
        return HARDWARE[name]
    if name in METRICS:
        return _of_metric(METRICS[name])
    if ":" not in name:
        known = [*METRICS, *HARDWARE]
        near = difflib.get_close_matches(name, known, 1)
        fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}, and package.module:function"
        raise HwgenError("objective", f"objective {clean(text)!r}", "is not known", fix)
    if not code:
        raise HwgenError("objective", f"objective {clean(text)!r}", "is code, named in a file", "give it as --objectives")
    metric = metric_of(name)
    if _parameters(metric.function) != 1:
        return _of_metric(metric)
    function: Callable[[Any], Any] = metric.function  # pyright: ignore[reportAssignmentType] - it takes one parameter
    return Measure(name, "as its function says", metric.higher_is_better, lambda candidate: _called(function, candidate, name))


def _parameters(function: Callable[..., Any]) -> int:
    """How many parameters a function must be given; 2 where nobody knows."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters)


def _called(function: Callable[[Any], Any], candidate: Candidate, name: str) -> float:
    problem = f"objective {clean(name)!r}"
    try:
        value = float(function(candidate))
    except (HwgenError, MemoryError):
        raise
    except Exception as error:
        what = f"raises {type(error).__name__}: {clean(error)}"
        raise HwgenError("objective", problem, what, "correct the function, or choose another objective") from error
    if not math.isfinite(value):
        raise HwgenError("objective", problem, f"gives {value}", "give a finite number")
    return value
