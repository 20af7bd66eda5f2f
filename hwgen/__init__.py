"""hwgen: a trained neural network becomes verified dataflow SystemVerilog."""

__version__ = "0.1.0"
