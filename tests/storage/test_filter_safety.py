"""Whatever is typed into a filter, it stays data: it compiles to SQL that runs, or its mistake is marked."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.database import open_database
from storage.filters import FilterError, compile_filter, complete
from storage.pages import VIEWS, PageSource, get_view
from storage.workspace import Workspace
from tests.storage.trading_rows import fill

WORDS = [
    *(field.name for view in VIEWS.values() for field in view.fields),
    *(
        "since",
        "until",
        "btc",
        "0",
        "-1.5",
        "7d",
        "1e400",
        "2024-09-01",
        "2024-13-01",
        "99999999999999999999",
    ),
    *(
        ":",
        ">",
        ">=",
        "<",
        "<=",
        "=",
        "!=",
        "!",
        "|",
        "(",
        ")",
        '"',
        '\\"',
        "'",
        "--",
        ";",
        "%",
        "_",
        "*",
        "?",
        " ",
    ),
    *("NEAR", "OR", "AND", "NOT", "MATCH", "^", "\x00", "é", "𝛑", "\n"),
]
PIECES = st.lists(st.sampled_from(WORDS), max_size=12).map("".join)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A history of 30 signals."""
    with closing(open_database(Workspace(tmp_path_factory.mktemp("safety")))) as connection:
        fill(connection, 30)
        yield connection


@settings(max_examples=600, deadline=None)
@given(text=st.one_of(st.text(max_size=60), PIECES), view=st.sampled_from(sorted(VIEWS)))
@example(text='"', view="signals")
@example(text='"""a"""', view="positions")
@example(text="since:99999999999y", view="positions")
@example(text="until:0001-01-01", view="jobs")
@example(text="id:9223372036854775808", view="events")
def test_any_text_runs_or_marks_its_mistake(filled: sqlite3.Connection, text: str, view: str) -> None:
    try:
        compiled = compile_filter(text, get_view(view))
    except FilterError as error:
        assert 0 <= error.position < len(text)
        assert 1 <= error.length <= len(text) - error.position
        assert str(error)
        return
    assert compiled.sql.count("?") == len(compiled.parameters)
    PageSource(filled, get_view(view), compiled).first(5)


@settings(max_examples=200, deadline=None)
@given(text=PIECES, cursor=st.integers(0, 80), view=st.sampled_from(sorted(VIEWS)))
def test_completion_never_fails_and_only_replaces_what_stands_before_the_cursor(
    filled: sqlite3.Connection, text: str, cursor: int, view: str
) -> None:
    place = min(cursor, len(text))
    for completion in complete(text, place, get_view(view), filled):
        assert 0 <= completion.start <= completion.end == place


INJECTIONS = [
    "'; DROP TABLE position; --",
    'x" OR "1"="1',
    "btc' OR '1'='1",
    "%' OR 1=1 --",
    "1) OR (1=1",
    "a* OR b",
    "symbol MATCH 'x'",
    "text:NEAR(a b)",
]


@pytest.mark.parametrize("attempt", INJECTIONS)
@pytest.mark.parametrize("form", ["{}", '"{}"', "symbol:{}", 'symbol:"{}"', 'strategy="{}"'])
def test_what_looks_like_sql_is_searched_for_and_nothing_else(
    filled: sqlite3.Connection, attempt: str, form: str
) -> None:
    before = filled.execute("SELECT count(*) FROM position").fetchone()[0]
    escaped = attempt.replace('"', '\\"') if '"{}"' in form else attempt
    try:
        compiled = compile_filter(form.format(escaped), get_view("positions"))
    except FilterError:
        compiled = None
    if compiled is not None:
        assert "DROP" not in compiled.sql and "1=1" not in compiled.sql
        assert PageSource(filled, get_view("positions"), compiled).first(100) == []
    assert filled.execute("SELECT count(*) FROM position").fetchone()[0] == before


@settings(max_examples=200, deadline=None)
@given(
    value=st.text(
        st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30
    )
)
def test_a_quoted_text_is_found_as_it_is_written(filled: sqlite3.Connection, value: str) -> None:
    filled.execute("BEGIN")
    try:
        filled.execute("UPDATE rejection SET text = 'before ' || ? || ' after' WHERE id = 2", (value,))
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        compiled = compile_filter(f'text:"{escaped}"', get_view("rejections"))
        rows = PageSource(filled, get_view("rejections"), compiled).first(100)
        assert 2 in [row[-1] for row in rows]
    finally:
        filled.execute("ROLLBACK")
