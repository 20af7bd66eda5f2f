"""The cocotb tests of any generated design: every value of every layer, handshakes, reset, framing and cycles.

Runs inside the simulator; `hwgen.sim.cocotb_runner` starts it and hands over, in the file that HWGEN_JOB names, the
samples and what each layer must make of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from hwgen_tb import TRAFFIC, Bench, ContractMonitor, JoinedPort, Port, Sink, Source, beats_of, chance, pack, signed, unpack

from hwgen.dataflow.cycles import MEASURED_INFERENCES, interval_of

JOB = json.loads(Path(os.environ["HWGEN_JOB"]).read_text())
SAMPLES = len(JOB["input"]["words"])
BACK_TO_BACK = 3
"""Vectors that every kind of traffic has at least."""
VECTORS_A_STAGE = 5
"""A stage and the width converter before it hold fewer vectors than this, and those in the stage's FIFO."""


def padded(width_bits: int) -> int:
    """Bits of an element on the bus."""
    return -(-width_bits // 8) * 8


class Tap:
    """A place where the elements of one value pass, and the beats that are still to come there.

    The lanes behind a vector's last element carry anything.
    """

    def __init__(self, dut: Any, job: dict[str, Any], port: Port | None = None, width_bits: int | None = None) -> None:
        net = job["net"]
        self.job, self.port = job, port
        if port is None:
            ready = getattr(dut, f"{net}_ready") if job["ready"] else None
            self.port = Port(net, getattr(dut, f"{net}_valid"), ready, getattr(dut, f"{net}_data"))
        self.lanes, self.code_bits = job["lanes"], job["width_bits"]
        self.width_bits = width_bits or self.code_bits
        self.elements = len(job["words"][0])
        self.beats = -(-self.elements // self.lanes)
        used = self.elements - (self.beats - 1) * self.lanes
        self._masks = [(1 << self.width_bits * lanes) - 1 for lanes in (*[self.lanes] * (self.beats - 1), used)]
        self._samples: Sequence[int] = ()
        self._words: list[int] = []
        self.seen = 0

    def expect(self, samples: Sequence[int]) -> None:
        """From now on the beats of these samples come, and no other."""
        self._samples, self.seen = samples, 0
        self._words = [beat for sample in samples for beat in self._beats(sample)]

    def _beats(self, sample: int) -> list[int]:
        words = self.job["words"][sample]
        if self.job["signed"]:
            words = [signed(word, self.code_bits) for word in words]
        return beats_of(words, self.lanes, self.width_bits)

    def only(self, vectors: int) -> None:
        """Of the samples expected, no more than this many come."""
        self._samples, self._words = self._samples[:vectors], self._words[: vectors * self.beats]

    @property
    def missing(self) -> int:
        """Beats that have not come."""
        return len(self._words) - self.seen

    def look(self) -> None:
        """At an edge: the beat that moves, if one does, is the one expected."""
        port = self.port
        if int(port.valid.value) == 1 and (port.ready is None or int(port.ready.value) == 1):
            self.take(int(port.data.value))

    def take(self, word: int) -> None:
        """Compare a beat; what differs is told as the user knows it."""
        assert self.missing, f"{self.name}: a beat more than the {len(self._words)} of {len(self._samples)} vectors"
        wanted, beat = self._words[self.seen], self.seen % self.beats
        if (word ^ wanted) & self._masks[beat]:
            pairs = zip(unpack(wanted, self.lanes, self.width_bits), unpack(word, self.lanes, self.width_bits))
            lane, expected, got = next((lane, *pair) for lane, pair in enumerate(pairs) if pair[0] != pair[1])
            vector = self.seen // self.beats
            raise AssertionError(
                f"{self.name}: sample {self._samples[vector]} (vector {vector}), element {beat * self.lanes + lane}: "
                f"expected {self.code(expected)}, got {self.code(got)} (net {self.port.name}, beat {beat}, lane {lane})"
            )
        self.seen += 1

    def code(self, word: int) -> int:
        """The code that a lane carries."""
        if self.job["bipolar"] and word in (0, 1):
            return 2 * word - 1
        return signed(word, self.width_bits) if self.job["signed"] else word

    @property
    def name(self) -> str:
        """The place in words of the model."""
        return f"layer {self.job['layer']!r}, {self.job['operator']}, value {self.job['value']!r}"


class DesignBench:
    """The outer streams of a design, and monitors on every stream and pipeline inside."""

    def __init__(self, bench: Bench) -> None:
        self.bench, dut = bench, bench.dut
        bus, out = bench.axis_port("s_axis", "in"), bench.axis_port("m_axis", "out")
        self.taps = [Tap(dut, job) for job in JOB["taps"]]
        for tap in self.taps:
            if tap.port.ready is not None:
                ContractMonitor(bench, replace(tap.port, name=f"{tap.name} ({tap.port.name})"))
        self.input = Tap(dut, JOB["input"], bus)
        self.output = Tap(dut, JOB["output"], out, padded(JOB["output"]["width_bits"]))
        self.source: Source = bench.source(Port("s_axis", bus.valid, bus.ready, JoinedPort(bus.data, dut.s_axis_tlast)))
        self.sink: Sink = bench.sink(Port("m_axis", out.valid, out.ready, JoinedPort(out.data, dut.m_axis_tlast)))
        bench.watch(self._look())

    @classmethod
    async def of(cls, dut: Any) -> DesignBench:
        """A design that has been reset."""
        return cls(await Bench.of(dut, clock="aclk", reset="aresetn", reset_level=0))

    async def _look(self) -> None:
        """Compares in the data's order, so that the first layer that differs speaks first."""
        edge, places = RisingEdge(self.bench.clock), [*self.taps, self.output]
        last, out = self.bench.dut.m_axis_tlast, self.output
        while True:
            await edge
            if self.bench.in_reset:
                continue
            before = out.seen
            for place in places:
                place.look()
            if out.seen != before:
                due = int(out.seen % out.beats == 0)
                assert int(last.value) == due, f"m_axis_tlast is {1 - due} at beat {before % out.beats} of {out.beats}"

    def send(self, samples: Sequence[int], *, wrong_tlast: int | None = None) -> None:
        """Offer samples one after the other, noise where the bus carries nothing.  wrong_tlast: index of a beat that lies."""
        for place in (*self.taps, self.output):
            place.expect(samples)
        beats = [beat for sample in samples for beat in self._bus_beats(sample)]
        if wrong_tlast is not None:
            beats[wrong_tlast] ^= 1 << self.input.lanes * padded(self.input.width_bits)
        self.source.clear()
        self.sink.clear()
        self.source.send(beats)

    def _bus_beats(self, sample: int) -> Iterator[int]:
        tap, rng = self.input, self.bench.rng
        width = padded(tap.width_bits)
        words = [*tap.job["words"][sample]]
        words += [rng.getrandbits(tap.width_bits) for _ in range(tap.beats * tap.lanes - len(words))]
        for first in range(0, len(words), tap.lanes):
            noisy = [word | rng.getrandbits(width) >> tap.width_bits << tap.width_bits for word in words[first : first + tap.lanes]]
            yield pack(noisy, width) | int(first + tap.lanes >= len(words)) << tap.lanes * width

    async def fill(self) -> int:
        """With the output closed, offer samples until no more go in; returns how many vectors have begun or may still come."""
        stages = sum(tap.port.ready is not None for tap in self.taps)
        offered = BACK_TO_BACK + stages * VECTORS_A_STAGE + sum(depth // beats for depth, beats in JOB["fifos"])
        self.send([k % SAMPLES for k in range(offered)])
        moved = -1
        while moved != len(self.source.edges):
            moved = len(self.source.edges)
            await self.bench.cycles(JOB["latency_cycles"] + 2 * JOB["interval_cycles"])
        vectors = -(-moved // self.input.beats) + 1
        assert vectors <= offered, f"{offered} vectors went in while the output was closed: more than there is room for"
        for place in (*self.taps, self.output):
            place.only(vectors)
        while len(self.source.queue) > vectors * self.input.beats - moved:
            self.source.queue.pop()
        return vectors

    async def done(self, vectors: int) -> None:
        """Wait until everything has come, however sparse the traffic; nothing may follow."""
        tap_beats = self.input.beats + self.output.beats
        limit = 2000 + 4 * (JOB["latency_cycles"] + vectors * JOB["interval_cycles"]) + 100 * vectors * tap_beats
        await self.bench.until(lambda: not self.output.missing, limit, self._progress)
        await self.bench.cycles(4)
        for place in self.taps:
            assert not place.missing, f"{place.name}: {place.missing} beats never came"
        assert int(self.bench.dut.framing_error.value) == 0, "framing_error rose although every tlast was right"

    def _progress(self) -> str:
        stuck = next((place for place in (*self.taps, self.output) if place.missing), self.output)
        return f"{stuck.name}: {stuck.missing} beats missing of {stuck.missing + stuck.seen}, and m_axis did not finish"


def portion(index: int, portions: int) -> list[int]:
    """Samples of one of several portions: all are in some portion, and each has enough."""
    own = list(range(index % SAMPLES, SAMPLES, portions))
    return own + [(index + k) % SAMPLES for k in range(BACK_TO_BACK - len(own))]


@cocotb.test()
async def every_layer_is_right_under_all_traffic(dut):
    design = await DesignBench.of(dut)
    for index, (source_profile, sink_profile) in enumerate(TRAFFIC.values()):
        samples = portion(index, len(TRAFFIC))
        design.source.use(source_profile)
        design.sink.use(sink_profile)
        design.send(samples)
        await design.done(len(samples))


@cocotb.test()
async def a_full_design_loses_nothing(dut):
    design = await DesignBench.of(dut)
    for _ in range(2):
        design.sink.use(chance(0.0))
        vectors = await design.fill()
        design.sink.use(chance(0.5))
        await design.done(vectors)


@cocotb.test()
async def reset_in_the_middle_leaves_nothing_behind(dut):
    design = await DesignBench.of(dut)
    rng = design.bench.rng
    for willing in (1.0, 0.5, 0.0):
        design.source.use(chance(0.8))
        design.sink.use(chance(willing))
        design.send([rng.randrange(SAMPLES) for _ in range(BACK_TO_BACK)])
        await design.bench.cycles(rng.randint(1, JOB["latency_cycles"] + JOB["interval_cycles"]))
        await design.bench.reset(rng.randint(2, 4))
        design.sink.use(chance(0.5))
        samples = [rng.randrange(SAMPLES) for _ in range(BACK_TO_BACK)]
        design.send(samples)
        await design.done(len(samples))


@cocotb.test()
async def misplaced_tlast_is_reported_until_reset(dut):
    design = await DesignBench.of(dut)
    beats = design.input.beats
    for wrong in sorted({beats, 2 * beats - 1, beats + design.bench.rng.randrange(beats)}):
        design.send([k % SAMPLES for k in range(BACK_TO_BACK)], wrong_tlast=wrong)
        design.sink.use(chance(0.9))
        for _ in range(4 * (JOB["latency_cycles"] + BACK_TO_BACK * JOB["interval_cycles"]) + 2000):
            moved = len(design.source.edges)
            risen = int(dut.framing_error.value)
            assert not risen or moved > wrong, f"framing_error rose before the wrong tlast of beat {wrong}"
            if moved > wrong + 1:
                break
            await RisingEdge(design.bench.clock)
        assert int(dut.framing_error.value) == 1, f"tlast of beat {wrong} (of {beats} a vector) was wrong and not reported"
        await design.bench.reset()
        await design.bench.cycles(2)
        assert int(dut.framing_error.value) == 0, "framing_error did not fall in reset"


@cocotb.test()
async def latency_and_interval_are_as_predicted(dut):
    design = await DesignBench.of(dut)
    await design.bench.cycles(4)
    design.send([0])
    await design.done(1)
    latency = design.sink.edges[-1] - design.source.edges[0]
    assert latency == JOB["latency_cycles"], f"latency is {latency} cycles, predicted {JOB['latency_cycles']}"
    await design.bench.reset()
    await design.bench.cycles(4)
    design.send([k % SAMPLES for k in range(MEASURED_INFERENCES)])
    await design.done(MEASURED_INFERENCES)
    interval = interval_of(design.sink.edges[design.output.beats - 1 :: design.output.beats])
    assert interval == JOB["interval_cycles"], f"interval is {interval} cycles, predicted {JOB['interval_cycles']}"
