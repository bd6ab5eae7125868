"""Finds code that opens the database's files past SQLite, by following their paths through the source.

A path is the database's when it comes from an attribute or a name `database`, or from a text that ends
in cointrader.db, -wal or -shm, also through Path(...), str(...), +, /, f-strings, assignments and loops.
Opening is what opens, reads, copies, moves or removes a file; a function that does this to one of its
own parameters counts as opening as well, in whatever module it is called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

NAMES_OF_THE_DATABASE = frozenset({"database", "database_path", "db_path"})
DATABASE_TEXT = re.compile(r"(cointrader\.db|-wal|-shm)$")

# Functions that touch a file: the numbers of the arguments that name it.
OPENERS: dict[str, tuple[int, ...]] = {
    "open": (0,),
    "open_code": (0,),
    "file_digest": (0,),
    "fromfile": (0,),
    "memmap": (0,),
    "remove": (0,),
    "truncate": (0,),
    **dict.fromkeys(("copy", "copy2", "copyfile", "move", "rename", "replace", "link", "symlink"), (0, 1)),
}
METHODS = frozenset(
    {
        "open",
        "read_bytes",
        "read_text",
        "write_bytes",
        "write_text",
        "unlink",
        "rename",
        "replace",
        "touch",
        "hardlink_to",
        "symlink_to",
    }
)
# What gives the same path, or a neighbour of it with the same beginning.
KEEPS_THE_PATH = frozenset(
    {
        "Path",
        "PurePath",
        "str",
        "fspath",
        "fsencode",
        "join",
        "joinpath",
        "with_name",
        "with_suffix",
        "with_stem",
        "absolute",
        "resolve",
        "expanduser",
        "as_posix",
        "format",
    }
)


@dataclass(frozen=True)
class Opening:
    """One place where a path of the database is opened past SQLite."""

    module: str
    line: int
    source: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.source}"


@dataclass(frozen=True)
class Scope:
    """A function (or a module without its functions): what it binds to names, and what it calls.

    `parameters` are in order, without self; a module has no name and none.
    """

    name: str
    parameters: tuple[str, ...]
    bindings: tuple[tuple[ast.expr, tuple[str, ...]], ...]
    calls: tuple[ast.Call, ...]


def openings(sources: Mapping[str, str]) -> list[Opening]:
    """Every opening in these modules (name to source)."""
    scopes = {module: list(_scopes(ast.parse(source))) for module, source in sources.items()}
    openers = _with_our_own_openers([scope for every in scopes.values() for scope in every])
    return [
        Opening(module, call.lineno, ast.unparse(call))
        for module, every in scopes.items()
        for scope in every
        for call in _opening_calls(scope, NAMES_OF_THE_DATABASE, openers)
    ]


def read_sources(root: Path, packages: Iterable[str]) -> dict[str, str]:
    """The source of every module below these packages, by path."""
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    }


def _with_our_own_openers(scopes: list[Scope]) -> dict[str, tuple[int, ...]]:
    """OPENERS and every function that passes a parameter on to one of them, until no more are found."""
    openers = dict(OPENERS)
    while True:
        new = {}
        for scope in scopes:
            if not scope.name or scope.name in openers:
                continue
            numbers = tuple(
                number
                for number, parameter in enumerate(scope.parameters)
                if any(_opening_calls(scope, {parameter}, openers))
            )
            if numbers:
                new[scope.name] = numbers
        if not new:
            return openers
        openers |= new


def _scopes(tree: ast.AST) -> Iterator[Scope]:
    """The module, and each function by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            own = list(_own_nodes(node))
            yield Scope(
                getattr(node, "name", ""),
                _parameters(node),
                tuple(binding for part in own for binding in _bindings(part)),
                tuple(part for part in own if isinstance(part, ast.Call)),
            )


def _parameters(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Module) or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ()
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return tuple(argument.arg for argument in every if argument.arg not in ("self", "cls"))


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope that do not belong to a function inside of it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _tainted_names(scope: Scope, beginning: Iterable[str]) -> frozenset[str]:
    """The names that hold a path of the database somewhere in the scope."""
    names = set(beginning)
    while True:
        new = {
            target for value, targets in scope.bindings if _is_path(value, names) for target in targets
        } - names
        if not new:
            return frozenset(names)
        names |= new


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, tuple[str, ...]]]:
    """The value that a node binds, and the names that it binds to it."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign(value=value, targets=targets):
            pass
        case ast.AnnAssign(value=ast.expr() as value, target=target):
            targets = [target]
        case ast.NamedExpr(value=value, target=target):
            targets = [target]
        case ast.For(iter=value, target=target) | ast.comprehension(iter=value, target=target):
            targets = [target]
        case _:
            return
    yield value, tuple(target.id for target in targets if isinstance(target, ast.Name))


def _is_path(expression: ast.expr, names: Iterable[str]) -> bool:
    """Whether an expression is a path of the database, given the names that hold one."""
    match expression:
        case ast.Constant(value=str(text)):
            return bool(DATABASE_TEXT.search(text))
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr=name):
            return name in NAMES_OF_THE_DATABASE
        case ast.BinOp(left=left, right=right):
            return _is_path(left, names) or _is_path(right, names)
        case ast.JoinedStr(values=parts):
            return any(_is_path(part, names) for part in parts)
        case ast.FormattedValue(value=value) | ast.Starred(value=value) | ast.NamedExpr(value=value):
            return _is_path(value, names)
        case ast.IfExp(body=first, orelse=second):
            return _is_path(first, names) or _is_path(second, names)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(_is_path(part, names) for part in parts)
        case ast.Call() as call if _called(call) in KEEPS_THE_PATH:
            receiver = [call.func.value] if isinstance(call.func, ast.Attribute) else []
            return any(_is_path(part, names) for part in [*receiver, *call.args])
    return False


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _opening_calls(
    scope: Scope, paths: Iterable[str], openers: Mapping[str, tuple[int, ...]]
) -> Iterator[ast.Call]:
    """The calls of a scope that open a file, when the names `paths` hold the database's."""
    names = _tainted_names(scope, paths)
    for call in scope.calls:
        name = _called(call)
        if isinstance(call.func, ast.Attribute) and name in METHODS and _is_path(call.func.value, names):
            yield call
        elif name in openers:
            given = [call.args[number] for number in openers[name] if number < len(call.args)]
            given += [keyword.value for keyword in call.keywords]
            if any(_is_path(argument, names) for argument in given):
                yield call
