"""Why a dataflow stops: the edges that wait for each other, in words."""

from __future__ import annotations

from hwgen.dataflow.engine import Blocked, Trace
from hwgen.dataflow.stage import Buffer, Dataflow, Element, Stage
from hwgen.errors import HwgenFailure


def deadlock(flow: Dataflow, trace: Trace) -> HwgenFailure:
    """The error for a run that stopped.  It names the layers that wait and the FIFOs that are full, by what they carry."""
    told = [b for b in trace.waits if b.ends.stream is not None and isinstance(b.ends.taker, Stage | None)] or trace.waits
    waiting = [_phrase(b, trace) for b in told if not b.offered]
    held = [_phrase(b, trace) for b in told if b.offered]
    if len(waiting) > 2:
        waiting = [waiting[0], f"… ({len(waiting) - 2} more)", waiting[-1]]
    return HwgenFailure(
        "deadlock", flow.name, f"the cycle model stops at edge {trace.stopped}: {'; '.join((*held, *waiting))}",
        "give the FIFOs that it names more places" if held and not trace.unlimited else "please report this design",
    )


def _phrase(blocked: Blocked, trace: Trace) -> str:
    ends = blocked.ends
    beat = "its own beats" if ends.stream is None else repr(ends.stream.value.name)
    if ends.giver is None and not blocked.offered:
        return f"{_name(ends.taker)} waits for more of input {beat}"
    if not blocked.offered:
        empty = f" (FIFO {ends.giver.name} is empty)" if isinstance(ends.giver, Buffer) else ""
        return f"{_name(ends.taker)} waits for {beat}{empty}"
    return f"{_name(ends.taker)} takes no {beat}{'' if trace.unlimited else _fullness(ends.giver)}"


def _name(element: Element | None) -> str:
    return "the output" if element is None else repr(element.path if isinstance(element, Stage) else element.name)


def _fullness(giver: Element | None) -> str:
    match giver:
        case Buffer():
            return f" (FIFO {giver.name} is full with {giver.depth})"
        case Stage() if giver.piped:
            return f" (FIFO {giver.name} is full with {giver.fifo_depth})"
        case _:
            return ""
