"""Tests of WASI preview 1. ``python -m tests.wasi FOLDER`` runs a copy of the public wasi-testsuite."""
