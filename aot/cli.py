"""The command ``wasm2so``. Everything heavy is imported by the commands that need it, so that --help is quick."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from aot.cli_run import HELP as RUN_HELP
from aot.cli_run import HELP_OPTIONS, Request, Usage, parse, start

if TYPE_CHECKING:
    from aot.build import BuildOptions, BuildReport
    from aot.build.progress import Progress
    from aot.build.state import ModuleState
    from aot.errors import WasmError
    from aot.interface import Interface

STDIN = "-"
_SUFFIXES = {"so": ".so", "obj": ".o", "exe": "", "c": "-c"}
_RESERVATION = 9 << 30

EPILOG = """\b
Exit status: 0 done, 1 the module was refused or the compiler failed, 2 wrong usage.
\b
Environment:
  WASM2SO_CC, CC      the C compiler, unless --cc names one
  WASM2SO_LAUNCHER    what the C compiler is started with, unless --launcher says it
  WASM2SO_CACHE_DIR   the cache folder; it must be its owner's alone (mode 700)
  WASM2SO_OBJECTS_BYTES  how much of it objects of large modules may take  [2 GiB]
\b
Examples:
  wasm2so gcd.wasm                      write gcd.so beside gcd.wasm
  wasm2so -O1 -j8 big.wasm -o big.so    sooner done
  wasm2so --emit exe tool.wasm          write the program tool
  wasm2so run tool.wasm --dir . -- -v   run it at once
  wasm2so --emit c gcd.wasm -o gcd-c    C sources and headers for your own build
  wasm2so inspect gcd.so                what is in it
  wasm2so stubs gcd.wasm                write gcd.pyi for type checkers
  wasm2so header gcd.wasm               write gcd.h for C programs
"""


class DefaultGroup(click.Group):
    """A group whose first argument, if it is none of the commands, belongs to `compile`."""

    default = "compile"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "--version"):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of `compile`, since that is what the bare command does, then the other commands."""
        command = self.commands[self.default]
        with click.Context(command, parent=ctx, info_name=self.default) as inner:
            options = [param for param in command.get_params(inner) if isinstance(param, click.Option)]
            rows = [row for option in options if (row := option.get_help_record(inner)) is not None]
        with formatter.section("Options"):
            formatter.write_dl([*rows[:-1], ("--version", "Print the version."), rows[-1]])
        with formatter.section("Other commands"):
            formatter.write_dl(
                [(name, sub.get_short_help_str(90)) for name, sub in self.commands.items() if name != self.default]
            )


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from aot.build.version import VERSION

        click.echo(f"wasm2so {VERSION}")
        ctx.exit()


@click.group(
    cls=DefaultGroup,
    no_args_is_help=True,
    options_metavar="[OPTIONS] FILE",
    subcommand_metavar="| COMMAND ...",
    epilog=EPILOG,
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version)
def cli() -> None:
    """Compile a WebAssembly module ahead of time to a native shared object.

    FILE is a .wasm file, a .wat file (with the extra: pip install wasm2so[wat]), or - for standard input. The result
    is loaded with aot.load() in Python, or by any program through the C runtime.
    """


@cli.command("compile", short_help="Compile FILE, also if it is named like a command.")
@click.argument("file")
@click.option("-o", "out", metavar="PATH", help="The result's path.  [default: FILE with another suffix]")
@click.option("-O", "opt", type=click.Choice(["0", "1", "2", "3"]), default="2", show_default=True,
              help="Optimisation of the C compiler.")  # fmt: skip
@click.option("--fast", is_flag=True, help="Compile in the least time, whatever speed comes of it: -O0, with tcc for "
              "what it can compile if it is installed, else with the quickest compiler there is.")  # fmt: skip
@click.option("-g", "debug", is_flag=True, help="Debugging information for gdb and perf.")
@click.option("-j", "--jobs", type=click.IntRange(1, 4096), help="Compilers to run at once.  [default: one per CPU]")
@click.option("--cc", metavar="COMMAND", help="C compiler: a name, path or command line of gcc or clang, or `zig` for "
              "the one in the ziglang package.  [default: gcc, clang, cc, zig, whichever is found first]")  # fmt: skip
@click.option("--target-cpu", type=click.Choice(["x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4", "native"]),
              default="x86-64-v2", show_default=True, metavar="CPU",
              help="Least CPU that the result runs on: x86-64-v1 to -v4, or native for the best of these that this "
              "machine has. Checked when the result is loaded; of no effect on other machines.")  # fmt: skip
