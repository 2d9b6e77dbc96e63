"""Random modules of our own, where Binaryen's have gaps: almost all instructions, close together, legacy exceptions,
custom page sizes, several memories, 64-bit addresses and wide arithmetic. They end: calls go only to functions of lower
number, and loops count down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from aot.wasm.op import Effect, Imm, Op
from aot.wasm.opcodes import TABLE
from tests.fuzz.generate import Source
from tests.wasm_builder import HEADER, body, name, section, sleb, uleb, vec

_DATA_COUNT = 12
_DEPTH = 3
"""How deep statements nest."""
_MOST_CALLS = 3
_EXNREF = b"\x69"
_TYPES = {"i": b"\x7f", "l": b"\x7e", "f": b"\x7d", "d": b"\x7c", "v": b"\x7b"}
_LETTERS = "ilfdv"
_ATOMIC_PREFIX = 0xFE

_PLAIN: dict[str, list[Op]] = {letter: [] for letter in _LETTERS}
_LOADS: dict[str, list[Op]] = {letter: [] for letter in _LETTERS}
_STORES: list[Op] = []
_ATOMIC: dict[str, list[Op]] = {"": [], "i": [], "l": []}
"""Atomic instructions by what they give. Waiting is left out: it traps where memory is not shared, and else waits."""
for _row in TABLE:
    if _row.sig is None:
        continue
    if _row.code >> 16 == _ATOMIC_PREFIX:
        if "wait" not in _row.name:
            _ATOMIC[_row.result].append(_row)
    elif _row.imm in (Imm.MEMARG, Imm.MEMARG_LANE):
        if _row.result:
            _LOADS[_row.result].append(_row)
        else:
            _STORES.append(_row)
    elif _row.result in _PLAIN and len(_row.result) == 1:
        _PLAIN[_row.result].append(_row)
_WIDE = ((b"\xfc\x13", "llll"), (b"\xfc\x14", "llll"), (b"\xfc\x15", "ll"), (b"\xfc\x16", "ll"))
"""Wide arithmetic: the instruction and what it takes; it gives two i64."""

_INTERESTING = (0, 1, -1, 2, 3, 7, 31, 63, 127, 128, 255, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 1 << 31, (1 << 32) - 1)
_F32 = (
    0,
    0x80000000,
    0x3F800000,
    0x7F800000,
    0xFF800000,
    0x7FC00000,
    0x7FA00000,
    0x4F000000,
    0x5F000000,
    1,
    0x3F000000,
)
_F64 = (0, 1 << 63, 0x3FF << 52, 0x7FF << 52, 0xFFF << 52, 0x7FF8 << 48, 0x7FF4 << 48, 0x41E << 52, 0x43E << 52, 1)


@dataclass(frozen=True, slots=True)
class _Memory:
    pages: int
    page_log2: int
    is64: bool

    @property
    def size(self) -> int:
        return self.pages << self.page_log2

    def entry(self) -> bytes:
        flags = 1 | self.is64 << 2 | (self.page_log2 != 16) << 3
        bounds = uleb(self.pages) + uleb(self.pages + 3)
        return bytes((flags,)) + bounds + (b"" if self.page_log2 == 16 else uleb(self.page_log2))


@dataclass(frozen=True, slots=True)
class _Signature:
    params: str
    results: str

    def entry(self) -> bytes:
        return b"\x60" + vec(_TYPES[c] for c in self.params) + vec(_TYPES[c] for c in self.results)


@dataclass(slots=True)
class _Function:
    """``labels`` are the types that branches to the enclosing blocks carry, the innermost last; None for those that no
    branch of ours goes to. ``exn`` is the first of the locals that keep exceptions.
    """

    signature: _Signature
    locals: list[str] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    loops: int = 0
    calls: int = 0
    exn: int = 0

    def of_type(self, letter: str) -> list[int]:
        return [k for k, t in enumerate(self.locals) if t == letter]


class _Writer:
    """Writes one module; ``legacy`` says which instructions exceptions are written with, and changes nothing else.
    ``plain`` leaves out vectors and atomic operations.
    """

    def __init__(self, seed: int, *, legacy: bool, plain: bool = False) -> None:
        self.rng = rng = Random(seed)
        self.legacy = legacy
        self.types: list[bytes] = []
        self.memories = [
            _Memory(rng.choice((1, 1, 2)), 16, rng.random() < 0.3) if rng.random() < 0.8
            else _Memory(rng.choice((77, 4096, 70_000, 70_000)), 0, rng.random() < 0.3)
            for _ in range(rng.choice((1, 1, 2, 3)))
        ]  # fmt: skip
        self.simd = rng.random() < 0.6 and not plain
        self.atomics = not plain
        self.letters = _LETTERS if self.simd else _LETTERS.replace("v", "")
        self.globals = [rng.choice(self.letters) for _ in range(6)]
        self.tags = ["".join(rng.choice(self.letters) for _ in range(rng.randrange(3))) for _ in range(2)]
        self.signatures = [self._signature() for _ in range(rng.randrange(2, 6))]
        self.n_statements = rng.randrange(6, 30)
        self.exceptions = rng.random() < 0.4
        self.function = _Function(self.signatures[0])
        self.number = 0
        self._counters = range(0)

    def _signature(self) -> _Signature:
        params = "".join(self.rng.choice(self.letters) for _ in range(self.rng.randrange(5)))
        return _Signature(
            params, "".join(self.rng.choice(self.letters) for _ in range(self.rng.choice((0, 1, 1, 1, 2, 3))))
        )

    def type_index(self, signature: _Signature) -> int:
        entry = signature.entry()
        if entry not in self.types:
            self.types.append(entry)
        return self.types.index(entry)

    def build(self) -> bytes:
        functions = []
        for number, signature in enumerate(self.signatures):
            self.number = number
            functions.append(self._body(signature))
        types = [uleb(self.type_index(s)) for s in self.signatures]
        tags = [b"\x00" + uleb(self.type_index(_Signature(tag, ""))) for tag in self.tags]
        n = len(self.signatures)
        elements = b"\x00\x41\x00\x0b" + vec(uleb(k) for k in range(n))
        passive = b"\x01\x00" + vec([uleb(0), uleb(n - 1)])
        exports = [name(f"f{k}") + b"\x00" + uleb(k) for k in range(n)]
        globals_ = [_TYPES[t] + b"\x01" + self._constant(t) + b"\x0b" for t in self.globals]
        datas = [b"\x01" + uleb(32) + self.rng.randbytes(32)]
        for k, memory in enumerate(self.memories):
            place = (b"\x42" if memory.is64 else b"\x41") + b"\x00\x0b"
            content = self.rng.randbytes(min(memory.size, 64))
            datas.append(b"\x02" + uleb(k) + place + uleb(len(content)) + content)
        sections = [
            (1, self.types),
            (3, types),
            (4, [b"\x70\x01" + uleb(n + 2) + uleb(n + 6)]),
            (5, [memory.entry() for memory in self.memories]),
            (13, tags),
            (6, globals_),
            (7, exports),
            (9, [elements, passive]),
            (10, functions),
            (11, datas),
        ]
        sections.insert(-2, (_DATA_COUNT, datas))
        return HEADER + b"".join(
            section(number, uleb(len(entries)) if number == _DATA_COUNT else vec(entries))
            for number, entries in sections
        )

    def _body(self, signature: _Signature) -> bytes:
        rng = self.rng
        own = [rng.choice(self.letters) for _ in range(rng.randrange(2, 8))]
        # the last ones count loops; only loops set them
        counters = ["i"] * 3
        self.function = _Function(signature, [*signature.params, *own])
        base = len(self.function.locals)
        self._counters = range(base, base + len(counters))
        self.function.exn = base + len(counters)
        code = self.statements(self.n_statements, _DEPTH)
        code += self.tail_call() or b"".join(self.expr(t, 3) for t in signature.results)
        return body(code, [(1, _TYPES[t]) for t in (*own, *counters)] + [(_DEPTH + 1, _EXNREF)])

    # -- statements

    def statements(self, n: int, depth: int) -> bytes:
        return b"".join(self.statement(depth) for _ in range(n))

    def statement(self, depth: int) -> bytes:
        rng = self.rng
        choices: list[tuple[float, Callable[[int], bytes]]] = [
            (5, self.set_local),
            (4, self.store),
            (2, self.set_global),
            (1, self.drop),
            (1, self.bulk),
            (0.7, self.wide),
            (0.5, self.branch_if),
            (0.5, self.table),
            (0.3 if self.atomics else 0, self.atomic_store),
            (0.1, self.grow),
        ]
        if depth > 0:
            choices += [(1, self.if_), (1, self.loop), (0.6, self.switch)]
            if self.exceptions:
                choices += [(2, self.try_), (1, self.throw), (0.3, self.delegate)]
        return rng.choices([make for _, make in choices], [weight for weight, _ in choices])[0](depth)

    def set_local(self, depth: int) -> bytes:
        k = self.rng.randrange(len(self.function.locals))
        return self.expr(self.function.locals[k], depth + 1) + b"\x21" + uleb(k)

    def set_global(self, depth: int) -> bytes:
        k = self.rng.randrange(len(self.globals))
        return self.expr(self.globals[k], depth + 1) + b"\x24" + uleb(k)

    def drop(self, depth: int) -> bytes:
        return self.expr(self.rng.choice(self.letters), depth + 1) + b"\x1a"

    def store(self, depth: int) -> bytes:
        op = self.rng.choice([op for op in _STORES if self.simd or op.code < 0xFD0000])
        memory = self.rng.randrange(len(self.memories))
        return self.address(memory, depth) + self.expr(op.params[1], depth) + self.access(op, memory)

    def wide(self, depth: int) -> bytes:
        code, params = self.rng.choice(_WIDE)
        targets = self.function.of_type("l")
        out = b"".join(self.expr(t, depth - 1) for t in params) + code
        return out + (b"\x21" + uleb(self.rng.choice(targets)) + b"\x1a" if targets else b"\x1a\x1a")

    def bulk(self, depth: int) -> bytes:
        memory = self.rng.randrange(len(self.memories))
        size = self.address(memory, 0, most=128)
        if self.rng.random() < 0.2:
            if self.rng.random() < 0.1:
                return b"\xfc\x09\x00"  # data.drop
            start, count = self.rng.randrange(34), self.rng.randrange(34)
            count = count if self.rng.random() < 0.02 else min(count, max(32 - start, 0))
            where = self.address(memory, depth) + b"\x41" + sleb(start) + b"\x41" + sleb(count)
            return where + b"\xfc\x08\x00" + uleb(memory)
        if self.rng.random() < 0.5:
            return self.address(memory, depth) + self.expr("i", depth - 1) + size + b"\xfc\x0b" + uleb(memory)
        return self.address(memory, depth) + self.address(memory, 0) + size + b"\xfc\x0a" + uleb(memory) * 2

    def grow(self, depth: int) -> bytes:
        if self.rng.random() < 0.3:
            return b"\xd0\x70\x41\x01\xfc\x0f\x00\x1a"  # table.grow
        memory = self.rng.randrange(len(self.memories))
        return (b"\x42" if self.memories[memory].is64 else b"\x41") + b"\x01\x40" + uleb(memory) + b"\x1a"

    def atomic_store(self, depth: int) -> bytes:
        op = self.rng.choice(_ATOMIC[""])
        return self._atomic(op, depth)

    def _atomic(self, op: Op, depth: int) -> bytes:
        memory = self.rng.randrange(len(self.memories))
        operands = b"".join(self.expr(t, depth - 1) for t in op.params[1:])
        flags = uleb(op.align | 0x40) + uleb(memory) if memory else uleb(op.align)
        aligned = self.address(memory, depth - 1, multiple=8 if self.rng.random() < 0.97 else 1)
        return aligned + operands + self._opcode(op) + flags + uleb(0)

    def element(self) -> bytes:
        """Code that leaves an index of the table, as a rule one in bounds."""
        return b"\x41" + sleb(self.rng.randrange(len(self.signatures) + 2 + (self.rng.random() < 0.02)))

    def table(self, depth: int) -> bytes:
        """An instruction on the table, or on references out of it. Functions stay where calls expect them."""
        rng, free = self.rng, b"\x41" + sleb(len(self.signatures) + self.rng.randrange(2))
        reference = b"\xd0\x70" if rng.random() < 0.5 else b"\xd2" + uleb(rng.randrange(len(self.signatures)))
        choice = rng.randrange(7)
        if choice == 0:
            return free + reference + b"\x26\x00"
        if choice == 1:
            return free + reference + b"\x41\x01\xfc\x11\x00"
        if choice == 2:
            return free + self.element() + b"\x41\x01\xfc\x0e\x00\x00"
        if choice == 3:
            return free + b"\x41\x00\x41" + sleb(rng.randrange(2)) + b"\xfc\x0c\x01\x00"  # from a passive segment
        if choice == 4:
            return b"\xfc\x0d\x01" if rng.random() < 0.1 else b"\x01"
        self.function.labels.append("")
        inside = self.statement(min(depth - 1, 0))
        self.function.labels.pop()
        if choice == 5:
            return b"\x02\x40" + self.element() + b"\x25\x00\xd5\x00\x1a" + inside + b"\x0b"
        got = b"\x02\x64\x70" + self.element() + b"\x25\x00\xd6\x00" + b"\xd2\x00\x0b\x1a"
        return b"\x02\x40" + got + inside + b"\x0b"

    def if_(self, depth: int) -> bytes:
        head = self.expr("i", depth) + b"\x04\x40"
        self.function.labels.append("")
        inside = self.statements(2, depth - 1) + b"\x05" + self.statements(1, depth - 1) + b"\x0b"
        self.function.labels.pop()
        return head + inside

    def loop(self, depth: int) -> bytes:
        if self.function.loops >= len(self._counters):
            return self.set_local(depth)
        counter = uleb(self._counters[self.function.loops])
        start = b"\x41" + sleb(self.rng.randrange(1, 6)) + b"\x21" + counter
        self.function.loops += 1
        self.function.labels.append(None)  # only the loop itself goes back to its head
        inside = self.statements(2, depth - 1)
        self.function.labels.pop()
        self.function.loops -= 1
        return start + b"\x03\x40" + inside + b"\x20" + counter + b"\x41\x01\x6b\x22" + counter + b"\x0d\x00\x0b"

    def switch(self, depth: int) -> bytes:
        n = self.rng.randrange(2, 5)
        self.function.labels += [""] * n
        selector = self.expr("i", depth - 1) + b"\x41" + sleb(n + 1) + b"\x70"
        code = b"\x02\x40" * n + selector + b"\x0e" + uleb(n - 1) + bytes(range(n)) + b"\x0b"
        for _ in range(n - 1):
            self.function.labels.pop()
            code += self.statements(1, depth - 1) + b"\x0b"
        self.function.labels.pop()
        return code

    def branch_if(self, depth: int) -> bytes:
        """A branch out of a block that carries nothing."""
        found = [k for k, label in enumerate(reversed(self.function.labels)) if label == ""]
        if not found:
            return b"\x01"
        return self.expr("i", depth - 1) + b"\x0d" + uleb(self.rng.choice(found))

    # -- exceptions

    def throw(self, depth: int) -> bytes:
        tag = self.rng.randrange(len(self.tags))
        payload = b"".join(self.expr(t, depth - 1) for t in self.tags[tag])
        return self.expr("i", 1) + b"\x41\x03\x71\x45\x04\x40" + payload + b"\x08" + uleb(tag) + b"\x0b"

    def delegate(self, depth: int) -> bytes:
        """A try that leaves its exceptions to what is around it: nothing but a block."""
        self.function.labels.append("")
        inside = self.statements(2, depth - 1)
        self.function.labels.pop()
        return b"\x06\x40" + inside + b"\x18\x00" if self.legacy else b"\x02\x40" + inside + b"\x0b"

    def try_(self, depth: int) -> bytes:
        """A try with a handler for a tag or for all, which may throw again."""
        tag = self.rng.choice((0, 1, None))
        again = self.rng.random() < 0.2
        payload = "" if tag is None else self.tags[tag]
        labels = self.function.labels
        n_labels = 1 if self.legacy else 3
        labels += [None] * n_labels
        inside = self.statements(3, depth - 1)
        del labels[-n_labels:]
        labels.append(None)
        handler = b"".join(self._save(t) for t in reversed(payload)) + self.statements(1, depth - 1)
        labels.pop()
        if self.legacy:
            catch = b"\x19" if tag is None else b"\x07" + uleb(tag)
            return b"\x06\x40" + inside + catch + handler + (b"\x09\x00" if again else b"") + b"\x0b"
        kept = uleb(self.function.exn + depth)
        block = self._raw_type(b"\x60\x00" + vec([*(_TYPES[t] for t in payload), _EXNREF]))
        clause = b"\x03\x00" if tag is None else b"\x01" + uleb(tag) + b"\x00"
        code = b"\x02\x40\x02" + sleb(block) + b"\x1f\x40\x01" + clause + inside + b"\x0b\x0c\x01\x0b"
        return code + b"\x21" + kept + handler + (b"\x20" + kept + b"\x0a" if again else b"") + b"\x0b"

    def _raw_type(self, entry: bytes) -> int:
        if entry not in self.types:
            self.types.append(entry)
        return self.types.index(entry)

    def _save(self, letter: str) -> bytes:
        targets = self.function.of_type(letter)
        return b"\x21" + uleb(targets[0]) if targets else b"\x1a"

    # -- expressions

    def expr(self, t: str, depth: int) -> bytes:
        """Code that leaves a value of type ``t``."""
        rng = self.rng
        if depth <= 0:
            return self.leaf(t)
        choices: list[tuple[float, Callable[[str, int], bytes]]] = [
            (8, self.plain),
            (2, self.load),
            (1.5, lambda t, depth: self.leaf(t)),
            (0.5, self.select),
            (0.4, self.conditional),
            (0.4, self.tee),
        ]
        if t in "il":
            choices += [(0.4, self.atomic)] if self.atomics else []
            choices.append((0.3, self.size))
        if self._callees(t):
            choices.append((1, self.call))
        return rng.choices([make for _, make in choices], [weight for weight, _ in choices])[0](t, depth)

    def atomic(self, t: str, depth: int) -> bytes:
        return self._atomic(self.rng.choice(_ATOMIC[t]), depth)

    def size(self, t: str, depth: int) -> bytes:
        """The size of a memory or the table, or whether an element is null, extended to ``t``."""
        wide = [k for k, memory in enumerate(self.memories) if memory.is64]
        narrow = [k for k, memory in enumerate(self.memories) if not memory.is64]
        found = wide if t == "l" else narrow
        if found and self.rng.random() < 0.5:
            return b"\x3f" + uleb(self.rng.choice(found))
        code = b"\xfc\x10\x00" if self.rng.random() < 0.3 else self.element() + b"\x25\x00\xd1"
        return code + (b"\xad" if t == "l" else b"")

    def leaf(self, t: str) -> bytes:
        locals_ = self.function.of_type(t)
        choice = self.rng.random()
        if choice < 0.6 and locals_:
            return b"\x20" + uleb(self.rng.choice(locals_))
        globals_ = [k for k, letter in enumerate(self.globals) if letter == t]
        if choice < 0.75 and globals_:
            return b"\x23" + uleb(self.rng.choice(globals_))
        return self._constant(t)

    def _constant(self, t: str) -> bytes:
        rng = self.rng
        if t in "il":
            bits = 32 if t == "i" else 64
            value = rng.choice(_INTERESTING) if rng.random() < 0.7 else rng.getrandbits(bits)
            value &= (1 << bits) - 1
            return (b"\x41" if t == "i" else b"\x42") + sleb(value - (value >> (bits - 1) << bits))
        if t == "f":
            return b"\x43" + (rng.choice(_F32) if rng.random() < 0.7 else rng.getrandbits(32)).to_bytes(4, "little")
        if t == "d":
            return b"\x44" + (rng.choice(_F64) if rng.random() < 0.7 else rng.getrandbits(64)).to_bytes(8, "little")
        lanes = b"".join(rng.choice(_F32).to_bytes(4, "little") for _ in range(4))
        return b"\xfd\x0c" + (lanes if rng.random() < 0.4 else rng.randbytes(16))

    def plain(self, t: str, depth: int) -> bytes:
        rng = self.rng
        if t == "v" and rng.random() < 0.04:
            lanes = bytes(rng.randrange(32) for _ in range(16))
            return self.expr("v", depth - 1) + self.expr("v", depth - 1) + b"\xfd\x0d" + lanes
        rows = [op for op in _PLAIN[t] if self.simd or "v" not in op.params]
        op = rng.choice(rows)
        if op.effect is Effect.TRAP and rng.random() < 0.97:
            op = rng.choice([op for op in rows if op.effect is not Effect.TRAP])
        lane = bytes((rng.randrange(16 >> op.align),)) if op.imm is Imm.LANE else b""
        return b"".join(self.expr(p, depth - 1) for p in op.params) + self._opcode(op) + lane

    def load(self, t: str, depth: int) -> bytes:
        op = self.rng.choice([op for op in _LOADS[t] if self.simd or op.code < 0xFD0000])
        memory = self.rng.randrange(len(self.memories))
        vector = self.expr("v", depth - 1) if op.imm is Imm.MEMARG_LANE else b""
        return self.address(memory, depth - 1) + vector + self.access(op, memory)

    def select(self, t: str, depth: int) -> bytes:
        values = self.expr(t, depth - 1) + self.expr(t, depth - 1) + self.expr("i", depth - 1)
        return values + (b"\x1b" if self.rng.random() < 0.5 else b"\x1c\x01" + _TYPES[t])

    def conditional(self, t: str, depth: int) -> bytes:
        head = self.expr("i", depth - 1) + b"\x04" + _TYPES[t]
        self.function.labels.append(t)
        inside = self.expr(t, depth - 1) + b"\x05" + self.expr(t, depth - 1) + b"\x0b"
        self.function.labels.pop()
        return head + inside

    def tee(self, t: str, depth: int) -> bytes:
        locals_ = self.function.of_type(t)
        value = self.expr(t, depth - 1)
        return value + b"\x22" + uleb(self.rng.choice(locals_)) if locals_ else value

    def _callees(self, t: str) -> list[int]:
        """Functions that may be called for a value of type ``t``. Few calls and none in loops keep modules quick."""
        if self.function.loops or self.function.calls >= _MOST_CALLS:
            return []
        return [k for k in range(self.number) if self.signatures[k].results[:1] == t]

    def call(self, t: str, depth: int) -> bytes:
        k = self.rng.choice(self._callees(t))
        self.function.calls += 1
        signature = self.signatures[k]
        return self._call(k, depth, 0x10) + b"\x1a" * (len(signature.results) - 1)

    def _call(self, k: int, depth: int, direct: int) -> bytes:
        """A call of function ``k``, by its number or through the table; ``direct`` is the opcode of the former."""
        signature = self.signatures[k]
        args = b"".join(self.expr(p, depth - 1) for p in signature.params)
        choice = self.rng.random()
        if choice < 0.5:
            return args + bytes((direct,)) + uleb(k)
        if choice < 0.65:  # call_ref and return_call_ref
            non_null = b"\xd4" if self.rng.random() < 0.3 else b""
            by_reference = bytes((0x14 if direct == 0x10 else 0x15,))
            return args + b"\xd2" + uleb(k) + non_null + by_reference + uleb(self.type_index(signature))
        index = self.rng.randrange(len(self.signatures) + 3) if self.rng.random() < 0.03 else k
        if index >= self.number and index < len(self.signatures):
            index = k  # only ever downwards
        return args + b"\x41" + sleb(index) + bytes((direct + 1,)) + uleb(self.type_index(signature)) + b"\x00"

    def tail_call(self) -> bytes:
        """A tail call of a function with the same results, or nothing."""
        same = [k for k in range(self.number) if self.signatures[k].results == self.function.signature.results]
        return self._call(self.rng.choice(same), 2, 0x12) if same and self.rng.random() < 0.4 else b""

    # -- memory

    def address(self, memory: int, depth: int, most: int = 1 << 30, multiple: int = 1) -> bytes:
        """An address, as a rule one that is in bounds with what `access` adds; at most ``most``, a ``multiple``."""
        which = self.memories[memory]
        mask = min(_low_mask(which.size), most) & -multiple
        letter, const, and_ = ("l", b"\x42", b"\x83") if which.is64 else ("i", b"\x41", b"\x71")
        value = self.expr(letter, depth - 1)
        return value if self.rng.random() < 0.003 else value + const + sleb(mask) + and_

    def access(self, op: Op, memory: int) -> bytes:
        """The instruction with its immediates."""
        rng, which = self.rng, self.memories[memory]
        room = which.size - _low_mask(which.size) - 16
        offset = rng.randrange(room) if room > 0 and rng.random() < 0.7 else 0
        if rng.random() < 0.003:
            offset = rng.getrandbits(64 if which.is64 else 32)
        align = rng.randrange(op.align + 1)
        flags = uleb(align | 0x40) + uleb(memory) if memory else uleb(align)
        lane = bytes((rng.randrange(16 >> op.align),)) if op.imm is Imm.MEMARG_LANE else b""
        return self._opcode(op) + flags + uleb(offset) + lane

    @staticmethod
    def _opcode(op: Op) -> bytes:
        return bytes((op.code,)) if op.code < 0x100 else bytes((op.code >> 16,)) + uleb(op.code & 0xFFFF)


def _low_mask(size: int) -> int:
    """A mask that keeps numbers below half of a size."""
    return (1 << max(size.bit_length() - 2, 0)) - 1


class DenseGenerator:
    """Makes modules by number, as `tests.fuzz.generate.Generator` does."""

    def __init__(self, *, plain: bool = False) -> None:
        self._plain = plain

    def make(self, seed: int) -> Source:
        data, reference = (_Writer(seed, legacy=legacy, plain=self._plain).build() for legacy in (True, False))
        return Source(data, reference if b"\x06\x40" in data else data, ("dense",))
