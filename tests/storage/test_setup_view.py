"""The table of setups: its order, its filters, and pages of a great many rows along an index."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from storage.database import connect, open_database, transaction
from storage.filters import compile_filter
from storage.pages import PageSource, Sort, get_view, id_of, key_of
from storage.workspace import Workspace

ROWS = 100_000
MINUTE = 60_000
SETUPS = get_view("setups")

_FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO setup (ts_ms, symbol, timeframe_ms, origin, side, taken, price, completeness, flags, rapid,
    velocity, spike, extreme, sha256, md5, pack_id, pack_row, provenance, state, net_return, score,
    is_profitable, optimal_action, priority, value, training_count, collected_ms, rev)
SELECT i * 60000, CASE i % 3 WHEN 0 THEN 'ETH/USDT' ELSE 'BTC/USDT' END, 60000,
    CASE WHEN i % 1000 = 0 THEN 'rapid' WHEN i % 2 THEN 'extreme' ELSE 'interval' END,
    CASE WHEN i % 5 < 2 THEN 'short' ELSE 'long' END, i % 3, 100.0, 0.7, 871, i % 1000 = 0, 0.25, 1.0,
    i % 2, '', '', 1, i, CASE WHEN i % 7 THEN 'import' ELSE 'synthetic' END,
    CASE WHEN i % 100 THEN 'validated' ELSE 'waiting' END,
    CASE WHEN i % 100 THEN (i % 401 - 200) / 10000.0 END, CASE WHEN i % 100 THEN (i % 401) / 401.0 END,
    CASE WHEN i % 100 THEN i % 401 > 200 END, i % 3, (i * 7919 % 100003) / 100003.0, 0.5, 0, 0, 1 FROM n
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    workspace = Workspace(tmp_path_factory.mktemp("setups"))
    with closing(open_database(workspace)) as writer, transaction(writer):
        writer.execute("INSERT INTO setup_pack VALUES (1, 'p', '', 0, 0, 'setup-1', 0)")
        writer.execute(_FILL, (ROWS,))
    with closing(connect(workspace.database, readonly=True)) as connection:
        yield connection


def steps_of(connection: sqlite3.Connection, source: PageSource) -> str:
    """How SQLite reads the first page, and a page after a row of it."""
    said: list[str] = []
    connection.set_trace_callback(said.append)
    try:
        rows = source.first(50)
        source.after(key_of(rows[-1]), 50)
    finally:
        connection.set_trace_callback(None)
    plans = [connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in said if "SELECT" in sql]
    return "\n".join(row[3] for plan in plans for row in plan)


@pytest.mark.parametrize("column", ["priority", "time", "id"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_of_many_rows_are_read_along_an_index(
    reader: sqlite3.Connection, column: str, descending: bool
) -> None:
    plan = steps_of(reader, PageSource(reader, SETUPS, None, Sort(column, descending)))
    assert plan and "TEMP B-TREE" not in plan
    assert "SCAN t\n" not in f"{plan}\n" or column == "id"


def test_the_first_page_is_that_of_the_highest_priorities(reader: sqlite3.Connection) -> None:
    source = PageSource(reader, SETUPS)
    place = SETUPS.names.index("priority")
    page = source.first(100)
    priorities = [row[place] for row in page]
    assert priorities == sorted(priorities, reverse=True) and priorities[0] == pytest.approx(100002 / 100003)
    rest = source.after(key_of(page[49]), 50)
    assert [id_of(row) for row in rest] == [id_of(row) for row in page[50:]]


def test_a_page_does_no_more_work_in_a_large_table_than_it_has_rows(reader: sqlite3.Connection) -> None:
    """SQLite's own count of its steps: a page of 50 rows out of 100,000 stays below 50,000 of them."""
    ticks: list[int] = []
    source = PageSource(reader, SETUPS)
    start = (0.5, ROWS)
    reader.set_progress_handler(lambda: ticks.append(1), 1_000)  # type: ignore[func-returns-value]
    try:
        assert len(source.after(start, 50)) == len(source.before(start, 50)) == 50
    finally:
        reader.set_progress_handler(None, 0)
    assert len(ticks) < 50


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("symbol:eth", "symbol = 'ETH/USDT'"),
        ("side:short state:validated", "side = 'short' AND state = 'validated'"),
        ("origin:rapid", "origin = 'rapid'"),
        ("rapid:yes", "rapid = 1"),
        ("score>=0.7", "score >= 0.7"),
        ("net_return>42.5", "net_return * 10000 > 42.5"),
        ("net<-100 symbol:btc", "net_return * 10000 < -100 AND symbol = 'BTC/USDT'"),
        ("priority>0.9", "priority > 0.9"),
        ("provenance:synthetic", "provenance = 'synthetic'"),
        ("profitable:yes best:buy", "is_profitable = 1 AND optimal_action = 0"),
        ("taken:hold extreme:high", "taken = 2 AND extreme = 1"),
        ("since:30m", f"ts_ms >= {(ROWS - 30) * MINUTE}"),
    ],
)
def test_a_filter_lets_through_what_it_says(reader: sqlite3.Connection, text: str, condition: str) -> None:
    source = PageSource(reader, SETUPS, compile_filter(text, SETUPS), Sort("id"))
    wanted = reader.execute(f"SELECT count(*) FROM setup WHERE {condition}").fetchone()[0]
    assert 0 < wanted < ROWS and source.count() == wanted


def test_a_setup_without_an_outcome_shows_none(reader: sqlite3.Connection) -> None:
    row = PageSource(reader, SETUPS).row(100)
    assert row is not None
    shown = dict(zip(SETUPS.names, row, strict=False))
    assert shown["score"] is None and shown["net_return"] is None and shown["state"] == "waiting"
