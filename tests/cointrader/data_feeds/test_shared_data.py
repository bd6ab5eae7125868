"""Real files of several exchanges and exporters: the counts are those that were counted by hand."""

from pathlib import Path

import pytest

from cointrader.data_feeds.candle_import import CandleFileError, read_candle_file

pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize(
    ("name", "dialect", "symbol", "counts"),
    [
        ("bitfinex_BTCUSD_1m_2019-04_2019-08.csv.gz", "bitfinex", "BTC/USD", (217_954, 1_577, 2_366, 0)),
        ("binance_BTC_USDT_5m_2024.csv.gz", "header", "BTC/USDT", (71_769, 0, 0, 0)),
        ("binance_ETH_USDT_5m_2024.csv.gz", "header", "ETH/USDT", (71_769, 0, 0, 0)),
        ("binance_SOL_USDT_5m_2024.csv.gz", "header", "SOL/USDT", (72_028, 0, 0, 0)),
        ("BTC_USDT-1h.feather", "feather", "BTC/USDT", (5_980, 0, 0, 0)),
        ("binance_BTC_USDT_1h_2017_2024.csv.gz", "header", "BTC/USDT", (58_419, 28, 128, 4)),
        ("Binance_DOGEUSDT_1h_cdd.csv.gz", "cryptodatadownload", "DOGE/USDT", (37_576, 19, 44, 3)),
    ],
)
def test_bars_gaps_missing_and_idle_bars_are_counted(
    shared_data: Path, name: str, dialect: str, symbol: str, counts: tuple[int, int, int, int]
) -> None:
    reading = read_candle_file(shared_data / "ohlcv" / name)
    report = reading.report
    assert (reading.dialect, reading.candles.symbol) == (dialect, symbol)
    assert (report.bars, report.gaps, report.missing_bars, report.zero_volume) == counts
    assert (report.duplicates, report.refused) == (0, 0)


def test_the_longest_outage_of_bitfinex_is_found(shared_data: Path) -> None:
    report = read_candle_file(shared_data / "ohlcv" / "bitfinex_BTCUSD_1m_2019-04_2019-08.csv.gz").report
    assert report.longest_gap_bars == 188
    assert report.first_close_ms == 1_554_076_860_000


@pytest.mark.parametrize(
    "name",
    [
        "orderbook/binance_usdm_btcusdt_20240718.gz",
        "orderbook/oe_btc_lob15_1m.csv.gz",
        "trades/binance_BTCUSDT_24h-trades_2020_11_16.csv",
        "bot_history/freqtrade_backtest-result-2024-09-06_13-01-00.json",
        "bot_history/freqtrade_tradesv3.sqlite",
        "bot_history/hummingbot_trades_bot_ba.csv",
        "news/crypto_news_with_sentiment_2024.csv",
    ],
)
def test_files_that_are_no_candles_are_refused_at_their_first_line(shared_data: Path, name: str) -> None:
    with pytest.raises(CandleFileError) as caught:
        read_candle_file(shared_data / name, symbol="BTC/USDT")
    assert caught.value.line == 1
