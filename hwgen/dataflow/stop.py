"""Why a dataflow stops: the edges that wait for each other, in words."""

from __future__ import annotations

from hwgen.dataflow.engine import Blocked, Trace
from hwgen.dataflow.stage import Buffer, Dataflow, Element, Stage
from hwgen.errors import HwgenFailure


def deadlock(flow: Dataflow, trace: Trace) -> HwgenFailure:
    """The error for a run that stopped.  It names the layers that wait and the FIFOs that are full, by what they carry."""
    phrases: list[tuple[bool, str]] = []
    for blocked in trace.waits:
        phrase = _phrase(blocked)
        if phrase and (blocked.offered, phrase) not in phrases:
            phrases.append((blocked.offered, phrase))
    hungry = [text for offered, text in phrases if not offered]
    full = [text for offered, text in phrases if offered]
    shown = [*(hungry if len(hungry) <= 2 else (hungry[0], f"… ({len(hungry) - 2} more)", hungry[-1])), *full]
    return HwgenFailure(
        "deadlock", flow.name, f"the cycle model stops at edge {trace.stopped}: {'; '.join(shown)}",
        "give the FIFOs that it names more places" if full else "please report this design",
    )


def _phrase(blocked: Blocked) -> str:
    """Empty where the next edge of the circle says it."""
    ends = blocked.ends
    name = repr(ends.stream.value.name) if ends.stream is not None else "its own beats"
    if isinstance(ends.taker, Stage) or ends.taker is None:
        taker = "the output" if ends.taker is None else repr(ends.taker.path)
        return f"{taker} takes no {name}{_fullness(ends.giver)}" if blocked.offered else f"{taker} waits for {name}"
    if ends.giver is None and not blocked.offered:
        return f"no {name} is left to come in"
    return ""


def _fullness(giver: Element | None) -> str:
    match giver:
        case Buffer():
            return f" (FIFO {giver.name} is full with {giver.depth})"
        case Stage() if giver.piped:
            return f" (FIFO {giver.name} is full with {giver.fifo_depth})"
        case _:
            return ""
