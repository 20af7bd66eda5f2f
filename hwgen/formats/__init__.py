"""Number formats: what values a tensor may hold and how they are written in bits."""

from hwgen.formats.affine import Affine, Binary, Ternary
from hwgen.formats.base import REAL, FloatArray, Format, IntArray, Integer, Quantized, Real, bits_for
from hwgen.formats.block import Block, BlockCodes
from hwgen.formats.fixed import Fixed
from hwgen.formats.float_format import FloatFormat
from hwgen.formats.logarithmic import Log
from hwgen.formats.minifloat import Minifloat, Specials
from hwgen.formats.text import EXAMPLES, FormatExample, parse, parse_quantized, parse_quantizer

__all__ = [
    "EXAMPLES", "REAL", "Affine", "Binary", "Block", "BlockCodes", "Fixed", "FloatArray", "FloatFormat", "Format", "FormatExample",
    "IntArray", "Integer", "Log", "Minifloat", "Quantized", "Real", "Specials", "Ternary", "bits_for", "parse", "parse_quantized",
    "parse_quantizer",
]
