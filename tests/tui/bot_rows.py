"""What a bot wrote, as its files give it: ten cycles in which nothing was traded, and no model."""

from __future__ import annotations

import json
import sqlite3
from itertools import count

from storage.database import transaction
from storage.source_files import SourceFileRow, save_source_file

START_MS = 1_754_049_600_000
"""2025-08-01T12:00:00Z."""
NUMBERS = count()


def add_bot(connection: sqlite3.Connection, start_ms: int = START_MS) -> None:
    """A bot in a dry run, with a silent gate, a cooldown by its own words, and a bootstrap half done."""
    with transaction(connection):
        row = SourceFileRow(0, "/bot/bot.log", "bot.log", "tailing", start_ms, start_ms, rows=60)
        file_id = save_source_file(connection, row)

        def say(second: float, kind: str, text: str = "", **more: object) -> None:
            add_event(connection, file_id, start_ms + round(second * 1000), kind, text, **more)

        say(0, "start", "Starting bot")
        say(1, "model", "ML unavailable: SUPABASE_URL is not set", reason="SUPABASE_URL is not set")
        say(2, "equity", "Equity 10,000", equity=10_000.0)
        for cycle in range(10):
            at = 10 + cycle * 60
            say(at, "cycle", "Starting evaluation cycle")
            say(at + 1, "passed", "Passing to execute", symbol="BTC/USDT", score=0.42, dry_run="True")
            say(at + 1, "passed", "Passing to execute", symbol="ETH/USDT", score=0.77, dry_run="True")
            say(at + 2, "evaluating", "Evaluating", symbol="ETH/USDT")
            say(at + 2, "reject", "Rejected: cooldown", symbol="ETH/USDT", side="long", reason="cooldown")
            say(at + 3, "model_use", "[ML] trending", source="registry")
            say(at + 4, "timing", "Cycle timing", total=3.4)
        held = {"amount": 1.5, "entry": 150.0, "current": 148.0, "pnl": -3.0, "balance": 9_997.0}
        say(601, "position", "Position", symbol="SOL/USDT", side="long", **held)
        say(602, "bootstrap", "", **{"1m": {"fetched": 100, "required": 300}})
        say(612, "bootstrap", "", **{"1m": {"fetched": 150, "required": 300}})


def add_event(
    connection: sqlite3.Connection, file_id: int, ts_ms: int, kind: str, text: str, **more: object
) -> None:
    """One event; `symbol`, `side`, `reason` and `score` are columns, the rest are its figures."""
    columns = [more.pop(name, default) for name, default in (("symbol", ""), ("side", ""), ("reason", ""))]
    score = more.pop("score", None)
    values = (
        *(ts_ms, kind, "info", columns[0], "", columns[1], columns[2], score, text or kind),
        *(json.dumps(more), file_id, 1, f"key {next(NUMBERS)}"),
    )
    connection.execute(
        "INSERT INTO bot_event (ts_ms, kind, severity, symbol, strategy, side, reason, score, text, "
        f"data_json, source_file_id, line, fingerprint) VALUES ({', '.join('?' * len(values))})",
        values,
    )
