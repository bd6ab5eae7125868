"""Pages: whatever is sorted and filtered, walking them visits exactly the rows of a plain ORDER BY."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.database import connect, open_database, transaction
from storage.filters import CompiledFilter, compile_filter
from storage.jobs import enqueue
from storage.pages import VIEWS, PageSource, Sort, TableView, get_view, id_of, key_of
from storage.workspace import Workspace
from tests.storage.rows import add_run, add_signals
from tests.storage.trading_rows import fill

SIGNALS, POSITIONS, REJECTIONS = (get_view(name) for name in ("signals", "positions", "rejections"))
SORTABLE = [(view.name, column.name) for view in VIEWS.values() for column in view.columns if column.sortable]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A small history, read by many tests and changed by none."""
    workspace = Workspace(tmp_path_factory.mktemp("pages"))
    with closing(open_database(workspace)) as connection:
        fill(connection, 300)
        for number in range(9):
            enqueue(connection, kind="train", title=f"job {number % 2}", arguments={}, priority=number % 3)
        connection.execute("UPDATE job SET ended_ms = id % 3, started_ms = 5 WHERE id % 2")
        connection.execute("UPDATE job SET progress_total = 4, progress_done = id WHERE id % 4 = 1")
    yield workspace


@pytest.fixture
def reader(database: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(connect(database.database, readonly=True)) as connection:
        yield connection


def expected_ids(connection: sqlite3.Connection, source: PageSource) -> list[int]:
    """The ids in the wanted order, sorted here: missing last, then the value, then the id."""
    view, sort = source.view, source.sort
    where = f"WHERE {source.filter.sql}" if source.filter and source.filter.sql else ""
    parameters = source.filter.parameters if source.filter else ()
    sql = f"SELECT {view.column(sort.column).sql}, t.id FROM {view.table} AS t {where}"
    rows = connection.execute(sql, parameters).fetchall()
    present = sorted((row for row in rows if row[0] is not None), reverse=sort.descending)
    missing = sorted((row for row in rows if row[0] is None), key=lambda row: row[1])
    if sort.descending:
        missing.reverse()
    return [row[1] for row in present + missing]


def walk_forward(source: PageSource, size: int) -> list[int]:
    rows = source.first(size)
    ids = [id_of(row) for row in rows]
    while rows:
        rows = source.after(key_of(rows[-1]), size)
        ids += [id_of(row) for row in rows]
    return ids


def walk_backward(source: PageSource, size: int) -> list[int]:
    rows = source.last(size)
    ids = [id_of(row) for row in rows]
    while rows:
        rows = source.before(key_of(rows[0]), size)
        ids = [id_of(row) for row in rows] + ids
    return ids


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(("view_name", "column"), SORTABLE)
def test_pages_in_both_directions_visit_the_rows_of_the_whole_order(
    reader: sqlite3.Connection, view_name: str, column: str, descending: bool
) -> None:
    source = PageSource(reader, get_view(view_name), None, Sort(column, descending))
    wanted = expected_ids(reader, source)
    assert walk_forward(source, 37) == wanted
    assert walk_backward(source, 37) == wanted
    anchors = source.anchors(every=16)
    assert anchors.count == len(wanted)
    assert [row_id for _, row_id in anchors.keys] == wanted[::16]
    # Anchors of an order without an index leave a snapshot behind: the same rows must come from it.
    assert walk_forward(source, 37) == wanted
    assert walk_backward(source, 37) == wanted


@settings(max_examples=60, deadline=None)
@given(
    view=st.sampled_from([SIGNALS, POSITIONS, REJECTIONS]),
    data=st.data(),
    descending=st.booleans(),
    size=st.integers(1, 120),
    every=st.integers(1, 64),
    text=st.sampled_from(
        [
            "",
            "symbol:btc",
            "!symbol:btc",
            "symbol=BTC/USDT",
            "momentum",
            "side:long | strategy:grid",
            "zz",
            "mo",
        ]
    ),
)
def test_every_filter_order_and_page_size_agree_with_the_whole(
    database: Workspace,
    view: TableView,
    data: st.DataObject,
    descending: bool,
    size: int,
    every: int,
    text: str,
) -> None:
    column = data.draw(st.sampled_from([column.name for column in view.columns if column.sortable]))
    with closing(connect(database.database, readonly=True)) as connection:
        source = PageSource(connection, view, compile_filter(text, view), Sort(column, descending))
        wanted = expected_ids(connection, source)
        assert walk_forward(source, size) == wanted
        assert source.count() == len(wanted)
        anchors = source.anchors(every)
        assert [row_id for _, row_id in anchors.keys] == wanted[::every]
        assert walk_backward(source, size) == wanted
        if wanted:
            number = data.draw(st.integers(0, len(wanted) - 1))
            rows = source.at_row(anchors, number, size)
            assert [id_of(row) for row in rows] == wanted[number : number + size]


def test_a_row_holds_the_columns_then_its_sort_value_and_its_id(reader: sqlite3.Connection) -> None:
    row = PageSource(reader, POSITIONS, None, Sort("pnl")).first(1)[0]
    values = dict(zip(POSITIONS.names, row, strict=False))
    assert len(row) == len(POSITIONS.columns) + 2
    assert key_of(row) == (values["pnl"], values["id"])


def test_what_became_of_a_signal_is_its_rejection_or_its_position(reader: sqlite3.Connection) -> None:
    source = PageSource(reader, SIGNALS)
    seen = set()
    for row in source.first(300):
        values = dict(zip(SIGNALS.names, row, strict=False))
        rejection = reader.execute(
            "SELECT code FROM rejection WHERE signal_id = ?", (values["id"],)
        ).fetchone()
        position = reader.execute(
            "SELECT p.id, p.state, p.exit_reason, p.pnl FROM position p JOIN signal_position l "
            "ON l.position_id = p.id WHERE l.signal_id = ?",
            (values["id"],),
        ).fetchone()
        if rejection:
            expected = (rejection[0], None, None)
        elif position is None:
            expected = ("", None, None)
        elif position[1] == "closed":
            expected = (position[2], position[3], position[0])
        else:
            expected = ("open", None, position[0])
        assert (values["became"], values["pnl"], values["position"]) == expected
        seen.add(values["became"])
    assert {"", "open", "exposure", "stop"} <= seen


def test_a_joined_column_cannot_be_sorted_by(reader: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="cannot be sorted by became"):
        PageSource(reader, SIGNALS, None, Sort("became"))


def test_a_page_after_a_row_that_is_gone_starts_where_it_was(reader: sqlite3.Connection) -> None:
    source = PageSource(reader, SIGNALS, None, Sort("id", descending=False))
    assert [id_of(row) for row in source.after((100.5, 0), 2)] == [101, 102]


def test_a_table_stays_as_it_is_while_rows_arrive(workspace: Workspace) -> None:
    with closing(open_database(workspace)) as connection:
        with transaction(connection):
            run_id = add_run(connection)
            add_signals(connection, run_id, 10)
        seen = PageSource(connection, SIGNALS).newest_id()
        with transaction(connection):
            add_signals(connection, run_id, 5)
        still = PageSource(connection, SIGNALS, compile_filter("side:long", SIGNALS), up_to=seen)
        assert still.count() == still.anchors().count == len(walk_forward(still, 4)) == 10
        assert still.new_since(seen) == 5
        assert PageSource(connection, SIGNALS, compile_filter("side:short", SIGNALS)).new_since(seen) == 0


def test_changed_rows_are_found_by_their_revision(workspace: Workspace) -> None:
    with closing(open_database(workspace)) as connection:
        fill(connection, 30)
        source = PageSource(connection, POSITIONS)
        newest = connection.execute("SELECT value FROM revision").fetchone()[0]
        assert source.changed_since(newest) == []
        connection.execute("UPDATE position SET pnl = 99, rev = ? WHERE id = 3", (newest + 1,))
        assert [(id_of(row), row[POSITIONS.names.index("pnl")]) for row in source.changed_since(newest)] == [
            (3, 99.0)
        ]
        changed = source.row(3)
        assert changed is not None and changed[POSITIONS.names.index("pnl")] == 99.0
        assert source.row(10_000) is None


def test_a_page_of_the_default_order_reads_an_index_and_sorts_nothing(reader: sqlite3.Connection) -> None:
    statements: list[str] = []
    reader.set_trace_callback(statements.append)
    PageSource(reader, POSITIONS).after((2**60, 5), 100)
    for text in ("pnl>0 fees<1", "symbol:btc", "since:1d", "symbol=BTC/USDT"):
        PageSource(reader, POSITIONS, compile_filter(text, POSITIONS)).after((2**60, 5), 100)
    reader.set_trace_callback(None)
    for statement in statements:
        plan = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert not any("TEMP B-TREE" in step for step in plan), (statement, plan)
        assert any("USING INDEX" in step for step in plan), (statement, plan)


@pytest.mark.parametrize("view", [SIGNALS, REJECTIONS])
def test_of_a_table_with_joins_only_the_rows_of_the_page_are_joined_and_sorted(
    reader: sqlite3.Connection, view: TableView
) -> None:
    statements: list[str] = []
    reader.set_trace_callback(statements.append)
    PageSource(reader, view).after((2**60, 5), 100)
    reader.set_trace_callback(None)
    (statement,) = statements
    first, keys, *rest = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert first == "CO-ROUTINE k" and keys.startswith("SEARCH t USING COVERING INDEX"), keys
    assert "LIMIT 100) AS k" in statement
    assert [step for step in rest if "TEMP B-TREE" in step] == rest[-1:]
    assert all("SEARCH" in step for step in rest[1:-1]), rest


def test_a_long_read_can_be_ended_and_leaves_nothing_behind(database: Workspace) -> None:
    with closing(connect(database.database, readonly=True)) as connection:
        reads = []

        def superseded(row_id: int) -> int:
            reads.append(row_id)
            connection.interrupt()
            return 1

        connection.create_function("superseded", 1, superseded)
        slow = CompiledFilter("superseded(t.id)", (), "slow")
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            PageSource(connection, POSITIONS, slow, Sort("reward")).anchors()
        assert len(reads) < 10
        assert connection.execute("SELECT count(*) FROM temp.sqlite_schema").fetchone()[0] == 0
        usable = PageSource(connection, POSITIONS, None, Sort("reward"))
        assert usable.anchors().count == len(walk_forward(usable, 50))
        usable.close()
        assert connection.execute("SELECT count(*) FROM temp.sqlite_schema").fetchone()[0] == 0


def test_a_reader_still_cannot_write_after_a_snapshot(reader: sqlite3.Connection) -> None:
    source = PageSource(reader, POSITIONS, None, Sort("reward"))
    assert source.scans
    source.anchors()
    assert not source.scans
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM position")


def test_an_anchor_is_asked_for_rows_that_exist(reader: sqlite3.Connection) -> None:
    anchors = PageSource(reader, SIGNALS).anchors()
    assert anchors.before(299) == (anchors.keys[1], 43)
    with pytest.raises(IndexError, match="row 300 of 300"):
        anchors.before(300)
    nothing = PageSource(reader, SIGNALS, compile_filter("symbol:doge", SIGNALS)).anchors()
    assert (nothing.count, nothing.keys) == (0, ())
