"""A reader of `.wast` test scripts, and of scripts converted to JSON, into one model of commands."""

from tests.wast.converted import load_script
from tests.wast.model import Script
from tests.wast.reader import read_file, read_script
from tests.wast.sexpr import WastError

__all__ = ["Script", "WastError", "load_script", "read_file", "read_script"]
