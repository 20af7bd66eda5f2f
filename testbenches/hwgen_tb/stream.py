"""The two ends of a stream, and the monitor of its contract.

A stream without a ready port (a free-running pipeline) moves a beat at each edge with valid.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cocotb.triggers import RisingEdge
from hwgen_tb.traffic import Profile, always

if TYPE_CHECKING:
    from hwgen_tb.bench import Bench


@dataclass(frozen=True)
class Port:
    """Handles of one stream: valid, data, and ready (None where the stream has none); ``name`` is for messages."""

    name: str
    valid: Any
    ready: Any
    data: Any


class BitPort:
    """Some bits of a packed port as a handle of their own: stream ``index`` of a fork or join.

    word: what was last driven on the whole port, shared by its parts.
    """

    def __init__(self, handle: Any, word: list[int], index: int, width_bits: int = 1) -> None:
        self._handle, self._word = handle, word
        self._low, self._mask = index * width_bits, (1 << width_bits) - 1

    def __len__(self) -> int:
        return self._mask.bit_length()

    @property
    def value(self) -> int:
        return (int(self._handle.value) >> self._low) & self._mask

    @value.setter
    def value(self, value: int) -> None:
        self._word[0] = (self._word[0] & ~(self._mask << self._low)) | (int(value) & self._mask) << self._low
        self._handle.value = self._word[0]


class JoinedPort:
    """Several handles as one, the first lowest: what moves together (tdata and tlast)."""

    def __init__(self, *handles: Any) -> None:
        self._handles = handles

    def __len__(self) -> int:
        return sum(len(handle) for handle in self._handles)

    @property
    def value(self) -> int:
        total, low = 0, 0
        for handle in self._handles:
            total |= int(handle.value) << low
            low += len(handle)
        return total

    @value.setter
    def value(self, value: int) -> None:
        for handle in self._handles:
            handle.value = value & ((1 << len(handle)) - 1)
            value >>= len(handle)


class Source:
    """Offers beats, in order, when its profile is willing; an offered beat stays until it moves.

    ``edges[k]``: the edge at which beat k (since the last ``clear``) moved.
    """

    def __init__(self, bench: Bench, port: Port, profile: Profile = always) -> None:
        self.bench, self.port = bench, port
        self.queue: deque[int] = deque()
        self.edges: list[int] = []
        self._offered = False
        self.use(profile)
        port.valid.value = 0
        port.data.value = 0
        bench.watch(self._run())

    def use(self, profile: Profile) -> None:
        """Change the traffic."""
        self._willing = profile(self.bench.rng)

    def send(self, beats: Iterable[int]) -> None:
        """Add beats to what is to be offered."""
        self.queue.extend(beats)

    def clear(self) -> None:
        """Forget what has not moved and when the rest moved; take the offer back (in reset only)."""
        self.queue.clear()
        self.edges.clear()
        self._offered = False
        self.port.valid.value = 0

    async def done(self, timeout_cycles: int = 20_000) -> None:
        """Wait until all beats have moved."""
        await self.bench.until(
            lambda: not self.queue, timeout_cycles, lambda: f"{self.port.name}: {len(self.queue)} beats not taken"
        )

    async def _run(self) -> None:
        port, edge = self.port, RisingEdge(self.bench.clock)
        while True:
            await edge
            if self.bench.in_reset:
                continue
            moved = self._offered and (port.ready is None or int(port.ready.value) == 1)
            if moved:
                self.queue.popleft()
                self.edges.append(self.bench.edge())
                self._offered = False
            willing = self._willing(not self._offered and port.ready is not None and not moved, moved)
            if not self._offered:
                self._offered = bool(self.queue) and willing
                port.valid.value = int(self._offered)
                # Data that nobody may look at is noise, not the last beat.
                port.data.value = self.queue[0] if self._offered else self.bench.rng.getrandbits(len(port.data))


class Sink:
    """Takes beats when its profile is willing: ``beats``, and the edges at which they moved, since the last ``clear``."""

    def __init__(self, bench: Bench, port: Port, profile: Profile = always) -> None:
        self.bench, self.port = bench, port
        self.beats: list[int] = []
        self.edges: list[int] = []
        self.use(profile)
        self._ready = False
        if port.ready is not None:
            port.ready.value = 0
        bench.watch(self._run())

    def use(self, profile: Profile) -> None:
        """Change the traffic."""
        self._willing = profile(self.bench.rng)

    def clear(self) -> None:
        """Forget what came."""
        self.beats.clear()
        self.edges.clear()

    async def collect(self, count: int, timeout_cycles: int = 20_000) -> list[int]:
        """Wait for ``count`` beats in all."""
        await self.bench.until(
            lambda: len(self.beats) >= count, timeout_cycles, lambda: f"{self.port.name}: {len(self.beats)} of {count} beats came"
        )
        return self.beats

    async def _run(self) -> None:
        port, edge = self.port, RisingEdge(self.bench.clock)
        while True:
            await edge
            if self.bench.in_reset:
                continue
            valid = int(port.valid.value) == 1
            moved = valid and (port.ready is None or self._ready)
            if moved:
                self.beats.append(int(port.data.value))
                self.edges.append(self.bench.edge())
            if port.ready is not None:
                self._ready = self._willing(valid and not moved, moved)
                port.ready.value = int(self._ready)


class ContractMonitor:
    """Holds a stream to the handshake's second rule: a raised valid stays, its data unchanged, until the beat moves."""

    def __init__(self, bench: Bench, port: Port) -> None:
        self.bench, self.port = bench, port
        bench.watch(self._run())

    async def _run(self) -> None:
        port, edge = self.port, RisingEdge(self.bench.clock)
        held: int | None = None
        while True:
            await edge
            if self.bench.in_reset:
                held = None
                continue
            valid = int(port.valid.value) == 1
            if held is not None:
                assert valid, f"{port.name}: valid fell at edge {self.bench.edge()} before the beat moved"
                now = int(port.data.value)
                assert now == held, f"{port.name}: data changed at edge {self.bench.edge()} while waiting: {held:#x} to {now:#x}"
            held = int(port.data.value) if valid and int(port.ready.value) == 0 else None
