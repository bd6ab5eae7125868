"""The lines of the bot's logs: times, doubled lines, and what each message means."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from cointrader.interop.cointrader2.log_line import LogClock
from cointrader.interop.cointrader2.logs import read_log
from cointrader.interop.cointrader2.records import BotEvent

STAMP = "2025-08-01 12:00:00,123"


def events(*messages: str, stamp: str = STAMP, zone: str = "UTC") -> list[BotEvent]:
    lines = [(number, f"{stamp} - INFO - {message}") for number, message in enumerate(messages, start=1)]
    return [row for row in read_log(lines, LogClock(ZoneInfo(zone))).rows if isinstance(row, BotEvent)]


MESSAGES = {
    "Starting bot": ("start", "", "", ""),
    "Starting evaluation cycle": ("cycle", "", "", ""),
    "[EVAL] evaluating XBT/USDT": ("evaluating", "XBT/USDT", "", ""),
    "[EVAL] XBT/USDT -> below_min_score (0.01 < 0.05)": ("reject", "XBT/USDT", "", "below_min_score"),
    "[EVAL] XBT/USDT -> executed buy 0.5": ("trade", "XBT/USDT", "buy", ""),
    "Trade BLOCKED (Max drawdown exceeded)": ("reject", "", "", "max_drawdown_exceeded"),
    "Gate summary for XBT/USDT: sentiment=True risk=False budget=True cooldown=True min_score=False": (
        "gate", "XBT/USDT", "", "risk,min_score",
    ),
    "skip_trade reason flags | symbol=XBT/USDT side=sell short_selling=False sentiment_ok=True thr=0.5": (
        "flags", "XBT/USDT", "sell", "",
    ),
    "TRADE (dry_run) BUY XBT/USDT qty=0.1 price=25000.0 reason=''": ("trade", "XBT/USDT", "buy", ""),
    "DRY-RUN: simulated sell XBT/USDT x0.1 @25000": ("trade", "XBT/USDT", "sell", ""),
    "No trades executed from 3 candidate signals": ("nothing_traded", "", "", ""),
    "Raw result: symbol=XBT/USDT score=0.4 direction=long atr=12.5": ("result", "XBT/USDT", "long", ""),
    "Skipping XBT/USDT: volume_too_low, cooldown": ("reject", "XBT/USDT", "", "volume_too_low,cooldown"),
    "blocked_short_selling": ("reject", "", "", "blocked_short_selling"),
    "Max open trades reached (5/5)": ("reject", "", "", "max_open_trades"),
    "Regime for XBT/USDT [1h/4h]: trending": ("regime", "XBT/USDT", "", ""),
    "ML unavailable: SUPABASE_URL is not set": ("model", "", "", "SUPABASE_URL is not set"),
    "Loaded regime model from heuristic path: crypto_bot/models/x.pkl": ("model", "", "", ""),
    "ML predict action=long score=0.7 source=registry regime=trending": ("model_use", "", "", ""),
    "buy in cooldown for XBT/USDT": ("reject", "XBT/USDT", "buy", "cooldown"),
    "Marked cooldown for buy on XBT/USDT": ("cooldown", "XBT/USDT", "buy", ""),
    "\u23f1 Cycle timing - Symbols: 0.1s, OHLCV: 1.2s, Analyze: 0.30s, Total: 1.60s": ("timing", "", "", ""),
    "[REJECT][SCORING] sym=XBT/USDT score=0.01 dir=long min_score=0.05 verdict=below_min_score": (
        "reject", "XBT/USDT", "long", "below_min_score",
    ),
    "STRAT trend_bot on XBT/USDT: signal=long score=0.4 reason=": ("strategy", "XBT/USDT", "long", ""),
    "Passing to execute: symbol=XBT/USDT, score=0.4, dry_run=True": ("passed", "XBT/USDT", "", ""),
    "Reject reasons (top): below_min_score=12, cooldown=3": ("reject_summary", "", "", ""),
    "Active XBT/USDT buy 1.0000 entry 100.000000 current 110.000000 pnl $10.00 (positive) balance $1110.00": (
        "position", "XBT/USDT", "buy", "",
    ),
    "Wallet balance $-10.00": ("balance", "", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_has_its_meaning(message: str) -> None:
    (event,) = events(message)
    kind, symbol, side, reason = MESSAGES[message]
    assert (event.kind, event.symbol, event.side) == (kind, symbol, side)
    assert event.reason == reason


def test_figures_of_a_message_are_numbers() -> None:
    position, gate, summary = events(
        "Active XBT/USDT buy 1.0000 entry 100.000000 current 90.0 pnl $-10.00 (negative) balance $990.00",
        "Gate summary for XBT/USDT: sentiment=True risk=False",
        "Reject reasons (top): below_min_score=12, cooldown=3",
    )
    assert position.data == {"amount": 1.0, "entry": 100.0, "current": 90.0, "pnl": -10.0, "balance": 990.0}
    assert gate.data == {"gates": {"sentiment": True, "risk": False}}
    assert summary.data == {"counts": {"below_min_score": 12, "cooldown": 3}}


def test_a_line_written_in_both_formats_is_one_thing() -> None:
    lines = [
        (1, "2025-08-01 12:00:00,123:INFO - Starting bot"),
        (2, "2025-08-01 12:00:00,124 - INFO - Starting bot"),
    ]
    keys = {row.key for row in read_log(lines, LogClock(ZoneInfo("UTC"))).rows}
    assert len(keys) == 1


@pytest.mark.parametrize(("zone", "hours"), [("Europe/Zurich", -2), ("America/New_York", 4)])
def test_local_times_become_utc(zone: str, hours: int) -> None:
    (local,), (utc,) = events("Starting bot", zone=zone), events("Starting bot")
    assert local.ts_ms - utc.ts_ms == hours * 3_600_000


def test_a_time_without_milliseconds_is_read() -> None:
    assert events("Starting bot", stamp="2025-08-01 12:00:00")[0].ts_ms % 1000 == 0


def test_warnings_without_a_meaning_are_kept_and_other_lines_are_not() -> None:
    lines = [
        (1, f"{STAMP} - WARNING - odd thing"),
        (2, f"{STAMP} - INFO - odd thing"),
        (3, "Traceback (most recent"),
        (4, ""),
    ]
    (event,) = read_log(lines, LogClock(ZoneInfo("UTC"))).rows
    assert (event.kind, event.line) == ("log", 1)  # type: ignore[union-attr]
