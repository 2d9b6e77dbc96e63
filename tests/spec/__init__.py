"""The official test suite, run through the engine command by command."""
