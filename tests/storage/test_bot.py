"""The answers about the bot, from events as its files give them."""

from __future__ import annotations

import json
import sqlite3
from itertools import count

import pytest

from storage.bot import (
    bot_state,
    how_far_is_the_bootstrap,
    is_model_loaded,
    what_it_does,
    why_nothing_traded,
)
from storage.database import transaction
from storage.source_files import DONE, SourceFileRow, save_source_file

START = 1_754_049_600_000
NUMBERS = count()


@pytest.fixture
def file_id(connection: sqlite3.Connection) -> int:
    with transaction(connection):
        return save_source_file(
            connection, SourceFileRow(0, "bot.log", "bot.log", DONE, START, START, rows=7)
        )


def say(
    connection: sqlite3.Connection, second: float, kind: str, text: str = "", *, symbol: str = "",
    reason: str = "", side: str = "", score: float | None = None, **data: object,
) -> None:  # fmt: skip
    values = (
        START + round(second * 1000), kind, "info", symbol, "", side, reason, score, text or kind,
        json.dumps(data), 1, 1, f"key {next(NUMBERS)}",
    )  # fmt: skip
    connection.execute(
        "INSERT INTO bot_event (ts_ms, kind, severity, symbol, strategy, side, reason, score, text, "
        f"data_json, source_file_id, line, fingerprint) VALUES ({', '.join('?' * len(values))})",
        values,
    )


@pytest.fixture
def talk(connection: sqlite3.Connection, file_id: int) -> sqlite3.Connection:
    return connection


def test_a_candidate_that_is_never_evaluated_is_the_silent_gate(talk: sqlite3.Connection) -> None:
    for cycle in (0, 60):
        say(talk, cycle, "cycle")
        say(talk, cycle + 1, "passed", symbol="BTC/USDT", score=0.4)
        say(talk, cycle + 1, "passed", symbol="ETH/USDT", score=0.6)
    say(talk, 2, "evaluating", symbol="ETH/USDT")
    why = why_nothing_traded(talk)
    (finding,) = why.findings
    # The second cycle is still running: what it has not evaluated yet it may evaluate.
    assert (finding.code, finding.count, finding.symbols) == ("silent_gate", 1, ("BTC/USDT",))
    assert "0.4" in finding.text and "min_score_to_trade" in why.text
    say(talk, 63, "timing", total=3.0)
    assert why_nothing_traded(talk).findings[0].count == 3


def test_a_short_that_ends_a_cycle_takes_the_others_with_it(talk: sqlite3.Connection) -> None:
    say(talk, 0, "cycle")
    say(talk, 1, "passed", symbol="BTC/USDT")
    say(talk, 1, "passed", symbol="ETH/USDT")
    say(talk, 2, "evaluating", symbol="BTC/USDT")
    say(talk, 2, "reject", reason="blocked_short_selling", symbol="BTC/USDT")
    say(talk, 3, "timing", total=3.0)
    (finding,) = why_nothing_traded(talk).findings
    assert (finding.code, finding.count, finding.symbols) == ("early_return", 1, ("ETH/USDT",))


def test_reasons_and_gates_are_counted_by_the_bots_own_words(talk: sqlite3.Connection) -> None:
    say(talk, 0, "cycle")
    for number in range(3):
        say(talk, number, "reject", reason="below_min_score,cooldown", symbol="BTC/USDT")
    say(talk, 4, "gate", reason="risk", symbol="BTC/USDT")
    say(talk, 5, "reject_summary", counts={"below_min_score": 99})
    counts = {finding.code: finding.count for finding in why_nothing_traded(talk).findings}
    assert counts == {"below_min_score": 3, "cooldown": 3, "gate:risk": 1}


def test_counts_of_a_cycle_stand_in_for_rejections_that_were_not_logged(talk: sqlite3.Connection) -> None:
    say(talk, 0, "cycle")
    for second in (1, 61):
        say(talk, second, "reject_summary", counts={"cooldown": 4})
    assert [(finding.code, finding.count) for finding in why_nothing_traded(talk).findings] == [
        ("cooldown", 8)
    ]


def test_trades_are_the_answer_when_there_are_some(talk: sqlite3.Connection) -> None:
    say(talk, 0, "cycle")
    say(talk, 1, "trade", symbol="BTC/USDT", mode="dry_run")
    assert why_nothing_traded(talk).text == "1 trades were made in the last 1 cycles."


@pytest.mark.parametrize(
    ("told", "is_loaded", "words"),
    [
        ([], None, "nothing of a model"),
        ([("model", "ML unavailable: no key", {"reason": "no key"})], False, "No model is loaded: no key."),
        (
            [("model", "Loaded regime model", {"origin": "Supabase", "path": "a.pkl"})],
            True,
            "from Supabase: a.pkl",
        ),
        ([("model_use", "ML predict", {"source": "registry"})], None, "no proof"),
        (
            [
                ("model", "Loaded", {"origin": "Supabase"}),
                ("model_use", "ML predict", {"source": "fallback"}),
            ],
            True,
            "came from elsewhere: source=fallback",
        ),
        (
            [("model", "Loaded", {"origin": "Supabase"}), ("start", "Starting bot", {})],
            None,
            "nothing of a model since it was started",
        ),
    ],
)
def test_only_a_word_of_loading_proves_a_model(
    talk: sqlite3.Connection, told: list[tuple[str, str, dict[str, str]]], is_loaded: bool | None, words: str
) -> None:
    for second, (kind, text, data) in enumerate(told):
        say(talk, second, kind, text, reason=data.pop("reason", ""), **data)
    model = is_model_loaded(talk)
    assert model.is_loaded is is_loaded
    assert words in model.text


def test_the_bootstrap_says_how_far_it_is_and_how_long_it_takes_yet(talk: sqlite3.Connection) -> None:
    say(talk, 0, "bootstrap", **{"1m": {"fetched": 100, "required": 300}})
    say(
        talk,
        60,
        "bootstrap",
        **{"1m": {"fetched": 200, "required": 300}, "5m": {"fetched": 0, "required": 0}},
    )
    minute, five = how_far_is_the_bootstrap(talk).timeframes
    assert (minute.fetched, minute.eta_ms) == (200, 60_000)
    assert minute.fraction == pytest.approx(2 / 3)
    assert five.fraction == 1.0


def test_what_it_holds_is_what_it_logged_last(talk: sqlite3.Connection) -> None:
    figures = {"amount": 1.0, "entry": 100.0, "current": 110.0, "pnl": 10.0, "balance": 1110.0}
    say(talk, 0, "position", symbol="OLD/USDT", side="buy", **figures)
    say(talk, 100, "position", symbol="BTC/USDT", side="buy", **{**figures, "current": 90.0})
    say(talk, 130, "position", symbol="BTC/USDT", side="buy", **figures)
    say(talk, 131, "equity", equity=1110.0)
    say(talk, 140, "cooldown", symbol="BTC/USDT", side="buy")
    doing = what_it_does(talk, min_cooldown_s=60.0)
    assert [(held.symbol, held.price) for held in doing.positions] == [("BTC/USDT", 110.0)]
    assert (doing.equity, doing.balance) == (1110.0, 1110.0)
    assert [(pause.symbol, pause.until_ms) for pause in doing.cooldowns] == [("BTC/USDT", START + 200_000)]


def test_an_empty_workspace_has_answers_too(connection: sqlite3.Connection) -> None:
    state = bot_state(connection)
    assert state.doing.last_ms is None
    assert state.why.text == "Nothing was read of the bot's decisions yet."
    assert not state.bootstrap.is_done
