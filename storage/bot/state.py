"""All answers about the bot in one read."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.bot.doing import Doing, what_it_does
from storage.bot.model import ModelState, is_model_loaded
from storage.bot.progress import Bootstrap, how_far_is_the_bootstrap
from storage.bot.why import WhyNothing, why_nothing_traded


@dataclass(frozen=True)
class BotFiles:
    """The bot's files that were read: how many, rows taken and refused, and when one last had news."""

    count: int
    rows: int
    refused: int
    updated_ms: int | None


@dataclass(frozen=True)
class Results:
    """What the bot booked, each exit once, in the quote currency."""

    count: int
    wins: int
    pnl: float


@dataclass(frozen=True)
class BotState:
    """The state of the bot as far as its files tell it."""

    doing: Doing
    why: WhyNothing
    model: ModelState
    bootstrap: Bootstrap
    results: Results
    files: BotFiles


def bot_state(connection: sqlite3.Connection, *, min_cooldown_s: float = 0.0) -> BotState:
    """Reads all of it; `min_cooldown_s` is the bot's own setting."""
    files = connection.execute(
        "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(refused), 0), max(updated_ms) "
        "FROM source_file WHERE kind LIKE 'bot.%'"
    ).fetchall()[0]
    # A source with a unit says an exit again that is there already.
    results = connection.execute(
        "SELECT count(*), coalesce(sum(pnl > 0), 0), coalesce(sum(pnl), 0.0) FROM bot_pnl "
        "WHERE source NOT LIKE '%/%'"
    ).fetchall()[0]
    return BotState(
        doing=what_it_does(connection, min_cooldown_s=min_cooldown_s),
        why=why_nothing_traded(connection),
        model=is_model_loaded(connection),
        bootstrap=how_far_is_the_bootstrap(connection),
        results=Results(*results),
        files=BotFiles(*files),
    )
