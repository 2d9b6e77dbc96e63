"""Numbers of the text format to bits and back (spec: Text Format, Values).

Everything is computed on integers and fractions: decimal and hexadecimal floats are rounded once, to nearest, ties
to even, so neither width inherits the host's conversions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """An IEEE 754 binary format: widths of the fields in bits."""

    width: int
    mantissa: int

    @property
    def exponent(self) -> int:
        return self.width - 1 - self.mantissa

    @property
    def bias(self) -> int:
        return (1 << (self.exponent - 1)) - 1

    @property
    def infinity(self) -> int:
        return ((1 << self.exponent) - 1) << self.mantissa

    @property
    def quiet_nan(self) -> int:
        """The canonical NaN, sign clear."""
        return self.infinity | 1 << (self.mantissa - 1)


FORMATS = {32: FloatFormat(32, 23), 64: FloatFormat(64, 52)}

_INT = re.compile(r"([+-]?)(?:0x([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|([0-9]+(?:_[0-9]+)*))\Z")
_HEX_FLOAT = re.compile(r"0x([0-9a-fA-F_]+)(?:\.([0-9a-fA-F_]*))?(?:[pP]([+-]?[0-9_]+))?\Z")
_DEC_FLOAT = re.compile(r"([0-9_]+)(?:\.([0-9_]*))?(?:[eE]([+-]?[0-9_]+))?\Z")
_BAD_UNDERSCORE = re.compile(r"(?<![0-9a-fA-F])_|_(?![0-9a-fA-F])")


def parse_int(text: str, width: int) -> int:
    """The bits of an integer constant of ``width`` bits. Raises ValueError.

    >>> parse_int("-0x1", 8), parse_int("1_000", 16)
    (255, 1000)
    """
    match = _INT.match(text)
    if not match:
        raise ValueError(f"not an integer: {text}")
    sign, hexadecimal, decimal = match.groups()
    value = int(hexadecimal.replace("_", ""), 16) if hexadecimal else int(decimal.replace("_", ""))
    if sign == "-":
        value = -value
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise ValueError(f"constant out of range: {text}")
    return value & ((1 << width) - 1)


def round_to_bits(value: Fraction, form: FloatFormat) -> int:
    """The bits of the float nearest to ``value`` >= 0, ties to even. Raises ValueError beyond the largest float."""
    if value == 0:
        return 0
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    if value < Fraction(2) ** exponent:
        exponent -= 1
    exponent = max(exponent, 1 - form.bias)  # below lie the subnormals, which share the smallest exponent
    steps = round(value / Fraction(2) ** (exponent - form.mantissa))
    # `steps` carries its leading bit, so adding it to the exponent field less one also carries on overflow.
    bits = ((exponent + form.bias - 1) << form.mantissa) + steps
    if bits >= form.infinity:
        raise ValueError("constant out of range")
    return bits


def _digits(whole: str, fraction: str | None, exponent: str | None, base: int) -> Fraction:
    digits = whole + (fraction or "")
    scale = int(exponent.replace("_", "")) if exponent else 0
    value = Fraction(int(digits.replace("_", ""), base))
    places = len((fraction or "").replace("_", ""))
    if base == 16:
        return value * Fraction(2) ** (scale - 4 * places)
    return value * Fraction(10) ** (scale - places)


def _magnitude(text: str, form: FloatFormat) -> int:
    if text == "inf":
        return form.infinity
    if text == "nan":
        return form.quiet_nan
    if text.startswith("nan:0x"):
        payload = parse_int(text[4:], 64)
        if not 0 < payload < 1 << form.mantissa:
            raise ValueError(f"NaN payload out of range: {text}")
        return form.infinity | payload
    match, base = (_HEX_FLOAT.match(text), 16) if text.startswith("0x") else (_DEC_FLOAT.match(text), 10)
    if not match or _BAD_UNDERSCORE.search(text.removeprefix("0x")):
        raise ValueError(f"not a float: {text}")
    return round_to_bits(_digits(match.group(1), match.group(2), match.group(3), base), form)


def parse_float(text: str, width: int) -> int:
    """The bits of a float constant of ``width`` bits. Raises ValueError.

    >>> hex(parse_float("-0x1.8p1", 32)), hex(parse_float("nan:0x200000", 32)), hex(parse_float("1e-46", 32))
    ('0xc0400000', '0x7fa00000', '0x0')
    """
    sign, magnitude = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    bits = _magnitude(magnitude, FORMATS[width])
    return bits | 1 << (width - 1) if sign == "-" else bits


def _float_value(magnitude: int, form: FloatFormat) -> Fraction:
    exponent, mantissa = magnitude >> form.mantissa, magnitude & ((1 << form.mantissa) - 1)
    if exponent:
        mantissa |= 1 << form.mantissa
    return Fraction(mantissa) * Fraction(2) ** (max(exponent, 1) - form.bias - form.mantissa)


def print_float(bits: int, width: int, base: int) -> str:
    """Text of a float, exact in either base (16 or 10); `parse_float` reads the same bits back.

    >>> print_float(0x3FC00000, 32, 10), print_float(0x3FC00000, 32, 16), print_float(0xFFA00000, 32, 16)
    ('1.5', '0x3p-1', '-nan:0x200000')
    """
    form = FORMATS[width]
    sign = "-" if bits >> (width - 1) else ""
    magnitude = bits & ((1 << (width - 1)) - 1)
    if magnitude > form.infinity:
        return f"{sign}nan:{magnitude - form.infinity:#x}"
    if magnitude == form.infinity:
        return sign + "inf"
    value = _float_value(magnitude, form)
    twos = value.denominator.bit_length() - 1
    if base == 16:
        return f"{sign}{value.numerator:#x}p{-twos}" if twos else f"{sign}{value.numerator:#x}"
    if not twos:
        return f"{sign}{value.numerator}"
    digits = str(value.numerator * 5**twos).rjust(twos + 1, "0")  # n / 2^k = n * 5^k / 10^k
    return f"{sign}{digits[:-twos]}.{digits[-twos:]}"
