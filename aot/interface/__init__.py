"""What others write code against: a module's imports and exports as Python stubs and as a C header."""

from aot.interface.header import c_header
from aot.interface.model import Interface, of_object, of_wasm
from aot.interface.stubs import python_stub

__all__ = ["Interface", "c_header", "of_object", "of_wasm", "python_stub"]
