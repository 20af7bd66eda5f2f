"""One clock, one reset, and the streams of a module under test."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time
from hwgen_tb.stream import ContractMonitor, Port, Sink, Source
from hwgen_tb.traffic import Profile, always

PERIOD_NS = 2


class Bench:
    """Owns clock and reset; makes streams by the names of their ports.

    rng: the only source of randomness, seeded by ``COCOTB_RANDOM_SEED`` (printed).  edge(): index of the clock edge now.
    A failure in a monitor or in a stream's end ends the test.
    """

    def __init__(self, dut: Any, *, clock: str = "clk_i", reset: str | None = "rst_i", reset_level: int = 1) -> None:
        self.dut = dut
        self.clock = getattr(dut, clock)
        self._reset = None if reset is None else getattr(dut, reset)
        self._reset_level = reset_level
        self.seed = int(os.environ.get("COCOTB_RANDOM_SEED", "0"))
        self.rng = Random(self.seed)
        self._ends: list[Source | Sink] = []
        if self._reset is not None:
            self._reset.value = reset_level
        self._start_ns = int(get_sim_time("ns"))
        Clock(self.clock, PERIOD_NS, unit="ns").start(start_high=False)
        dut._log.info("seed %d", self.seed)

    @classmethod
    async def of(cls, dut: Any, **options: Any) -> Bench:
        """A bench whose module has been reset."""
        bench = cls(dut, **options)
        await bench.reset()
        return bench

    def watch(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run beside the test; its exception fails the test."""
        cocotb.start_soon(coroutine)

    @property
    def in_reset(self) -> bool:
        """Whether the module sees its reset at the current edge."""
        return self._reset is not None and int(self._reset.value) == self._reset_level

    def edge(self) -> int:
        """Index of the current rising edge, or of the last one."""
        return (int(get_sim_time("ns")) - self._start_ns + PERIOD_NS // 2) // PERIOD_NS

    async def cycles(self, count: int) -> None:
        """Let ``count`` edges pass."""
        if count > 0:
            await ClockCycles(self.clock, count)

    async def reset(self, cycles: int = 3) -> None:
        """Reset the module and clear all ends of streams."""
        if self._reset is None:
            await self.cycles(1)
            return
        self._reset.value = self._reset_level
        for end in self._ends:
            end.clear()
        await self.cycles(cycles)
        for end in self._ends:
            end.clear()
        self._reset.value = 1 - self._reset_level

    async def until(self, condition: Callable[[], bool], timeout_cycles: int, what: Callable[[], str]) -> None:
        """Wait for a condition, checked after each edge; fails with ``what`` after ``timeout_cycles``."""
        for _ in range(timeout_cycles):
            if condition():
                return
            await RisingEdge(self.clock)
        assert condition(), f"{what()} within {timeout_cycles} cycles"

    def port(self, name: str, direction: str) -> Port:
        """The stream ``name`` by its port names; direction "in" (driven by the bench) or "out"."""
        mine, theirs = ("i", "o") if direction == "in" else ("o", "i")
        return Port(
            name,
            getattr(self.dut, f"{name}_valid_{mine}"),
            getattr(self.dut, f"{name}_ready_{theirs}", None),
            getattr(self.dut, f"{name}_data_{mine}"),
        )

    def axis_port(self, name: str, direction: str) -> Port:
        """The AXI4-Stream ``name`` ("s_axis") by its port names, with or without suffixes."""
        mine, theirs = ("i", "o") if direction == "in" else ("o", "i")

        def find(signal: str, suffix: str) -> Any:
            plain = getattr(self.dut, f"{name}_{signal}", None)
            return plain if plain is not None else getattr(self.dut, f"{name}_{signal}_{suffix}")

        return Port(name, find("tvalid", mine), find("tready", theirs), find("tdata", mine))

    def source(self, name: str | Port = "in", profile: Profile = always) -> Source:
        """A source that drives a stream of the module."""
        end = Source(self, name if isinstance(name, Port) else self.port(name, "in"), profile)
        self._ends.append(end)
        return end

    def sink(self, name: str | Port = "out", profile: Profile = always) -> Sink:
        """A sink on a stream of the module, watched by a ContractMonitor."""
        port = name if isinstance(name, Port) else self.port(name, "out")
        end = Sink(self, port, profile)
        if port.ready is not None:
            ContractMonitor(self, port)
        self._ends.append(end)
        return end
