"""A parallel reduction: Python threads run C code over one shared memory, truly at the same time."""

import threading
from array import array
from pathlib import Path

import aot

N_NUMBERS, N_THREADS, STACK_BYTES = 1_000_000, 4, 64 * 1024

engine = aot.Engine()
module = aot.Module.from_file(engine, Path(__file__).parent / "reduce.wasm")
memory = aot.SharedMemory(engine, aot.MemoryType(aot.Limits(17, 256), is_shared=True))

# a store belongs to one thread at a time, so each thread gets an instance in a store of its own
main, *workers = [module(env={"memory": memory}) for _ in range(1 + N_THREADS)]
for k, worker in enumerate(workers, 1):
    # C code keeps some of its variables in memory: each thread needs a piece of the stack for itself
    worker.exports["__stack_pointer"].value -= k * STACK_BYTES

first, size = main.numbers(), 4 * N_NUMBERS
memory.grow(-(-(first + size - memory.data_len()) // memory.page_size()))
# no thread runs yet, so the bytes hold still
memory.buffer[first : first + size] = memoryview(array("I", range(1, N_NUMBERS + 1))).cast("B")

main.prepare(N_NUMBERS, N_THREADS)
for worker in workers:
    threading.Thread(target=worker.work).start()
working = main.working()
while left := int.from_bytes(memory.read(working, working + 4), "little"):
    memory.atomic_wait32(working, left, timeout=1)  # the last thread notifies

longest = main.longest()
print(f"{N_NUMBERS} numbers, {N_THREADS} threads, one memory of {memory.size()} pages")
print(f"{main.steps()} Collatz steps in all; the longest way is that of {longest & 0xFFFFFFFF}: {longest >> 32}")
