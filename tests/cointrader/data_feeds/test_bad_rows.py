"""A few bad rows in a good file are left out and kept for the report; many refuse the file."""

from pathlib import Path

import pytest

from cointrader.data_feeds.candle_import import CandleFileError, read_candle_file
from tests.cointrader.data_feeds.candle_texts import HEADER, START_MS, bar, bars, written


def spoilt(number: int, **fields: object) -> str:
    values = dict(
        zip(("time", "open", "high", "low", "close", "volume"), bar(number).split(","), strict=True)
    )
    return ",".join(str(value) for value in {**values, **fields}.values())


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"open": "NaN"}, "open", "empty or NaN"),
        ({"close": ""}, "close", "empty or NaN"),
        ({"low": "null"}, "low", "empty or NaN"),
        ({"high": "inf"}, "high", "not a finite number"),
        ({"close": "0"}, "close", "above zero"),
        ({"low": "-3"}, "low", "above zero"),
        ({"close": "12,5".replace(",", ".") + "x"}, "close", "not a number"),
        ({"high": 50}, "high", "below the low"),
        ({"high": 104.5, "low": 90}, "high", "below the close"),
        ({"open": 107, "high": 106.5}, "high", "below the open"),
        ({"low": 104.5, "high": 120}, "low", "above the open"),
        ({"close": 102, "low": 103, "high": 120}, "low", "above the close"),
        ({"volume": -1}, "volume", "negative"),
        ({"volume": "nan"}, "volume", "empty or NaN"),
        ({"time": ""}, "time", "empty"),
        ({"time": 0}, "time", "2009 and 2100"),
        ({"time": START_MS + 4 * 60_000 + 13}, "time", "not on the 1m grid"),
    ],
)
@pytest.mark.parametrize("header", [[HEADER], []], ids=["header", "headerless"])
def test_an_impossible_row_is_refused_with_line_field_reason_and_text(
    tmp_path: Path, header: list[str], fields: dict[str, object], field: str, reason: str
) -> None:
    lines = [*header, *bars(30)]
    place = len(header) + 4
    lines[place] = spoilt(4, **fields)
    reading = read_candle_file(written(tmp_path, lines))
    assert [(row.line, row.field, row.raw) for row in reading.refused] == [(place + 1, field, lines[place])]
    assert reason in reading.refused[0].reason
    assert (reading.report.bars, reading.report.refused, reading.report.gaps) == (29, 1, 1)


def test_lines_are_counted_past_blank_ones(tmp_path: Path) -> None:
    lines = [HEADER, *bars(10), "", "", *[spoilt(10, close=0), *bars(40)[11:]]]
    assert [row.line for row in read_candle_file(written(tmp_path, lines)).refused] == [14]


def test_an_exact_repeat_is_dropped_and_counted(tmp_path: Path) -> None:
    lines = bars(30)
    report = read_candle_file(written(tmp_path, [*lines[:9], lines[8], lines[8], *lines[9:]])).report
    assert (report.rows, report.bars, report.duplicates, report.refused) == (32, 30, 2, 0)


def test_a_repeat_with_other_values_is_refused_and_the_first_row_stays(tmp_path: Path) -> None:
    lines = bars(30)
    reading = read_candle_file(written(tmp_path, [*lines[:9], spoilt(8, volume=777), *lines[9:]]))
    assert [(row.line, row.field) for row in reading.refused] == [(10, "time")]
    assert reading.candles.volume.max() < 777
    assert reading.report.bars == 30


def test_rows_out_of_order_are_sorted_and_counted(tmp_path: Path) -> None:
    lines = bars(30)
    lines[3], lines[20] = lines[20], lines[3]
    ordered, shuffled = (
        read_candle_file(written(tmp_path, bars(30))),
        read_candle_file(written(tmp_path, lines)),
    )
    assert shuffled.candles.close.tolist() == ordered.candles.close.tolist()
    assert shuffled.report.out_of_order == 17


def test_a_file_that_runs_backwards_is_turned_round(tmp_path: Path) -> None:
    reading = read_candle_file(written(tmp_path, [HEADER, *reversed(bars(30))]))
    assert reading.report.out_of_order == 29
    assert reading.candles.open.tolist() == [100 + number % 7 for number in range(30)]


@pytest.mark.parametrize(
    ("rows", "bad", "is_refused"), [(300, 10, False), (300, 11, True), (2_000, 20, False)]
)
def test_more_bad_rows_than_ten_and_one_in_a_hundred_refuse_the_file(
    tmp_path: Path, rows: int, bad: int, is_refused: bool
) -> None:
    lines = bars(rows)
    for number in range(bad):
        lines[50 + number] = spoilt(50 + number, close="nan")
    path = written(tmp_path, lines)
    if not is_refused:
        assert read_candle_file(path).report.refused == bad
        return
    with pytest.raises(CandleFileError) as caught:
        read_candle_file(path)
    assert (caught.value.line, caught.value.field) == (51, "close")
    assert len(caught.value.refused) == bad


def test_a_short_file_that_is_mostly_bad_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CandleFileError, match="3 of 5 rows"):
        read_candle_file(written(tmp_path, [*bars(2), *(spoilt(number, open=0) for number in (2, 3, 4))]))


def test_a_column_of_zeros_refuses_the_file_at_its_first_line(tmp_path: Path) -> None:
    with pytest.raises(CandleFileError, match=r":2: open: 0 is not a price"):
        read_candle_file(written(tmp_path, [HEADER, *(spoilt(number, open=0) for number in range(50))]))


def test_words_instead_of_numbers_in_every_row_refuse_the_file(tmp_path: Path) -> None:
    with pytest.raises(CandleFileError, match=":2: close: 'buy' is not a number"):
        read_candle_file(written(tmp_path, [HEADER, *(spoilt(number, close="buy") for number in range(50))]))


def test_bars_in_which_nothing_was_traded_are_counted_and_kept(tmp_path: Path) -> None:
    lines = bars(30)
    lines[7] = spoilt(7, volume=0)
    report = read_candle_file(written(tmp_path, lines)).report
    assert (report.bars, report.zero_volume) == (30, 1)
