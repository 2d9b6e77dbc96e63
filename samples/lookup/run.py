"""Many instances of a module with a 512 KiB memory image: starting one copies nothing, writing copies one page."""

from pathlib import Path

import aot

module = aot.load(Path(__file__).parent / "lookup.wasm")
first, second = module(), module()
print("primes below 1000:", first.count(0, 1000))
first.strike(997)
print("without 997:", first.count(0, 1000), "- the other instance still has", second.count(0, 1000))
crowd = [module() for _ in range(1000)]
print(len(crowd), "more instances:", {instance.is_prime(4194301) for instance in crowd})
