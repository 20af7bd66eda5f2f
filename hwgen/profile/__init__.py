"""Profiling: how the numbers of a network lie, which types hold them, and where a quantized run leaves the float one."""
