"""The types of records and their fields; a channel carries the name of the type it publishes.

The names and fields are those that feed agents of this family exchange (`crypto_price`, `order_book`,
`trade_tape`, ...): prices in quote units, amounts in base units, times in seconds since 1970, sentiment from
-1 to 1, slippage as a fraction of the price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

GENERIC = "generic"
"""The type of a record of which nothing but its time is known."""

MOST_LEVELS = 5_000
LONGEST_TEXT = 500


class Kind(Enum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "a number"
    TIME = "a time"
    LEVELS = "a list of [price, amount]"
    ANY = "anything"


@dataclass(frozen=True)
class Field:
    """One field; numbers must be finite, between `low` and `high` (above `low` where it is `open`)."""

    name: str
    kind: Kind
    required: bool = True
    low: float | None = None
    high: float | None = None
    open: bool = False
    choices: tuple[str, ...] = ()


Schema = tuple[Field, ...]

_EXCHANGE = Field("exchange", Kind.TEXT, required=False)
_SYMBOL = Field("symbol", Kind.TEXT)
_PRICE = Field("price", Kind.NUMBER, low=0.0, high=1e12, open=True)
_TIME = Field("timestamp", Kind.TIME)
_SENTIMENT = Field("sentiment", Kind.NUMBER, low=-1.0, high=1.0)
_SOURCE = Field("source", Kind.TEXT, required=False)
_KEYWORD = Field("keyword", Kind.TEXT)
_SIDES = ("buy", "sell", "any")


def _amount(name: str, *, required: bool = True) -> Field:
    return Field(name, Kind.NUMBER, required=required, low=0.0, high=1e15)


_PRICES: Schema = (_EXCHANGE, _SYMBOL, _PRICE, _amount("volume"), _TIME)
_BOOK: Schema = (
    *(_EXCHANGE, _SYMBOL, Field("bids", Kind.LEVELS), Field("asks", Kind.LEVELS)),
    *(_amount("bought", required=False), _amount("sold", required=False), _TIME),
)
_TAPE: Schema = (
    *(_EXCHANGE, _SYMBOL, _PRICE),
    Field("amount", Kind.NUMBER, low=0.0, high=1e15, open=True),
    *(Field("side", Kind.TEXT, choices=_SIDES), _TIME),
)

SCHEMAS: Mapping[str, Schema] = MappingProxyType(
    {
        "crypto_price": _PRICES,
        "forex_price": _PRICES,
        "equities_price": _PRICES,
        "order_book": _BOOK,
        "normalized_order_book": _BOOK,
        "trade_tape": _TAPE,
        "parsed_trade_tape": _TAPE,
        "twitter_sentiment": (_SOURCE, _KEYWORD, _SENTIMENT, Field("text", Kind.TEXT), _TIME),
        "news_sentiment": (_SOURCE, _KEYWORD, _SENTIMENT, Field("title", Kind.TEXT), _TIME),
        "aggregated_sentiment": (
            _KEYWORD,
            Field("aggregate_sentiment", Kind.NUMBER, low=-1.0, high=1.0),
            Field("sources", Kind.ANY),
            _TIME,
        ),
        "indicator": (
            *(_SYMBOL, Field("indicator", Kind.TEXT)),
            *(Field("value", Kind.NUMBER, low=-1e15, high=1e15), _TIME),
        ),
        "trading_signal": (
            *(_SYMBOL, Field("signal_type", Kind.TEXT, choices=("buy", "sell", "hold"))),
            *(Field("strength", Kind.NUMBER, low=0.0, high=1.0), _TIME),
        ),
        "microstructure": (_SYMBOL, _amount("spread"), _amount("liquidity"), _TIME),
        "slippage": (
            *(_SYMBOL, Field("slippage", Kind.NUMBER, low=-1.0, high=1.0)),
            *(_amount("order_size", required=False), _TIME),
        ),
        "latency": (_amount("value"), _TIME),
        "book_state": (_SYMBOL, Field("bids", Kind.LEVELS), Field("asks", Kind.LEVELS), _TIME),
        GENERIC: (_TIME,),
    }
)
"""Every type of record."""

PRICE_TYPES = ("crypto_price", "forex_price", "equities_price")
SENTIMENT_TYPES = ("twitter_sentiment", "news_sentiment", "aggregated_sentiment")

# The fields by which a record without a type is known; the first that are all there decide.
_MARKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("trading_signal", ("signal_type",)),
    ("aggregated_sentiment", ("aggregate_sentiment",)),
    ("news_sentiment", ("sentiment", "title")),
    ("twitter_sentiment", ("sentiment", "text")),
    ("order_book", ("bids", "asks")),
    ("trade_tape", ("price", "amount", "side")),
    ("microstructure", ("spread", "liquidity")),
    ("slippage", ("slippage",)),
    ("indicator", ("indicator", "value")),
    ("crypto_price", ("price", "volume")),
)


def infer_type(data: Mapping[str, Any]) -> str:
    """The type of a record: its own word for it, else what its fields say (price and volume: a price)."""
    said = data.get("type")
    if isinstance(said, str) and said:
        return said
    return next((name for name, fields in _MARKS if all(field in data for field in fields)), GENERIC)
