"""Settings of engines. docs/compat.md tells which of them have an effect."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import aot.embed as embed
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._managed import Managed

T = TypeVar("T")


@dataclass(slots=True)
class Settings:
    """What a `Config` collects: a configuration of `aot.embed`, and what concerns stores and shared memories."""

    config: embed.Config = field(default_factory=embed.Config)
    shared_memory: bool = False
    max_stack: int | None = None


class Setting(Generic[T]):
    """An attribute that can be set, not read. ``apply`` checks a value and puts it where it has its effect, if any."""

    def __init__(self, apply: Callable[[Settings, T], None], doc: str) -> None:
        self._apply = apply
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: Any, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        raise AttributeError(f"{self._name!r} of a {owner.__name__} can be set, not read")

    def __set__(self, instance: Managed[Any], value: T) -> None:
        self._apply(instance.ptr(), value)


def _of_type(value: object, kind: type, name: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"expected {name}, not {type(value).__name__}")


def _switch(doc: str, *fields: str) -> Setting[bool]:
    """A bool for fields of `aot.embed.Config`; one without fields is accepted and changes nothing."""

    def apply(settings: Settings, value: bool) -> None:
        _of_type(value, bool, "a bool")
        for name in fields:
            setattr(settings.config, name, value)

    return Setting(apply, doc)


def _ignored(kind: type[T], doc: str) -> Setting[T]:
    """Accepted, and checked for its type."""
    article = "an" if kind is int else "a"
    return Setting(lambda _settings, value: _of_type(value, kind, f"{article} {kind.__name__}"), doc)


def _choice(what: str, choices: dict[str, dict[str, Any]], doc: str) -> Setting[str]:
    """One of several words, with the fields of `aot.embed.Config` that it stands for."""

    def apply(settings: Settings, value: str) -> None:
        if value not in choices:
            raise WasmtimeError(f"unknown {what}: {value}")
        for name, setting in choices[value].items():
            setattr(settings.config, name, setting)

    return Setting(apply, doc)


def _set_cache(settings: Settings, value: bool | str) -> None:
    if isinstance(value, str):
        if not Path(value).is_file():
            raise WasmtimeError(f"there is no cache configuration {value}")
    elif not isinstance(value, bool):
        raise TypeError(f"expected a string or bool, not {type(value).__name__}")
    elif not value:
        raise WasmtimeError("caching cannot be explicitly disabled")
    settings.config.cache = True


def _set_epochs(settings: Settings, value: bool) -> None:
    settings.config.epoch_interruption = bool(value)


def _set_parallel(settings: Settings, value: bool) -> None:
    _of_type(value, bool, "a bool")
    settings.config.jobs = None if value else 1


def _set_shared(settings: Settings, value: bool) -> None:
    _of_type(value, bool, "a bool")
    settings.shared_memory = value


def _set_stack(settings: Settings, value: int) -> None:
    _of_type(value, int, "an int")
    settings.max_stack = value


def _set_signals(settings: Settings, value: bool) -> None:
    _of_type(value, bool, "a bool")
    settings.config.memory = "auto" if value else "checked"


def _set_target(_settings: Settings, value: str) -> None:
    _of_type(value, str, "a str")
    if not value.startswith(f"{platform.machine()}-") or "linux" not in value:
        raise WasmtimeError(f"the target {value} is not this machine, {platform.machine()}-unknown-linux-gnu")


class Config(Managed[Settings]):
    """Settings for an `Engine`, which takes them over. They can be set, not read."""

    def __init__(self) -> None:
        self._set_ptr(Settings())

    debug_info = _switch("Compile for debuggers.", "debug")
    wasm_threads = _switch("Whether modules may use atomics and shared memories.", "wasm_threads")
    wasm_tail_call = _switch("Whether modules may use tail calls.", "wasm_tail_call")
    wasm_reference_types = _switch("Whether modules may use references.", "wasm_reference_types")
    wasm_simd = _switch("Whether modules may use vectors.", "wasm_simd")
    wasm_bulk_memory = _switch("Whether modules may use bulk instructions.", "wasm_bulk_memory")
    wasm_multi_value = _switch("Whether functions and blocks may have several results.", "wasm_multi_value")
    wasm_multi_memory = _switch("Whether modules may have several memories.", "wasm_multi_memory")
    wasm_memory64 = _switch("Whether memories and tables may have 64-bit addresses.", "wasm_memory64")
    wasm_relaxed_simd = _switch("Whether modules may use relaxed vector instructions.", "wasm_relaxed_simd")
    wasm_relaxed_simd_deterministic = _switch("Without effect: relaxed vector instructions are deterministic.")
    wasm_component_model = _switch("Without effect: there are no components.")
    wasm_component_model_map = _switch("Without effect: there are no components.")
    wasm_component_model_implements = _switch("Without effect: there are no components.")
    wasm_exceptions = _switch("Whether modules may use exceptions.", "wasm_exceptions")
    wasm_function_references = _switch("Whether modules may use typed function references.", "wasm_function_references")
    wasm_gc = _switch("Whether modules may use structs and arrays.", "wasm_gc")
    wasm_wide_arithmetic = _switch("Whether modules may use 128-bit arithmetic.", "wasm_wide_arithmetic")
    wasm_custom_page_sizes = _switch("Whether memories may have pages of one byte.", "wasm_custom_page_sizes")
    wasm_stack_switching = _switch("Without effect: there is no stack switching.")

    strategy = _choice("strategy", {"auto": {}, "cranelift": {}}, "Without effect; auto or cranelift.")
    cranelift_debug_verifier = _switch("Without effect.")
    cranelift_opt_level = _choice(
        "opt level",
        {"none": {"opt_level": 0}, "speed": {"opt_level": 2}, "speed_and_size": {"opt_level": 2}},
        "none is the C compiler's -O0; speed and speed_and_size are its -O2, the default.",
    )
    cranelift_nan_canonicalization = _switch("Without effect: NaNs have the bits that the machine gives them.")
    profiler = _choice(
        "profiler",
        {"none": {}, "jitdump": {}, "vtune": {}, "perfmap": {}},
        "Without effect: profilers read the symbols of the shared object.",
    )
    cache = Setting(_set_cache, "True, or the path of a file that exists. Compiled modules are cached in any case.")
    epoch_interruption = Setting(_set_epochs, "Whether code can be stopped by `Engine.increment_epoch`.")
    consume_fuel = _switch("Whether code consumes fuel, see `Store.set_fuel`.", "consume_fuel")
    parallel_compilation = Setting(_set_parallel, "False to run one C compiler at a time.")
    shared_memory = Setting(_set_shared, "Whether `SharedMemory` objects can be made.")
    max_wasm_stack = Setting(_set_stack, "Bytes of stack that wasm code may use, at least 64 KiB.")
    gc_support = _switch("The same as `wasm_gc`.", "wasm_gc")
    memory_may_move = _switch("Without effect: memories never move.")
    memory_reservation = _ignored(int, "Without effect: memories reserve what they need.")
    memory_guard_size = _ignored(int, "Without effect: memories reserve what they need.")
    memory_reservation_for_growth = _ignored(int, "Without effect: memories never move.")
    native_unwind_info = _switch("Without effect.")
    macos_use_mach_ports = _switch("Without effect.")
    signals_based_traps = Setting(_set_signals, "False for memories whose accesses are checked in the code.")
    memory_init_cow = _switch("Without effect: memories are initialised by copy-on-write mappings.")
    target = Setting(_set_target, "A triple of this machine; others are refused.")

    def cranelift_flag_enable(self, flag: str) -> None:
        """Without effect."""
        self.ptr()
        _of_type(flag, str, "a str")

    def cranelift_flag_set(self, key: str, value: str) -> None:
        """Without effect."""
        self.ptr()
        _of_type(key, str, "a str for key")
        _of_type(value, str, "a str for value")
