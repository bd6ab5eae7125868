"""The bundled candles are the ones that SOURCE.md says they are."""

import hashlib

from cointrader.data_feeds.candle_import import read_candle_file
from cointrader.data_feeds.sample import sample_files


def test_the_sample_is_two_clean_series_of_five_minutes() -> None:
    readings = [read_candle_file(path) for path in sample_files()]
    assert [reading.candles.symbol for reading in readings] == ["BTC/USDT", "ETH/USDT"]
    for reading in readings:
        assert reading.instrument.venue == "binance"
        report = reading.report
        assert (report.timeframe_ms, report.bars, report.gaps) == (300_000, 71_769, 0)
        assert (report.duplicates, report.refused, report.zero_volume) == (0, 0, 0)


def test_the_source_page_names_the_hash_of_each_file() -> None:
    page = (sample_files()[0].parent / "SOURCE.md").read_text()
    for path in sample_files():
        assert hashlib.sha256(path.read_bytes()).hexdigest() in page
