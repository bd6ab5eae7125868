"""Collecting one package at a time: made of the bars that have just closed, judged, and stored by itself.

What is made here of a bar has the hashes that the same bar gets in a history that is collected later.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from cointrader.training.collecting.columns import (
    CONTEXT_NAMES,
    SIZES,
    WINDOW_BARS,
    SeriesColumns,
)
from cointrader.training.collecting.judging import Standard
from cointrader.training.collecting.near_feeds import NearFeeds
from cointrader.training.collecting.package import Array, ModelInputPackage
from cointrader.training.collecting.packs import Pack, sparse_columns, write_pack
from cointrader.training.collecting.rules import CLOSE
from models.setup_rows import HOLD
from storage.collection import Refused, pass_over
from storage.setups import NewSetup, add_setups, setup_at
from storage.workspace import Workspace

VELOCITY, SPIKE = CONTEXT_NAMES.index("velocity"), CONTEXT_NAMES.index("spike")


@dataclass(frozen=True)
class Occasion:
    """Why a package is collected: what called for it, the side that is scored, and what was done."""

    origin: str = "interval"
    side: str = "long"
    taken: int = HOLD
    signal_id: int | None = None
    rapid: bool = False
    extreme: int = 0


@dataclass(frozen=True)
class Stored:
    """What became of a package: whether it is new, why it was refused, and the bytes of its pack."""

    added: bool
    refused: dict[str, Refused]
    bytes: int


def package_at(
    columns: SeriesColumns, bar: int, feeds: NearFeeds | None = None, cnn_features: Array | None = None
) -> ModelInputPackage:
    """The package of one bar of a series, made from what was known at its close."""
    ts_ms = int(columns.close_ms[bar])
    near = feeds if feeds is not None and feeds.covers(ts_ms) else None
    return ModelInputPackage(
        timestamp=ts_ms,
        symbol=columns.symbol,
        timeframe_ms=columns.timeframe_ms,
        ohlcv=columns.bars[max(0, bar + 1 - WINDOW_BARS) : bar + 1],
        ticks=None if near is None else near.ticks(ts_ms),
        order_book=None if near is None else near.order_book(ts_ms),
        indicators=columns.indicators[bar],
        pivots=columns.pivots[bar],
        cnn_features=cnn_features,
        rl_state=columns.rl_state[bar],
        context=columns.context[bar],
    )


def store_package(
    workspace: Workspace,
    connection: sqlite3.Connection,
    package: ModelInputPackage,
    occasion: Occasion,
    standard: Standard,
    provenance: str,
    *,
    now_ms: int,
    until_ms: int = 0,
) -> Stored:
    """Judges one package and stores what is valid of it; the collection moves on to `until_ms`.

    A refusal is counted with its reason; a moment that is stored already stays as it is.
    """
    symbol, timeframe_ms = package.symbol, package.timeframe_ms
    fault = standard.refusal(package.flags, package.window_fault, package.timestamp, now_ms)
    if fault is not None:
        words = standard.in_words(fault, package.flags, symbol, package.timestamp)
        refused = {str(fault): Refused(1, package.timestamp, words)}
        add_setups(
            connection,
            None,
            (),
            symbol=symbol,
            timeframe_ms=timeframe_ms,
            until_ms=until_ms,
            refused=refused,
        )
        return Stored(False, refused, 0)
    if setup_at(connection, symbol, timeframe_ms, package.timestamp) is not None:
        pass_over(connection, symbol, timeframe_ms, until_ms)
        return Stored(False, {}, 0)
    whole = package.without_invalid()
    file = write_pack(workspace, _pack_of(whole))
    rows = [_row_of(whole, occasion, provenance)]
    added = add_setups(connection, file, rows, symbol=symbol, timeframe_ms=timeframe_ms, until_ms=until_ms)
    return Stored(bool(added), {}, file.bytes)


def _pack_of(package: ModelInputPackage) -> Pack:
    arrays: dict[str, Array] = {
        "bars": _there(package.ohlcv),
        "last_bar": np.array([WINDOW_BARS - 1], dtype=np.int32),
        **sparse_columns([package.ticks], [package.order_book]),
    }
    for name, size in SIZES.items():
        row = getattr(package, name)
        arrays[name] = np.full((1, size), np.nan) if row is None else row[None]
    if package.cnn_features is not None:
        arrays["cnn_features"] = package.cnn_features[None]
    return Pack(arrays)


def _row_of(package: ModelInputPackage, occasion: Occasion, provenance: str) -> NewSetup:
    context = package.context
    return NewSetup(
        ts_ms=package.timestamp,
        symbol=package.symbol,
        timeframe_ms=package.timeframe_ms,
        origin=occasion.origin,
        side=occasion.side,
        taken=occasion.taken,
        signal_id=occasion.signal_id,
        price=float(_there(package.ohlcv)[-1, CLOSE]),
        completeness=package.completeness_score,
        flags=package.flags,
        rapid=int(occasion.rapid),
        velocity=None if context is None else float(context[VELOCITY]),
        spike=None if context is None else float(context[SPIKE]),
        extreme=occasion.extreme,
        sha256=package.sha256,
        md5=package.data_hash,
        pack_row=0,
        provenance=provenance,
    )


def _there(values: Array | None) -> Array:
    """A field without which no package is kept."""
    if values is None:
        raise ValueError("a package without its essential fields cannot be stored")
    return values
