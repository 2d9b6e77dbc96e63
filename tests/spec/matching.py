"""Does what the engine did agree with what a script expects?"""

from __future__ import annotations

from tests.wast.constants import FORMATS
from tests.wast.model import LANE_BITS, Either, Nan, Number, Ref, Value, Vector

TRAP_ALIASES = {
    # One trap for every use of null; the proposal's scripts say what was null.
    "null function reference": ("null reference",),
    # A call through an element that was never set: version 2.0 says which element, engines do not.
    "uninitialized element 2": ("uninitialized element",),
    # Version 1.0 had no instructions on tables, and one text for every access beyond a table's end.
    "undefined element": ("out of bounds table access",),
}
"""Text of a script -> other beginnings of the engine's text that say the same."""

REFUSAL_ALIASES = {
    # Version 1.0's words for what later versions call malformed.
    "invalid UTF-8 encoding": "malformed UTF-8 encoding",
    "invalid mutability": "malformed mutability",
    "global is immutable": "immutable global",
    "zero flag expected": "zero byte expected",
}
"""Text of a script -> the engine's for the same reason to refuse a module."""

_NULL_ONLY = frozenset(("nullref", "nullfuncref", "nullexternref", "nullexnref", "nullcontref"))
_SUBTYPES = {
    "anyref": frozenset(("anyref", "eqref", "i31ref", "structref", "arrayref")),
    "eqref": frozenset(("eqref", "i31ref", "structref", "arrayref")),
}


def trap_text_agrees(expected: str, actual: str) -> bool:
    """Does the trap's text begin with what the script says, or with an alias of that?"""
    return actual.startswith((expected, *TRAP_ALIASES.get(expected, ())))


def refusal_text_agrees(expected: str, actual: str) -> bool:
    """Does a refused module's message begin with what the script says, or with what a later version says?"""
    return actual.startswith((expected, REFUSAL_ALIASES.get(expected, expected)))


def _bits_agree(expected: int | Nan, actual: int, width: int) -> bool:
    if isinstance(expected, int):
        return expected == actual
    quiet = FORMATS[width].quiet_nan
    magnitude = actual & ((1 << (width - 1)) - 1)
    if expected is Nan.CANONICAL:
        return magnitude == quiet
    return magnitude & quiet == quiet


def _ref_agrees(expected: Ref, actual: Ref) -> bool:
    if expected.is_null or actual.is_null:
        return actual.is_null and (expected.is_null or expected.type in _NULL_ONLY)
    if actual.type not in _SUBTYPES.get(expected.type, {expected.type}):
        return False
    return expected.value is None or expected.value == actual.value


def _vector_agrees(expected: Vector, actual: Vector) -> bool:
    width, actual_width = LANE_BITS[expected.lane], LANE_BITS[actual.lane]
    whole = 0
    for lane in reversed(actual.bits):
        assert isinstance(lane, int), "the engine returns bits"
        whole = whole << actual_width | lane
    mask = (1 << width) - 1
    return all(_bits_agree(bits, whole >> (i * width) & mask, width) for i, bits in enumerate(expected.bits))


def value_agrees(expected: Value, actual: Value) -> bool:
    """Compare one result, bit by bit; ``actual`` holds no patterns."""
    match expected, actual:
        case Either(values), _:
            return any(value_agrees(value, actual) for value in values)
        case Number(kind, bits), Number(actual_kind, int(actual_bits)):
            if kind != actual_kind and not (kind == "float" and actual_kind.startswith("f")):
                return False
            return _bits_agree(bits, actual_bits, LANE_BITS[actual_kind])
        case Vector(), Vector():
            return _vector_agrees(expected, actual)
        case Ref(), Ref():
            return _ref_agrees(expected, actual)
    return False
