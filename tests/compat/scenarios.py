"""Small programs against the API of wasmtime-py, for any package that has it. Each gives a value or raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

MODULE = """(module
  (import "env" "h" (func $h (param i64 f32) (result i32)))
  (import "env" "pair" (func $pair (result i32 i64)))
  (import "env" "ref" (func $ref (param externref funcref) (result externref)))
  (import "env" "nothing" (func $nothing))
  (tag $t (export "tag") (param i32))
  (func (export "all") (param i32 i64 f32 f64) (result i32 i64 f32 f64)
    (local.get 0) (local.get 1) (local.get 2) (local.get 3))
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "extern") (param externref) (result externref) (local.get 0))
  (func (export "func") (param funcref) (result funcref) (local.get 0))
  (func $none (export "none"))
  (func (export "call_h") (result i32) (call $h (i64.const -5) (f32.const 1.5)))
  (func (export "call_pair") (result i32 i64) (call $pair))
  (func (export "call_ref") (param externref funcref) (result externref) (call $ref (local.get 0) (local.get 1)))
  (func (export "call_nothing") (call $nothing))
  (func (export "throw") (throw $t (i32.const 3)))
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "trunc") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func $deep (export "deep") (call $deep))
  (func (export "unreachable") unreachable)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "icall") (param i32) (call_indirect $table (param i64) (i64.const 1) (local.get 0)))
  (func (export "get_null") (call_ref $sig (ref.null $sig)))
  (type $sig (func))
  (memory (export "memory") 1 3) (data (i32.const 8) "hello")
  (table $table (export "table") 4 8 funcref) (elem (table $table) (i32.const 1) func $none)
  (table (export "externs") 3 externref)
  (global (export "gi") (mut i32) (i32.const 7)) (global (export "const") f64 (f64.const 0.5))
  (global (export "ge") (mut externref) (ref.null extern)) (global (export "gf") (mut funcref) (ref.null func)))"""

COUNTER = """(module (global $n (mut i32) (i32.const 0))
  (func $count (export "count") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
  (func (export "%s") (drop (call $count))))"""


@dataclass
class Context:
    """What scenarios work with: a package, and in it a store with an instance of `MODULE`."""

    w: ModuleType
    calls: dict[str, Callable[..., Any]] = field(default_factory=dict)
    """What the imported functions do."""

    def func(self, params: str, results: str, call: Callable[..., Any], access_caller: bool = False) -> Any:
        return self.w.Func(self.s, self.ty(params, results), call, access_caller)

    def ty(self, params: str, results: str) -> Any:
        of = self.w.ValType
        return self.w.FuncType(
            [getattr(of, name)() for name in params.split()], [getattr(of, name)() for name in results.split()]
        )

    def module(self, text: str) -> Any:
        return self.w.Module(self.engine, text)

    def engine_with(self, **settings: Any) -> Any:
        config = self.w.Config()
        for name, value in settings.items():
            setattr(config, name, value)
        return self.w.Engine(config)

    @cached_property
    def engine(self) -> Any:
        return self.engine_with(cranelift_opt_level="none")

    @cached_property
    def s(self) -> Any:
        return self.w.Store(self.engine)

    @cached_property
    def instance(self) -> Any:
        def calling(name: str, default: Any) -> Callable[..., Any]:
            def call(*args: Any) -> Any:
                return self.calls[name](*args) if name in self.calls else default

            return call

        imports = [
            self.func("i64 f32", "i32", calling("h", 1)),
            self.func("", "i32 i64", calling("pair", (1, 2))),
            self.func("externref funcref", "externref", calling("ref", None)),
            self.func("", "", calling("nothing", None)),
        ]
        return self.w.Instance(self.s, self.module(MODULE), imports)

    @cached_property
    def e(self) -> Any:
        return self.instance.exports(self.s)

    def __call__(self, name: str, *args: Any) -> Any:
        return self.e[name](self.s, *args)

    @cached_property
    def linker(self) -> Any:
        return self.w.Linker(self.engine)


def host(name: str, call: Callable[..., Any]) -> Callable[[Context], Any]:
    """An imported function that does this, called by wasm."""

    def scenario(c: Context) -> Any:
        c.calls[name] = call
        return c("call_" + name)

    return scenario


def on(call: Callable[[Context], Any], **settings: Any) -> Callable[[Context], Any]:
    """With an engine that is set up so."""

    def scenario(c: Context) -> Any:
        c.__dict__["engine"] = c.engine_with(cranelift_opt_level="none", **settings)
        return call(c)

    return scenario


def put(target: Any, name: str, value: Any) -> Any:
    """Set an attribute, where an expression is wanted."""
    setattr(target, name, value)


def raises(err: BaseException) -> Callable[..., Any]:
    def call(*_: Any) -> Any:
        raise err

    return call


def after(*steps: Any) -> Any:
    """The last of what was done one after the other."""
    return steps[-1]


def trap_of(call: Callable[[], Any]) -> Any:
    """The class and the code of a trap."""
    try:
        call()
    except Exception as err:
        return type(err).__name__, getattr(getattr(err, "trap_code", None), "name", None)
    return None


def frames_of(call: Callable[[], Any]) -> Any:
    """What the frames of a trap say, and its text."""
    try:
        call()
    except Exception as err:
        frames: Any = getattr(err, "frames", None)
        where = [(f.func_index, f.func_name, f.module_name, f.module_offset, f.func_offset) for f in frames]
        return where, str(err).partition("Caused by")[0]
    return None


NAMED = """(module $named (import "" "f" (func $host)) (table 1 funcref) (elem (i32.const 0) $leaf)
  (func $leaf unreachable) (func $between (call_indirect (i32.const 0)))
  (func (export "run") (call $between)) (func $out (export "host") (call $host)))"""


def named(c: Context, name: str, call: Callable[[], Any]) -> Any:
    inst = c.w.Instance(c.s, c.module(NAMED), [c.func("", "", call)])
    return inst.exports(c.s)[name](c.s)


def with_caller(c: Context) -> Any:
    seen: list[Any] = []

    def look(caller: Any, *_: Any) -> int:
        memory = caller["memory"]
        seen.extend([caller.get("none?"), memory.size(caller), bytes(memory.read(caller, 8, 13)), caller])
        return 0

    module = c.module("""(module (import "" "f" (func $f (result i32))) (memory (export "memory") 1)
      (data (i32.const 8) "hello") (func (export "run") (result i32) (call $f)))""")
    inst = c.w.Instance(c.s, module, [c.func("", "i32", look, True)])
    result = inst.exports(c.s)["run"](c.s)
    caller = seen.pop()
    return result, seen, caller.get("memory")


def stdout_of(c: Context) -> Any:
    out: list[bytes] = []
    config = c.w.WasiConfig()
    config.argv = ["program", "x"]
    config.env = [["NAME", "value"]]
    config.stdout_custom = lambda data: out.append(bytes(data))
    c.linker.define_wasi()
    c.s.set_wasi(config)
    module = c.module("""(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1) (data (i32.const 100) "hello")
      (func (export "_start") (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 5))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (drop (call $sizes (i32.const 12) (i32.const 16)))
        (call $exit (i32.add (i32.load (i32.const 12)) (i32.load (i32.const 16))))))""")
    inst = c.linker.instantiate(c.s, module)
    try:
        inst.exports(c.s)["_start"](c.s)
    except c.w.ExitTrap as err:
        return b"".join(out), err.code, isinstance(err, c.w.WasmtimeError), "exit status 12" in str(err)
    return None


def fuel_left(c: Context) -> Any:
    c.s.set_fuel(1000)
    c("none")
    return c.s.get_fuel() < 1000, trap_of(lambda: c("deep"))


def interrupted(c: Context) -> Any:
    c.s.set_epoch_deadline(1)
    module = c.module('(module (import "" "" (func $f)) (func (export "run") (call $f) (loop (br 0))))')
    inst = c.w.Instance(c.s, module, [c.func("", "", lambda: c.engine.increment_epoch())])
    return trap_of(lambda: inst.exports(c.s)["run"](c.s))


def serialized(c: Context) -> Any:
    encoded = c.module('(module (func (export "f") (result i32) (i32.const 5)))').serialize()
    with c.w.Module.deserialize(c.engine, encoded) as module:
        inst = c.w.Instance(c.s, module, [])
        return type(encoded).__name__, inst.exports(c.s)["f"](c.s)


def command(c: Context) -> Any:
    c.linker.define_module(c.s, "cmd", c.module(COUNTER % "_start"))
    count = c.linker.get(c.s, "cmd", "count")
    return count(c.s), count(c.s), c.linker.get_default(c.s, "cmd")(c.s)


def reactor(c: Context) -> Any:
    c.linker.define_module(c.s, "lib", c.module(COUNTER % "_initialize"))
    count = c.linker.get(c.s, "lib", "count")
    return count(c.s), count(c.s), c.linker.get_default(c.s, "nobody")(c.s)


def default_values(c: Context) -> Any:
    module = c.module("""(module (import "a" "f" (func $f (result i32 f64))) (import "a" "g" (global i64))
      (import "a" "m" (memory 1)) (import "a" "t" (table 2 externref))
      (func (export "f") (result i32 f64) (call $f)))""")
    c.linker.define_unknown_imports_as_default_values(c.s, module)
    inst = c.linker.instantiate(c.s, module)
    names = [type(c.linker.get(c.s, "a", name)).__name__ for name in "fgmt"]
    return inst.exports(c.s)["f"](c.s), names, c.linker.get(c.s, "a", "g").value(c.s)


def placeholder(c: Context) -> Any:
    module = c.module('(module (import "a" "f" (func $f)) (func (export "f") (call $f)))')
    c.linker.define_unknown_imports_as_traps(module)
    return c.linker.instantiate(c.s, module).exports(c.s)["f"](c.s)


def prelinked(c: Context) -> Any:
    c.linker.define_func("a", "f", c.ty("", "i32"), lambda: 9)
    pre = c.linker.instantiate_pre(
        c.module('(module (import "a" "f" (func $f (result i32))) (func (export "f") (result i32) (call $f)))')
    )
    stores = [c.w.Store(c.engine) for _ in range(2)]
    return [pre.instantiate(s).exports(s)["f"](s) for s in stores], len(pre.module.exports)


def limited(c: Context, **limits: int) -> Any:
    c.s.set_limits(**limits)
    return c.s


def import_with(c: Context, wanted: str, given: Any) -> Any:
    return type(c.w.Instance(c.s, c.module(f'(module (import "a" "b" {wanted}))'), given)).__name__
