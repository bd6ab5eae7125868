"""Technical indicators: array forms (`rsi(close, 14)`) and streaming forms (`RsiStream(14).update(close)`).

Both forms of one indicator give the same numbers to the last bit. Names are loaded on first use, because
the compiled ones bring Numba with them.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "sma": "moving_average",
    "ema": "moving_average",
    "SmaStream": "moving_average",
    "EmaStream": "moving_average",
    "rsi": "relative_strength",
    "RsiStream": "relative_strength",
    "atr": "true_range",
    "AtrStream": "true_range",
    "roc": "rate_of_change",
    "RocStream": "rate_of_change",
    "bollinger": "bollinger_bands",
    "BollingerStream": "bollinger_bands",
    "vwap": "volume",
    "obv": "volume",
    "VwapStream": "volume",
    "ObvStream": "volume",
    "adx": "directional_movement",
    "AdxStream": "directional_movement",
    "rsi_vwap_bollinger_atr": "fused",
    "rsi_atr_stream": "fused",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
