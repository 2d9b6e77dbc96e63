"""Arguments worth trying: edge cases of every type among random bits."""

from __future__ import annotations

from random import Random

_I32 = (
    0,
    1,
    -1,
    2,
    7,
    8,
    31,
    32,
    33,
    63,
    64,
    127,
    128,
    255,
    256,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x0FFFFF,
    0x7FFFFFFF,
)
_I64 = (*_I32, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 52, 1 << 53, (1 << 63) - 1, 1 << 63)
_F32 = (
    *(0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x3F000000, 0x40490FDB, 0x7F7FFFFF, 0x00800000, 0x00000001),
    *(0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7FA00000, 0x7F800001, 0xFFFFFFFF, 0x4F000000, 0xCF000000),
    *(0x4F800000, 0x5F000000, 0xDF000000, 0x5F800000, 0x4B000000, 0x4EFFFFFF, 0x3EFFFFFF, 0x3FC00000, 0xBF7FFFFF),
)
_F64 = (
    *(0x0000000000000000, 0x8000000000000000, 0x3FF0000000000000, 0xBFF0000000000000, 0x3FE0000000000000),
    *(0x7FEFFFFFFFFFFFFF, 0x0010000000000000, 0x0000000000000001, 0x7FF0000000000000, 0xFFF0000000000000),
    *(0x7FF8000000000000, 0xFFF8000000000000, 0x7FF4000000000000, 0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF),
    *(0x41E0000000000000, 0xC1E0000000200000, 0x41F0000000000000, 0x43E0000000000000, 0xC3E0000000000000),
    *(0x43F0000000000000, 0x4330000000000000, 0x3FDFFFFFFFFFFFFF, 0x3FF8000000000000, 0x47EFFFFFF0000000),
    *(0x36A0000000000000, 0x380FFFFFE0000000, 0x41DFFFFFFFC00000),
)
"""Bits: zeros, ones, halves, pi, extremes, infinities, NaNs both quiet and signalling, the ends of integer ranges."""


def _integer(rng: Random, bits: int, edges: tuple[int, ...]) -> int:
    choice = rng.random()
    if choice < 0.45:
        value = rng.choice(edges)
    elif choice < 0.65:
        value = rng.choice(edges) + rng.randint(-3, 3)
    elif choice < 0.8:
        value = rng.randrange(1 << rng.randint(1, bits))
    else:
        value = rng.getrandbits(bits)
    if rng.random() < 0.15:
        value = -value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _float(rng: Random, bits: int, edges: tuple[int, ...]) -> int:
    value = rng.choice(edges) if rng.random() < 0.6 else rng.getrandbits(bits)
    return _signed(value, bits)


def _half_of_vector(rng: Random) -> int:
    choice = rng.random()
    if choice < 0.3:
        return _integer(rng, 64, _I64)
    if choice < 0.5:
        return _float(rng, 64, _F64)
    if choice < 0.75:
        low, high = (rng.choice(_F32) for _ in range(2))
        return _signed(high << 32 | low, 64)
    return _signed(int.from_bytes(bytes(rng.choice((0, 1, 127, 128, 255, rng.getrandbits(8))) for _ in range(8))), 64)


def arguments(rng: Random, kinds: tuple[str, ...], token: object) -> list[object]:
    """Arguments of a wrapper whose original takes ``kinds``; ``token`` is where an externref is not null."""
    made: list[object] = []
    for kind in kinds:
        match kind:
            case "i32":
                made.append(_integer(rng, 32, _I32))
            case "i64":
                made.append(_integer(rng, 64, _I64))
            case "f32":
                made.append(_float(rng, 32, _F32))
            case "f64":
                made.append(_float(rng, 64, _F64))
            case "v128":
                made += [_half_of_vector(rng), _half_of_vector(rng)]
            case "externref":
                made.append(token if rng.random() < 0.5 else None)
            case "funcref" | "(ref func)":
                made.append(rng.randrange(2))
            case _:
                pass  # always null
    return made
