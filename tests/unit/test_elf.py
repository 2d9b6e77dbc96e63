"""Telling a whole object of ours from a truncated, foreign or stale one, without loading it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aot.abi import abi_digest, struct_layout
from aot.build import BuildOptions, compile_to_file, read_meta
from aot.build.describe import describe_object, printable
from aot.build.metadata import Metadata
from aot.errors import FormatError
from tests.unit.compilers import small_module


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a good object."""
    out = tmp_path_factory.mktemp("elf") / "good.so"
    compile_to_file(small_module(), out, BuildOptions(opt_level=0))
    return out.read_bytes()


def refused(folder: Path, data: bytes) -> str:
    """What the refusal of ``data`` says."""
    path = folder / "x.so"
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        read_meta(path)
    return str(caught.value)


def patched(data: bytes, at: int, replacement: bytes) -> bytes:
    return data[:at] + replacement + data[at + len(replacement) :]


def test_metadata_is_read(tmp_path: Path, image: bytes) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(image)
    meta = Metadata(read_meta(path).meta)
    assert meta.head["abi_digest"] == abi_digest()
    (export,) = meta.records("exports", "w2s_meta_export")
    assert (meta.text(export, "name"), export["kind"], export["index"]) == ("answer", 0, 0)
    assert meta.producer.startswith("wasm2so ")
    lines = list(describe_object(read_meta(path)))
    assert '  "answer"  func 0  type 0 func [] -> [i32]' in lines


def test_what_follows_the_last_byte_is_of_no_interest(tmp_path: Path, image: bytes) -> None:
    (tmp_path / "x.so").write_bytes(image + b"trailer")
    read_meta(tmp_path / "x.so")


def test_every_truncation_is_noticed(tmp_path: Path, image: bytes) -> None:
    lengths = {*range(0, 130), *range(130, len(image), 997), len(image) - 1}
    for length in sorted(lengths):
        message = refused(tmp_path, image[:length])
        assert message.startswith(("empty file", "truncated")), (length, message)


def test_foreign_files(tmp_path: Path, image: bytes) -> None:
    assert refused(tmp_path, b"\0asm" + bytes(200)) == "not an ELF file"
    other = 183 if image[18] == 62 else 62
    assert refused(tmp_path, patched(image, 18, bytes((other,)))).startswith("made for another machine: ")
    assert "not 64-bit little-endian" in refused(tmp_path, patched(image, 4, b"\x01"))
    assert refused(tmp_path, patched(image, 16, b"\x01")) == "not a shared object (ELF type 1)"
    assert refused(tmp_path, image.replace(b".w2s.meta", b".w3s.meta")).startswith("not a wasm2so object")


def test_stale_objects(tmp_path: Path, image: bytes) -> None:
    layout = struct_layout("w2s_meta")
    start = image.index(abi_digest()) - layout.offset("abi_digest")
    magic = start + layout.offset("magic")
    assert "another magic number" in refused(tmp_path, patched(image, magic, b"\0"))
    version = struct.pack("<I", 999)
    assert "ABI version 999" in refused(tmp_path, patched(image, start + layout.offset("abi_version"), version))
    digest = start + layout.offset("abi_digest")
    assert "ABI digest differs" in refused(tmp_path, patched(image, digest, b"\xff\xff"))
    size = struct.pack("<Q", 1 << 40)
    assert "damaged metadata" in refused(tmp_path, patched(image, start + layout.offset("meta_bytes"), size))


def test_damaged_tables_are_refused_not_followed(tmp_path: Path, image: bytes) -> None:
    for at, n in ((32, 8), (40, 8), (54, 2), (56, 2), (58, 2), (60, 2), (62, 2)):
        for value in (b"\xff" * n, b"\x00" * n, b"\x7f" + bytes(n - 1)):
            path = tmp_path / "x.so"
            path.write_bytes(patched(image, at, value))
            try:
                read_meta(path)
            except FormatError as err:
                assert str(err), "some of these values do no harm, the others are told"


def test_records_outside_of_the_blob_are_refused(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(image)
    blob = bytearray(read_meta(path).meta)
    at = struct_layout("w2s_meta").offset("exports")
    struct.pack_into("<II", blob, at, len(blob) - 4, 1)
    with pytest.raises(FormatError, match="exports lie outside"):
        Metadata(bytes(blob)).records("exports", "w2s_meta_export")
    struct.pack_into("<II", blob, at, 0, 0xFFFFFFFF)
    with pytest.raises(FormatError, match="exports lie outside"):
        Metadata(bytes(blob)).records("exports", "w2s_meta_export")


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "a\nb\rc", "\u202eabc", "\x9b31m", "\u200b", "\ud800"])
def test_names_cannot_control_a_terminal(text: str) -> None:
    assert printable(text).isascii()
    assert printable(text).isprintable()
    assert printable("naïve 名前") == "naïve 名前"
