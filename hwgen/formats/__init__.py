"""Number formats: what values a tensor may hold and how they are written in bits."""

from hwgen.formats.affine import Affine, Binary, Ternary
from hwgen.formats.base import REAL, FloatArray, Format, IntArray, Integer, Quantized, Real, bits_for
from hwgen.formats.fixed import Fixed
from hwgen.formats.text import EXAMPLES, FormatExample, parse, parse_quantized

__all__ = [
    "EXAMPLES", "REAL", "Affine", "Binary", "Fixed", "FloatArray", "Format", "FormatExample", "IntArray", "Integer",
    "Quantized", "Real", "Ternary", "bits_for", "parse", "parse_quantized",
]
