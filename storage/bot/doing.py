"""What the bot is doing: its cycle, its money, what it holds, what it waits for."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.bot.events import Said, last_moment, newest

TOGETHER_MS = 60_000
"""Positions are logged in a row; a symbol that was left out for so long is not held any more."""


@dataclass(frozen=True)
class BotPosition:
    """A position as the bot last logged it; money in the quote currency."""

    ts_ms: int
    symbol: str
    side: str
    amount: float
    entry_price: float
    price: float
    pnl: float


@dataclass(frozen=True)
class Cooldown:
    """A pause of a symbol and side, estimated: the bot logs its beginning only."""

    symbol: str
    side: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class Doing:
    """Moments are None for what was never said. `mode` is dry_run, live or ''.

    `text` is the last thing that the bot said, `cycle_seconds` how long its last full cycle took.
    """

    last_ms: int | None
    text: str
    started_ms: int | None
    cycle_ms: int | None
    cycle_seconds: float | None
    mode: str
    equity: float | None
    balance: float | None
    trades: int
    last_trade_ms: int | None
    positions: tuple[BotPosition, ...]
    cooldowns: tuple[Cooldown, ...]


def what_it_does(connection: sqlite3.Connection, *, min_cooldown_s: float = 0.0) -> Doing:
    """Reads it; `min_cooldown_s` is the bot's own setting, by which pauses are estimated."""
    last_ms = last_moment(connection)
    last = connection.execute("SELECT text FROM bot_event ORDER BY id DESC LIMIT 1").fetchall()
    timing = newest(connection, "timing")
    trades, last_trade = connection.execute(
        "SELECT count(*), max(ts_ms) FROM bot_trade WHERE kind = 'fill'"
    ).fetchall()[0]
    return Doing(
        last_ms=last_ms,
        text=str(last[0][0]) if last else "",
        started_ms=_moment(newest(connection, "start")),
        cycle_ms=_moment(newest(connection, "cycle")),
        cycle_seconds=_figure(timing, "total"),
        mode=_mode(connection),
        equity=_figure(newest(connection, "equity"), "equity"),
        balance=_balance(connection),
        trades=trades,
        last_trade_ms=last_trade,
        positions=_positions(connection),
        cooldowns=_cooldowns(connection, last_ms or 0, min_cooldown_s),
    )


def _moment(found: list[Said]) -> int | None:
    return found[0].ts_ms if found else None


def _figure(found: list[Said], name: str) -> float | None:
    value = found[0].data.get(name) if found else None
    return float(value) if isinstance(value, int | float) else None


def _mode(connection: sqlite3.Connection) -> str:
    """By the newest of its words: a trade names the mode, a candidate whether it is a dry run."""
    found = [said for said in newest(connection, "trade", limit=20) if said.data.get("mode")]
    passed = [said for said in newest(connection, "passed") if "dry_run" in said.data]
    if found and (not passed or found[0].ts_ms >= passed[0].ts_ms):
        return str(found[0].data["mode"])
    if passed:
        return "dry_run" if str(passed[0].data["dry_run"]).lower() == "true" else "live"
    return ""


def _balance(connection: sqlite3.Connection) -> float | None:
    found = [*newest(connection, "balance"), *newest(connection, "position")]
    return _figure(sorted(found, key=lambda said: -said.ts_ms)[:1], "balance")


def _positions(connection: sqlite3.Connection) -> tuple[BotPosition, ...]:
    latest = newest(connection, "position")
    if not latest:
        return ()
    since = latest[0].ts_ms - TOGETHER_MS
    held: dict[str, Said] = {}
    for said in newest(connection, "position", limit=1_000, since_ms=since):
        held.setdefault(said.symbol, said)
    return tuple(
        BotPosition(
            said.ts_ms, said.symbol, said.side,
            *(float(said.data.get(name) or 0.0) for name in ("amount", "entry", "current", "pnl")),
        )
        for said in sorted(held.values(), key=lambda said: said.symbol)
    )  # fmt: skip


def _cooldowns(connection: sqlite3.Connection, last_ms: int, min_cooldown_s: float) -> tuple[Cooldown, ...]:
    length = round(min_cooldown_s * 1000)
    if length == 0:
        return ()
    found: dict[tuple[str, str], Cooldown] = {}
    for said in newest(connection, "cooldown", limit=1_000, since_ms=last_ms - length):
        pause = Cooldown(said.symbol, said.side, said.ts_ms, said.ts_ms + length)
        found.setdefault((said.symbol, said.side), pause)
    return tuple(found.values())
