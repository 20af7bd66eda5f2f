"""What every free-running pipeline (valid only, fixed latency) is put through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cocotb.triggers import RisingEdge
from hwgen_tb.bench import Bench
from hwgen_tb.traffic import always, bursts, chance


async def pipeline_obeys(
    dut: Any,
    beats: Callable[[Bench, int], Sequence[int]],
    expected: Callable[[Sequence[int]], Sequence[int]],
    latency: int,
    group: int = 1,
) -> None:
    """Values and latency of each beat under dense and sparse input, and a clean start after a reset of one edge or more.

    beats(bench, n): n whole groups of ``group`` beats, extremes first.  expected(beats): what must come out, from reset on, one for
    each group.  Each result must come exactly ``latency`` edges after the last beat of its group.
    """
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    for profile, reset_cycles in ((always, 1), (chance(0.5), 3), (chance(0.05), 1), (bursts, 2)):
        source.use(profile)
        sent = beats(bench, 24)
        source.send(sent)
        await source.done(timeout_cycles=200_000)
        await bench.cycles(latency + 3)
        wanted = list(expected(sent))
        assert sink.beats == wanted, f"came {sink.beats}, expected {wanted}"
        taken = source.edges[group - 1 :: group]
        late = [out - into for out, into in zip(sink.edges, taken, strict=True)]
        assert late == [latency] * len(taken), f"latencies {sorted(set(late))}, claimed {latency}"
        # Some beats in flight, a group begun: reset forgets them all.
        source.use(always)
        source.send(beats(bench, 2)[: max(1, 2 * group - 1)])
        await bench.cycles(bench.rng.randint(2, 2 * group + 2))
        await bench.reset(reset_cycles)
        await bench.cycles(latency + 2)
        assert not sink.beats, "a beat from before the reset came out"


async def function_of_inputs(
    bench: Bench,
    draw: Callable[[int], dict[str, int]],
    expected: Callable[[dict[str, int]], int],
    output: str,
    latency: int,
    count: int = 200,
) -> None:
    """A module without valid: new inputs each cycle; the output ``latency`` edges later is a function of them.

    draw(k): the k-th value of each input port.  expected(inputs): the code on ``output``.
    """
    driven: list[dict[str, int]] = []
    for k in range(count + latency):
        driven.append(draw(k))
        for name, value in driven[-1].items():
            getattr(bench.dut, name).value = value
        await RisingEdge(bench.clock)
        if k >= latency:
            came, wanted = int(getattr(bench.dut, output).value), expected(driven[k - latency])
            assert came == wanted, f"{output} is {came:#x} for {driven[k - latency]}, expected {wanted:#x}"
