"""What follows from a close, in its own transaction: a lesson for every model, and labels.

Whoever closes positions writes position, fills, link and reward and then calls `record_close`, all in one
transaction: a process that dies before the commit has closed nothing, one that dies after it has lost
nothing. Models that took part get a lesson that waits; one that had nothing to say is skipped, one that was
not there is absent, each with the reason, so that nobody has to guess why a model learned nothing.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping

import numpy as np

from cointrader.trading.contributions import KNOWS_NOTHING, Contributions
from cointrader.trading.model_id import ModelId
from storage.candles import Candles
from storage.clock import now_ms
from storage.closes import (
    ABSENT,
    SKIPPED,
    WAITING,
    ClosedPosition,
    Labels,
    Lesson,
    closed_position,
    file_lessons,
    keep_labels,
    reward_parts,
)
from storage.opinions import opinion_of

LABEL_MINUTES = (1, 5, 15)
MINUTE_MS = 60_000

Absence = Callable[[ModelId, str], str]
"""Why a model takes no part in decisions on a symbol."""


def no_opinion(model: ModelId, symbol: str) -> str:
    """What is known where nobody says more: it did not take part."""
    return f"{model.label} was not there when {symbol} was decided on"


def record_close(
    connection: sqlite3.Connection,
    position_id: int,
    close_number: int = 1,
    *,
    series: Candles | None = None,
    absence: Absence = no_opinion,
) -> ClosedPosition:
    """File what a close has to teach; call it inside the transaction that closes the position.

    The position and its reward must have been written there. `series` are the bars up to now, for the
    labels. Calling it again changes nothing. Raises CloseMissing.
    """
    close = closed_position(connection, position_id, close_number)
    shares = Contributions.from_json(close.contributions).with_opinion(opinion_of(connection, position_id))
    file_lessons(connection, close, [_lesson(model, shares, close, absence) for model in ModelId])
    keep_known_labels(connection, close, series)
    return close


def record_foreign_close(
    connection: sqlite3.Connection,
    position_id: int,
    close_number: int,
    weights: Mapping[ModelId, float],
    absence: Absence = no_opinion,
) -> None:
    """File what a close that nobody here decided on has to teach these models; others are absent.

    Call it inside a transaction; calling it again changes nothing. Raises CloseMissing.
    """
    close = closed_position(connection, position_id, close_number)
    lessons = [
        Lesson(model, weights[model], WAITING)
        if model in weights
        else Lesson(model, 0.0, ABSENT, absence(model, close.symbol))
        for model in ModelId
    ]
    file_lessons(connection, close, lessons)
    keep_known_labels(connection, close, None)


def keep_known_labels(connection: sqlite3.Connection, close: ClosedPosition, series: Candles | None) -> None:
    """The labels that bars so far can tell; they are final once the last of their minutes has passed."""
    if series is None or not len(series):
        keep_labels(connection, close.position_id, (None, None, None), 0)
        return
    is_over = int(series.close_ms[-1]) >= close.opened_ms + LABEL_MINUTES[-1] * MINUTE_MS
    keep_labels(connection, close.position_id, labels_of(close, series), now_ms() if is_over else 0)


def reward_line(connection: sqlite3.Connection, close: ClosedPosition) -> str:
    """`REWARD CALC: PnL=.., Time=.., Risk=.., Final=..` of a close that was recorded.

    PnL, Time and Risk are parts of the reward in money, before their weights; Final is the one that trains.
    """
    pnl, time, risk = reward_parts(connection, close.position_id, close.close_number)
    return f"REWARD CALC: PnL={pnl:.4f}, Time={time:.4f}, Risk={risk:.4f}, Final={close.reward:.4f}"


def labels_of(close: ClosedPosition, series: Candles) -> Labels:
    """ln(close at entry + 1, 5, 15 minutes / entry price) x side; None where no bar of `series` closes then.

    Nothing is interpolated: bars of five minutes say nothing of the first minute.
    """
    sign = 1.0 if close.side == "long" else -1.0
    found: list[float | None] = []
    for minutes in LABEL_MINUTES:
        due = close.opened_ms + minutes * MINUTE_MS
        row = int(np.searchsorted(series.close_ms, due))
        known = row < len(series) and int(series.close_ms[row]) == due
        found.append(sign * math.log(float(series.close[row]) / close.entry_price) if known else None)
    return found[0], found[1], found[2]


def _lesson(model: ModelId, shares: Contributions, close: ClosedPosition, absence: Absence) -> Lesson:
    if model not in shares.models:
        return Lesson(model, 0.0, ABSENT, shares.absent.get(model) or absence(model, close.symbol))
    share = shares.share(model)
    if share > 0.0:
        return Lesson(model, share, WAITING)
    return Lesson(model, 0.0, SKIPPED, _why_no_part(shares.probability.get(model)))


def _why_no_part(probability: float | None) -> str:
    """Why a model that was there has no share in an entry."""
    if probability is None:
        return "took no part: it gave the entered side no more than a third"
    if probability > KNOWS_NOTHING:
        return f"took no part: it gave the entered side {probability:.2f}, but its weight in decisions is 0"
    return f"took no part: it gave the entered side {probability:.2f}, below a third"
