"""No byte of a module reaches C text except as numbers, and the text stays within what C compilers bear."""

from __future__ import annotations

import re

import pytest

from tests.hostile.modules import small_modules
from tests.translation import generated_files
from tests.wasm_builder import (
    FUNC,
    FUNCREF,
    GLOBAL,
    I32,
    MEMORY,
    TABLE,
    ModuleBuilder,
    i32_const,
    limits,
    name,
    section,
    uleb,
    vec,
)

HOSTILE_NAMES = [
    "*/ int pwned; /*", "/*", "*/", "//", "/**/", "\\", "\\\n", "a\\", "??/", "??/\n", "??)", "%:", "<:", "%:%:",
    "\n", "\r\n", "\n#include <stdio.h>", "\n#pragma GCC poison uint32_t", "#define x y", "\"", "'", '");', "%s", "%n",
    "%s%s%s%s", "{", "}", "};", "{{{{", "(", ")", ";", "__attribute__((constructor))", "int", "main", "while", "_start",
    "w_f0", "w_f1", "l0", "t0", "vm", "L0", "w2s_trap", "w2s_module_descriptor", "memcpy", "__asm__", "malloc", "errno",
    "NULL", "\0", "a\0b", "", " ", "\t", "\x07\x1b[31m", "\u202e\u2066", "\ufeff", "\u00e9", "e\u0301", "\U0001f600",
    "../../../etc/passwd", "$(id)", "`id`", "|id", "-o", "@args", "a" * 100_000,
]  # fmt: skip

ALLOWED_DIRECTIVE = re.compile(
    r'#include (<wasm2so/[a-z_]+\.h>|"(module\.h|f\d+\.c)")|#(ifndef|define|endif|pragma once)'
)
BLOB = re.compile(
    r'^__asm__\("\.pushsection \.w2s\.(meta|data|image),[^()]*\.incbin \\"\1\.bin\\"[^()]*\);$', re.MULTILINE
)
"""The three lines that bring in binary files; the only ones with backslashes."""

MAX_BRACES = 8
MAX_PARENTHESES = 64


def rendered(data: bytes) -> dict[str, str]:
    """All generated C of a module: file name to text."""
    return {file: text.decode() for file, text in generated_files(data) if file.endswith((".c", ".h"))}


def module_named(text: str | bytes) -> bytes:
    """Imports and exports of every kind, a custom section and debugging names, all called ``text``."""
    builder = ModuleBuilder()
    kind = builder.type(I32, I32)
    builder.import_func(text, text, kind)
    builder.imports.append(name(text) + name(text) + bytes((GLOBAL,)) + I32 + b"\0")
    builder.imports.append(name(text) + name(text) + bytes((MEMORY,)) + limits(1))
    builder.imports.append(name(text) + name(text) + bytes((TABLE,)) + FUNCREF + limits(1))
    builder.function(kind, b"\x20\x00\x10\x00\x23\x00\x6a" + i32_const(1) + b"\x6b")
    exported = text if isinstance(text, bytes) else text.encode()
    for number, (what, index) in enumerate([(FUNC, 1), (FUNC, 0), (GLOBAL, 0), (MEMORY, 0), (TABLE, 0)]):
        builder.export(exported[:90_000] + b"%d" % number, what, index)
    functions = vec([uleb(0) + name(text), uleb(1) + name(text)])
    names = name("name") + section(0, name(text)) + section(1, functions)
    return builder.build() + section(0, names) + section(0, name(text) + b"*/ payload")


@pytest.mark.parametrize("text", HOSTILE_NAMES, ids=lambda text: ascii(text[:30]))
def test_names_leave_no_trace_in_c(text: str) -> None:
    assert rendered(module_named(text)) == rendered(module_named("harmless"))


def test_there_are_sixty_names() -> None:
    assert len(set(HOSTILE_NAMES)) >= 60


def depth(text: str, opening: str, closing: str) -> int:
    """The deepest nesting of a pair of brackets; they balance."""
    deepest = now = 0
    for char in text:
        if char == opening:
            now += 1
            deepest = max(deepest, now)
        elif char == closing:
            now -= 1
            assert now >= 0
    assert now == 0
    return deepest


def check_text(file: str, text: str) -> None:
    """The rules that every generated text keeps."""
    assert text.isascii(), file
    assert len(BLOB.findall(text)) == (3 if file == "module.c" else 0), file
    text = BLOB.sub("", text)
    assert "\\" not in text, file
    assert "??" not in text, file
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), file
    for line in text.splitlines():
        if "#" in line:
            assert ALLOWED_DIRECTIVE.match(line), f"{file}: {line}"
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert "*/" not in code, file
    assert "/*" not in code, file
    assert "%:" not in code, file
    assert depth(code, "{", "}") <= MAX_BRACES, file
    assert depth(code, "(", ")") <= MAX_PARENTHESES, file


MODULES = {**small_modules(), "hostile names": module_named(HOSTILE_NAMES[0])}


@pytest.mark.parametrize("data", MODULES.values(), ids=MODULES.keys())
def test_generated_text_keeps_its_rules(data: bytes) -> None:
    for file, text in rendered(data).items():
        check_text(file, text)


@pytest.mark.parametrize("data", MODULES.values(), ids=MODULES.keys())
def test_the_same_input_gives_the_same_text(data: bytes) -> None:
    assert rendered(data) == rendered(bytes(bytearray(data)))
