"""The bundled real candles, with which an empty workspace fills itself."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SAMPLE_NAMES = ("binance_BTC_USDT_5m_2024.csv.gz", "binance_ETH_USDT_5m_2024.csv.gz")


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
