"""The bundled candles and books are the ones that SOURCE.md says they are."""

import hashlib
import sqlite3

import pytest

from cointrader.data_feeds.candle_import import read_candle_file
from cointrader.data_feeds.sample import BOOK_SYMBOL, sample_book, sample_files
from cointrader.interop.file_kind import ImportOptions
from storage.feed_records import find_records
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import import_files


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
    for path in (*sample_files(), sample_book()):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in page


def test_the_licence_that_a_file_is_passed_on_under_lies_beside_it() -> None:
    folder = sample_book().parent
    page = (folder / "SOURCE.md").read_text()
    assert "MIT License" in page and "(LICENSE-Apache-2.0.txt)" in page
    assert "Apache License" in (folder / "LICENSE-Apache-2.0.txt").read_text()


def test_the_sample_book_is_ten_hours_of_fifteen_levels_with_what_was_traded(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    (outcome,) = import_files(workspace, connection, [sample_book()], ImportOptions(symbol=BOOK_SYMBOL))
    assert (outcome.kind, outcome.symbol, outcome.rows) == ("book_csv", "BTC/USD", 600)
    assert (outcome.refused, outcome.gaps, outcome.details["levels"]) == (0, 2, 15)
    books = find_records(connection, "order_book:BTC/USD")
    assert len(books) == 600
    depths = [len(book.data[side]) for book in books for side in ("bids", "asks")]
    assert max(depths) == 15 and min(depths) >= 10
    assert books[0].data["bought"] == pytest.approx(96212.5266674539)
    assert books[0].data["sold"] == pytest.approx(78734.49867115908)
