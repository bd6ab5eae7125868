"""trades.csv: rows with and without header, glued rows, probes, four spellings of time."""

from __future__ import annotations

import pytest

from cointrader.interop.cointrader2.records import BotTrade
from cointrader.interop.cointrader2.trades_csv import read_trades

ROW = "XBT/USDT,buy,0.1,25000.0,2024-05-01T00:00:00.123456,False"
MOMENT = 1_714_521_600_123


def trades(*lines: str) -> list[BotTrade]:
    reading = read_trades(list(enumerate(lines, start=1)))
    assert reading.refused == []
    return [row for row in reading.rows if isinstance(row, BotTrade)]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (f"$1234.56{ROW}", 1),
        (f"{ROW}$1234.56", 1),
        (f"{ROW}$1000.00{ROW}", 2),
        ("$1000.00" + ROW.replace("XBT", "1INCH"), 1),
        ("$1,000.50" + ROW, 1),
        ("$-3.25", 0),
        (f"{ROW},24000.0", 1),
    ],
)
def test_a_balance_without_a_line_end_is_cut_off(line: str, count: int) -> None:
    found = trades(line)
    assert len(found) == count
    assert {(row.symbol in ("XBT/USDT", "1INCH/USDT"), row.amount, row.price) for row in found} <= {
        (True, 0.1, 25000.0)
    }


def test_the_header_and_five_columns_of_the_readme_are_read() -> None:
    (row,) = trades("symbol,side,amount,price,timestamp", ROW.removesuffix(",False"))
    assert (row.ts_ms, row.kind) == (MOMENT, "fill")


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("1714521600123", MOMENT),
        ("1714521600", 1_714_521_600_000),
        ("2024-05-01T00:00:00.123Z", MOMENT),
        ("2024-05-01T02:00:00.123+02:00", MOMENT),
    ],
)
def test_each_spelling_of_a_moment_is_the_same_moment(time: str, moment: int) -> None:
    assert trades(f"XBT/USDT,buy,0.1,25000,{time},False")[0].ts_ms == moment


@pytest.mark.parametrize(
    ("amount", "price", "stop", "kind"),
    [
        ("0", "100", "False", "probe"),
        ("1", "0.0", "False", "unresolved"),
        ("1", "0", "True", "stop"),
        ("1", "2", "", "fill"),
    ],
)
def test_rows_that_are_no_fill_are_kept_apart(amount: str, price: str, stop: str, kind: str) -> None:
    assert trades(f"XBT/USDT,sell,{amount},{price},1714521600,{stop}")[0].kind == kind


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("XBT/USDT,buy,0.1", "row"),
        ("XBT/USDT,hold,0.1,1,1714521600,False", "side"),
        ("XBT/USDT,buy,nan,1,1714521600,False", "amount"),
        ("XBT/USDT,buy,1,-1,1714521600,False", "price"),
        ("XBT/USDT,buy,1,1,yesterday,False", "timestamp"),
    ],
)
def test_a_row_that_cannot_be_read_says_which_field(line: str, field: str) -> None:
    (refused,) = read_trades([(7, line)]).refused
    assert (refused.line, refused.field) == (7, field)


def test_equal_slices_of_one_order_are_two_rows_with_two_keys() -> None:
    one, two = trades(ROW, ROW)
    assert one.key != two.key
