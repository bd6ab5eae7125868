"""Files of feeds for the tests: where the fixtures are, and one way to import them."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from cointrader.data_feeds.front_door import FrontDoor
from cointrader.data_feeds.outcome import FileOutcome
from cointrader.interop.file_kind import ImportOptions
from storage.workspace import Workspace

FIXTURES = Path(__file__).parents[2] / "fixtures" / "feeds"
PART_1 = FIXTURES / "binance_usdm_btcusdt_part1.gz"
PART_2 = FIXTURES / "binance_usdm_btcusdt_part2.gz"
LEVELS = FIXTURES / "oe_btc_lob15_1m.csv.gz"
TAPE = FIXTURES / "binance_BTCUSDT_24h-trades_2020_11_16.csv"
NEWS = FIXTURES / "crypto_news_with_sentiment_2024.csv"


def import_files(
    workspace: Workspace,
    connection: sqlite3.Connection,
    paths: Sequence[Path],
    options: ImportOptions | None = None,
) -> list[FileOutcome]:
    door = FrontDoor(workspace, connection, options or ImportOptions())
    return list(door.take(paths))


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Records by type."""
    rows = connection.execute("SELECT type, count(*) FROM feed_record GROUP BY type").fetchall()
    return dict(rows)
