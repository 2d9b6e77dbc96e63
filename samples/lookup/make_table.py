"""Write composite.bin: bit n is set if n (below 2^22) is no prime."""

from pathlib import Path

LIMIT = 1 << 22
flags = bytearray([1]) * LIMIT
flags[0] = flags[1] = 0
for n in range(2, int(LIMIT**0.5) + 1):
    if flags[n]:
        flags[n * n :: n] = bytes(len(range(n * n, LIMIT, n)))
packed = bytearray(LIMIT // 8)
for bit in range(8):
    column = flags[bit::8]
    packed = bytearray(p | (0 if prime else 1 << bit) for p, prime in zip(packed, column, strict=True))
(Path(__file__).parent / "composite.bin").write_bytes(packed)
