"""Random networks through the hardware: every bit and every cycle as the references say.

    python -m fuzz --count 300 --seed 7 --jobs 4     in testbenches/; without --seed a fresh one is drawn and printed
    python -m fuzz FOLDER                            one case again: a failure's, or one of fuzz/cases/

Networks come from the operators' own random samples (`IntegerOp.sample`), and, half of them, from random real graphs that are
lowered.  Each is emitted, compiled and streamed under every traffic profile and with resets in mid-stream.  What fails is shrunk
and left as a folder under build/fuzz/.
"""
