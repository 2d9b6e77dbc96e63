"""The official test suite, run through the engine command by command."""

from tests.spec.sanitize import use_runtime

use_runtime()
