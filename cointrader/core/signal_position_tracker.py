"""`SignalPositionTracker`: the signal behind every position, there after any crash.

A link is a row that is written with its position. Reading it takes nothing away: a close that is handled
again after a crash finds its signal again. Where a position stands is read from the tables too:
open -> closing -> closed -> trained.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cointrader.core.memory.record_text import read_record, write_record
from cointrader.trading.contributions import Contributions, weights_told
from cointrader.trading.model_id import SUFFIX, ModelId
from storage.clock import now_ms
from storage.closes import TRAINED, WAITING
from storage.outbox import lessons_of
from storage.signal_links import LinkRow, keep_link, link_of, linked_positions

MODELS_USED = "models_used"


class SignalPositionTracker:
    """Links signals to positions of one workspace."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def active_trades(self) -> dict[int, dict[str, Any]]:
        """What is known of every position that is not closed, by its number."""
        found = {id: self.get_signal_for_position(id) for id in linked_positions(self._connection)}
        return {id: record for id, record in found.items() if record is not None}

    def register_signal(self, signal_id: int, signal_data: Mapping[str, Any], position_id: int) -> None:
        """Keep what stood behind a position when it was opened; in the caller's transaction, if any.

        Of `signal_data` the parts of the models are read (`cnn_contribution`, `dqn_contribution`,
        `cob_contribution`, or a mapping `models_used`), where any is told; all of it is kept. Raises
        MissingWeight when only some of them are told, LinkRefused for numbers that are no rows.
        """
        told = _weights_in(signal_data)
        record = {"signal": dict(signal_data), MODELS_USED: told}
        keep_link(self._connection, int(position_id), int(signal_id), now_ms(), write_record(record))

    def get_signal_for_position(self, position_id: int) -> dict[str, Any] | None:
        """The signal of a position, None where there is none.

        signal_id, position_id, signal, entry_time (UTC), market_state, cob_data, and models_used: the share
        of each of cnn, dqn and cob_rl, 0 for one that took no part.
        """
        link = link_of(self._connection, int(position_id))
        if link is None:
            return None
        record = read_record(link.told) if link.told else {}
        signal = record.get("signal") or _stored_signal(link)
        used = record.get(MODELS_USED) or _stored_weights(link)
        place = {"symbol": link.symbol, "ts_ms": link.ts_ms, "position_id": link.position_id}
        return {
            "signal_id": link.signal_id,
            "position_id": link.position_id,
            "signal": signal,
            "side": link.side,
            "entry_time": datetime.fromtimestamp(link.opened_ms / 1000.0, UTC),
            "market_state": {**_mapping(signal.get("market_state")), **place},
            "cob_data": {**_mapping(signal.get("cob_data")), **place},
            MODELS_USED: used,
        }

    def state_of(self, position_id: int) -> str:
        """open, closing, closed, or trained once no model has anything left to learn from it; '' for none.

        What was skipped, has failed or was absent leaves nothing to learn; at least one model has learned.
        """
        link = link_of(self._connection, int(position_id))
        if link is None or link.position_state != "closed":
            return "" if link is None else link.position_state
        states = {lesson.state for lesson in lessons_of(self._connection, link.position_id)}
        return TRAINED if TRAINED in states and WAITING not in states else "closed"


def _weights_in(signal_data: Mapping[str, Any]) -> dict[str, float]:
    """The weights that a program told, by model; empty where it told none of them."""
    told = signal_data.get(MODELS_USED)
    if told is None:
        told = {name: value for name, value in signal_data.items() if str(name).endswith(SUFFIX)}
    if not told:
        return {}
    return {str(model): weight for model, weight in weights_told(told).items()}


def _stored_weights(link: LinkRow) -> dict[str, float]:
    shares = Contributions.from_json(link.contributions)
    return {str(model): shares.share(model) for model in ModelId}


def _stored_signal(link: LinkRow) -> dict[str, Any]:
    names = ("signal_id", "symbol", "strategy", "side", "ts_ms", "price", "confidence")
    return {name: getattr(link, name) for name in names}


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
