"""What is traded and where: one form inside (BTC/USDT), every spelling of the field at the edge.

Exchanges, bots and file names write the same pair as BTCUSDT, BTC/USDT, BTC-USDT, BTC_USDT,
tBTCUSD or XXBTZUSD. A name without a separator is split at the longest known quote currency.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.candles.timeframe import parse_timeframe

# fmt: off
QUOTES = (
    "USDT", "USDC", "USD", "BTC", "ETH", "EUR", "GBP", "JPY", "KRW", "BUSD", "FDUSD",
    "AUD", "CAD", "BRL", "ARS", "MXN", "IDR", "TRY", "INR", "NGN", "ZAR",
)
"""Quote currencies by which a pair without a separator is split."""

VENUES = (
    "binance", "bitfinex", "bitget", "bitmex", "bitstamp", "bybit", "coinbase", "cryptocom", "deribit",
    "gateio", "gemini", "htx", "hyperliquid", "kraken", "kucoin", "mexc", "okx", "poloniex",
)
# fmt: on
"""Names that a file name may begin with to say where its candles come from."""

_ALIASES = {"XBT": "BTC", "XDG": "DOGE"}
# Kraken's older names: X before a coin, Z before a currency. XTZUSD (Tezos) is not one of them.
_KRAKEN = re.compile(r"X([A-Z]{3})Z(USD|EUR|GBP|JPY|CAD|AUD)")
_CURRENCY = re.compile(r"[A-Z0-9]{1,15}")
_SUFFIXES = re.compile(r"(\.(csv|txt|json|gz|feather|parquet|normalized))+$", re.IGNORECASE)
_TIMEFRAME_WORD = re.compile(r"\d{1,4}(s|m|min|h|d|w)", re.IGNORECASE)
_CONTRACT = re.compile(r":[A-Za-z0-9-]+$")


class InstrumentError(ValueError):
    """A text that names no pair; it says what would."""


@dataclass(frozen=True)
class Instrument:
    """A pair of currencies, in capitals, at a venue ('' where it is not known)."""

    base: str
    quote: str
    venue: str = ""

    @property
    def symbol(self) -> str:
        """The one spelling that is used inside: BTC/USDT."""
        return f"{self.base}/{self.quote}"


@dataclass(frozen=True)
class NamedByFile:
    """What a file name says of its content; None (of the venue: '') where it says nothing."""

    instrument: Instrument | None
    venue: str
    timeframe_ms: int | None


def parse_instrument(text: str, *, venue: str = "") -> Instrument:
    """The instrument that a text names, in any of the usual spellings.

    BTCUSDT, btc/usdt, BTC-USDT, BTC_USDT, BTC/USDT:USDT (the settlement currency is dropped), XBT for
    BTC, Kraken's XXBTZUSD and Bitfinex' tBTCUSD. Raises InstrumentError for anything else.
    """
    cleaned = _CONTRACT.sub("", text.strip())
    if re.fullmatch(r"t[A-Z0-9]{6,}", cleaned):
        cleaned = cleaned[1:]
    parts = [part for part in re.split(r"[/_\-\s]", cleaned.upper()) if part]
    pair = (parts[0], parts[1]) if len(parts) == 2 else _split(parts[0]) if len(parts) == 1 else None
    if pair is None or not all(_CURRENCY.fullmatch(part) for part in pair):
        raise InstrumentError(f"{text!r} names no pair of currencies; write it as BTC/USDT")
    base, quote = (_currency(part) for part in pair)
    if base == quote:
        raise InstrumentError(f"{text!r}: base and quote are both {base}")
    return Instrument(base, quote, venue)


def read_file_name(name: str) -> NamedByFile:
    """Venue, symbol and timeframe from a file name such as binance_BTC_USDT_5m_2024.csv.gz.

    The words before the first one that is a timeframe or a date are the symbol, after a known venue.
    `XRPUSD_1.csv` (minutes as a bare number, as Kraken writes it) is read as 1 minute.
    """
    words = [word for word in re.split(r"[_\-\s]+", _SUFFIXES.sub("", name)) if word]
    venue = words.pop(0).lower() if words and words[0].lower() in VENUES else ""
    timeframe_ms: int | None = None
    symbol_words: list[str] = []
    for word in words:
        found = _timeframe_of(word, bare_minutes=bool(symbol_words))
        if found is not None and timeframe_ms is None:
            timeframe_ms = found
        ended = timeframe_ms is not None or re.fullmatch(r"\d{4,}", word) is not None
        if not ended and len(symbol_words) < 2:
            symbol_words.append(word)
    return NamedByFile(_instrument_of(symbol_words, venue), venue, timeframe_ms)


def _instrument_of(words: list[str], venue: str) -> Instrument | None:
    """The pair in the words: the first alone when it splits at a quote, else the first two."""
    for count in (1, 2):
        text = "_".join(words[:count])
        pair = _split(text.upper()) if count == 1 else None
        if count == 2 and (len(words) < 2 or _currency(words[1].upper()) not in QUOTES):
            continue
        if count == 1 and pair is None:
            continue
        try:
            return parse_instrument(text, venue=venue)
        except InstrumentError:
            continue
    return None


def _timeframe_of(word: str, *, bare_minutes: bool) -> int | None:
    if bare_minutes and re.fullmatch(r"1|3|5|15|30|60|240|720|1440", word):
        return int(word) * 60_000
    if not _TIMEFRAME_WORD.fullmatch(word):
        return None
    try:
        return parse_timeframe(word)
    except ValueError:
        return None


def _split(pair: str) -> tuple[str, str] | None:
    """Base and quote of a pair without a separator; the longest quote wins (BTCFDUSD is not BTCFD/USD)."""
    kraken = _KRAKEN.fullmatch(pair)
    if kraken is not None:
        return kraken[1], kraken[2]
    for quote in sorted(QUOTES, key=len, reverse=True):
        if pair.endswith(quote) and len(pair) > len(quote) + 1:
            return pair[: -len(quote)], quote
    return None


def _currency(code: str) -> str:
    return _ALIASES.get(code, code)
