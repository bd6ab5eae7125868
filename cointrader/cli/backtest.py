"""`cointrader backtest`: strategies, limits, fills, rewards and metrics over history."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.candles.columns import Candles


@dataclass(frozen=True)
class Loaded:
    """Candles to test on, and the number of places where bars are missing."""

    candles: tuple[Candles, ...]
    gaps: int

    @property
    def bars(self) -> int:
        """Bars of all symbols."""
        return sum(len(candles.close_ms) for candles in self.candles)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--candles", type=Path, metavar="FILE", help="test on this file instead of the stored candles"
    )
    parser.add_argument("--symbol", metavar="BASE/QUOTE", help="only this symbol; for a file, what it holds")
    parser.add_argument("--timeframe", metavar="TF", help="such as 1m, 5m, 1h")
    parser.add_argument(
        "--strategy", action="append", default=[], metavar="NAME", help="may be given again (default: all)"
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the strategy; STRATEGY.NAME=VALUE when there are several",
    )
    parser.add_argument(
        "--store",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep signals, rejections and positions (default: yes for stored candles, no for a file)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Load, test, store if wanted, print."""
    return 0
