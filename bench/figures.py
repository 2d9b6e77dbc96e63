"""Where the benchmarks leave what they measured: a page and a chart each, in docs/figures."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
_TOOLS = ("gcc", "clang", "wasm2c", "node", "tcc")


def machine() -> str:
    """Processor, system and versions of all that may take part, in one line."""
    found = [_processor(), f"{os.cpu_count()} CPUs", f"Linux {platform.release().partition('-')[0]}"]
    found.append(f"Python {platform.python_version()}")
    for tool in _TOOLS:
        if version := _version(tool):
            found.append(f"{tool} {version}")
    return ", ".join([*found, f"wasmtime-py {importlib.metadata.version('wasmtime')}"])


def publish(name: str, title: str, text: Iterable[str], chart: str, folder: Path = FOLDER) -> None:
    """Write ``name.md`` (title, machine, chart, text) and ``name.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"# {title}", "", machine() + ".", "", f"![{title}]({name}.svg)", "", *text]
    (folder / f"{name}.svg").write_text(chart, encoding="utf-8")
    (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    named = next((line for line in lines if line.startswith("model name")), platform.machine())
    return named.partition(":")[2].strip() or named


def _version(tool: str) -> str:
    """The first number in what the tool says of its version; empty if it is not installed."""
    command = shutil.which(os.environ.get("WASM2C", tool) if tool == "wasm2c" else tool)
    if command is None:
        return ""
    flag = "-v" if tool == "tcc" else "--version"
    said = subprocess.run([command, flag], capture_output=True, text=True, check=False).stdout.partition("\n")[0]
    found = re.search(r"\bv?(\d[\w.]*)", said)
    return found[1] if found else ""
