"""The filter language: what each form finds, and where each mistake is marked."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from storage.database import connect, open_database
from storage.filters import FilterError, compile_filter, complete
from storage.pages import PageSource, TableView, get_view
from storage.workspace import Workspace
from tests.storage.trading_rows import MINUTE_MS, START_MS, fill

SIGNALS, POSITIONS, REJECTIONS = (get_view(name) for name in ("signals", "positions", "rejections"))
DAY_MS = 86_400_000
LONG_AFTER = START_MS + 900 * DAY_MS


@pytest.fixture(scope="module")
def workspace_of_rows(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """300 signals and what became of them, changed by no test."""
    made = Workspace(tmp_path_factory.mktemp("filters"))
    with closing(open_database(made)) as connection:
        fill(connection, 300)
    return made


@pytest.fixture
def rows(workspace_of_rows: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(connect(workspace_of_rows.database, readonly=True)) as connection:
        yield connection


def found(connection: sqlite3.Connection, view: TableView, text: str, now_ms: int = LONG_AFTER) -> set[int]:
    """The ids that a filter lets through."""
    compiled = compile_filter(text, view, now_ms=now_ms)
    sql = f"SELECT t.id FROM {view.table} AS t WHERE {compiled.sql or '1'}"
    return {row[0] for row in connection.execute(sql, compiled.parameters)}


def where(connection: sqlite3.Connection, view: TableView, condition: str) -> set[int]:
    """The ids of a condition in SQL, written by hand."""
    return {row[0] for row in connection.execute(f"SELECT id FROM {view.table} WHERE {condition}")}


@pytest.mark.parametrize(
    ("view", "text", "condition"),
    [
        (POSITIONS, "symbol:btc", "symbol = 'BTC/USDT'"),
        (POSITIONS, "symbol=btc/usdt", "symbol = 'BTC/USDT'"),
        (POSITIONS, "symbol=btc", "0"),
        (POSITIONS, "pair:eth", "symbol = 'ETH/USDT'"),
        (POSITIONS, "symbol!=BTC/USDT", "symbol <> 'BTC/USDT'"),
        (POSITIONS, "side:long pnl>0", "side = 'long' AND pnl > 0"),
        (POSITIONS, "side:long | pnl>0", "side = 'long' OR pnl > 0"),
        (
            POSITIONS,
            "side:long pnl>0 | strategy:grid",
            "(side = 'long' AND pnl > 0) OR strategy = 'grid'",
        ),
        (
            POSITIONS,
            "side:long (pnl>0 | strategy:grid)",
            "side = 'long' AND (pnl > 0 OR strategy = 'grid')",
        ),
        (POSITIONS, "!strategy:grid", "strategy <> 'grid'"),
        (POSITIONS, "!(side:long pnl>=1)", "side = 'short' OR pnl < 1"),
        (POSITIONS, "pnl:2", "pnl = 2"),
        (POSITIONS, "pnl=-2", "pnl = -2"),
        (POSITIONS, "pnl!=2", "pnl <> 2"),
        (POSITIONS, "hold>2m", f"hold_ms > {2 * MINUTE_MS}"),
        (POSITIONS, "hold<=0h2m", f"hold_ms <= {2 * MINUTE_MS}"),
        (POSITIONS, "return>=2", "return_notional >= 0.02"),
        (POSITIONS, "return>=2%", "return_notional >= 0.02"),
        (POSITIONS, "return>=200bps", "return_notional >= 0.02"),
        (POSITIONS, "notional<0.2k", "1"),
        (POSITIONS, "stop>90", "stop_price > 90"),
        (POSITIONS, "!stop>90", "stop_price IS NULL"),
        (POSITIONS, "state:open", "state = 'open'"),
        (POSITIONS, "mean_bot", "strategy = 'mean_bot'"),
        (POSITIONS, '"USDT mean"', "strategy = 'mean_bot'"),
        (POSITIONS, "ea", "strategy = 'mean_bot'"),
        (POSITIONS, "!momentum stop", "strategy <> 'momentum' AND exit_reason = 'stop'"),
        (REJECTIONS, "reason:exposure", "code = 'exposure'"),
        (REJECTIONS, 'reason:"cooldown is too"', "code = 'cooldown'"),
        (REJECTIONS, "reason:100%", "0"),
        (REJECTIONS, 'text:"100 %"', "1"),
        (REJECTIONS, "actual>0.5 limit<0.2", "actual_value > 0.5 AND limit_value < 0.2"),
        (REJECTIONS, "code=EXPOSURE", "code = 'exposure'"),
        (SIGNALS, "reason:exposure", "id IN (SELECT signal_id FROM rejection WHERE code = 'exposure')"),
        (SIGNALS, "status:accepted conf>.5", "status = 'accepted' AND confidence > 0.5"),
        (SIGNALS, "became:cooldown", "id IN (SELECT signal_id FROM rejection WHERE code = 'cooldown')"),
        (
            SIGNALS,
            "pnl<0",
            "id IN (SELECT signal_id FROM signal_position JOIN position ON position_id = position.id "
            "WHERE pnl < 0 AND state = 'closed')",
        ),
        (SIGNALS, "position:3", "id IN (SELECT signal_id FROM signal_position WHERE position_id = 3)"),
        (SIGNALS, "", "1"),
        (SIGNALS, "  ", "1"),
        (SIGNALS, "until:2024-01-01", "1"),
        (SIGNALS, "until:2023-12", "0"),
        (SIGNALS, "since:2024-01-01T00:30", f"ts_ms >= {START_MS + 30 * MINUTE_MS}"),
        (SIGNALS, "until:2024-01-01T00:30", f"ts_ms < {START_MS + 31 * MINUTE_MS}"),
        (SIGNALS, "until:2024-01-01T00:30:00Z", f"ts_ms <= {START_MS + 30 * MINUTE_MS}"),
        (SIGNALS, "time:2024-01-01T00:30", f"ts_ms = {START_MS + 30 * MINUTE_MS}"),
        (SIGNALS, "time>2024-01-01T00:30", f"ts_ms > {START_MS + 30 * MINUTE_MS}"),
        (SIGNALS, "time!=2024-01-01", "0"),
    ],
)
def test_a_filter_finds_what_it_says(
    rows: sqlite3.Connection, view: TableView, text: str, condition: str
) -> None:
    wanted = where(rows, view, condition)
    assert found(rows, view, text) == wanted
    assert PageSource(rows, view, compile_filter(text, view)).count() == len(wanted)


def test_a_time_back_counts_from_the_newest_row_when_that_is_old(rows: sqlite3.Connection) -> None:
    newest = START_MS + 99 * MINUTE_MS
    assert found(rows, SIGNALS, "since:10m") == where(rows, SIGNALS, f"ts_ms >= {newest - 10 * MINUTE_MS}")
    assert found(rows, SIGNALS, "until:10m") == where(rows, SIGNALS, f"ts_ms <= {newest - 10 * MINUTE_MS}")
    assert found(rows, SIGNALS, "since:today") == where(rows, SIGNALS, "1")
    assert found(rows, SIGNALS, "since:yesterday until:yesterday") == set()


def test_a_time_back_counts_from_now_when_rows_are_newer(rows: sqlite3.Connection) -> None:
    now_ms = START_MS + 50 * MINUTE_MS
    since = where(rows, SIGNALS, f"ts_ms >= {now_ms - 10 * MINUTE_MS}")
    assert found(rows, SIGNALS, "since:10m", now_ms) == since


def test_an_open_position_is_always_recent(rows: sqlite3.Connection) -> None:
    still_open = where(rows, POSITIONS, "state = 'open'")
    assert still_open
    assert still_open <= found(rows, POSITIONS, "since:1m")
    assert not still_open & found(rows, POSITIONS, "until:1m")


def test_relative_times_in_an_empty_table_count_from_now(connection: sqlite3.Connection) -> None:
    assert found(connection, SIGNALS, "since:1d") == set()


@pytest.mark.parametrize(
    ("text", "marked", "said"),
    [
        ("symbl:btc", "symbl", "did you mean symbol"),
        ("side:long zzz>3", "zzz", "known are"),
        ("pnl>many", "many", "'many' is not one"),
        ("pnl>", "pnl>", "a value must follow"),
        ("pnl> 3", "pnl>", "a value must follow"),
        ("hold>5", "5", "1h35m"),
        ("hold>999999y", "999999y", "1000 years"),
        ("since:soon", "soon", "2024-09-01"),
        ("since:2024-02-30", "2024-02-30", "2024-09-01"),
        ("since>7d", "since>", "write since:"),
        ("symbol>btc", "symbol>", "is text"),
        ('symbol:"btc', '"btc', "not closed"),
        ("side:long (pnl>0", "(", "not closed"),
        ("side:long)", ")", "closes nothing"),
        (")", ")", "closes nothing"),
        ("side:long ()", "()", "nothing between"),
        ("side:long |", "|", "must follow"),
        ("| side:long", "|", "stand before"),
        ("side:long || pnl>0", "|", "must follow"),
        ("side:long !", "!", "must follow"),
        ("pnl>1e999", "1e999", "too large"),
        ("a\x00b", "\x00", "U+0000"),
        ("a\ud800b", "\ud800", "U+D800"),
        ("(" * 50 + "a" + ")" * 50, "(", "levels"),
        ("!" * 50 + "a", "!", "levels"),
    ],
)
def test_a_mistake_is_marked_where_it_is(text: str, marked: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, POSITIONS)
    error = caught.value
    assert text[error.position : error.position + error.length] == marked
    assert said in str(error)


def test_a_filter_has_an_end() -> None:
    with pytest.raises(FilterError, match="at most 100 terms") as caught:
        compile_filter("ab " * 101, POSITIONS)
    assert caught.value.position == 300
    with pytest.raises(FilterError, match="at most 2000 characters"):
        compile_filter("x" * 2001, POSITIONS)


def test_a_negated_word_beside_a_quoted_one_with_escapes(rows: sqlite3.Connection) -> None:
    compiled = compile_filter(r'symbol:"a\"b\\c"', POSITIONS)
    assert compiled.parameters == ('%a"b\\\\c%',)
    assert found(rows, POSITIONS, r'"a\"b\\c"') == set()


def completed(connection: sqlite3.Connection, view: TableView, text: str) -> list[str]:
    """What the text is after each completion at its end."""
    return [
        text[: one.start] + one.text + text[one.end :] for one in complete(text, len(text), view, connection)
    ]


def test_names_of_fields_are_completed(rows: sqlite3.Connection) -> None:
    assert completed(rows, POSITIONS, "sy") == ["symbol:"]
    assert completed(rows, POSITIONS, "side:long !pn") == ["side:long !pnl>"]
    assert completed(rows, POSITIONS, "sin") == ["since:"]
    assert completed(rows, SIGNALS, "pai") == ["symbol:"]
    assert len(completed(rows, POSITIONS, "")) > 10


def test_values_that_occur_are_completed(rows: sqlite3.Connection) -> None:
    assert completed(rows, POSITIONS, "symbol:b") == ["symbol:BTC/USDT"]
    assert completed(rows, POSITIONS, "strategy:") == [
        "strategy:grid",
        "strategy:mean_bot",
        "strategy:momentum",
    ]
    assert completed(rows, POSITIONS, "side:s") == ["side:short"]
    assert completed(rows, POSITIONS, "pnl>0 (side:l") == ["pnl>0 (side:long"]
    assert completed(rows, SIGNALS, "since:7") == ["since:7d"]
    assert completed(rows, REJECTIONS, 'side:long text:"cooldown is') == [
        'side:long text:"the cooldown is too large, 100 % of it"'
    ]
    assert completed(rows, REJECTIONS, "text:cool") == ['text:"the cooldown is too large, 100 % of it"']


def test_what_is_unknown_is_not_completed(rows: sqlite3.Connection) -> None:
    for text in ("zzz:", "pnl>", "symbol:doge", 'symbol:"btc" ) "', "models:"):
        assert completed(rows, POSITIONS, text) == []


def test_every_completion_of_a_value_finds_rows(rows: sqlite3.Connection) -> None:
    for view in (SIGNALS, POSITIONS, REJECTIONS):
        for name in ("symbol:", "strategy:", "side:"):
            for text in completed(rows, view, name):
                assert found(rows, view, text), text