@click.option("--memory", type=click.Choice(["auto", "guard", "checked"]), default="auto", show_default=True,
              help="How 32-bit memories are kept inside their bounds. guard reserves 8 GiB of address space for each "
              "and costs nothing per access; checked compares at each access; auto takes guard unless this process's "
              "address space is limited.")  # fmt: skip
@click.option("--segment", type=click.Choice(["auto", "on", "off"]), default="auto", show_default=True,
              help="Keep the base of guarded memory in a segment register, which is faster. Needs gcc, and an x86-64 "
              "processor and system with FSGSBASE; and only processes with nothing below 8 GiB load the result, "
              "which position-independent executables are. auto: for --emit exe, where this machine can.")  # fmt: skip
@click.option("--traps", type=click.Choice(["precise", "relaxed"]), default="precise", show_default=True,
              help="relaxed lets the compiler drop loads that would trap but whose value is not used.")  # fmt: skip
@click.option("--fuel", is_flag=True, help="Count what the code does, so that it can be limited; slower.")
@click.option("--epochs", is_flag=True, help="Let the code be stopped while it computes; a little slower.")
@click.option("--pgo-train", metavar="CMD", multiple=True, help="Optimise for what CMD does: it is run once with a "
              "module that counts what it executes, whose path is in the place of {}, as in 'wasm2so run {} input'. "
              "May be given several times. gcc and clang only.")  # fmt: skip
@click.option("--pgo-instrument", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Make a module "
              "that counts what it executes, and leaves that in DIR when the process ends. It is slow, and loaded only "
              "where WASM2SO_TRAINING is set.")  # fmt: skip
@click.option("--pgo-use", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Optimise for what was counted in DIR.")  # fmt: skip
@click.option("--preinit", metavar="FUNCTION", help="Run this export of the module now, and let instances begin with "
              "what it left in memories, globals and tables: an interpreter starts warm. It sees no arguments, "
              "variables or directories, a clock that begins at 0, and the same random numbers each time.")  # fmt: skip
@click.option("--emit", type=click.Choice(["so", "obj", "exe", "c"]), default="so", show_default=True,
              help="so: shared object. obj: one relocatable object, for linking into a program. exe: a WASI "
              "program for this system that needs nothing else; --w2s-help tells its settings. c: a folder of C files "
              "with the headers they include; compile each .c there with -I of that folder.")  # fmt: skip
@click.option("--cache/--no-cache", default=False, show_default=True, help="Look the result up in the cache, and keep "
              "it there. For --emit so.")  # fmt: skip
@click.option("--launcher", metavar="COMMAND", help="What to start the C compiler with: ccache, distcc, icecc. If "
              "empty, nothing.  [default: WASM2SO_LAUNCHER]")  # fmt: skip
@click.option("--incremental/--no-incremental", default=True, show_default=True, help="Keep the objects of a large "
              "module's C files in the cache, so that a build that was stopped goes on where it was, and after a "
              "change only the files that changed are compiled.")  # fmt: skip
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Leave C files and objects in DIR, also if the compiler fails.")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Show the compiler's commands, and what took how long.")
def compile_command(
    file: str,
    out: str | None,
    opt: str,
    fast: bool,
    debug: bool,
    jobs: int | None,
    cc: str | None,
    target_cpu: str,
    memory: str,
    segment: str,
    traps: str,
    fuel: bool,
    epochs: bool,
    pgo_train: tuple[str, ...],
    pgo_instrument: Path | None,
    pgo_use: Path | None,
    preinit: str | None,
    emit: Any,
    cache: bool,
    launcher: str | None,
    incremental: bool,
    keep: Path | None,
    verbose: bool,
) -> None:
    """Compile FILE, also if it is named like a command."""
    if cache and (emit != "so" or keep is not None or preinit is not None or pgo_train or pgo_instrument):
        raise click.UsageError(
            "--cache goes with --emit so and without --keep, --preinit, --pgo-train, --pgo-instrument"
        )
    if bool(pgo_train) + (pgo_instrument is not None) + (pgo_use is not None) + fast > 1:
        raise click.UsageError("--fast, --pgo-train, --pgo-instrument and --pgo-use exclude each other")
    target = _target(file, out, emit)
    with _errors(file):
        from aot.build import BuildOptions, compile_to_file, read_profile
        from aot.build.progress import Bar

        options = BuildOptions(
            opt_level=int(opt),
            cc=cc,
            cpu_level=_cpu_level(target_cpu),
            guard=_guard(memory),
            segment=segment == "on" or (segment == "auto" and emit == "exe"),
            precise=traps == "precise",
            debug=debug,
            fuel=fuel,
            epochs=epochs,
            jobs=jobs,
            keep=keep,
            incremental=incremental,
            fast=fast,
            launcher=launcher,
            counters=pgo_instrument,
            profile=None if pgo_use is None else read_profile(pgo_use),
        )
        if segment == "on":
            _require_segment(options)
        data = _read(file)
        progress = Bar(verbose=verbose)
        if cache:
            _compile_with_cache(data, target, options, progress)
            return
        state = None if preinit is None else _preinit(data, preinit, options)
        with _trained(data, options, pgo_train, emit, state, Bar(verbose=verbose)) as options:
            report = compile_to_file(data, target, options, emit=emit, progress=progress, state=state)
    _tell(file, report, verbose)


