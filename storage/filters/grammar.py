"""The grammar of filters: from text to a small tree whose leaves know where they stand.

    filter  = or
    or      = and { "|" and }
    and     = unary { unary }
    unary   = "!" unary | "(" or ")" | term
    term    = [ name operator ] value
    value   = word | '"' characters, with \\" and \\\\ '"'

A hand-written scanner and recursive descent: the text is short, and every error must mark its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.errors import FilterError

MAX_LENGTH = 2000
"""Characters of a filter."""

MAX_TERMS = 100
"""Terms of a filter; SQLite's own limit on the depth of an expression is not far above."""

MAX_DEPTH = 40
"""Brackets and negations inside each other."""


@dataclass(frozen=True)
class Term:
    """One condition: `name operator value`, or free text where `name` is empty.

    `position` and `length` mark the whole term; `value_position` and `value_length` its value.
    """

    name: str
    operator: str
    value: str
    quoted: bool
    position: int
    length: int
    value_position: int
    value_length: int


@dataclass(frozen=True)
class Not:
    """What must not hold."""

    node: Node


@dataclass(frozen=True)
class And:
    """What must hold together."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """Of what one must hold."""

    nodes: tuple[Node, ...]


Node = Term | Not | And | Or

OPERATORS = (":", ">=", "<=", "!=", ">", "<", "=")

_SPACE = re.compile(r"\s+")
_HEAD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:|>=|<=|!=|>|<|=)")
_WORD = re.compile(r'[^\s|()"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str) -> Node | None:
    """The tree of a filter; None for an empty one. Raises FilterError marking the place."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter has at most {MAX_LENGTH} characters", MAX_LENGTH, len(text) - MAX_LENGTH)
    for position, character in enumerate(text):
        if (ord(character) < 32 and not character.isspace()) or 0xD800 <= ord(character) <= 0xDFFF:
            raise FilterError(f"the character U+{ord(character):04X} cannot be searched", position, 1)
    parser = _Parser(text)
    if parser.at_end():
        return None
    node = parser.alternatives(0)
    if not parser.at_end():
        raise FilterError("this bracket closes nothing", parser.position, 1)
    return node


class _Parser:
    """One pass over the text; `position` is the next character that was not read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.terms = 0

    def at_end(self) -> bool:
        self._skip_space()
        return self.position >= len(self.text)

    def alternatives(self, depth: int) -> Node:
        nodes = [self._together(depth)]
        while not self.at_end() and self.text[self.position] == "|":
            bar = self.position
            self.position += 1
            if self.at_end() or self.text[self.position] in "|)":
                raise FilterError("a condition must follow the |", bar, 1)
            nodes.append(self._together(depth))
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))

    def _together(self, depth: int) -> Node:
        if self.text[self.position] == "|":
            raise FilterError("a condition must stand before the |", self.position, 1)
        nodes = [self._unary(depth)]
        while not self.at_end() and self.text[self.position] not in "|)":
            nodes.append(self._unary(depth))
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def _unary(self, depth: int) -> Node:
        start = self.position
        character = self.text[start]
        if character in "!(" and depth >= MAX_DEPTH:
            raise FilterError(f"more than {MAX_DEPTH} levels of brackets and negations", start, 1)
        if character == "!":
            self.position += 1
            if self.at_end() or self.text[self.position] in "|)":
                raise FilterError("a condition must follow the !", start, 1)
            return Not(self._unary(depth + 1))
        if character == "(":
            return self._group(depth)
        if character == ")":
            raise FilterError("this bracket closes nothing", start, 1)
        return self._term()

    def _group(self, depth: int) -> Node:
        start = self.position
        self.position += 1
        if self.at_end():
            raise FilterError("this bracket is not closed", start, 1)
        if self.text[self.position] == ")":
            raise FilterError("there is nothing between these brackets", start, self.position + 1 - start)
        node = self.alternatives(depth + 1)
        if self.at_end():
            raise FilterError("this bracket is not closed", start, 1)
        self.position += 1
        return node

    def _term(self) -> Term:
        self.terms += 1
        start = self.position
        if self.terms > MAX_TERMS:
            raise FilterError(f"a filter has at most {MAX_TERMS} terms", start, len(self.text) - start)
        name = operator = ""
        head = _HEAD.match(self.text, start)
        if head is not None:
            name, operator = head.group(1).lower(), head.group(2)
            self.position = head.end()
        value_position = self.position
        value, quoted = self._value()
        if not value and not quoted:
            raise FilterError(f"a value must follow {name}{operator}", start, self.position - start)
        return Term(
            name,
            operator,
            value,
            quoted,
            start,
            self.position - start,
            value_position,
            self.position - value_position,
        )

    def _value(self) -> tuple[str, bool]:
        if self.position < len(self.text) and self.text[self.position] == '"':
            quoted = _QUOTED.match(self.text, self.position)
            if quoted is None:
                length = len(self.text) - self.position
                raise FilterError("this quotation mark is not closed", self.position, length)
            self.position = quoted.end()
            return _ESCAPED.sub(r"\1", quoted.group(1)), True
        word = _WORD.match(self.text, self.position)
        if word is None:
            return "", False
        self.position = word.end()
        return word.group(0), False

    def _skip_space(self) -> None:
        space = _SPACE.match(self.text, self.position)
        if space is not None:
            self.position = space.end()
