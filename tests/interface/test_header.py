"""C headers: they compile without warnings, call and are called with the right values, and refuse other modules."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import wasmtime

import aot
from aot.build import find_toolchain
from aot.build.executable import install_runtime
from aot.interface import c_header, of_object, of_wasm
from tests.interface.modules import EVERYTHING, EVIL, both

FLAGS = ("-std=gnu11", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-O1")
LINK = ("-pthread", "-ldl", "-lm")


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdk")
    install_runtime(folder)
    return folder


def build(folder: Path, sdk: Path, source: str) -> Path:
    (folder / "main.c").write_text(source)
    command = [*find_toolchain().command, *FLAGS, f"-I{sdk}/include", "main.c", f"{sdk}/lib/wasm2so.o", *LINK]
    done = subprocess.run([*command, "-o", "main"], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "main"


def run(program: Path, *args: str) -> str:
    done = subprocess.run([program, *args], cwd=program.parent, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


ROUND = """(module
  (import "env" "every" (func $every (param i32 i64 f32 f64 v128) (result v128 f64 f32 i64 i32)))
  (import "env" "stop" (func $stop))
  (import "env" "base" (global i32))
  (global (export "counter") (mut i64) (i64.const 41))
  (func (export "every") (param i32 i64 f32 f64 v128) (result v128 f64 f32 i64 i32)
    (call $every (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))
  (func (export "one") (param v128) (result v128) (local.get 0))
  (func (export "base") (result i32) (global.get 0))
  (func (export "stop") (call $stop)))"""

ROUND_C = r"""
#include <inttypes.h>
#include "mod.h"

static int32_t every(void *env, int32_t p0, int64_t p1, float p2, double p3, const uint64_t p4[2],
                     uint64_t result0[2], double *result1, float *result2, int64_t *result3, int32_t *result4) {
  printf("%s %d %" PRId64 " %g %g %" PRIx64 " %" PRIx64 "\n", (const char *)env, p0, p1, p2, p3, p4[0], p4[1]);
  result0[0] = p4[1]; result0[1] = p4[0];
  *result1 = -p3; *result2 = -p2; *result3 = -p1; *result4 = -p0;
  return W2S_HOST_OK;
}
static int32_t stop(void *env) { (void)env; return W2S_HOST_FAILED; }

int main(int argc, char **argv) {
  struct w2s_error error;
  struct w2s_module *module;
  struct mod mod;
  if (argc > 2 || mod_load(argv[1], &module, &error) != W2S_OK) { puts(error.message); return 0; }
  struct w2s_store *store = w2s_store_new();
  struct w2s_extern imports[mod_N_IMPORTS] = {
      [mod_IMPORT_env_every] = mod_import_env_every(store, module, every, "env"),
      [mod_IMPORT_env_stop] = mod_import_env_stop(store, module, stop, NULL)};
  if (mod_instantiate(&mod, store, module, imports, &error) != W2S_ERR_LINK) return 1;
  printf("%s (%d)\n", error.message, error.index);
  union w2s_value seven = {.i32 = 7};
  struct w2s_valtype i32 = {.code = W2S_I32};
  imports[mod_IMPORT_env_base].kind = W2S_EXTERN_GLOBAL;
  imports[mod_IMPORT_env_base].global = *w2s_global_new(store, &i32, 0, &seven);
  if (mod_instantiate(&mod, store, module, imports, &error) != W2S_OK) return 2;
  const uint64_t v[2] = {1, 0xfeedull << 48};
  uint64_t r0[2]; double r1; float r2; int64_t r3; int32_t r4;
  if (mod_call_every(&mod, -5, INT64_MIN + 1, 0.5f, 1e300, v, r0, &r1, &r2, &r3, &r4, &error) != W2S_OK) return 3;
  printf("%" PRIx64 " %" PRIx64 " %g %g %" PRId64 " %d\n", r0[0], r0[1], r1, r2, r3, r4);
  if (mod_call_every(&mod, 1, 1, 1, 1, v, NULL, NULL, NULL, NULL, NULL, &error) != W2S_OK) return 4;
  if (mod_call_one(&mod, v, r0, &error) != W2S_OK || r0[0] != v[0] || r0[1] != v[1]) return 5;
  if (mod_call_base(&mod, &r4, &error) != W2S_OK || r4 != 7) return 6;
  union w2s_value counter;
  w2s_global_get(mod_global_counter(&mod), &counter);
  printf("%d\n", (int)counter.i64);
  if (mod_call_stop(&mod, &error) != W2S_ERR_TRAP || error.trap != W2S_TRAP_HOST) return 7;
  w2s_store_delete(store);
  w2s_module_release(module);
  return 0;
}
"""


def test_calls_both_ways(tmp_path: Path, sdk: Path) -> None:
    data = bytes(wasmtime.wat2wasm(ROUND))
    aot.compile(data, tmp_path / "mod.so", aot.Config(opt_level=0))
    aot.compile(b"\0asm\1\0\0\0", tmp_path / "other.so", aot.Config(opt_level=0))
    (tmp_path / "mod.h").write_text(c_header(of_wasm(data), "mod"))
    assert c_header(of_object(tmp_path / "mod.so"), "mod") == (tmp_path / "mod.h").read_text()
    program = build(tmp_path, sdk, ROUND_C)
    assert run(program, "mod.so").splitlines() == [
        "import 2 is missing (2)",
        "env -5 -9223372036854775807 0.5 1e+300 1 feed000000000000",
        "feed000000000000 1 -1e+300 -0.5 9223372036854775807 5",
        "env 1 1 1 1 1 feed000000000000",
        "41",
    ]
    assert run(program, "other.so") == "other.so: made from another module than its header\n"
    assert run(program, "missing.so") == "missing.so: No such file or directory\n"
    (tmp_path / "half.so").write_bytes((tmp_path / "mod.so").read_bytes()[:4000])
    assert "half.so" in run(program, "half.so")


def test_everything_compiles(tmp_path: Path, sdk: Path) -> None:
    for name, interface in zip(("wasm", "so"), both(EVERYTHING, tmp_path), strict=True):
        (tmp_path / f"{name}.h").write_text(c_header(interface, name))
    build(tmp_path, sdk, '#include "wasm.h"\n#include "so.h"\nint main(void) { return 0; }\n')
    header = (tmp_path / "so.h").read_text()
    for item in ("so_memory_memory(", "so_table_table(", "so_tag_tag(", "so_global_version(", "so_call_half_open("):
        assert item in header
    assert "so_import_wasi(" in header


HELLO = r"""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"""


def test_wasi(tmp_path: Path, sdk: Path) -> None:
    data = bytes(wasmtime.wat2wasm(HELLO))
    aot.compile(data, tmp_path / "mod.so", aot.Config(opt_level=0))
    (tmp_path / "mod.h").write_text(c_header(of_wasm(data), "mod"))
    program = build(tmp_path, sdk, r"""
#include "mod.h"
#include <wasm2so/program.h>
int main(void) {
  struct w2s_error error;
  struct w2s_program world = {0};
  struct w2s_extern imports[mod_N_IMPORTS];
  struct mod mod;
  if (w2s_program_open(&world, &error) != W2S_OK || mod_load("mod.so", &world.module, &error) != W2S_OK) return 1;
  if (mod_import_wasi(world.wasi, imports) != W2S_OK) return 2;
  if (mod_instantiate(&mod, world.store, world.module, imports, &error) != W2S_OK) return 3;
  const int32_t status = mod_call__start(&mod, &error);
  w2s_program_close(&world);
  return status;
}
""")  # fmt: skip
    assert run(program) == "hello\n"


def test_evil_names_do_nothing(tmp_path: Path, sdk: Path) -> None:
    _, interface = both(EVIL, tmp_path)
    header = c_header(interface, "mod")
    (tmp_path / "mod.h").write_text(header)
    build(tmp_path, sdk, '#include "mod.h"\nint main(void) { return 0; }\n')
    without_comments = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    assert "*/" not in without_comments
    assert header.isascii()
    assert not re.search(r"\bevil\b|#include \"|\bimport os\b|\bsystem\b", header)


def test_bad_prefix(tmp_path: Path) -> None:
    with pytest.raises(aot.UsageError, match=r"the prefix '\*/' is no C identifier"):
        c_header(of_wasm(b"\0asm\1\0\0\0"), "*/")
