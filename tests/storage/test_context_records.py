"""What programs told the core: kept in order, found by signal, and read page by page."""

import sqlite3

from storage.context_records import (
    MOST_ALIKE,
    ContextRecord,
    add_context_record,
    context_records_page,
    decision_about,
    find_told,
    mark_decided,
    mark_withdrawn,
    newest_context_id,
    newest_context_records,
    told_of,
)
from storage.database import transaction


def add(connection: sqlite3.Connection, *records: ContextRecord) -> list[int]:
    with transaction(connection):
        return [add_context_record(connection, record) for record in records]


def signal(key: str, decision: str = "", data: str = "{}") -> ContextRecord:
    return ContextRecord("signal", key, 1, data, "momentum", decision)


def test_the_newest_come_in_the_order_they_were_told_and_only_of_their_kind(
    connection: sqlite3.Connection,
) -> None:
    add(connection, *(signal(f"s{n}") for n in range(5)), ContextRecord("pnl", "s0", 1, "{}"))
    assert [item.signal_key for item in newest_context_records(connection, "signal", 2)] == ["s3", "s4"]
    assert newest_context_records(connection, "signal", 9, after_id=5) == []
    assert newest_context_id(connection) == 6


def test_pages_reach_every_record_once(connection: sqlite3.Connection) -> None:
    add(connection, *(signal(f"s{n}") for n in range(7)))
    found: list[str] = []
    last = 0
    while page := context_records_page(connection, "signal", after_id=last, limit=3):
        found += [item.signal_key for item in page]
        last = page[-1].id
    assert found == [f"s{n}" for n in range(7)]


def test_only_accepted_and_rejected_are_decisions(connection: sqlite3.Connection) -> None:
    add(connection, signal("told"), signal("bad", "invalid"), signal("yes", "accepted"))
    assert [decision_about(connection, key) for key in ("told", "bad", "yes", "unknown")] == [
        "",
        "",
        "accepted",
        "",
    ]


def test_a_decision_marks_the_very_signal_that_was_told(connection: sqlite3.Connection) -> None:
    first, other = add(connection, signal("s1", data='{"a": 1}'), signal("s1", data='{"a": 2}'))
    assert find_told(connection, "s1", '{"a": 1}', decided=False) == first
    mark_decided(connection, first, "accepted")
    assert find_told(connection, "s1", '{"a": 1}', decided=True) == first
    assert [item.reason for item in told_of(connection, "s1", "signal")] == ["accepted", ""]
    mark_withdrawn(connection, "s1")
    assert decision_about(connection, "s1") == "rejected"
    assert find_told(connection, "s1", '{"a": 2}', decided=False) == other


def test_a_signal_is_looked_for_among_the_latest_of_its_id_only(connection: sqlite3.Connection) -> None:
    """A program that gives every signal the same id, or none, must not slow down with each of them."""
    with transaction(connection):
        first = add_context_record(connection, ContextRecord("signal", "same", 1, "{}"))
        assert find_told(connection, "same", "{}", decided=False) == first
        for number in range(MOST_ALIKE):
            add_context_record(connection, ContextRecord("signal", "same", 2, f'{{"n": {number}}}'))
    assert find_told(connection, "same", '{"n": 0}', decided=False) is not None
    assert find_told(connection, "same", "{}", decided=False) is None
