"""Executes a script's commands through the adapter; every command gets exactly one result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from tests.spec.adapter import Compiled, Engine, Extern, Instance, Session
from tests.spec.matching import refusal_text_agrees, trap_text_agrees, value_agrees
from tests.spec.outcome import (
    Cause,
    MisfitError,
    MissingError,
    NotLinkedError,
    RefusedError,
    Result,
    ScriptResult,
    Status,
    ThrownError,
    TrappedError,
)
from tests.wast.assemble import AssembleError, assemble
from tests.wast.model import (
    Action,
    AssertFailure,
    AssertModule,
    AssertReturn,
    Command,
    DefineModule,
    Instantiate,
    Perform,
    Register,
    Script,
    Source,
    Thread,
    Value,
    Wait,
    kind_of,
    sources,
)

Exports = Mapping[str, Extern]


class _Interpreter:
    """The state of a running script: definitions, instances and registered names.

    What could not be made is kept as a `MissingError`, raised again by whatever needs it.
    """

    def __init__(
        self, engine: Engine, session: Session, version: str, shared: Mapping[str | None, Exports] | None = None
    ) -> None:
        self.shared = shared or {}
        """What another thread's instance of that name exports and this one may import."""
        self.threads: dict[str, _Thread] = {}
        self.engine = engine
        self.version = version
        self.session = session
        self.definitions: dict[str | None, Compiled | MissingError] = {}
        self.instances: dict[str | None, Instance | MissingError] = {}
        self.registered: dict[str, Exports | MissingError] = {"spectest": session.spectest()}

    def run(self, command: Command) -> bool | None:
        """Execute one command; returns `Result.text_agrees`. Raises one of `outcome`'s exceptions."""
        match command:
            case DefineModule():
                self.define(command)
            case Instantiate(instance=name, module=module):
                self.instantiate_as(name, lambda: self.definition(module))
            case Register(as_name=as_name, instance=name):
                self.register(as_name, name)
            case Perform(action=action):
                self.act(action)
            case AssertReturn():
                self.assert_return(command)
            case AssertFailure():
                self.assert_failure(command)
            case AssertModule():
                return self.assert_module(command)
            case Thread():
                self.start(command)
            case Wait(thread=name):
                self.threads[name].wait()
        return None

    # ---- modules and instances

    def compile(self, source: Source) -> Compiled:
        if not source.is_text:
            return self.engine.compile(source.data)
        try:
            return self.engine.compile(assemble(source.data))
        except AssembleError as error:
            raise RefusedError(f"the assembler refuses the module: {error}") from None

    def definition(self, name: str | None) -> Compiled:
        found = self.definitions.get(name, MissingError("no such module"))
        if isinstance(found, MissingError):
            raise found
        return found

    def instance(self, name: str | None) -> Instance:
        found = self.instances.get(name, MissingError("no such instance"))
        if isinstance(found, MissingError):
            raise found
        return found

    def define(self, command: DefineModule) -> None:
        names = {None, command.name}
        try:
            module: Compiled | MissingError = self.compile(command.source)
        except RefusedError as error:
            missing = MissingError(error.message) if error.unsupported else MissingError(f"failed: {error.message}")
            self.definitions.update(dict.fromkeys(names, missing))
            if not command.only:
                self.instances.update(dict.fromkeys(names, missing))
            raise
        self.definitions.update(dict.fromkeys(names, module))
        if not command.only:
            self.instantiate_as(command.name, lambda: self.definition(command.name))

    def instantiate_as(self, name: str | None, module: Callable[[], Compiled]) -> None:
        names = {None, name}
        self.instances.update(dict.fromkeys(names, MissingError("failed: it was not instantiated")))
        try:
            instance: Instance | MissingError = self.session.instantiate(module(), self.import_named)
        except MissingError as missing:
            self.instances.update(dict.fromkeys(names, missing))
            raise
        self.instances.update(dict.fromkeys(names, instance))

    def import_named(self, module: str, name: str) -> Extern:
        exports = self.registered.get(module, {})
        if isinstance(exports, MissingError):
            raise exports
        if name not in exports:
            raise NotLinkedError("unknown import")
        return exports[name]

    def register(self, as_name: str, name: str | None) -> None:
        try:
            if name not in self.instances and name in self.shared:
                self.registered[as_name] = self.shared[name]
            else:
                self.registered[as_name] = self.session.exports(self.instance(name))
        except MissingError as missing:
            self.registered[as_name] = missing
            raise

    # ---- threads

    def start(self, command: Thread) -> None:
        """Run commands in a thread of their own, which sees nothing of this one but the shared module's memories."""
        shared: dict[str | None, Exports] = {}
        if command.shared_module is not None:
            shared[command.shared_module] = self.shared_exports(command.shared_module)
        thread = self.threads[command.name] = _Thread(self.engine, self.version, shared, command.commands)
        thread.start()

    def shared_exports(self, name: str) -> Exports:
        if name not in self.instances and name in self.shared:
            return self.shared[name]
        return self.session.shared_exports(self.instance(name))

    # ---- assertions

    def act(self, action: Action) -> list[Value]:
        exports = self.session.exports(self.instance(action.module))
        if action.name not in exports:
            raise MisfitError(f"no export {action.name!r}")
        extern = exports[action.name]
        if action.kind == "get":
            return [self.session.read_global(extern)]
        return self.session.call(extern, action.args)

    def assert_return(self, command: AssertReturn) -> None:
        results = self.act(command.action)
        if len(results) != len(command.expected) or not all(map(value_agrees, command.expected, results)):
            raise MisfitError(f"{_call(command.action)} returned {_show(results)}, expected {_show(command.expected)}")

    def assert_failure(self, command: AssertFailure) -> None:
        try:
            results = self.act(command.action)
        except TrappedError as trap:
            if command.kind in ("assert_trap", "assert_exhaustion") and trap_text_agrees(command.text, str(trap)):
                return
            raise
        except ThrownError:
            if command.kind == "assert_exception":
                return
            raise
        raise MisfitError(f"{_call(command.action)} returned {_show(results)}, expected {command.text!r}")

    def assert_module(self, command: AssertModule) -> bool | None:
        if command.kind in ("assert_unlinkable", "assert_uninstantiable"):
            return self.assert_not_instantiated(command)
        if command.kind == "assert_invalid_custom":
            raise RefusedError("invalid custom sections are ignored", unsupported=True)
        data = command.source.data
        if command.source.is_text:
            try:
                data = assemble(data)
            except AssembleError:
                return None
        try:
            self.engine.validate(data, self.version)
        except RefusedError as error:
            if error.unsupported:
                raise
            return None if command.source.is_text else refusal_text_agrees(command.text, error.message)
        raise MisfitError(f"the module was accepted, expected {command.text!r}")

    def assert_not_instantiated(self, command: AssertModule) -> bool | None:
        module = self.compile(command.source)
        try:
            self.session.instantiate(module, self.import_named)
        except NotLinkedError as error:
            if command.kind != "assert_unlinkable":
                raise
            return str(error).startswith(command.text)
        except TrappedError as trap:
            if command.kind != "assert_uninstantiable" or not trap_text_agrees(command.text, str(trap)):
                raise
            return None
        raise MisfitError(f"the module was instantiated, expected {command.text!r}")


