"""Simulation: Verilator builds, the native runner, and the comparison with the reference."""
