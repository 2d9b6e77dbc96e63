"""Compiles the package's WebAssembly module while the wheel is built; a plain pyproject.toml cannot say that."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

import aot


class Build(build_py):
    """Puts gcd.so into the wheel, and leaves gcd.wat out."""

    def run(self) -> None:
        super().run()
        aot.compile("src/fastgcd/gcd.wat", Path(self.build_lib, "fastgcd", "gcd.so"))


class NativeDistribution(Distribution):
    """One whose wheel is for one kind of machine only."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    packages=["fastgcd"],
    package_dir={"": "src"},
    distclass=NativeDistribution,
    cmdclass={"build_py": Build},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},  # the .so knows nothing of Python's versions
)
