"""Files that cannot be trusted are refused whole, each with file, line, field and reason."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pytest

from cointrader.data_feeds.candle_import import CandleFileError, read_candle_file
from tests.cointrader.data_feeds.candle_texts import FIXTURES, HEADER, bar, bars, written


def refusal(path: Path, **options: str) -> CandleFileError:
    with pytest.raises(CandleFileError) as caught:
        read_candle_file(path, **options)
    assert caught.value.path == path
    assert str(path) in str(caught.value)
    return caught.value


def where(error: CandleFileError) -> tuple[int, str]:
    return error.line, error.field


def test_the_text_reads_file_line_field_reason(tmp_path: Path) -> None:
    path = written(tmp_path, [*bars(20), "1,2,3"])
    error = refusal(path)
    assert str(error) == f"{path}:21: row: 3 fields where 6 are expected"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path / "BTCUSDT.csv")
    assert where(error) == (0, "file")
    assert "No such file" in error.reason


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).field == "file"


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", gzip.compress(b"")], ids=["nothing", "blank", "gzip"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(content)
    error = refusal(path)
    assert where(error) == (1, "file")
    assert "empty" in error.reason


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    assert "no rows" in refusal(written(tmp_path, [HEADER])).reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bytes(range(256)) * 40, "binary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "binary"),
        ("1704067200,1,2,\xff".encode("latin-1"), "binary or not UTF-8"),
        (b"PK\x03\x04" + bytes(50), "zip archive"),
        (b"SQLite format 3\x00" + bytes(50), "SQLite"),
    ],
    ids=["bytes", "picture", "not utf-8", "zip", "sqlite"],
)
def test_a_binary_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(content)
    error = refusal(path)
    assert error.field == "file"
    assert reason in error.reason


def test_binary_bytes_far_into_a_text_are_found_with_their_line(tmp_path: Path) -> None:
    path = written(tmp_path, bars(5_000))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4_000] = lines[4_000][:10] + b"\x00\xff" + lines[4_000][12:]
    path.write_bytes(b"".join(lines))
    assert where(refusal(path)) == (4_001, "file")


@pytest.mark.parametrize("cut", [8, 40, 200])
def test_a_gzip_that_was_cut_is_refused_with_the_line_it_reaches(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "binance_BTC_USDT_5m.csv.gz"
    path.write_bytes((FIXTURES / path.name).read_bytes()[:-cut])
    error = refusal(path)
    assert error.field == "compression"
    assert 200 < error.line <= 290


def test_a_gzip_with_a_wrong_check_sum_is_refused(tmp_path: Path) -> None:
    content = bytearray((FIXTURES / "binance_BTC_USDT_5m.csv.gz").read_bytes())
    content[-6] ^= 0xFF
    path = tmp_path / "binance_BTC_USDT_5m.csv.gz"
    path.write_bytes(content)
    assert "damaged" in refusal(path).reason


def test_a_row_cut_in_the_middle_of_the_last_line_refuses_the_file(tmp_path: Path) -> None:
    error = refusal(written(tmp_path, [*bars(50), bar(50)[:22]], end=""))
    assert where(error) == (51, "row")
    assert "ends in the middle of this row" in error.reason
    assert error.refused[0].raw == bar(50)[:22]


def test_a_last_line_without_its_end_is_read_but_noted(tmp_path: Path) -> None:
    reading = read_candle_file(written(tmp_path, bars(50), end=""))
    assert reading.report.bars == 50
    assert "no line end" in reading.report.notes[0]


@pytest.mark.parametrize("spoilt", [bar(30) + ",9", bar(30)[:-2], "garbage"])
def test_a_row_with_another_number_of_fields_refuses_the_file(tmp_path: Path, spoilt: str) -> None:
    lines = [HEADER, *bars(60)]
    lines[31] = spoilt
    error = refusal(written(tmp_path, lines))
    assert where(error) == (32, "row")
    assert error.refused[0].raw == spoilt


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        (["date,headline,description,sentiment", "2024-01-01,a,b,0.5"], "header"),
        (["timestamp,open,high,close,volume", "1704067200,1,2,1,5"], "header"),
        (["timestamp,open,high,low,close", "1704067200,1,2,1,1"], "header"),
        (["open,high,low,close,volume", "1,2,1,1,5"], "header"),
        (["timestamp,open,open,high,low,close,volume", "1704067200,1,1,2,1,1,5"], "header"),
        (["<html><body>Not found</body></html>"], "header"),
        (['{"strategy": {"trades": []}}'], "header"),
        (["1704067200,42000.5,0.1,ANY"], "columns"),
        (["1704067200,1,2,1,1,5,1704067259,5,3,1,1"], "columns"),
        ([HEADER, "31/01/2024,1,2,1,1,5"], "timestamp"),
    ],
)
def test_a_dialect_that_is_not_known_is_refused_with_what_was_found(
    tmp_path: Path, lines: list[str], field: str
) -> None:
    error = refusal(written(tmp_path, lines))
    assert error.field == field
    assert error.line == (2 if field == "timestamp" else 1)


def test_csv7_in_another_order_is_refused_for_its_impossible_highs(tmp_path: Path) -> None:
    lines = []
    for line in bars(60):
        time, opened, high, low, close, volume = line.split(",")
        lines.append(f"{time},{opened},{close},{high},{low},{volume},1")
    error = refusal(written(tmp_path, lines))
    assert where(error) == (1, "high")
    assert len(error.refused) == 60


def test_a_file_that_mixes_units_is_refused_at_the_first_line_that_differs(tmp_path: Path) -> None:
    error = refusal(written(tmp_path, [HEADER, *bars(40)[:25], *bars(40, unit_ms=1_000)[25:]]))
    assert where(error) == (27, "time")
    assert "seconds" in error.reason
    assert error.refused[0].raw == bar(25, unit_ms=1_000)


def test_a_file_that_mixes_epoch_times_and_dates_is_refused(tmp_path: Path) -> None:
    lines = bars(40)
    lines[7] = bar(7, time="2024-01-01 00:07:00")
    error = refusal(written(tmp_path, lines))
    assert where(error) == (8, "time")
    assert "mixes" in error.reason


def test_a_file_that_mixes_dates_with_and_without_a_zone_is_refused(tmp_path: Path) -> None:
    lines = [bar(number, time=f"2024-01-01 00:{number:02}:00") for number in range(40)]
    lines[9] = lines[9].replace(":00,", ":00+02:00,", 1)
    assert where(refusal(written(tmp_path, lines))) == (10, "time")


def test_a_file_of_two_symbols_is_refused_at_the_second(tmp_path: Path) -> None:
    lines = [f"{HEADER},symbol", *(f"{line},BTCUSDT" for line in bars(20))]
    lines[12] = f"{bar(11)},ETHUSDT"
    error = refusal(written(tmp_path, lines))
    assert where(error) == (13, "symbol")
    assert "ETHUSDT" in error.reason


def test_two_spellings_of_one_symbol_are_one(tmp_path: Path) -> None:
    lines = [f"{HEADER},symbol", *(f"{line},BTCUSDT" for line in bars(20))]
    lines[12] = f"{bar(11)},BTC/USDT"
    assert read_candle_file(written(tmp_path, lines)).report.bars == 20


def test_a_feather_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.feather"
    path.write_bytes((FIXTURES / path.name).read_bytes()[:-500])
    error = refusal(path)
    assert error.field == "file"
    assert "damaged" in error.reason


@pytest.mark.parametrize("name", ["date", "volume"])
def test_a_feather_table_that_lacks_a_column_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "BTC_USDT-1h.feather"
    table: pa.Table = feather.read_table(str(FIXTURES / path.name))
    feather.write_feather(table.drop_columns([name]), str(path))
    error = refusal(path)
    assert error.field == "columns"
    assert name in error.reason


@pytest.mark.parametrize(("timeframe", "reason"), [("1M", "not a timeframe"), ("5m", "bars are 1m apart")])
def test_a_timeframe_that_does_not_fit_is_refused(tmp_path: Path, timeframe: str, reason: str) -> None:
    error = refusal(written(tmp_path, bars(40)), timeframe=timeframe)
    assert error.field == "timeframe"
    assert reason in error.reason


def test_bars_without_a_common_step_need_a_timeframe(tmp_path: Path) -> None:
    lines = [bar(number * number) for number in range(30)]
    path = written(tmp_path, lines, "BTCUSDT.csv")
    assert refusal(path).field == "timeframe"
    assert read_candle_file(path, timeframe="1m").report.gaps == 28
