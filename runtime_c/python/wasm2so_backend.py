"""The package's build backend: setuptools, told in code what a table in pyproject.toml cannot say.

Four things are special. The extension ``aot._runtime`` is made by cffi out of ``build_ffi.py``; the headers in
``runtime_c/include``, which the user's compiler needs for generated C, are installed as the data-only package
``aot._include``; the runtime's sources, which standalone executables are linked from, as ``aot._runtime_c``; and a
source distribution carries the whole of ``runtime_c``.
"""

from __future__ import annotations

from pathlib import Path

import setuptools
from setuptools import build_meta
from setuptools.command.sdist import sdist

FFI_BUILDER = "runtime_c/python/build_ffi.py:ffibuilder"
HEADERS = "runtime_c/include"
RUNTIME = "runtime_c"


class SourceDist(sdist):
    """sdist with the runtime's sources, headers, tests and build scripts."""

    def make_distribution(self) -> None:
        self.filelist.extend(str(path) for path in _runtime_sources())
        self.filelist.sort()
        self.filelist.remove_duplicates()
        super().make_distribution()


def _runtime_sources() -> list[Path]:
    """Every file of ``runtime_c`` but for what a build leaves there."""
    kinds = {".c", ".h", ".py", ".md"}
    return [
        path
        for path in Path("runtime_c").rglob("*")
        if path.is_file() and (path.suffix in kinds or path.name == "Makefile") and "build" not in path.parts
    ]


# Every hook of setuptools' backend is a method of one object, which reaches the project through run_setup.
class Backend(type(build_meta.build_wheel.__self__)):
    def run_setup(self, setup_script: str = "") -> None:
        """Stand in for running a ``setup.py``; the caller has put the command into ``sys.argv``."""
        setuptools.setup(
            packages=[*setuptools.find_packages(include=["aot", "aot.*"]), "aot._include", "aot._runtime_c"],
            package_dir={"aot._include": HEADERS, "aot._runtime_c": RUNTIME},
            package_data={
                "aot": ["py.typed", "*.pyi"],
                "aot._include": ["wasm2so/*.h"],
                "aot._runtime_c": ["include/wasm2so/*.h", "src/*.[ch]", "exe/*.c"],
            },
            include_package_data=False,
            cffi_modules=[FFI_BUILDER],
            cmdclass={"sdist": SourceDist},
        )


_backend = Backend()
build_wheel = _backend.build_wheel
build_sdist = _backend.build_sdist
build_editable = _backend.build_editable
get_requires_for_build_wheel = _backend.get_requires_for_build_wheel
get_requires_for_build_sdist = _backend.get_requires_for_build_sdist
get_requires_for_build_editable = _backend.get_requires_for_build_editable
prepare_metadata_for_build_wheel = _backend.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = _backend.prepare_metadata_for_build_editable
