"""An input package: everything that was known at one moment, with its hashes and how whole it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.collecting.canonical import Value, canonical_bytes
from cointrader.training.collecting.columns import SIZES, WINDOW_BARS
from cointrader.training.collecting.completeness import FIELDS, completeness, mask_of
from cointrader.training.collecting.rules import Fault, are_ticks, is_book, is_vector, window_fault

Array = NDArray[Any]
ARRAYS = tuple(name for name in FIELDS if name not in ("timestamp", "symbol"))
SINGLE = ("rl_state", "cnn_features")


@dataclass(frozen=True, eq=False)
class ModelInputPackage:
    """Ten fields, any of which but the first two may be missing (None), and what follows from them.

    `timestamp` is UTC milliseconds at the close of the newest bar; `ohlcv` (48, 6) holds close time, open,
    high, low, close and volume of the bars up to it, oldest first; `ticks` (n, 4) the last trades: time,
    price, amount, side; `order_book` (2, 15, 2) bids and asks of price and size, best first; `indicators`,
    `pivots`, `rl_state`, `context` one row each as in `collecting.columns`; `cnn_features` a row of what a
    CNN made of the same bars. What is wrong is said by the flags and raises nothing.

    Arrays are kept as copies that cannot be written to, `rl_state` and `cnn_features` as float32, the others
    as float64; of more than 48 bars the last 48 count. Raises ValueError for what is not made of numbers.
    """

    timestamp: int
    symbol: str
    timeframe_ms: int
    ohlcv: Array | None = None
    ticks: Array | None = None
    order_book: Array | None = None
    indicators: Array | None = None
    pivots: Array | None = None
    cnn_features: Array | None = None
    rl_state: Array | None = None
    context: Array | None = None
    sha256: str = field(init=False)
    data_hash: str = field(init=False)
    validation_flags: dict[str, bool] = field(init=False)
    completeness_score: float = field(init=False)

    def __post_init__(self) -> None:
        for name in ARRAYS:
            object.__setattr__(self, name, _kept(name, getattr(self, name)))
        content = self.canonical()
        found: dict[str, object] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "data_hash": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "validation_flags": self._validate_data(),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "completeness_score", self._calculate_completeness())

    def canonical(self) -> bytes:
        """The bytes that the hashes are taken of, see `collecting.canonical`."""
        return canonical_bytes(self.fields)

    @property
    def fields(self) -> dict[str, Value]:
        """The ten fields and the length of a bar, by name."""
        return {name: getattr(self, name) for name in (*FIELDS, "timeframe_ms")}

    @cached_property
    def window_fault(self) -> Fault | None:
        """What is wrong with its candles, if anything is."""
        if self.ohlcv is None or self.timeframe_ms <= 0:
            return Fault.SHORT_HISTORY
        return window_fault(self.ohlcv, self.timeframe_ms, self.timestamp)

    def without_invalid(self) -> ModelInputPackage:
        """The same package, its invalid fields missing."""
        there = {name: getattr(self, name) for name in ARRAYS if self.validation_flags[name]}
        return ModelInputPackage(self.timestamp, self.symbol, self.timeframe_ms, **there)

    @property
    def flags(self) -> int:
        """The validation flags as bits, see `collecting.completeness`."""
        return mask_of(name for name, valid in self.validation_flags.items() if valid)

    def _validate_data(self) -> dict[str, bool]:
        """Every field by name, and whether it is valid."""
        return {
            "timestamp": self.timestamp > 0 and self.timeframe_ms > 0,
            "symbol": is_pair(self.symbol),
            "ohlcv": self.window_fault is None,
            "ticks": are_ticks(self.ticks, self.timestamp, self.timeframe_ms),
            "order_book": is_book(self.order_book),
            "indicators": is_vector(self.indicators, SIZES["indicators"]),
            "pivots": is_vector(self.pivots, SIZES["pivots"], zeros=True),
            "cnn_features": is_vector(self.cnn_features, None),
            "rl_state": is_vector(self.rl_state, SIZES["rl_state"]),
            "context": is_vector(self.context, SIZES["context"]),
        }

    def _calculate_completeness(self) -> float:
        """The share of the ten fields that are valid."""
        return completeness(self.flags)


def _kept(name: str, values: object) -> Array | None:
    """A copy of a field that nobody else can change."""
    if values is None:
        return None
    try:
        kept = np.array(values, dtype=np.float32 if name in SINGLE else np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} of a package must be an array of numbers: {error}") from error
    if name == "ohlcv" and kept.ndim == 2:
        kept = np.ascontiguousarray(kept[-WINDOW_BARS:])
    kept.flags.writeable = False
    return kept


def is_pair(symbol: str) -> bool:
    """Whether a symbol has the one spelling of the inside, BASE/QUOTE."""
    base, slash, quote = symbol.partition("/")
    return bool(base and slash and quote) and symbol == symbol.strip().upper()
