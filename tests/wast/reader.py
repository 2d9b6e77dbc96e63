"""`.wast` scripts to commands (the script grammar of the reference interpreter)."""

from __future__ import annotations

from pathlib import Path

from tests.wast.assemble import AssembleError, assemble_script_module
from tests.wast.constants import parse_float, parse_int
from tests.wast.model import (
    LANE_BITS,
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
from tests.wast.sexpr import Atom, Group, Lines, Node, String, WastError, parse

MODULE_FIELDS = frozenset(
    ("type", "rec", "import", "func", "table", "memory", "global", "export", "start", "elem", "data", "tag")
)
MODULE_ASSERTIONS = frozenset(
    (
        "assert_malformed",
        "assert_invalid",
        "assert_unlinkable",
        "assert_malformed_custom",
        "assert_invalid_custom",
    )
)
FAILURE_ASSERTIONS = frozenset(("assert_trap", "assert_exhaustion", "assert_exception", "assert_suspension"))
SHAPES = {"i8x16": 16, "i16x8": 8, "i32x4": 4, "i64x2": 2, "f32x4": 4, "f64x2": 2}
HEAP_REFS = {
    "func": "funcref",
    "extern": "externref",
    "any": "anyref",
    "eq": "eqref",
    "i31": "i31ref",
    "struct": "structref",
    "array": "arrayref",
    "exn": "exnref",
    "cont": "contref",
    "none": "nullref",
    "nofunc": "nullfuncref",
    "noextern": "nullexternref",
    "noexn": "nullexnref",
    "nocont": "nullcontref",
}
_NANS = {nan.value: nan for nan in Nan}


def utf8(data: bytes) -> str:
    """Names are UTF-8; bytes that are not survive as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def _string(node: Node) -> str:
    if not isinstance(node, String):
        raise WastError("expected a string", node.start)
    return utf8(node.data)


def _atom(node: Node) -> str:
    if not isinstance(node, Atom):
        raise WastError("expected a word", node.start)
    return node.text


def _group(node: Node) -> Group:
    if not isinstance(node, Group):
        raise WastError("expected a list", node.start)
    return node


def _is_id(node: Node) -> bool:
    return isinstance(node, Atom) and node.text.startswith("$")


def _id(node: Node) -> str:
    """An identifier, dollar sign included."""
    if not _is_id(node):
        raise WastError("expected an identifier", node.start)
    return utf8(_atom(node).encode("latin-1"))


# ---- values


def _number(text: str, lane: str) -> int | Nan:
    width = LANE_BITS[lane]
    if lane.startswith("i"):
        return parse_int(text, width)
    return _NANS[text] if text in _NANS else parse_float(text, width)


def _ref(word: str, operands: tuple[Node, ...]) -> Ref:
    if word == "ref.null":
        heap = _atom(operands[0]) if operands else ""
        return Ref(HEAP_REFS.get(heap, "refnull"), is_null=True)
    number = parse_int(_atom(operands[0]), 32) if operands else None
    if word == "ref.host":
        return Ref("anyref", value=number)
    return Ref(HEAP_REFS[word.removeprefix("ref.")], value=number)


def read_value(node: Node) -> Value:
    """A constant or a result pattern, such as ``(f32.const nan:canonical)`` or ``(ref.extern 1)``."""
    group = _group(node)
    word, operands = group.keyword, group.parts[1:]
    try:
        match word:
            case "i32.const" | "i64.const" | "f32.const" | "f64.const":
                (operand,) = operands
                return Number(word[:3], _number(_atom(operand), word[:3]))
            case "v128.const":
                shape = _atom(operands[0])
                if len(operands) != SHAPES[shape] + 1:
                    raise WastError("wrong number of lanes", node.start)
                lane = shape.partition("x")[0]
                return Vector(lane, tuple(_number(_atom(operand), lane) for operand in operands[1:]))
            case "either":
                return Either(tuple(read_value(operand) for operand in operands))
        if word.startswith("ref."):
            return _ref(word, operands)
    except (ValueError, KeyError, IndexError) as error:
        raise WastError(f"bad constant: {error}", node.start) from None
    raise WastError(f"unknown value: {word}", node.start)


def read_action(node: Node) -> Action:
    """``(invoke $module? "name" value*)`` or ``(get $module? "name")``."""
    group = _group(node)
    if group.keyword not in ("invoke", "get"):
        raise WastError(f"unknown action: {group.keyword}", node.start)
    rest = list(group.parts[1:])
    module = _id(rest.pop(0)) if rest and _is_id(rest[0]) else None
    if not rest:
        raise WastError("an action without a name", node.start)
    name = _string(rest.pop(0))
    return Action(group.keyword, module, name, tuple(read_value(value) for value in rest))


# ---- commands


class _Reader:
    """One script's source, for positions and for the text of modules."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = Lines(source)

    def line(self, node: Node) -> int:
        return self.lines.at(node.start)

    def command(self, node: Node) -> Command:
        group = _group(node)
        word, operands, line = group.keyword, group.parts[1:], self.line(node)
        if word == "module":
            return self.module(group)
        try:
            if word == "register":
                return Register(line, _string(operands[0]), _id(operands[1]) if len(operands) > 1 else None)
            if word in ("invoke", "get"):
                return Perform(line, read_action(node))
            if word == "thread":
                return self.thread(line, operands)
            if word == "wait":
                return Wait(line, _id(operands[0]))
            return self.assertion(group, line, operands)
        except IndexError:
            raise WastError(f"{word}: too few operands", node.start) from None

    def assertion(self, group: Group, line: int, operands: tuple[Node, ...]) -> Command:
        word = group.keyword
        if word == "assert_return":
            return AssertReturn(line, read_action(operands[0]), tuple(map(read_value, operands[1:])))
        if word in ("assert_return_canonical_nan", "assert_return_arithmetic_nan"):  # scripts of wasm 1.0
            nan = _NANS["nan:" + word.split("_")[2]]
            return AssertReturn(line, read_action(operands[0]), (Number("float", nan),))
        if word in MODULE_ASSERTIONS:
            source = self.module_source(_group(operands[0]), must_assemble="malformed" not in word)
            return AssertModule(line, word, source, _string(operands[1]) if len(operands) > 1 else "")
        if word in FAILURE_ASSERTIONS:
            text = _string(operands[1]) if len(operands) > 1 else ""
            target = _group(operands[0])
            if target.keyword == "module":
                return AssertModule(line, "assert_uninstantiable", self.module_source(target), text)
            return AssertFailure(line, word, read_action(target), text)
        raise WastError(f"unknown command: {word}", group.start)

    def thread(self, line: int, operands: tuple[Node, ...]) -> Thread:
        name, rest, shared = _id(operands[0]), operands[1:], None
        if rest and isinstance(rest[0], Group) and rest[0].keyword == "shared":
            shared = _id(_group(rest[0].parts[1]).parts[1])
            rest = rest[1:]
        return Thread(line, name, shared, tuple(self.command(node) for node in rest))

    def module(self, group: Group) -> DefineModule | Instantiate:
        line, rest = self.line(group), group.parts[1:]
        if rest and isinstance(rest[0], Atom) and rest[0].text == "instance":
            names = [_id(node) for node in rest[1:]]
            return Instantiate(line, names[0] if names else None, names[1] if len(names) > 1 else None)
        only = bool(rest) and isinstance(rest[0], Atom) and rest[0].text == "definition"
        if only:
            rest = rest[1:]
        name = _id(rest[0]) if rest and _is_id(rest[0]) else None
        return DefineModule(line, self.module_source(group), name, only)

    def module_source(self, group: Group, must_assemble: bool = True) -> Source:
        """The module's bytes. A quoted text that ought to be malformed stays text, as does any the assembler
        refuses: whoever runs the script then sees the refusal in its place.
        """
        if group.keyword != "module":
            raise WastError(f"expected a module, not {group.keyword}", group.start)
        parts = [node for node in group.parts[1:] if not _is_id(node)]
        cut = parts[0] if parts and isinstance(parts[0], Atom) and parts[0].text == "definition" else None
        if cut:
            parts = parts[1:]
        form = parts[0].text if parts and isinstance(parts[0], Atom) else "text"
        if form in ("binary", "quote"):
            data = b"".join(part.data for part in parts[1:] if isinstance(part, String))
            if form == "binary":
                return Source(data, is_text=False)
            if not must_assemble:
                return Source(data, is_text=True)
            text = data.decode("latin-1")
        elif cut:
            text = self.source[group.start : cut.start] + self.source[cut.end : group.end]
        else:
            text = self.source[group.start : group.end]
        return self.assembled(text)

    def assembled(self, text: str) -> Source:
        try:
            return Source(assemble_script_module(text), is_text=False)
        except AssembleError:
            return Source(text.encode("latin-1"), is_text=True)


def read_script(data: bytes, name: str) -> Script:
    """Read a script; a file of bare module fields is one module. Raises WastError."""
    source = data.decode("latin-1")
    reader = _Reader(source)
    nodes = [node for node in parse(source) if not (isinstance(node, Group) and node.is_annotation)]
    first = nodes[0] if nodes else None
    if isinstance(first, Group) and first.keyword in MODULE_FIELDS:
        return Script(name, (DefineModule(reader.line(first), reader.assembled(source)),))
    return Script(name, tuple(reader.command(node) for node in nodes))


def read_file(path: Path) -> Script:
    """Read a `.wast` file. Raises WastError with the file and line in its message."""
    data = path.read_bytes()
    try:
        return read_script(data, path.stem)
    except WastError as error:
        line = Lines(data.decode("latin-1")).at(error.offset)
        raise WastError(f"{path}:{line}: {error.message}", error.offset) from None
