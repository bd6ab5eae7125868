"""What the bot's files say, in rows: things that happened, trades, results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.quarantine import QuarantineRow


@dataclass(frozen=True)
class BotEvent:
    """One thing that the bot said. `key` is what makes it the same thing when it is said again."""

    line: int
    ts_ms: int
    kind: str
    text: str
    key: str
    severity: str = "info"
    symbol: str = ""
    strategy: str = ""
    side: str = ""
    reason: str = ""
    score: float | None = None
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class BotTrade:
    """One row of the list of trades. `kind` is fill, probe (no amount), stop or unresolved (no price)."""

    line: int
    ts_ms: int
    symbol: str
    side: str
    amount: float
    price: float
    kind: str
    key: str


@dataclass(frozen=True)
class BotPnl:
    """One result as the bot booked it. `source` is the file's word: strategy_pnl, regime_pnl, performance."""

    line: int
    ts_ms: int
    strategy: str
    pnl: float
    source: str
    key: str
    symbol: str = ""
    regime: str = ""
    entry_price: float | None = None
    exit_price: float | None = None
    confidence: float | None = None
    direction: str = ""


BotRow = BotEvent | BotTrade | BotPnl


@dataclass
class Reading:
    """What a stretch of a file said: rows in its order, and rows that could not be read."""

    rows: list[BotRow] = field(default_factory=list)
    refused: list[QuarantineRow] = field(default_factory=list)


def key_of(*parts: object) -> str:
    """A short key of what makes a row what it is."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]
