"""S-expressions of the WebAssembly text format (spec: Text Format, Lexical Format), as far as scripts need them.

The source is held as Latin-1 text, so that one character is one byte: positions are byte offsets, and a slice of
the source is exactly what the author wrote. Nesting is kept on an explicit stack; its depth has no limit.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass


class WastError(Exception):
    """A script does not follow the grammar. ``offset`` counts bytes from the start of the source."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Atom:
    """A keyword, number or identifier; ``$"quoted"`` identifiers keep their unescaped bytes as Latin-1."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class String:
    """A string literal; ``data`` are the bytes it denotes."""

    data: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Group:
    """A parenthesised list. Annotations inside are groups whose first item is an atom beginning with ``@``."""

    items: tuple[Node, ...]
    start: int
    end: int

    @property
    def is_annotation(self) -> bool:
        return bool(self.items) and isinstance(self.items[0], Atom) and self.items[0].text.startswith("@")

    @property
    def parts(self) -> tuple[Node, ...]:
        """The items without annotations."""
        return tuple(item for item in self.items if not (isinstance(item, Group) and item.is_annotation))

    @property
    def keyword(self) -> str:
        """The first atom's text, or the empty string: what the list is about."""
        parts = self.parts
        return parts[0].text if parts and isinstance(parts[0], Atom) else ""


Node = Atom | String | Group

_BLANK = re.compile(r"(?:[ \t\r\n]+|;;[^\n\r]*)+")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ATOM = re.compile(r'[^ \t\r\n();"]+')
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F](?:_?[0-9a-fA-F])*)\}|([0-9a-fA-F]{2})|(.))", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SIMPLE_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", '"': '"', "'": "'", "\\": "\\"}


def unescape(raw: str, offset: int) -> bytes:
    r"""The bytes that the inside of a string literal denotes.

    >>> unescape(r"a\t\ff\u{20AC}", 0)
    b'a\t\xff\xe2\x82\xac'
    """
    if _CONTROL.search(raw):
        raise WastError("control character in a string", offset)

    def one(match: re.Match[str]) -> str:
        code, byte, simple = match.groups()
        if byte is not None:
            return chr(int(byte, 16))
        if code is not None:
            value = int(code.replace("_", ""), 16)
            if value < 0xD800 or 0xE000 <= value < 0x110000:
                return chr(value).encode().decode("latin-1")
        elif simple in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[simple]
        raise WastError(f"bad escape {match.group()!r}", offset + match.start())

    return _ESCAPE.sub(one, raw).encode("latin-1")


class _Parser:
    """Position in the source and the lists that are open."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.pos = 0
        self.open: list[tuple[int, list[Node]]] = []
        self.items: list[Node] = []

    def run(self) -> tuple[Node, ...]:
        source = self.source
        while self.pos < len(source):
            blank = _BLANK.match(source, self.pos)
            if blank:
                self.pos = blank.end()
            elif source.startswith("(;", self.pos):
                self.block_comment()
            elif source[self.pos] == "(":
                self.open.append((self.pos, self.items))
                self.items = []
                self.pos += 1
            elif source[self.pos] == ")":
                self.close()
            elif source[self.pos] == '"':
                self.items.append(self.string())
            else:
                self.items.append(self.atom())
        if self.open:
            raise WastError("unclosed parenthesis", self.open[-1][0])
        return tuple(self.items)

    def block_comment(self) -> None:
        depth, start = 0, self.pos
        for match in re.compile(r"\(;|;\)").finditer(self.source, start):
            depth += 1 if match.group() == "(;" else -1
            if depth == 0:
                self.pos = match.end()
                return
        raise WastError("unclosed block comment", start)

    def close(self) -> None:
        if not self.open:
            raise WastError("unmatched closing parenthesis", self.pos)
        start, outer = self.open.pop()
        self.pos += 1
        outer.append(Group(tuple(self.items), start, self.pos))
        self.items = outer

    def string(self) -> String:
        match = _STRING.match(self.source, self.pos)
        if not match:
            raise WastError("unclosed string", self.pos)
        node = String(unescape(match.group(1), self.pos + 1), self.pos, match.end())
        self.pos = match.end()
        return node

    def atom(self) -> Atom:
        start = self.pos
        match = _ATOM.match(self.source, start)
        if not match:  # a lone semicolon, legal inside annotations
            self.pos += 1
            return Atom(self.source[start], start, self.pos)
        text, self.pos = match.group(), match.end()
        if text in ("$", "@") and self.source.startswith('"', self.pos):
            text += self.string().data.decode("latin-1")
        return Atom(text, start, self.pos)


def parse(source: str) -> tuple[Node, ...]:
    """Parse a whole source (Latin-1 text) to its top-level nodes. Raises WastError."""
    return _Parser(source).run()


def strings_in(nodes: tuple[Node, ...]) -> Iterator[tuple[int, int]]:
    """Source ranges of all string literals, quoted identifiers included, in order."""
    pending = list(reversed(nodes))
    while pending:
        node = pending.pop()
        if isinstance(node, Group):
            pending.extend(reversed(node.items))
        elif isinstance(node, String) or node.text[:1] in ("$", "@"):
            yield node.start, node.end


class Lines:
    """Byte offset to line number, counted from 1."""

    def __init__(self, source: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", source))]

    def at(self, offset: int) -> int:
        return bisect_right(self._starts, offset)
