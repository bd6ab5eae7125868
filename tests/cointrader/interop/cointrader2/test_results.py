"""Results: which rows are one exit, and in which unit each is booked."""

from __future__ import annotations

import json

import pytest

from cointrader.interop.cointrader2.performance_json import HalfWritten, read_performance
from cointrader.interop.cointrader2.records import BotPnl
from cointrader.interop.cointrader2.results_csv import REGIME_PNL, STRATEGY_PNL, read_results
from cointrader.interop.cointrader2.snapshots import read_snapshot
from cointrader.interop.cointrader2.units import Booked, Exit, Unit, tell_units

EXIT = Exit(1, 1_700_000_000_000, "trend_bot", 20.0, 100.0, 110.0)


def booked(number: int, pnl: float, after_ms: int = 500, strategy: str = "trend_bot") -> Booked:
    return Booked(number, EXIT.ts_ms + after_ms, strategy, "trending", pnl)


def test_the_three_units_of_one_exit_are_told_apart() -> None:
    told = tell_units([EXIT], [booked(1, 20.0), booked(2, 0.1), booked(3, 10.0)])
    assert [row.unit for row in told] == [Unit.QUOTE, Unit.FRACTION, Unit.PER_UNIT]
    assert {row.exit_id for row in told} == {1}


def test_another_strategy_or_another_moment_is_another_exit() -> None:
    told = tell_units([EXIT], [booked(1, 20.0, 2_001), booked(2, 20.0, 0, "grid_bot")])
    assert [row.unit for row in told] == [Unit.UNKNOWN, Unit.UNKNOWN]


def test_without_an_exit_the_first_of_a_group_stands_for_it() -> None:
    told = tell_units([], [booked(1, 5.0, 0), booked(2, 0.02, 100), booked(3, 7.0, 9_000)])
    assert [row.unit for row in told] == [Unit.UNKNOWN, Unit.TWIN, Unit.UNKNOWN]


def test_results_are_read_by_their_header() -> None:
    header = "timestamp,strategy,symbol,entry_price,exit_price,pnl,confidence,direction"
    line = "2025-08-01T10:00:00,trend_bot,XBT/USDT,100,110,20,0.7,buy"
    (row,) = read_results(STRATEGY_PNL, header, [(1, header), (2, line)]).rows
    assert isinstance(row, BotPnl)
    assert (row.strategy, row.pnl, row.exit_price, row.confidence) == ("trend_bot", 20.0, 110.0, 0.7)


def test_lines_after_a_restart_still_know_the_header() -> None:
    header = "timestamp,regime,strategy,pnl"
    (row,) = read_results(REGIME_PNL, header, [(9, "2025-08-01T10:00:00,volatile,grid_bot,-1")]).rows
    assert isinstance(row, BotPnl)
    assert (row.regime, row.pnl) == ("volatile", -1.0)


def test_seeded_rows_are_no_results() -> None:
    header = "timestamp,regime,strategy,pnl"
    lines = [
        (2, "2025-08-01T10:00:00,breakout,sniper_solana,0.02"),
        (3, "2025-08-01T10:00:00,volatile,sniper_solana,0.05"),
    ]
    assert read_results(REGIME_PNL, header, lines).rows == []


def test_an_exit_booked_by_both_modules_is_read_once_a_number() -> None:
    record = {"timestamp": "2025-08-01T10:00:00", "pnl": 20.0}
    document = {
        "trending": {"trend_bot": [record, record, {**record, "pnl": 0.1}]},
        "": {"grid_bot": [record]},
    }
    rows = read_performance(json.dumps(document).encode()).rows
    assert [(row.regime, row.pnl) for row in rows if isinstance(row, BotPnl)] == [
        ("trending", 20.0),
        ("trending", 0.1),
        ("", 20.0),
    ]


@pytest.mark.parametrize("content", [b"", b'{"trending": {"trend_bot": [{"pnl"'])
def test_half_a_file_is_worth_another_try(content: bytes) -> None:
    with pytest.raises(HalfWritten):
        read_performance(content)


def test_the_bootstrap_says_how_far_each_timeframe_is() -> None:
    (event,) = read_snapshot(
        "bootstrap_progress.json", b'{"1m": {"fetched": 30, "required": 300}}', 10**18
    ).rows
    assert event.text == "1m 30 of 300"  # type: ignore[union-attr]
