"""Ships a compiled module in a wheel, installs that elsewhere, and uses it where there is no compiler."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")

with TemporaryDirectory() as name:
    folder = Path(name)
    source, wheels, target = folder / "source", folder / "wheels", folder / "target"
    shutil.copytree(HERE / "fastgcd", source)
    offline = ("--no-deps", "--no-index")
    subprocess.run([*PIP, "wheel", *offline, "--no-build-isolation", "-w", wheels, source], check=True)
    (wheel,) = wheels.iterdir()
    print(wheel.name)
    subprocess.run([*PIP, "install", *offline, "--target", target, wheel], check=True)
    print(*sorted(path.name for path in (target / "fastgcd").iterdir() if path.is_file()))

    code = "import fastgcd; print(fastgcd.gcd(48, 36))"
    path = os.pathsep.join([str(target), *filter(None, [os.environ.get("PYTHONPATH")])])
    bare = {"PATH": "", "PYTHONPATH": path, "WASM2SO_CC": "/no/compiler", "WASM2SO_CACHE_DIR": "/no/cache"}
    subprocess.run([sys.executable, "-c", code], env=bare, check=True)
