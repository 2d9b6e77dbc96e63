"""An image filter over a numpy array that lies in the module's memory: with vector instructions, and without.

Needs numpy (pip install 'wasm2so[numpy]'). With --time it also prints how long the two versions take.
"""

import sys
import time
from pathlib import Path

import numpy as np

import aot

WIDTH, HEIGHT, TIMES = 333, 250, 20

program = aot.load(Path(__file__).parent / "blur.wasm")()
first, size = program.image(), WIDTH * HEIGHT
program.memory.grow(-(-(first + 2 * size + 16) // 65536))
pixels = np.frombuffer(program.memory, np.uint8)  # no copy: these are the module's own bytes


def picture_at(address: int) -> np.ndarray:
    return pixels[address : address + size].reshape(HEIGHT, WIDTH)


def draw() -> np.ndarray:
    """Rings on black, with hard edges, and a dark and a light half."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    rings = np.hypot(x - WIDTH / 2, y - HEIGHT / 2).astype(int) // 16 % 2
    return np.where(x < WIDTH / 2, rings * 120, rings * 255).astype(np.uint8)


def edges(image: np.ndarray) -> int:
    """How many neighbours in a row differ by more than 100."""
    return int((np.abs(np.diff(image.astype(int), axis=1)) > 100).sum())


def show(image: np.ndarray) -> None:
    for line in image[60:116:8, 100:233:2].tolist():
        print("".join(" .:-=+*%@"[value * 9 // 256] for value in line))


image = picture_at(first)
results = {}
for blur in (program.blur_scalar, program.blur_vector):
    image[:] = draw()
    start = time.perf_counter()
    for _ in range(TIMES):
        result = picture_at(blur(WIDTH, HEIGHT))
        image[:] = result
    seconds = time.perf_counter() - start
    results[blur.name] = result.copy()
    if "--time" in sys.argv:
        print(f"{blur.name}: {TIMES} times in {1000 * seconds:.2f} ms")

show(draw())
print(f"blurred {TIMES} times:")
show(results["blur_vector"])
print("hard edges:", edges(draw()), "before,", edges(results["blur_vector"]), "after")
print("sixteen pixels at a time give the same as one:", np.array_equal(*results.values()))
