"""One spelling inside, every spelling at the edge."""

import pytest

from cointrader.data_feeds.instrument import InstrumentError, parse_instrument, read_file_name

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("BTCUSDT", "BTC/USDT"),
        ("btc/usdt", "BTC/USDT"),
        ("BTC-USDT", "BTC/USDT"),
        ("BTC_USDT", "BTC/USDT"),
        (" ETH/USD ", "ETH/USD"),
        ("BTC/USDT:USDT", "BTC/USDT"),
        ("XBT/USDT", "BTC/USDT"),
        ("XBTUSD", "BTC/USD"),
        ("XXBTZUSD", "BTC/USD"),
        ("XTZUSD", "XTZ/USD"),
        ("tBTCUSD", "BTC/USD"),
        ("TBTCUSD", "TBTC/USD"),
        ("ETHBTC", "ETH/BTC"),
        ("BTCFDUSD", "BTC/FDUSD"),
        ("1INCHUSDT", "1INCH/USDT"),
        ("XRPTRY", "XRP/TRY"),
        ("FOO/BAR", "FOO/BAR"),
    ],
)
def test_every_usual_spelling_gives_one_symbol(text: str, symbol: str) -> None:
    assert parse_instrument(text).symbol == symbol


@pytest.mark.parametrize("text", ["", "BTC", "USDT", "BTC/USDT/EUR", "BTC/", "B$C/USD", "BTC/BTC", "XBT/BTC"])
def test_what_names_no_pair_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(InstrumentError, match=r"BTC/USDT|both"):
        parse_instrument(text)


@pytest.mark.parametrize(
    ("name", "venue", "symbol", "timeframe_ms"),
    [
        ("binance_BTC_USDT_5m_2024.csv.gz", "binance", "BTC/USDT", 300_000),
        ("BTC_USDT-1h.feather", "", "BTC/USDT", HOUR_MS),
        ("bitfinex_BTCUSD_1m_2019-04_2019-08.csv.gz", "bitfinex", "BTC/USD", 60_000),
        ("Binance_DOGEUSDT_1h_cdd.csv.gz", "binance", "DOGE/USDT", HOUR_MS),
        ("BTC_USDT_USDT-5m-futures.feather", "", "BTC/USDT", 300_000),
        ("BTCUSDT-1m-2024-01.csv", "", "BTC/USDT", 60_000),
        ("XRPUSD_1.csv", "", "XRP/USD", 60_000),
        ("ETH_BTC-1d.feather", "", "ETH/BTC", 24 * HOUR_MS),
        ("my_candles_15m.csv", "", None, 900_000),
        ("candles.csv", "", None, None),
    ],
)
def test_a_file_name_tells_what_it_can(
    name: str, venue: str, symbol: str | None, timeframe_ms: int | None
) -> None:
    named = read_file_name(name)
    assert (named.venue, named.timeframe_ms) == (venue, timeframe_ms)
    assert (named.instrument.symbol if named.instrument else None) == symbol
    assert named.instrument is None or named.instrument.venue == venue
