"""Whether a compiler has made jumps of tail calls: what an object's references to the places they go to look like.

Those symbols (`aot.emit.tail_call`) are referred to by nothing but tail calls, and the code of the object's own file
does not see that they stand for functions of it. So each such call is a relocation, and the instruction that is
relocated is a jump or it is not.
"""

from __future__ import annotations

import re
from pathlib import Path

from aot.errors import FormatError

_TARGET = re.compile(r"w_[jk]\d+")
_SHF_EXECINSTR = 4
_X86_RELATIVE = {2, 4}  # R_X86_64_PC32, R_X86_64_PLT32
_AARCH64_JUMPS = {280, 282}  # R_AARCH64_CONDBR19, R_AARCH64_JUMP26


def all_jumps(path: Path) -> bool:
    """Does every reference to a jump's target in the object ``path`` stand in a jump? There may be none.

    Raises FormatError if the file is damaged, OSError if it cannot be read.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.relocation import RelocationSection
    from elftools.elf.sections import SymbolTableSection

    with path.open("rb") as file:
        try:
            elf = ELFFile(file)
            is_x86 = elf["e_machine"] == "EM_X86_64"
            for section in elf.iter_sections():
                if not isinstance(section, RelocationSection):
                    continue
                code = elf.get_section(section["sh_info"])
                if not code["sh_flags"] & _SHF_EXECINSTR:
                    continue
                symbols, data = elf.get_section(section["sh_link"]), code.data()
                if not isinstance(symbols, SymbolTableSection):
                    raise FormatError("damaged ELF file: relocations without symbols")
                for relocation in section.iter_relocations():
                    name = symbols.get_symbol(relocation["r_info_sym"]).name
                    if not _TARGET.fullmatch(name):
                        continue
                    kind, at = relocation["r_info_type"], relocation["r_offset"]
                    if not (_is_x86_jump(kind, data, at) if is_x86 else kind in _AARCH64_JUMPS):
                        return False
        except (ELFError, ValueError, LookupError, AttributeError, TypeError) as err:
            raise FormatError(f"damaged ELF file: {err}") from None
    return True


def _is_x86_jump(kind: int, code: bytes, at: int) -> bool:
    """Is the relative address at ``at`` that of ``jmp`` or of a conditional jump?"""
    if kind not in _X86_RELATIVE or at < 2:
        return False
    return code[at - 1] == 0xE9 or (code[at - 2] == 0x0F and code[at - 1] & 0xF0 == 0x80)
