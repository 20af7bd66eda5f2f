"""Proofs of the stream modules, small arithmetic exhausted, and a check that each of these can fail: ``make formal``.

    python -m formal --jobs 2               all
    python -m formal --only width_converter

Each stream template has a harness in ``harnesses/``, written from its contract and seen from outside only; ``checkers/`` holds what
they share. Inputs are free at every step, resets come at any time, and registers start with any contents. ABC's property-directed
reachability finds an invariant, z3 checks it: what is proved holds after any number of cycles. The data of one beat, picked
freely, is followed through; the modules move data without looking at it, so a narrow one stands for all widths.

Arithmetic is played through a simulation, every operand with every parameter, against integers computed in NumPy.

Last, templates are broken on purpose: every assertion and every cover must be seen to fail.
"""