@contextmanager
def _trained(
    data: bytes,
    options: BuildOptions,
    commands: tuple[str, ...],
    emit: Any,
    state: ModuleState | None,
    progress: Progress,
) -> Iterator[BuildOptions]:
    """The options with the profile of the training, if there are commands for one."""
    if not commands:
        yield options
        return
    from dataclasses import replace

    from aot.build.training import trained

    with trained(data, options, commands, emit=emit, state=state, progress=progress) as profile:
        yield replace(options, profile=profile)


def _preinit(data: bytes, function: str, options: BuildOptions) -> ModuleState:
    """The state after `function`, in a world that is the same each time."""
    from aot.embed.preinit import preinitialised
    from aot.wasi import INHERIT, Wasi

    world = Wasi(stdout=INHERIT, stderr=INHERIT, seed=0, realtime=(0, 1), monotonic=(0, 1))
    return preinitialised(data, function, options, world)


@cli.command(short_help="Check modules and say what is wrong with the first bad one.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-v", "--verbose", is_flag=True, help="Also name the files that are valid.")
def validate(files: tuple[str, ...], verbose: bool) -> None:
    """Check each FILE against the rules of WebAssembly. Nothing is compiled; valid files are passed over in silence."""
    for file in files:
        with _errors(file):
            from aot.emit import EmitOptions, check_bodies, plan_module
            from aot.wasm.features import Features
            from aot.wasm.load import load_module

            module = load_module(_read(file), Features())
            check_bodies(module, plan_module(module, EmitOptions()))
        if verbose:
            click.echo(f"{_shown(file)}: valid")


@cli.command(short_help="Print what is in a module or in a compiled .so, without running it.")
@click.argument("file")
def inspect(file: str) -> None:
    """Print what is in FILE, a module or a compiled .so: types, imports, exports, memories, tables, globals, segments,
    custom sections; for a .so also the offsets of its context, digests, and how it was compiled.

    For a module also the features it uses, by the names of the switches of `aot.Config`. A .so is read, never loaded. A
    module need not be valid, only well-formed.
    """
    with _errors(file):
        from aot.build.describe import describe_module, describe_object

        if _is_elf(file):
            from aot.build.elf import read_meta

            lines: Iterator[str] = describe_object(read_meta(Path(file)))
        else:
            from aot.wasm.decode import decode_module

            lines = describe_module(decode_module(_read(file)))
        for line in lines:
            click.echo(line)


@cli.command(short_help="Write Python stubs (.pyi) of a module, for type checkers and editors.")
@click.argument("file")
@click.option(
    "-o", "out", metavar="PATH", help="Where to; - for standard output.  [default: FILE with the suffix .pyi]"
)
def stubs(file: str, out: str | None) -> None:
    """Write Python stubs of FILE, a module or a compiled .so: the types of what it exports and imports.

    The stub is that of the Python module which aot.importer makes of FILE; its class Exports is the type of any
    instance of the module.
    """
    with _errors(file):
        from aot.interface import python_stub

        target = _beside(file, out, ".pyi")
        _write(python_stub(_interface(file), "<stdin>" if file == STDIN else Path(file).name), target)


