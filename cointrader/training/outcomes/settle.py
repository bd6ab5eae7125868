"""Outcomes and experiences of one series brought up to date with its candles.

What has come in since the last time is looked at, nothing is computed twice, and each part is one
transaction: setups become validated together with their outcomes and with the experiences that come of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cointrader.settings import Settings
from cointrader.training.outcomes.closes import learn_closes
from cointrader.training.outcomes.drift import renew_priorities
from cointrader.training.outcomes.experiences import Links, experiences_of
from cointrader.training.outcomes.priority import training_priority
from cointrader.training.outcomes.score import SIDES
from cointrader.training.outcomes.validate import Incomplete, Measured, Moments, OutcomeTerms, validate
from cointrader.training.outcomes.value import MEMORY, experience_value, novelty
from models.candle_series import CandleSeries, FloatArray, IntArray
from storage.candles import timeframe_text
from storage.database import transaction
from storage.experiences import add_experiences, lead_on, open_ends
from storage.outcomes import (
    WAITING,
    OutcomeRow,
    PendingSetup,
    Reason,
    add_outcomes,
    incomplete_reasons,
    next_setups,
    pending_setups,
    places_before,
    set_incomplete,
)

PART = 20_000
"""Setups that are validated in one transaction."""

StateReader = Callable[[Sequence[tuple[int, int]]], NDArray[np.float32]]
"""States (n, features) of setups by (pack, row in it); a row that is not known is NaN."""


@dataclass(frozen=True)
class Settled:
    """What was done for a series: outcomes and experiences added, what waits, what cannot be had and why."""

    validated: int = 0
    waiting: int = 0
    incomplete: int = 0
    experiences: int = 0
    reasons: dict[str, str] = field(default_factory=dict)


def settle_series(
    connection: sqlite3.Connection,
    series: CandleSeries,
    settings: Settings,
    states: StateReader,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Settled:
    """Validates what can be validated now; `progress` may raise, and what was done by then stays."""
    terms = OutcomeTerms.of(
        settings.training.horizon_minutes, settings.training.cost_bps, settings.training.score_unit_bps
    )
    pending = pending_setups(connection, series.symbol, series.timeframe_ms)
    if not len(series.close_ms):
        return Settled(waiting=len(pending))
    moments = _moments(pending)
    found = validate(series, moments, terms)
    settling = _Settling(connection, series, settings, terms, states)
    validated = experiences = 0
    for first in range(0, len(found.measured), PART):
        progress(first, len(found.measured))
        part = found.measured.cut(first, first + PART)
        added, learned = settling.store(part, [pending[row] for row in part.rows.tolist()])
        validated, experiences = validated + added, experiences + learned
    reasons = _tell_incomplete(connection, series, pending, found.incomplete, settings)
    experiences += learn_closes(connection, series, terms)
    _lead_on(connection, series)
    renew_priorities(connection, series, terms)
    progress(len(found.measured), len(found.measured))
    incomplete = sum(rows.size for rows in found.incomplete.values())
    return Settled(
        validated=validated,
        waiting=len(pending) - len(found.measured) - incomplete,
        incomplete=incomplete,
        experiences=experiences,
        reasons={reason: told.example for reason, told in reasons.items()},
    )


@dataclass(frozen=True)
class _Settling:
    connection: sqlite3.Connection
    series: CandleSeries
    settings: Settings
    terms: OutcomeTerms
    states: StateReader

    def store(self, part: Measured, setups: Sequence[PendingSetup]) -> tuple[int, int]:
        """Outcomes and experiences added by one part."""
        symbol, timeframe_ms = self.series.symbol, self.series.timeframe_ms
        new = self._novelty(setups)
        value = experience_value(part.score, part.regret, new, self.terms.unit)
        rapid = np.array([setup.rapid for setup in setups])
        age = self.series.close_ms[-1] - np.array([setup.ts_ms for setup in setups])
        priority = training_priority(part.score, np.zeros(len(part)), rapid, age)
        links = self._links(setups)
        rows = experiences_of(part, setups, new, age, links, symbol, self.terms, self.settings.simulation)
        with transaction(self.connection):
            outcomes = _rows(part, setups, new, value, self.settings.training.cost_bps)
            added = add_outcomes(self.connection, symbol, timeframe_ms, outcomes, priority.tolist())
            learned = add_experiences(self.connection, rows)
        return added, learned

    def _novelty(self, setups: Sequence[PendingSetup]) -> FloatArray:
        """How new the state of each setup was when it came."""
        places = places_before(
            self.connection,
            self.series.symbol,
            self.series.timeframe_ms,
            setups[0].ts_ms,
            setups[-1].ts_ms,
            MEMORY,
        )
        row_of = {id: row for row, (id, _, _) in enumerate(places)}
        first = row_of[setups[0].id]
        every = novelty(self.states([(pack, row) for _, pack, row in places]), first)
        return every[[row_of[setup.id] - first for setup in setups]]

    def _links(self, setups: Sequence[PendingSetup]) -> Links:
        after = next_setups(self.connection, self.series.symbol, self.series.timeframe_ms, setups[0].ts_ms)
        return Links.of(self.series, after)


def _moments(pending: Sequence[PendingSetup]) -> Moments:
    return Moments(
        ts_ms=np.array([setup.ts_ms for setup in pending], dtype=np.int64),
        side=np.array([SIDES[setup.side] for setup in pending], dtype=np.int64),
        taken=np.array([setup.taken for setup in pending], dtype=np.int64),
        price=np.array([setup.price for setup in pending], dtype=np.float64),
    )


def _rows(
    part: Measured, setups: Sequence[PendingSetup], new: FloatArray, value: FloatArray, cost_bps: float
) -> list[OutcomeRow]:
    columns = (
        [setup.id for setup in setups],
        [part.horizon_ms] * len(part),
        [cost_bps] * len(part),
        part.entry_price.tolist(),
        part.exit_price.tolist(),
        part.gross.tolist(),
        part.net.tolist(),
        *(_known(part.labels[minutes]) for minutes in sorted(part.labels)),
        part.mae.tolist(),
        part.mfe.tolist(),
        part.score.tolist(),
        part.optimal.tolist(),
        (part.net > 0.0).astype(int).tolist(),
        part.regret.tolist(),
        new.tolist(),
        value.tolist(),
    )
    return [OutcomeRow(*row) for row in zip(*columns, strict=True)]


def _known(values: FloatArray) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def _tell_incomplete(
    connection: sqlite3.Connection,
    series: CandleSeries,
    pending: Sequence[PendingSetup],
    incomplete: dict[Incomplete, IntArray],
    settings: Settings,
) -> dict[str, Reason]:
    """Writes what cannot be validated and why, when that is not what stands there already."""
    reasons = {
        str(reason): Reason(
            int(rows.size),
            pending[int(rows[-1])].ts_ms,
            reason_text(reason, series, pending[int(rows[-1])].ts_ms, settings.training.horizon_minutes),
        )
        for reason, rows in incomplete.items()
        if rows.size
    }
    found = [pending[row] for rows in incomplete.values() for row in rows.tolist()]
    fresh = [setup.id for setup in found if setup.state == WAITING]
    if fresh or reasons != incomplete_reasons(connection, series.symbol, series.timeframe_ms):
        set_incomplete(connection, series.symbol, series.timeframe_ms, fresh, reasons)
    return reasons


def reason_text(reason: Incomplete, series: CandleSeries, ts_ms: int, horizon_minutes: float) -> str:
    """Why an outcome cannot be had, with what to do about it."""
    bar = timeframe_text(series.timeframe_ms)
    name = f"{series.symbol} {bar} at {np.datetime64(ts_ms, 'ms').astype('datetime64[m]')} UTC"
    if reason is Incomplete.HORIZON_WITHIN_BAR:
        needed = series.timeframe_ms / 60_000
        return (
            f"the horizon of {horizon_minutes:g} min is shorter than a bar of {bar}: no candle closes at its "
            f"end; set training.horizon_minutes to {needed:g} or more, or import shorter candles"
        )
    if reason is Incomplete.GAP:
        return f"{name}: a candle within the {horizon_minutes:g} min after it is missing; import it"
    return f"{name}: its candle says another price now than when it was collected"


def _lead_on(connection: sqlite3.Connection, series: CandleSeries) -> None:
    """Holds that ended the series when they were stored go on to the setup that has come since."""
    ends = open_ends(connection, series.symbol, series.timeframe_ms)
    if not ends:
        return
    links = Links.of(series, next_setups(connection, series.symbol, series.timeframe_ms, ends[0].ts_ms))
    following = links.after(np.array([end.ts_ms for end in ends], dtype=np.int64))
    found = [
        (next_id, max(end.ends_ms, at_ms), end.id)
        for end, (next_id, at_ms) in zip(ends, following, strict=True)
        if next_id is not None
    ]
    if found:
        lead_on(connection, found)
