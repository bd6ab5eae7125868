"""The same bars in every dialect are the same candles."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pytest

from cointrader.data_feeds.candle_import import CandleFileError, read_candle_file
from storage.candles import Candles
from tests.cointrader.data_feeds.candle_texts import FIXTURES, HEADER, MINUTE_MS, START_MS, bar, bars, written


def same(first: Candles, second: Candles) -> bool:
    return bool(np.array_equal(first.close_ms, second.close_ms)) and all(
        np.array_equal(values, second.columns[name]) for name, values in first.columns.items()
    )


@pytest.mark.parametrize(
    ("name", "dialect"), [("ETHUSDT_csv7.csv", "csv7"), ("ETHUSDT_ochl.csv", "bitfinex")]
)
def test_real_bars_read_the_same_with_a_header_as_csv7_and_in_bitfinex_order(name: str, dialect: str) -> None:
    headed, other = read_candle_file(FIXTURES / "ETHUSDT_header.csv"), read_candle_file(FIXTURES / name)
    assert (headed.dialect, other.dialect) == ("header", dialect)
    assert same(headed.candles, other.candles)
    assert headed.candles.symbol == other.candles.symbol == "ETH/USDT"
    assert headed.report == other.report


def test_times_are_closes_one_timeframe_after_the_open_times_of_the_file() -> None:
    candles = read_candle_file(FIXTURES / "binance_BTC_USDT_5m.csv.gz").candles
    assert candles.timeframe_ms == 300_000
    assert candles.close_ms[0] == START_MS + 300_000
    assert (candles.open[0], candles.high[0], candles.low[0], candles.close[0], candles.volume[0]) == (
        42283.58,
        42397.23,
        42261.02,
        42397.23,
        155.25731,
    )


def test_freqtrade_feather_is_read() -> None:
    reading = read_candle_file(FIXTURES / "BTC_USDT-1h.feather")
    assert (reading.dialect, reading.candles.symbol, reading.report.bars) == ("feather", "BTC/USDT", 120)
    assert reading.candles.timeframe_ms == 3_600_000
    assert reading.candles.close_ms[0] == START_MS + 3_600_000


@pytest.mark.parametrize("unit_ms", [1_000, 1, 0.001, 0.000001], ids=["s", "ms", "us", "ns"])
def test_the_unit_of_epoch_times_is_detected(tmp_path: Path, unit_ms: float) -> None:
    candles = read_candle_file(written(tmp_path, [HEADER, *bars(20, unit_ms=unit_ms)])).candles
    assert candles.close_ms.tolist() == [START_MS + number * MINUTE_MS for number in range(1, 21)]


@pytest.mark.parametrize(
    "date",
    [
        "2024-01-01 00:{:02}:00",
        "2024-01-01T00:{:02}:00Z",
        "2024-01-01 02:{:02}:00+02:00",
        "2024-01-01T00:{:02}:00.000",
        "2024-01-01 00:{:02}:00.000000",
        "2024-01-01 00:{:02}",
    ],
)
def test_dates_are_read_with_their_zone_and_as_utc_without(tmp_path: Path, date: str) -> None:
    lines = [bar(number, time=date.format(number)) for number in range(20)]
    candles = read_candle_file(written(tmp_path, [HEADER, *lines])).candles
    assert candles.close_ms[0] == START_MS + MINUTE_MS


def test_epoch_times_with_decimals_are_read(tmp_path: Path) -> None:
    lines = [bar(number, time=f"{START_MS // 1000 + 60 * number}.0") for number in range(20)]
    assert read_candle_file(written(tmp_path, lines)).candles.close_ms[0] == START_MS + MINUTE_MS


def test_six_columns_in_the_usual_order_are_not_taken_for_bitfinex(tmp_path: Path) -> None:
    reading = read_candle_file(written(tmp_path, bars(20)))
    assert reading.dialect == "ohlcv"
    assert reading.candles.high[0] == 102


def test_columns_are_found_by_name_in_any_order_and_case(tmp_path: Path) -> None:
    lines = ["Pair,Volume BTC,Close,Low,High,Open,Date,trades"]
    lines += [
        f"BTC/USDT,{1 + n % 3},{11 + n},9,{20 + n},{10 + n},2024-01-01 00:{n:02}:00,5" for n in range(9)
    ]
    reading = read_candle_file(written(tmp_path, lines, "unnamed.csv"))
    candles = reading.candles
    assert candles.symbol == "BTC/USDT"
    assert [values[0] for values in candles.columns.values()] == [10, 20, 9, 11, 1]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_seen(tmp_path: Path, separator: str) -> None:
    lines = [line.replace(",", separator) for line in [HEADER, *bars(20)]]
    assert read_candle_file(written(tmp_path, lines)).report.bars == 20


def test_quotes_a_byte_order_mark_blank_lines_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    lines = [",".join(f'"{field}"' for field in line.split(",")) for line in [HEADER, *bars(20)]]
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines[:5], "", *lines[5:], ""]).encode())
    assert read_candle_file(path).report.bars == 20


def test_gzip_is_known_by_its_bytes_and_may_have_several_members(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT_1m.csv"
    first, second = ("".join(f"{line}\n" for line in part) for part in (bars(20)[:9], bars(20)[9:]))
    path.write_bytes(gzip.compress(first.encode()) + gzip.compress(second.encode()))
    assert read_candle_file(path).report.bars == 20


def test_feather_with_epoch_times_is_read_by_their_unit(tmp_path: Path) -> None:
    prices = {
        name: [float(value)] * 3 for name, value in {"open": 2, "high": 3, "low": 1, "close": 2}.items()
    }
    date = [START_MS // 1000 + 60 * number for number in range(3)]
    path = tmp_path / "BTC_USDT-1m.feather"
    feather.write_feather(pa.table({"date": date, **prices, "volume": [1, 2, 3]}), str(path))
    assert read_candle_file(path).candles.close_ms[0] == START_MS + MINUTE_MS


def test_the_symbol_asked_for_wins_over_the_one_of_the_name(tmp_path: Path) -> None:
    path = written(tmp_path, bars(20), "ETHUSDT_1m.csv")
    assert read_candle_file(path, symbol="XBT-USD").candles.symbol == "BTC/USD"


def test_a_file_whose_pair_nobody_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CandleFileError, match="symbol: neither the file nor its name") as caught:
        read_candle_file(written(tmp_path, bars(20), "candles.csv"))
    assert caught.value.field == "symbol"


def test_arrays_are_writable_whatever_the_size_of_the_file(tmp_path: Path) -> None:
    for path in (written(tmp_path, bars(20)), FIXTURES / "BTC_USDT-1h.feather"):
        candles = read_candle_file(path).candles
        assert all(values.flags.writeable for values in (candles.close_ms, *candles.columns.values()))
