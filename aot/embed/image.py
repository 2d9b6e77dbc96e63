"""Images: what an instance's memories, globals and tables hold, for others to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aot.build.state import ModuleState


@dataclass(frozen=True, slots=True)
class Image:
    """The state of an instance, as `Instance.snapshot` took it. Images are values: they can be pickled and compared."""

    state: ModuleState

    @property
    def n_bytes(self) -> int:
        """Bytes of memory that it holds."""
        return sum(len(memory.content) for memory in self.state.memories.values())

    def __repr__(self) -> str:
        return f"<Image of {self.n_bytes} bytes of memory, {len(self.state.globals)} globals>"