def _show(values: list[Value] | tuple[Value, ...]) -> str:
    return ", ".join(map(str, values)) or "nothing"


def _call(action: Action) -> str:
    return f"{action.name}({_show(action.args) if action.args else ''})"


def _is_unsupported(error: Exception) -> bool:
    """Does the failure come from a module that the engine says it does not support?"""
    if isinstance(error, RefusedError):
        return error.unsupported
    return isinstance(error, MissingError) and not str(error).startswith(("failed", "no such"))


def run_command(interpreter: _Interpreter, command: Command) -> Result:
    """Run one command and judge it. Only faults of the harness itself get through as exceptions."""
    line, kind = command.line, kind_of(command)
    try:
        return Result(line, kind, text_agrees=interpreter.run(command))
    except MissingError as error:
        detail = f"needs what is not there: {error}"
        cause = Cause.UNSUPPORTED if _is_unsupported(error) else Cause.WRONG
    except RefusedError as error:
        detail = f"refused: {error}"
        cause = Cause.UNSUPPORTED if error.unsupported else Cause.WRONG
    except MisfitError as error:
        detail, cause = str(error), Cause.WRONG
    except (TrappedError, ThrownError, NotLinkedError) as error:
        detail, cause = f"{type(error).__name__}: {error}", Cause.WRONG
    except Exception as error:  # a fault of the engine; the report names it and the script goes on
        detail, cause = f"raised {type(error).__name__}: {error}", Cause.WRONG
    return Result(line, kind, Status.FAILED, detail[:600], cause)


def run_commands(interpreter: _Interpreter, commands: Iterable[Command]) -> list[Result]:
    """Run commands in order; the results of threads they started follow theirs."""
    results = [run_command(interpreter, command) for command in commands]
    for thread in interpreter.threads.values():
        thread.join()
        results += thread.results
    return results


class _Thread(threading.Thread):
    """A thread of a script, with a store of its own."""

    def __init__(
        self, engine: Engine, version: str, shared: Mapping[str | None, Exports], commands: tuple[Command, ...]
    ) -> None:
        super().__init__(daemon=True)
        self.engine = engine
        self.version = version
        self.shared = shared
        self.commands = commands
        self.results: list[Result] = []
        self.is_done = False

    def run(self) -> None:
        with self.engine.session() as session:
            interpreter = _Interpreter(self.engine, session, self.version, self.shared)
            self.results = run_commands(interpreter, self.commands)
        self.is_done = True

    def wait(self) -> None:
        """Raises MisfitError if the thread did not get through its commands."""
        self.join()
        if not self.is_done:
            raise MisfitError("the thread died")


def run_script(engine: Engine, script: Script, group: str = "", version: str = "3.0") -> ScriptResult:
    """Run a whole script in a store of its own."""
    start = time.perf_counter()
    engine.prepare([source.data for source in sources(script) if not source.is_text])
    with engine.session() as session:
        interpreter = _Interpreter(engine, session, version)
        results = tuple(run_commands(interpreter, script.commands))
    return ScriptResult(group, script.name, results, seconds=time.perf_counter() - start)
