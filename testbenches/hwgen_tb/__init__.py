"""The testbench library: streams with random traffic, the handshake's rules, one bench class, and the runner of a case.

A test file serves both sides. pytest collects its ``test_*`` function, which builds and starts the simulator (``run_case``);
inside the simulator cocotb runs its ``@cocotb.test()`` coroutines, whose names are claims.
"""

from hwgen_tb.bench import Bench
from hwgen_tb.case import Case, current_case, full, quick, run_case, run_simulation, write_memory
from hwgen_tb.lanes import beats_of, pack, signed, unpack
from hwgen_tb.pipeline import function_of_inputs, pipeline_obeys
from hwgen_tb.stream import BitPort, ContractMonitor, JoinedPort, Port, Sink, Source
from hwgen_tb.traffic import TRAFFIC, Profile, always, bursts, chance, on_demand, stall_after_first

__all__ = [
    "TRAFFIC",
    "Bench",
    "BitPort",
    "Case",
    "ContractMonitor",
    "JoinedPort",
    "Port",
    "Profile",
    "Sink",
    "Source",
    "always",
    "beats_of",
    "bursts",
    "chance",
    "current_case",
    "full",
    "function_of_inputs",
    "on_demand",
    "pack",
    "pipeline_obeys",
    "quick",
    "run_case",
    "run_simulation",
    "signed",
    "stall_after_first",
    "unpack",
    "write_memory",
]