@cli.command(short_help="Write a C header of a module, for C programs that load its .so.")
@click.argument("file")
@click.option("-o", "out", metavar="PATH", help="Where to; - for standard output.  [default: FILE with the suffix .h]")
@click.option("--prefix", metavar="NAME", help="What the header's names begin with.  [default: the header's name]")
def header(file: str, out: str | None, prefix: str | None) -> None:
    """Write a C header for FILE, a module or a compiled .so: functions that load and instantiate it, call its exports
    and give its imports. `wasm2so runtime` makes what such a program is compiled and linked with.
    """
    with _errors(file):
        from aot.interface import c_header
        from aot.interface.header import c_name

        target = _beside(file, out, ".h")
        if prefix is None and target is None:
            raise click.UsageError("--prefix is needed when the header goes to standard output")
        _write(c_header(_interface(file), prefix or c_name(target.stem if target else "")), target)


@cli.command(short_help="Make the C runtime, for C programs that load compiled modules.")
@click.option("-o", "out", metavar="DIR", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Where to: DIR/include has the headers, DIR/lib/wasm2so.o is linked into the program.")  # fmt: skip
@click.option("--cc", metavar="COMMAND", help="C compiler, as for compiling modules.")
def runtime(out: Path, cc: str | None) -> None:
    """Make the runtime for C programs that load compiled modules. Such a program is compiled by

    \b
      cc -IDIR/include program.c DIR/lib/wasm2so.o -o program -pthread -ldl -lm
    """
    with _errors(str(out)):
        from aot.build.executable import install_runtime

        install_runtime(out, cc)


class RunCommand(click.Command):
    """A command whose arguments `aot.cli_run` parses: a program that is in the cache is run without this module."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            ctx.params["request"] = parse(args)
        except Usage as err:
            if str(err):
                raise click.UsageError(str(err), ctx) from None
            click.echo(ctx.get_help())
            ctx.exit()
        return []

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS] FILE [OPTIONS] [--] [ARGS]..."]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Options"):
            formatter.write_dl([*HELP_OPTIONS, ("--help", "Show this message and exit.")])


@cli.command("run", cls=RunCommand, help=RUN_HELP, short_help="Run a program for WASI, compiled through the cache.")
def run_command(request: Request) -> int:
    file = request.file
    with _errors(file):
        from aot.build import BuildOptions, compile_cached, quick
        from aot.build.progress import Bar
        from aot.program import can_reserve

        if file != STDIN and _is_elf(file):
            return start(request, file)
        source = None if file == STDIN else Path(file).stat()
        options = BuildOptions(
            opt_level=min(int(request.opt), 2), guard=can_reserve(), fast=request.fast, launcher=request.launcher
        )
        compiled = str(compile_cached(_read(file), options, progress=Bar()))
        if source is not None:
            quick.remember(quick.name_of(source, request.options), source, compiled)
    return start(request, compiled)


def main(args: Sequence[str] | None = None) -> int:
    """The console script; ``args`` are the process's unless given. Returns the exit status."""
    if signal.getsignal(signal.SIGTERM) != signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _leave)  # so that compilers are ended and temporary files removed
    try:
        status = cli.main(args, prog_name="wasm2so", standalone_mode=False)
    except click.ClickException as err:
        err.show()
        return err.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader of the output went away, as `head` does
        sys.stderr.close()
        return 1
    return int(status or 0)


def _leave(signum: int, frame: object) -> NoReturn:
    raise SystemExit(128 + signum)


@contextmanager
def _errors(file: str) -> Iterator[None]:
    """Turn what can go wrong into a message as compilers have them, and the exit status."""
    from aot.errors import UsageError, WasmError

    try:
        yield
    except UsageError as err:
        raise click.UsageError(_printable(str(err))) from None
    except WasmError as err:
        _complain(file, err)
    except BrokenPipeError:
        raise
    except OSError as err:
        name = _shown(file) if err.filename is None else _printable(str(err.filename))
        click.echo(f"wasm2so: {name}: error: {err.strerror}", err=True)
        raise click.exceptions.Exit(1) from None


def _complain(file: str, err: WasmError) -> NoReturn:
    from aot.errors import BuildError

    click.echo(f"wasm2so: {_shown(file)}: error: {_printable(str(err))}", err=True)
    if isinstance(err, BuildError):
        for line in err.log.splitlines()[:20]:
            click.echo(f"  {_printable(line)}", err=True)
        if err.command:
            import shlex

            click.echo(f"  command: {_printable(shlex.join(err.command))}", err=True)
    raise click.exceptions.Exit(1) from None


