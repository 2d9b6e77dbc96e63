"""Scripts that were converted to JSON (one document a script, modules inside) to the same commands as `.wast`."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.wast.model import (
    Action,
    AssertFailure,
    AssertModule,
    AssertReturn,
    Command,
    DefineModule,
    Either,
    Instantiate,
    Nan,
    Number,
    Perform,
    Ref,
    Register,
    Script,
    Source,
    Thread,
    Value,
    Vector,
    Wait,
)

Json = dict[str, Any]

_NANS = {nan.value: nan for nan in Nan}
_NUMBERS = frozenset(("i32", "i64", "f32", "f64", "float"))


def _bits(text: str) -> int | Nan:
    return _NANS[text] if text in _NANS else int(text)


def _value(doc: Json) -> Value:
    kind = doc["type"]
    if kind in _NUMBERS:
        return Number(kind, _bits(doc["value"]))
    if kind == "v128":
        return Vector(doc["lane_type"], tuple(_bits(lane) for lane in doc["value"]))
    if kind == "either":
        return Either(tuple(_value(one) for one in doc["values"]))
    if not kind.startswith("ref") and not kind.endswith("ref"):
        raise ValueError(f"unknown value type {kind}")
    value = doc.get("value")
    if value == "null":
        return Ref(kind, is_null=True)
    return Ref(kind, value=None if value is None else int(value))


def _action(doc: Json) -> Action:
    return Action(doc["type"], doc.get("module"), doc["field"], tuple(_value(arg) for arg in doc.get("args", ())))


class _Loader:
    """The files of one document."""

    def __init__(self, files: dict[str, Json]) -> None:
        self.files = {
            name: base64.b64decode(file["base64"]) if "base64" in file else file["text"].encode()
            for name, file in files.items()
        }

    def source(self, doc: Json) -> Source:
        return Source(self.files[doc["filename"]], is_text=doc["module_type"] == "text")

    def command(self, doc: Json) -> Command:
        kind, line = doc["type"], doc["line"]
        match kind:
            case "module" | "module_definition":
                return DefineModule(line, self.source(doc), doc.get("name"), kind == "module_definition")
            case "module_instance":
                return Instantiate(line, doc.get("instance"), doc.get("module"))
            case "register":
                return Register(line, doc["as"], doc.get("name"))
            case "action":
                return Perform(line, _action(doc["action"]))
            case "assert_return":
                return AssertReturn(line, _action(doc["action"]), tuple(map(_value, doc["expected"])))
            case "thread":
                commands = tuple(self.command(one) for one in doc["commands"])
                return Thread(line, doc["name"], doc.get("shared_module"), commands)
            case "wait":
                return Wait(line, doc["thread"])
        if not kind.startswith("assert_"):
            raise ValueError(f"unknown command {kind}")
        if "filename" in doc:
            return AssertModule(line, kind, self.source(doc), doc.get("text", ""))
        return AssertFailure(line, kind, _action(doc["action"]), doc.get("text", ""))


def load_script(text: str | bytes, name: str) -> Script:
    """The script in a converted document. Raises KeyError or ValueError if it is not one."""
    doc: Json = json.loads(text)
    loader = _Loader(doc["files"])
    return Script(name, tuple(map(loader.command, doc["commands"])), frozenset(doc.get("features", ())))
