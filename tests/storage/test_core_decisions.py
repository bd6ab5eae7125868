"""Single signals, their rejections, the answers of agents and the log, as rows."""

import sqlite3

import pytest

from storage.agent_responses import (
    AgentResponseRow,
    add_agent_responses,
    answer_counts,
    responses_to,
)
from storage.core_decisions import (
    CoreRun,
    DecidedSignal,
    Refusal,
    add_decision,
    core_run_rev,
    find_core_run,
    keep_account,
    start_core_run,
    withdraw,
)
from storage.core_events import CoreEvent, add_core_events, every_core_event, newest_core_events
from storage.database import transaction
from storage.errors import StorageError
from storage.insert import merge_text_seldom
from storage.runs import latest_run_id

SIGNAL = DecidedSignal(1_000, "BTC/USDT", "momentum", "long", 0.5, 100.0, "paper")
REFUSAL = Refusal("risk", "cooldown", "Cooldown: 1.00 min", 300_000.0, 60_000.0)


def start(connection: sqlite3.Connection) -> CoreRun:
    return start_core_run(connection, start_equity=10_000.0, settings={}, code_version="0", now_ms=1)


def test_the_run_of_the_core_keeps_the_account_and_is_no_run_over_a_market(
    connection: sqlite3.Connection,
) -> None:
    assert find_core_run(connection) is None
    with transaction(connection):
        run = start(connection)
        rev = keep_account(connection, run.id, {"held": ["s1"]}, 9_990.0, 5)
    found = find_core_run(connection)
    assert found is not None
    assert (found.id, found.rev, found.account) == (run.id, rev, {"held": ["s1"]})
    assert core_run_rev(connection, run.id) == rev > run.rev
    assert latest_run_id(connection) is None


def test_a_decision_counts_and_is_found_by_its_words(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        run = start(connection)
        accepted = add_decision(connection, run.id, SIGNAL, None)
        rejected = add_decision(connection, run.id, SIGNAL, REFUSAL)
    assert connection.execute("SELECT signals, rejections FROM trading_run").fetchall() == [(2, 1)]
    assert connection.execute("SELECT id, status FROM signal").fetchall() == [
        (accepted, "accepted"),
        (rejected, "rejected"),
    ]
    found = connection.execute("SELECT rowid FROM rejection_text WHERE rejection_text MATCH 'cooldown'")
    assert len(found.fetchall()) == 1
    words = connection.execute("SELECT count(*) FROM signal_text WHERE signal_text MATCH 'momentum'")
    assert words.fetchone() == (2,)


def test_an_acceptance_is_withdrawn_once(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        run = start(connection)
        accepted = add_decision(connection, run.id, SIGNAL, None)
        assert withdraw(connection, accepted, REFUSAL, 9) == "momentum"
        assert withdraw(connection, accepted, REFUSAL, 9) is None
    assert connection.execute("SELECT ts_ms, code, limit_value FROM rejection").fetchall() == [
        (9, "cooldown", 300_000.0)
    ]


def test_answers_come_back_in_their_order_and_are_counted(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        run = start(connection)
        signal_id = add_decision(connection, run.id, SIGNAL, None)
        answers = [
            AgentResponseRow(signal_id, run.id, 1, "strategy", "approved", "", 10),
            AgentResponseRow(signal_id, run.id, 2, "risk", "timeout", "no answer", 30),
        ]
        assert add_agent_responses(connection, answers) == 2
    assert responses_to(connection, signal_id) == answers
    assert [(item.agent, item.answer, item.count) for item in answer_counts(connection, run.id)] == [
        ("risk", "timeout", 1),
        ("strategy", "approved", 1),
    ]
    assert answer_counts(connection, run.id + 1) == []


def test_events_are_found_by_action_and_read_in_pages(connection: sqlite3.Connection) -> None:
    events = [CoreEvent(n, "store" if n % 2 else "check", "info", f"s{n}", "", "{}") for n in range(5)]
    with transaction(connection):
        add_core_events(connection, events)
    assert [event.ts_ms for event in newest_core_events(connection, action="store")] == [3, 1]
    assert [event.ts_ms for event in every_core_event(connection, page=2)] == [0, 1, 2, 3, 4]


def test_rows_are_found_by_their_words_however_seldom_the_index_merges(
    connection: sqlite3.Connection,
) -> None:
    with transaction(connection):
        for _ in range(2):
            merge_text_seldom(connection, "signal", "rejection")
        run = start(connection)
    for number in range(40):
        with transaction(connection):
            symbol = f"C{number}/USDT"
            add_decision(
                connection, run.id, DecidedSignal(1, symbol, "grid", "long", 1.0, 1.0, "paper"), REFUSAL
            )
    for table in ("signal", "rejection"):
        found = connection.execute(f"SELECT count(*) FROM {table}_text WHERE {table}_text MATCH 'grid'")
        assert found.fetchone() == (40,)
        assert connection.execute(f"SELECT v FROM {table}_text_config WHERE k = 'automerge'").fetchall() == [
            (0,)
        ]
        connection.execute(f"INSERT INTO {table}_text({table}_text) VALUES ('integrity-check')")


def test_a_table_without_text_has_no_index_to_merge(connection: sqlite3.Connection) -> None:
    with pytest.raises(StorageError, match="has no text to search"):
        merge_text_seldom(connection, "reward")