def _compile_with_cache(data: bytes, target: Path, options: BuildOptions, progress: Any) -> None:
    from aot.build.cache import compile_cached, copy_entry

    copy_entry(compile_cached(data, options, progress=progress), target)


def _tell(file: str, report: BuildReport, verbose: bool) -> None:
    for unit in report.downgrades:
        text = f"{unit.name}.c was compiled at -O{unit.opt}: {unit.stepped_down}"
        click.echo(f"wasm2so: {_shown(file)}: warning: {text}", err=True)
    if report.n_not_profiled:
        text = (
            f"the profile has nothing of {report.n_not_profiled} of {report.n_chunks} files, which have changed since"
        )
        click.echo(f"wasm2so: {_shown(file)}: warning: {text}", err=True)
    for compiler, reason, n in report.not_by_tcc:
        text = f"{n} of {len(report.units)} files compiled by {compiler} -O0: {reason}"
        click.echo(f"wasm2so: {_shown(file)}: note: {text}", err=True)
    if verbose:
        if report.not_kept:
            click.echo(f"wasm2so: {_shown(file)}: note: objects are not kept: {_printable(report.not_kept)}", err=True)
        times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in report.seconds.items())
        click.echo(
            f"{report.n_functions} functions, {report.n_chunks} chunks, {report.n_kept} of them compiled before, "
            f"{report.c_bytes} bytes of C, "
            f"{report.out_bytes} bytes out, largest compiler {report.peak_bytes >> 20} MiB; {times}",
            err=True,
        )


def _target(file: str, out: str | None, emit: str) -> Path:
    if out is not None:
        return Path(out)
    if file == STDIN:
        raise click.UsageError("-o is needed when the module comes from standard input")
    path = Path(file)
    return path.with_name(path.stem + _SUFFIXES[emit])


def _beside(file: str, out: str | None, suffix: str) -> Path | None:
    """Where to write: beside FILE unless ``out`` says otherwise; None for standard output."""
    if out is None:
        return None if file == STDIN else Path(file).with_suffix(suffix)
    return None if out == STDIN else Path(out)


def _write(text: str, target: Path | None) -> None:
    from aot.build.folders import new_file

    if target is None:
        click.echo(text, nl=False)
        return
    with new_file(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _interface(file: str) -> Interface:
    from aot.interface import of_object, of_wasm

    return of_object(Path(file)) if _is_elf(file) else of_wasm(_read(file))


def _read(file: str) -> bytes:
    """The module's bytes; text is converted. Raises OSError, DecodeError."""
    data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    if data[:4] == b"\0asm":
        return data
    if file.endswith(".wat") or data.lstrip()[:1] == b"(" or data.lstrip()[:2] == b";;":
        return _from_text(data)
    return data


def _from_text(data: bytes) -> bytes:
    from aot.embed.wat import to_wasm
    from aot.errors import DecodeError

    try:
        return to_wasm(data.decode("utf-8"))
    except UnicodeDecodeError as err:
        raise DecodeError(f"malformed UTF-8 encoding at byte {err.start} of the text") from None
    except DecodeError as err:
        raise DecodeError(" ".join(err.message.split())) from None  # the parser's message has several lines


def _is_elf(file: str) -> bool:
    if file == STDIN:
        return False
    with Path(file).open("rb") as stream:
        return file.endswith(".so") or stream.read(4) == b"\x7fELF"


def _cpu_level(name: str) -> int:
    from aot.build.toolchain import native_cpu_level

    return native_cpu_level() if name == "native" else int(name[-1])


def _guard(choice: str) -> bool:
    """Whether memories rely on reserved address space; ``auto`` judges by this process's own limit."""
    if choice != "auto":
        return choice == "guard"
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return soft == resource.RLIM_INFINITY or soft >= _RESERVATION


def _require_segment(options: BuildOptions) -> None:
    """Raises UsageError if segmented code cannot be made here."""
    from aot.build.toolchain import find_toolchain
    from aot.errors import UsageError

    toolchain = find_toolchain(options.cc)
    if not options.uses_segment(toolchain):
        raise UsageError(
            f"--segment on: {toolchain.version} and this machine cannot do that: it takes gcc, FSGSBASE, guarded "
            "memory and a Python that is position-independent"
        )


def _shown(file: str) -> str:
    return "<stdin>" if file == STDIN else _printable(file)


def _printable(text: str) -> str:
    from aot.build.describe import printable

    return printable(text)


if __name__ == "__main__":
    raise SystemExit(main())
