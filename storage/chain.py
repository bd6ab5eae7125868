"""The chain of one position: signal, answers, decision, position, fills, reward and its parts, lessons.

It answers "why did this happen and what came of it" with a handful of look-ups by key. A signal that
was rejected has a chain as well: it ends at the rejection.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.agent_responses import AgentResponseRow, responses_to
from storage.chain_learned import Learned, learned_from
from storage.errors import StorageError
from storage.hindsight import HindsightRow, hindsight_of
from storage.paper_desk import OpenPosition, held_position


class ChainMissing(StorageError):
    """There is no position or signal of that number."""


@dataclass(frozen=True)
class SignalPart:
    """The wish to trade; `contributions` are the shares of what took part, which add up to 1."""

    id: int
    run_id: int
    ts_ms: int
    symbol: str
    strategy: str
    side: str
    confidence: float
    price: float
    status: str
    contributions: dict[str, float]
    provenance: str


@dataclass(frozen=True)
class DecisionPart:
    """What was decided; an accepted signal has no stage, code or values."""

    accepted: bool
    ts_ms: int
    stage: str
    code: str
    text: str
    limit_value: float | None
    actual_value: float | None
    rejection_id: int | None


@dataclass(frozen=True)
class PositionPart:
    """What was held. Money is in the quote currency; returns, MAE and MFE are fractions.

    While it is open `closed_ms` is None and the results are what is booked so far.
    """

    id: int
    run_id: int
    symbol: str
    strategy: str
    side: str
    state: str
    origin: str
    provenance: str
    opened_ms: int
    closed_ms: int | None
    qty: float
    entry_price: float
    exit_price: float | None
    stop_price: float | None
    target_price: float | None
    exit_reason: str
    notional: float
    equity_at_entry: float
    gross: float
    fees: float
    funding: float
    slippage: float
    pnl: float
    return_account: float
    return_notional: float
    hold_ms: int
    mae: float
    mfe: float
    reward: float
    contributions: dict[str, float]


@dataclass(frozen=True)
class FillPart:
    """One execution; `raw_price` is the price before slippage."""

    ts_ms: int
    kind: str
    side: str
    qty: float
    price: float
    raw_price: float
    fee: float
    slippage: float
    reason: str


@dataclass(frozen=True)
class RewardPart:
    """What a close was worth to the training: the total, and the parts of both formulas by name."""

    close_number: int
    ts_ms: int
    formula: str
    total: float
    weight: float
    normalized: float
    normalized_parts: dict[str, float]
    comprehensive: float
    comprehensive_parts: dict[str, float]


@dataclass(frozen=True)
class PathPart:
    """Closes around the position: the i-th belongs to `first_ms + i * step_ms`."""

    first_ms: int
    step_ms: int
    entry_index: int
    exit_index: int
    closes: tuple[float, ...]


@dataclass(frozen=True)
class Chain:
    """Everything that hangs together; what does not exist is None or empty.

    `previous_id` and `next_id` are the positions before and after it. `learned_from` names the training
    sessions that learned from it, `learned_note` says so in words, `learned` has the rows. `answers` are what
    the agents said of the signal, `hindsight` what a rejected one would have earned, `held` a position that
    is open, as it stands at the last close of its run.
    """

    signal: SignalPart | None
    decision: DecisionPart | None
    position: PositionPart | None
    fills: tuple[FillPart, ...]
    rewards: tuple[RewardPart, ...]
    path: PathPart | None
    previous_id: int | None
    next_id: int | None
    learned_from: tuple[int, ...]
    learned_note: str
    answers: tuple[AgentResponseRow, ...] = ()
    hindsight: HindsightRow | None = None
    learned: Learned = field(default_factory=Learned)
    held: OpenPosition | None = None


def position_chain(connection: sqlite3.Connection, position_id: int) -> Chain:
    """The chain of a position. Raises ChainMissing when there is no such position."""
    position = _position(connection, position_id)
    if position is None:
        raise ChainMissing(f"there is no position {position_id}")
    link = _one(connection, "SELECT signal_id FROM signal_position WHERE position_id = ?", position_id)
    signal = _signal(connection, link[0]) if link else None
    return _chain(connection, signal, position)


def signal_chain(connection: sqlite3.Connection, signal_id: int) -> Chain:
    """The chain of a signal, to its position or its rejection. Raises ChainMissing."""
    signal = _signal(connection, signal_id)
    if signal is None:
        raise ChainMissing(f"there is no signal {signal_id}")
    link = _one(connection, "SELECT position_id FROM signal_position WHERE signal_id = ?", signal_id)
    return _chain(connection, signal, _position(connection, link[0]) if link else None)


def _chain(connection: sqlite3.Connection, signal: SignalPart | None, position: PositionPart | None) -> Chain:
    number = -1 if position is None else position.id
    before = _one(connection, "SELECT max(id) FROM position WHERE id < ?", number)
    after = _one(connection, "SELECT min(id) FROM position WHERE id > ?", number) if position else None
    rewards = _rewards(connection, number)
    closes = max((reward.close_number for reward in rewards), default=0)
    learned = learned_from(connection, number, closes)
    return Chain(
        signal=signal,
        decision=None if signal is None else _decision(connection, signal),
        position=position,
        fills=_fills(connection, number),
        rewards=rewards,
        path=_path(connection, number),
        previous_id=before[0] if before else None,
        next_id=after[0] if after else None,
        learned_from=learned.sessions_that_learned,
        learned_note=_learned_note(position, learned),
        answers=() if signal is None else tuple(responses_to(connection, signal.id)),
        hindsight=None if signal is None else hindsight_of(connection, signal.id),
        learned=learned,
        held=held_position(connection, position.id) if position and position.closed_ms is None else None,
    )


def _learned_note(position: PositionPart | None, learned: Learned) -> str:
    if position is None:
        return "Nothing was opened, so nothing was learned."
    if not learned.lessons and position.origin in ("adopted", "import"):
        return (
            f"Nothing: closes of origin {position.origin} teach only where the setting "
            "training.close_origins names it."
        )
    return learned.note


def _signal(connection: sqlite3.Connection, signal_id: int) -> SignalPart | None:
    row = _one(
        connection,
        "SELECT id, run_id, ts_ms, symbol, strategy, side, confidence, price, status, contributions, "
        "provenance FROM signal WHERE id = ?",
        signal_id,
    )
    return None if row is None else SignalPart(*(*row[:9], _shares(row[9]), row[10]))


def _decision(connection: sqlite3.Connection, signal: SignalPart) -> DecisionPart:
    row = _one(
        connection,
        "SELECT ts_ms, stage, code, text, limit_value, actual_value, id FROM rejection WHERE signal_id = ?",
        signal.id,
    )
    if row is None:
        accepted = signal.status == "accepted"
        return DecisionPart(accepted, signal.ts_ms, "", "", signal.status, None, None, None)
    return DecisionPart(False, *row)


def _position(connection: sqlite3.Connection, position_id: int) -> PositionPart | None:
    row = _one(
        connection,
        "SELECT id, run_id, symbol, strategy, side, state, origin, provenance, opened_ms, "
        "nullif(closed_ms, 0), qty, entry_price, exit_price, stop_price, target_price, exit_reason, "
        "notional, equity_at_entry, gross, fees, funding, slippage, pnl, return_account, return_notional, "
        "hold_ms, mae, mfe, reward, contributions FROM position WHERE id = ?",
        position_id,
    )
    return None if row is None else PositionPart(*(*row[:-1], _shares(row[-1])))


def _fills(connection: sqlite3.Connection, position_id: int) -> tuple[FillPart, ...]:
    rows = connection.execute(
        "SELECT ts_ms, kind, side, qty, price, raw_price, fee, slippage, reason FROM position_fill "
        "WHERE position_id = ? ORDER BY ts_ms, id",
        (position_id,),
    ).fetchall()
    return tuple(FillPart(*row) for row in rows)


def _rewards(connection: sqlite3.Connection, position_id: int) -> tuple[RewardPart, ...]:
    rows = connection.execute(
        "SELECT close_number, ts_ms, formula, total, weight, normalized, n_return, n_notional, "
        "n_consistency, n_time, n_streak, comprehensive, c_pnl, c_time, c_risk, c_consistency, c_streak "
        "FROM reward WHERE position_id = ? ORDER BY close_number",
        (position_id,),
    ).fetchall()
    normalized = ("return", "notional", "consistency", "time", "streak")
    comprehensive = ("pnl", "time", "risk", "consistency", "streak")
    return tuple(
        RewardPart(
            *(
                *row[:6],
                dict(zip(normalized, row[6:11], strict=True)),
                row[11],
                dict(zip(comprehensive, row[12:], strict=True)),
            )
        )
        for row in rows
    )


def _path(connection: sqlite3.Connection, position_id: int) -> PathPart | None:
    row = _one(
        connection,
        "SELECT first_ms, step_ms, entry_index, exit_index, closes FROM position_path WHERE position_id = ?",
        position_id,
    )
    if row is None:
        return None
    closes = struct.unpack(f"<{len(row[4]) // 4}f", row[4])
    return PathPart(*(*row[:4], closes))


def _one(connection: sqlite3.Connection, sql: str, key: int) -> Sequence[Any] | None:
    rows = connection.execute(sql, (key,)).fetchall()
    return rows[0] if rows else None


def _shares(text: str) -> dict[str, float]:
    return {str(name): float(share) for name, share in json.loads(text or "{}").items()}
