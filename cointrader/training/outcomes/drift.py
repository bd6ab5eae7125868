"""Training priorities kept near what they should be while setups grow older and agents learn.

A stored priority is right within `TOLERANCE`: only rows that have drifted further are written again, so that
a new candle does not rewrite a history.
"""

from __future__ import annotations

import math
import sqlite3

import numpy as np

from cointrader.training.outcomes.priority import error_scale, error_shares, training_priority
from cointrader.training.outcomes.score import profitability_score
from cointrader.training.outcomes.validate import OutcomeTerms
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.setup_rows import BUY, SELL
from storage.experiences import AgedExperience, aged_experiences, td_errors
from storage.outcomes import aged_setups, set_priorities

TOLERANCE = 1e-3
PART = 20_000
_SIGN = {BUY: 1.0, SELL: -1.0}


def renew_priorities(connection: sqlite3.Connection, series: CandleSeries, terms: OutcomeTerms) -> int:
    """Writes the priorities that have drifted; returns how many. Age counts from the newest candle."""
    now_ms = int(series.close_ms[-1])
    setups = aged_setups(connection, series.symbol, series.timeframe_ms)
    scale = error_scale(td_errors(connection))
    if not setups or not (scale or _drifted(setups, now_ms)):
        return 0
    experiences = aged_experiences(connection, series.symbol, series.timeframe_ms)
    shares = error_shares([_or_nan(row.td_error) for row in experiences], scale)
    changed = _experience_changes(experiences, shares, now_ms, terms)
    _write(connection, "experience", changed)
    largest = _largest([row[0] for row in setups], experiences, shares)
    ids, moments, scores, rapid, stored = (np.array(column) for column in zip(*setups, strict=True))
    wanted = training_priority(scores, largest, rapid, now_ms - moments)
    renewed = _changes(ids, stored, wanted)
    _write(connection, "setup", renewed)
    return len(changed) + len(renewed)


def _drifted(setups: list[tuple[int, int, float, int, float]], now_ms: int) -> bool:
    _, moments, scores, rapid, stored = (np.array(column) for column in zip(*setups, strict=True))
    wanted = training_priority(scores, np.zeros(scores.size), rapid, now_ms - moments)
    return bool((np.abs(wanted - stored) > TOLERANCE).any())


def _experience_changes(
    rows: list[AgedExperience], shares: FloatArray, now_ms: int, terms: OutcomeTerms
) -> list[tuple[float, int]]:
    if not rows:
        return []
    net = np.array(
        [
            row.net_return
            if row.net_return is not None
            else _SIGN.get(row.action, 0.0) * row.horizon_return - terms.cost * (row.action in _SIGN)
            for row in rows
        ]
    )
    moments = np.array([row.ts_ms for row in rows])
    rapid = np.array([row.rapid for row in rows])
    wanted = training_priority(profitability_score(net, terms.unit), shares, rapid, now_ms - moments)
    return _changes(np.array([row.id for row in rows]), np.array([row.priority for row in rows]), wanted)


def _largest(setup_ids: list[int], experiences: list[AgedExperience], shares: FloatArray) -> FloatArray:
    """For each setup the largest share of its experiences: what surprised an agent there."""
    place = {id: at for at, id in enumerate(setup_ids)}
    largest = np.zeros(len(setup_ids))
    rows = np.array([place[row.setup_id] for row in experiences], dtype=np.int64)
    np.maximum.at(largest, rows, shares)
    return largest


def _changes(ids: IntArray, stored: FloatArray, wanted: FloatArray) -> list[tuple[float, int]]:
    moved = np.abs(wanted - stored) > TOLERANCE
    return list(zip(wanted[moved].tolist(), ids[moved].tolist(), strict=True))


def _write(connection: sqlite3.Connection, table: str, rows: list[tuple[float, int]]) -> None:
    for first in range(0, len(rows), PART):
        set_priorities(connection, table, rows[first : first + PART])


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
