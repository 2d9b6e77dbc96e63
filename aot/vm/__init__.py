"""The low-level faces of modules and instances: addresses, offsets, raw contexts.

They stand on the same entry points of the runtime as `aot.Module` and `aot.Instance`, which are what most programs
want.
"""

from aot.vm.context import StructView, VMContext
from aot.vm.handle import ExportIndex, FinishedError, InstanceHandle
from aot.vm.offsets import Field, VMOffsets
from aot.vm.runtime_info import MemoryImage, ModuleRuntimeInfo

__all__ = [
    "ExportIndex",
    "Field",
    "FinishedError",
    "InstanceHandle",
    "MemoryImage",
    "ModuleRuntimeInfo",
    "StructView",
    "VMContext",
    "VMOffsets",
]
