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
from hwgen_tb import (
    TRAFFIC,
    Bench,
    ContractMonitor,
    JoinedPort,
    Port,
    Profile,
    Sink,
    Source,
    beats_of,
    chance,
    pack,
    signed,
    unpack,
)

from hwgen.dataflow.cycles import interval_of

JOB = json.loads(Path(os.environ["HWGEN_JOB"]).read_text())
SAMPLES = len(JOB["inputs"][0]["words"])
BACK_TO_BACK = 3
"""Vectors that every kind of traffic has at least."""
VECTORS_A_STREAM = 3
"""What gives a stream holds fewer vectors than this, and those in its FIFO."""


def padded(width_bits: int) -> int:
    """Bits of an element on the bus."""
    return -(-width_bits // 8) * 8


class Tap:
    """A place where the elements of one value pass, and the beats that are still to come there.

    The lanes behind a position's last element carry anything.
    """

    def __init__(self, dut: Any, job: dict[str, Any], port: Port | None = None, width_bits: int | None = None) -> None:
        net = job["net"]
        self.job, self.port = job, port
        if port is None:
            ready = getattr(dut, f"{net}_ready") if job["ready"] else None
            self.port = Port(net, getattr(dut, f"{net}_valid"), ready, getattr(dut, f"{net}_data"))
        self.lanes, self.code_bits = job["lanes"], job["width_bits"]
        self.width_bits = width_bits or self.code_bits
        self.channels = job["channels"]
        self.blocks = -(-self.channels // self.lanes)
        self.beats = len(job["words"][0]) // self.channels * self.blocks
        used = self.channels - (self.blocks - 1) * self.lanes
        self._masks = [(1 << self.width_bits * lanes) - 1 for lanes in (*[self.lanes] * (self.blocks - 1), used)]
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
        return [beat for position in self.positions(words) for beat in beats_of(position, self.lanes, self.width_bits)]

    def positions(self, words: Sequence[int]) -> Iterator[Sequence[int]]:
        """The words of each position."""
        for first in range(0, len(words), self.channels):
            yield words[first : first + self.channels]

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
        if (word ^ wanted) & self._masks[beat % self.blocks]:
            pairs = zip(unpack(wanted, self.lanes, self.width_bits), unpack(word, self.lanes, self.width_bits))
            lane, expected, got = next((lane, *pair) for lane, pair in enumerate(pairs) if pair[0] != pair[1])
            vector = self.seen // self.beats
            element = beat // self.blocks * self.channels + beat % self.blocks * self.lanes + lane
            raise AssertionError(
                f"{self.name}: sample {self._samples[vector]} (vector {vector}), element {element}: "
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


class Entry:
    """An input port: what it takes, and what drives it."""

    def __init__(self, bench: Bench, job: dict[str, Any], error: str) -> None:
        name, dut = job["net"], bench.dut
        bus = bench.axis_port(name, "in")
        self.tap, self.rng, self.error = Tap(dut, job, bus), bench.rng, getattr(dut, error)
        last = getattr(dut, f"{name}_tlast")
        self.source: Source = bench.source(Port(name, bus.valid, bus.ready, JoinedPort(bus.data, last)))

    def send(self, samples: Sequence[int], wrong_tlast: int | None) -> None:
        """Offer samples one after the other, noise where the bus carries nothing.  wrong_tlast: index of a beat that lies."""
        beats = [beat for sample in samples for beat in self._bus_beats(sample)]
        if wrong_tlast is not None:
            beats[wrong_tlast] ^= 1 << self.tap.lanes * padded(self.tap.width_bits)
        self.source.clear()
        self.source.send(beats)

    def _bus_beats(self, sample: int) -> Iterator[int]:
        tap, rng = self.tap, self.rng
        width = padded(tap.width_bits)
        words: list[int] = []
        for position in tap.positions(tap.job["words"][sample]):
            words += [*position, *(rng.getrandbits(tap.width_bits) for _ in range(tap.blocks * tap.lanes - tap.channels))]
        for first in range(0, len(words), tap.lanes):
            noisy = [word | rng.getrandbits(width) >> tap.width_bits << tap.width_bits for word in words[first : first + tap.lanes]]
            yield pack(noisy, width) | int(first + tap.lanes >= len(words)) << tap.lanes * width

    def only(self, vectors: int) -> None:
        """Of what is to be sent, no more than this many vectors go in."""
        while len(self.source.queue) > vectors * self.tap.beats - len(self.source.edges):
            self.source.queue.pop()

    @property
    def begun(self) -> int:
        """Vectors of which a beat went in."""
        return -(-len(self.source.edges) // self.tap.beats)


class Exit:
    """An output port: what comes out, and what takes it."""

    def __init__(self, bench: Bench, job: dict[str, Any]) -> None:
        name, dut = job["net"], bench.dut
        bus = bench.axis_port(name, "out")
        self.name, self.last = name, getattr(dut, f"{name}_tlast")
        self.tap = Tap(dut, job, bus, padded(job["width_bits"]))
        self.sink: Sink = bench.sink(Port(name, bus.valid, bus.ready, JoinedPort(bus.data, self.last)))

    def look(self) -> None:
        """At an edge: the beat that moves, if one does, is the one expected, and tlast right."""
        tap, before = self.tap, self.tap.seen
        tap.look()
        if tap.seen != before:
            due = int(tap.seen % tap.beats == 0)
            assert int(self.last.value) == due, f"{self.name}_tlast is {1 - due} at beat {before % tap.beats} of {tap.beats}"

    @property
    def done(self) -> Sequence[int]:
        """Edges of each vector's last beat."""
        return self.sink.edges[self.tap.beats - 1 :: self.tap.beats]


class DesignBench:
    """The outer streams of a design, and monitors on every stream and pipeline inside."""

    def __init__(self, bench: Bench) -> None:
        self.bench, dut = bench, bench.dut
        self.taps = [Tap(dut, job) for job in JOB["taps"]]
        for tap in self.taps:
            if tap.port.ready is not None:
                ContractMonitor(bench, replace(tap.port, name=f"{tap.name} ({tap.port.name})"))
        self.inputs = [Entry(bench, job, error) for job, error in zip(JOB["inputs"], JOB["errors"], strict=True)]
        self.outputs = [Exit(bench, job) for job in JOB["outputs"]]
        bench.watch(self._look())

    @classmethod
    async def of(cls, dut: Any) -> DesignBench:
        """A design that has been reset."""
        return cls(await Bench.of(dut, clock="aclk", reset="aresetn", reset_level=0))

    @property
    def places(self) -> list[Tap]:
        """Where values are expected, in the data's order."""
        return [*self.taps, *(output.tap for output in self.outputs)]

    async def _look(self) -> None:
        """Compares in the data's order, so that the first layer that differs speaks first."""
        edge = RisingEdge(self.bench.clock)
        while True:
            await edge
            if self.bench.in_reset:
                continue
            for place in (*self.taps, *self.outputs):
                place.look()

    def use(self, source: Profile | None = None, sink: Profile | None = None) -> None:
        """When the inputs and the outputs are willing."""
        if source is not None:
            for entry in self.inputs:
                entry.source.use(source)
        if sink is not None:
            for output in self.outputs:
                output.sink.use(sink)

    def send(self, samples: Sequence[int], *, wrong: tuple[int, int] | None = None) -> None:
        """Offer samples one after the other.  wrong: an input, and the index of a beat whose tlast lies there."""
        for place in self.places:
            place.expect(samples)
        for output in self.outputs:
            output.sink.clear()
        for number, entry in enumerate(self.inputs):
            entry.send(samples, wrong[1] if wrong is not None and wrong[0] == number else None)

    async def fill(self) -> int:
        """With the outputs closed, offer samples until no more go in; returns how many vectors have begun or may still come."""
        streams = sum(tap.port.ready is not None for tap in self.taps)
        offered = BACK_TO_BACK + streams * VECTORS_A_STREAM + JOB["held"]
        self.send([k % SAMPLES for k in range(offered)])
        moved = -1
        while moved != (moved := sum(len(entry.source.edges) for entry in self.inputs)):
            await self.bench.cycles(JOB["latency_cycles"] + 2 * JOB["interval_cycles"])
        vectors = max(entry.begun for entry in self.inputs) + 1
        assert vectors <= offered, f"{offered} vectors went in while the outputs were closed: more than there is room for"
        for place in self.places:
            place.only(vectors)
        for entry in self.inputs:
            entry.only(vectors)
        return vectors

    async def done(self, vectors: int) -> None:
        """Wait until everything has come, however sparse the traffic; nothing may follow."""
        port_beats = sum(end.tap.beats for end in (*self.inputs, *self.outputs))
        limit = 2000 + 4 * (JOB["latency_cycles"] + vectors * JOB["interval_cycles"]) + 100 * vectors * port_beats
        outputs = [output.tap for output in self.outputs]
        await self.bench.until(lambda: not any(tap.missing for tap in outputs), limit, self._progress)
        await self.bench.until(lambda: not any(tap.missing for tap in self.taps), limit, self._progress)
        await self.bench.cycles(4)
        for place in self.taps:
            assert not place.missing, f"{place.name}: {place.missing} beats never came"
        for entry in self.inputs:
            assert int(entry.error.value) == 0, f"framing error of {entry.tap.job['net']} rose although every tlast was right"

    def _progress(self) -> str:
        stuck = next((place for place in self.places if place.missing), self.places[-1])
        return f"{stuck.name}: {stuck.missing} beats missing of {stuck.missing + stuck.seen}, and the outputs did not finish"


def portion(index: int, portions: int) -> list[int]:
    """Samples of one of several portions: all are in some portion, and each has enough."""
    own = list(range(index % SAMPLES, SAMPLES, portions))
    return own + [(index + k) % SAMPLES for k in range(BACK_TO_BACK - len(own))]


@cocotb.test()
async def every_layer_is_right_under_all_traffic(dut):
    design = await DesignBench.of(dut)
    for index, (source_profile, sink_profile) in enumerate(TRAFFIC.values()):
        samples = portion(index, len(TRAFFIC))
        design.use(source_profile, sink_profile)
        design.send(samples)
        await design.done(len(samples))


@cocotb.test()
async def a_full_design_loses_nothing(dut):
    design = await DesignBench.of(dut)
    for _ in range(2):
        design.use(sink=chance(0.0))
        vectors = await design.fill()
        design.use(sink=chance(0.5))
        await design.done(vectors)


@cocotb.test()
async def reset_in_the_middle_leaves_nothing_behind(dut):
    design = await DesignBench.of(dut)
    rng = design.bench.rng
    for willing in (1.0, 0.5, 0.0):
        design.use(chance(0.8), chance(willing))
        design.send([rng.randrange(SAMPLES) for _ in range(BACK_TO_BACK)])
        await design.bench.cycles(rng.randint(1, JOB["latency_cycles"] + JOB["interval_cycles"]))
        await design.bench.reset(rng.randint(2, 4))
        design.use(sink=chance(0.5))
        samples = [rng.randrange(SAMPLES) for _ in range(BACK_TO_BACK)]
        design.send(samples)
        await design.done(len(samples))


@cocotb.test()
async def misplaced_tlast_is_reported_until_reset(dut):
    design = await DesignBench.of(dut)
    for number, entry in enumerate(design.inputs):
        beats, net = entry.tap.beats, entry.tap.job["net"]
        for wrong in sorted({beats, 2 * beats - 1, beats + design.bench.rng.randrange(beats)}):
            design.send([k % SAMPLES for k in range(BACK_TO_BACK)], wrong=(number, wrong))
            design.use(sink=chance(0.9))
            for _ in range(4 * (JOB["latency_cycles"] + BACK_TO_BACK * JOB["interval_cycles"]) + 2000):
                moved = len(entry.source.edges)
                risen = int(entry.error.value)
                assert not risen or moved > wrong, f"framing error of {net} rose before the wrong tlast of beat {wrong}"
                if moved > wrong + 1:
                    break
                await RisingEdge(design.bench.clock)
            assert int(entry.error.value) == 1, f"tlast of beat {wrong} (of {beats} a vector) of {net} was wrong and not reported"
            await design.bench.reset()
            await design.bench.cycles(2)
            assert int(entry.error.value) == 0, f"framing error of {net} did not fall in reset"


@cocotb.test()
async def latency_and_interval_are_as_predicted(dut):
    design = await DesignBench.of(dut)
    await design.bench.cycles(4)
    design.send([0])
    await design.done(1)
    first = min(entry.source.edges[0] for entry in design.inputs)
    latency = max(output.done[0] for output in design.outputs) - first
    assert latency == JOB["latency_cycles"], f"latency is {latency} cycles, predicted {JOB['latency_cycles']}"
    await design.bench.reset()
    await design.bench.cycles(4)
    design.send([k % SAMPLES for k in range(JOB["measured"])])
    await design.done(JOB["measured"])
    interval = interval_of([max(edges) for edges in zip(*(output.done for output in design.outputs), strict=True)])
    assert interval == JOB["interval_cycles"], f"interval is {interval} cycles, predicted {JOB['interval_cycles']}"
