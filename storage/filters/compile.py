"""From a filter's text to SQL: every name from the view's allow-list, every value a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storage import clock
from storage.errors import FilterError
from storage.filters.fields import SINCE, TIME_WORDS, contains_pattern, find_field, number_of, phrase
from storage.filters.grammar import And, Node, Not, Or, Term, parse
from storage.filters.moments import Instant, parse_moment
from storage.pages.view import TEXTUAL, Field, Kind, TableView

TRIGRAM = 3
"""Characters that a search needs at least to be looked up in the trigram index."""


@dataclass(frozen=True)
class CompiledFilter:
    """A condition over the row `t` of a view: SQL for WHERE, and its parameters in order.

    `sql` is empty when everything passes. `searches_text` says that free text is searched.
    """

    sql: str
    parameters: tuple[Any, ...]
    text: str
    searches_text: bool = False


def compile_filter(text: str, view: TableView, *, now_ms: int | None = None) -> CompiledFilter:
    """Compiles a filter for a view. Raises FilterError, which marks the place and says what to do.

    `now_ms` is the time from which relative times count back where no row is older.
    """
    node = parse(text)
    if node is None:
        return CompiledFilter("", (), text)
    compiler = _Compiler(view, clock.now_ms() if now_ms is None else now_ms)
    sql = compiler.condition(node)
    return CompiledFilter(sql, tuple(compiler.parameters), text, compiler.searches_text)


class _Compiler:
    """Walks a tree once, writing SQL and collecting parameters in the order of their marks."""

    def __init__(self, view: TableView, now_ms: int) -> None:
        self.view = view
        self.now_ms = now_ms
        self.parameters: list[Any] = []
        self.searches_text = False

    def condition(self, node: Node) -> str:
        match node:
            case Not(inner):
                # A missing value does not hold, so its negation does.
                return f"NOT coalesce({self.condition(inner)}, 0)"
            case And(nodes):
                return "(" + " AND ".join(self.condition(one) for one in nodes) + ")"
            case Or(nodes):
                return "(" + " OR ".join(self.condition(one) for one in nodes) + ")"
            case Term():
                return self._term(node)

    def _term(self, term: Term) -> str:
        if not term.name:
            return self._free_text(term)
        if term.name in TIME_WORDS:
            return self._time_word(term)
        field = find_field(term, self.view)
        if field.kind in TEXTUAL:
            return self._text(term, field)
        if field.kind is Kind.TIME:
            return self._time(term, field)
        operator = {":": "=", "!=": "IS NOT"}.get(term.operator, term.operator)
        self.parameters.append(number_of(term, field))
        # The plus keeps an index on this column from being preferred to the one that gives the order.
        return f"+{field.sql} {operator} ?"

    def _text(self, term: Term, field: Field) -> str:
        if term.operator == ":":
            self.parameters.append(contains_pattern(term.value))
            return f"{field.sql} LIKE ? ESCAPE '\\'"
        if term.operator == "=" and term.name == "symbol":
            self.parameters.append(term.value.upper())
            return f"{field.sql} = ?"
        if term.operator in {"=", "!="}:
            self.parameters.append(term.value)
            return f"{field.sql} {'=' if term.operator == '=' else 'IS NOT'} ? COLLATE NOCASE"
        raise FilterError(
            f"{field.name} is text: use {field.name}: for contains, {field.name}= for the whole of it",
            term.position,
            len(term.name) + len(term.operator),
        )

    def _time(self, term: Term, field: Field) -> str:
        moment = parse_moment(
            term.value, self.view.newest_sql, self.now_ms, term.value_position, term.value_length
        )
        if term.operator in {":", "=", "!="}:
            self.parameters.extend((*moment.first.parameters, *moment.last.parameters))
            within = f"{field.sql} BETWEEN {moment.first.sql} AND {moment.last.sql}"
            return f"NOT coalesce({within}, 0)" if term.operator == "!=" else f"({within})"
        instant = moment.last if term.operator in {">", "<="} else moment.first
        return f"{field.sql} {term.operator} {self._instant(instant)}"

    def _time_word(self, term: Term) -> str:
        if term.operator not in {":", "="}:
            raise FilterError(
                f"write {term.name}: and a time", term.position, len(term.name) + len(term.operator)
            )
        moment = parse_moment(
            term.value, self.view.newest_sql, self.now_ms, term.value_position, term.value_length
        )
        if term.name == SINCE:
            return self.view.since_sql.format(instant=self._instant(moment.first))
        return self.view.until_sql.format(instant=self._instant(moment.last))

    def _instant(self, instant: Instant) -> str:
        self.parameters.extend(instant.parameters)
        return f"({instant.sql})"

    def _free_text(self, term: Term) -> str:
        if not term.value:
            return "1"
        if self.view.text_table and len(term.value) >= TRIGRAM:
            self.searches_text = True
            self.parameters.append(phrase(term.value))
            table = self.view.text_table
            return f"t.id IN (SELECT rowid FROM {table} WHERE {table} MATCH ?)"
        self.parameters.append(contains_pattern(term.value))
        return f"({self.view.text_sql}) LIKE ? ESCAPE '\\'"
