"""A cache of compiled modules for the run."""

from tests.embed.conftest import cache_dir

__all__ = ["cache_dir"]
