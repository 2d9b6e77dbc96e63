# The targets make their own virtual environment; nothing needs to be installed but Python 3.11, make and a C compiler.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PYTEST := $(RUN) -m pytest -q -n auto
RUNTIME := $(wildcard runtime_c/src/*.[ch] runtime_c/python/*.[chp]* runtime_c/include/wasm2so/*.h)
export WASM_SPEC_TESTS ?= $(abspath ../shared/spec)

.PHONY: all runtime demo test check spec spec-matrix spec-sanitized fuzz golden hostile exhaustive vectors bench $(BENCHES:%=bench-%) wasi-race wasi-interrupt wasi-suite compat-suite fmt clean

all: runtime

$(VENV)/built: pyproject.toml $(RUNTIME)
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

runtime: $(VENV)/built  ## a virtual environment with all that development needs, and the C runtime as aot._runtime

demo: runtime  ## run every sample
	set -e; for run in samples/*/run.py; do echo "== $$run"; $(RUN) $$run; done

test: runtime  ## everything but what takes minutes by design (make hostile)
	$(MAKE) -C runtime_c check SAN=address,undefined
	$(PYTEST) -m "not slow"

check: runtime  ## what must pass before each commit, in under a minute
	$(RUN) -m ruff check . && $(RUN) -m ruff format --check . && $(RUN) -m mypy
	$(PYTEST) -m "not slow" tests/unit tests/golden tests/abi tests/embed tests/wast
	$(MAKE) -C runtime_c check SAN=address,undefined

spec: runtime  ## the official test suite only
	$(PYTEST) tests/spec

spec-sanitized: runtime  ## the official test suite with runtime and generated code under gcc's sanitizers
	$(RUN) -m tests.spec --sanitize -O 0 && $(RUN) -m tests.spec --sanitize -O 1 --memory checked

fuzz: runtime  ## 20,000 random modules beside wasmtime: hours. Needs wasm-opt: apt-get install binaryen, or npm's (WASM_OPT)
	$(RUN) -m tests.fuzz --count 20000
	$(RUN) -m tests.fuzz --count 2000 --dense
	$(RUN) -m tests.fuzz --count 2000 --optimised
	$(RUN) -m tests.fuzz --count 2000 --dense --optimised

golden: runtime  ## rewrite the expected C, and show what changed
	$(RUN) -m pytest -q tests/golden --update; git --no-pager diff --stat -- tests/golden

spec-matrix: runtime  ## the official test suite with gcc and clang at -O0, -O1 and -O2
	$(RUN) -m tests.spec --matrix

hostile: runtime  ## oversized and malicious modules, the slow ones included
	$(RUN) -m pytest -q -n auto tests/hostile

exhaustive:  ## unary vector instructions on all 2^32 inputs, at three CPU levels: a quarter of an hour and more
	$(MAKE) -C runtime_c exhaustive

vectors: runtime  ## simd.h with every compiler at every level, and on aarch64 under qemu (apt-get install qemu-user)
	$(RUN) -m pytest -q -n auto -rs tests/simd

BENCHES := run compile calls compat traps emit large fast start command wasi programs simd tailcalls exceptions graphviz threads async
bench: $(BENCHES:%=bench-%)  ## all figures, beside other engines in the same run

bench-run: runtime  ## run time of 28 programs beside native code, wasmtime, V8 and wasm2c, where these are installed
	$(RUN) bench/run.py --write

bench-compile: runtime  ## what compiling costs as modules grow to 69 MB (npm and pip fetch them): up to an hour
	$(RUN) bench/compile.py --write

bench-calls: runtime  ## what a call from Python costs
	$(RUN) bench/calls.py --write

bench-compat: runtime  ## wasmtime-py's API here and there
	$(RUN) bench/compat.py

compat-suite: runtime  ## wasmtime-py's own tests and examples, out of a clone of it in the folder WASMTIME_PY
	$(RUN) -m tests.compat $(WASMTIME_PY)

bench-start: runtime  ## what an instance costs: new, pooled, warm, beside wasmtime-py
	$(RUN) bench/start.py --write

bench-traps: runtime  ## 100,000 traps in 4 threads
	$(RUN) bench/traps.py

bench-emit: runtime  ## speed of translation, on the sample modules and any in MODULES
	$(RUN) bench/emit.py --share $(or $(MODULES),samples/*/*.wasm)

bench-large: runtime  ## a large module made by others (npm fetches it): compile, run, compare
	$(RUN) bench/large_module.py

bench-fast: runtime  ## from a large module's file to its first result, nothing compiled before
	$(RUN) bench/fast.py --write

bench-command: runtime  ## what it takes to start a program that is compiled already
	$(RUN) bench/command.py

bench-wasi: runtime  ## reading, writing and small calls through WASI, beside wasmtime-py and native
	$(RUN) bench/wasi.py

bench-programs: runtime  ## large programs made by others (pip fetches them): this takes minutes
	$(RUN) bench/programs.py

bench-async: runtime  ## calls that wait, beside plain coroutines and a thread for each
	$(RUN) bench/async_calls.py

bench-simd: runtime  ## vector kernels, beside native clang -O2 and wasmtime-py
	$(RUN) bench/simd.py

bench-tailcalls: runtime  ## tail calls of every kind, beside wasmtime-py
	$(RUN) bench/tailcalls.py --opt 0 1 2

bench-exceptions: runtime  ## tries, throws and catches, beside wasmtime-py
	$(RUN) bench/exceptions.py

bench-graphviz: runtime  ## a large C++ program with exceptions of both kinds (npm fetches it; needs node)
	$(RUN) bench/graphviz.py

bench-threads: runtime  ## Python threads over one shared memory, beside one thread
	$(RUN) bench/threads.py

wasi-race: runtime  ## path calls against renames, 100,000 of each
	WASI_RACE_OPERATIONS=100000 $(RUN) -m pytest -q tests/wasi/test_race.py

wasi-interrupt: runtime  ## how long Ctrl-C takes to reach Python, in every kind of wait
	$(RUN) -m tests.wasi.interrupting

wasi-suite: runtime  ## the public wasi-testsuite in the folder WASI_TESTSUITE
	$(RUN) -m tests.wasi $(WASI_TESTSUITE) && $(RUN) -m tests.wasi --walk $(WASI_TESTSUITE)

fmt: runtime  ## format, and fix what can be fixed
	$(RUN) -m ruff check --fix . ; $(RUN) -m ruff format .

clean:  ## remove all that was made here
	$(MAKE) -C runtime_c clean
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache aot/_runtime*.so
	find aot tests runtime_c samples bench -name __pycache__ -prune -exec rm -rf {} +
