"""Compilers that lose the segment of an access are not trusted with any."""

from __future__ import annotations

import pytest

from aot.build.segments import keeps_segments

GOOD = "\t.text\nw2s_step:\n\tmovl\t%gs:(%rdi), %eax\n\tleaq\t(%rdi,%rdi), %rax\n\tmovl\t8(%rsp), %ecx\n"
GOOD += "\tmovss\t.LC0(%rip), %xmm0\n\tret\n"


def test_all_accesses_name_it() -> None:
    assert keeps_segments(GOOD, b"\x65\xa1\xff\xff\xff\xff\0\0\0\0")


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("\tmovl\t(%rdi), %eax\n", b""),
        ("\tmovups\t%xmm0, 16(%rax,%rdx)\n", b""),
        ("\tcall\tmemset@PLT\n", b""),
        ("", b"\x90\xa1\xff\xff\xff\xff\0\0\0\0"),
    ],
)
def test_one_that_does_not(extra: str, code: bytes) -> None:
    assert not keeps_segments(GOOD + extra, code)


def test_nothing_to_look_at() -> None:
    assert not keeps_segments("\t.text\n\tret\n", b"")
