"""The bundled real candles and order books, with which an empty workspace fills itself."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SAMPLE_NAMES = ("binance_BTC_USDT_5m_2024.csv.gz", "binance_ETH_USDT_5m_2024.csv.gz")

BOOK_NAME = "oe_btc_lob15_1m.csv.gz"
BOOK_SYMBOL = "BTC/USD"


def sample_files() -> list[Path]:
    """The candle files of BTC/USDT and ETH/USDT, 5 minutes, 2024; the names say symbol and timeframe.

    Raises FileNotFoundError when the installation lacks them.
    """
    folder = files("cointrader.sample")
    paths = [Path(str(folder.joinpath(name))) for name in SAMPLE_NAMES]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: the bundled candles are missing; install the program again")
    return paths


def sample_book() -> Path:
    """600 books of BTC/USD, 15 levels a side, one a minute of 2021-04-17 and 18; BOOK_SYMBOL names the pair.

    Raises FileNotFoundError when the installation lacks it.
    """
    path = Path(str(files("cointrader.sample").joinpath(BOOK_NAME)))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the bundled order book is missing; install the program again")
    return path
