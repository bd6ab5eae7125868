"""Every layout in which candles come is read to the same bars."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from cointrader.data_feeds.candle_import import CandleFileError, read_candle_file
from cointrader.data_feeds.candle_reading import CandleReading
from tests.cointrader.data_feeds.candle_texts import START_MS, written

HOUR_MS = 3_600_000
NAMES = ("open", "high", "low", "close", "volume")
ROWS = [
    (START_MS + n * HOUR_MS, 100.0 + n % 7, 103.0 + n % 7, 99.0 + n % 7, 101.5 + n % 7, 1.5 + n)
    for n in range(60)
]


def text(*values: object) -> str:
    return ",".join(map(str, values))


def date(time_ms: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime(form)


def assert_is_rows(reading: CandleReading, symbol: str = "BTC/USDT") -> None:
    candles = reading.candles
    assert (candles.symbol, candles.timeframe_ms, reading.report.refused) == (symbol, HOUR_MS, 0)
    assert [time - HOUR_MS for time in candles.close_ms.tolist()] == [row[0] for row in ROWS]
    for place, name in enumerate(NAMES, start=1):
        assert candles.columns[name].tolist() == [row[place] for row in ROWS], name


KLINES = [
    (row[0], *row[1:], row[0] + HOUR_MS - 1, 5_000.0, 12, 0.5, 2_500.0, 0) for row in ROWS
]  # close time, quote volume, trades, the takers' base and quote volume, ignored
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)


@pytest.mark.parametrize("scale", [1, 1_000], ids=["milliseconds", "microseconds of 2025"])
@pytest.mark.parametrize("header", [[], [KLINE_HEADER]], ids=["bare", "header"])
def test_binance_klines(tmp_path: Path, scale: int, header: list[str]) -> None:
    lines = [text(row[0] * scale, *row[1:6], row[6] * scale, *row[7:]) for row in KLINES]
    reading = read_candle_file(written(tmp_path, [*header, *lines], "BTCUSDT-1h-2024-01.csv"))
    assert reading.dialect == "binance_klines"
    assert_is_rows(reading)


BANNER = "https://www.CryptoDataDownload.com"


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (
            "Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT",
            lambda row: text(date(row[0], "%Y-%m-%d %I-%p"), "BTCUSDT", *row[1:], row[5] * 100),
        ),
        (
            "unix,date,symbol,open,high,low,close,Volume USDT,Volume BTC,tradecount",
            lambda row: text(
                row[0] // (1 if row[0] < ROWS[30][0] else 1_000), date(row[0]), "BTC/USDT",
                *row[1:5], row[5] * 100, row[5], 7,
            ),
        ),
        (
            "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume",
            lambda row: text(row[0] / 1_000, date(row[0]), "BTCUSDT", *row[1:]),
        ),
        (
            "Date,Symbol,Open,High,Low,Close,Volume(BTC),Volume(USDT)",
            lambda row: text(date(row[0], "%Y-%m-%d %I:%M:%S %p"), "BTCUSDT", *row[1:], 0),
        ),
    ],
    ids=["12-hour dates", "seconds and milliseconds beside a date", "one volume", "minutes with AM and PM"],
)  # fmt: skip
def test_cryptodatadownload_newest_first_under_its_banner(tmp_path: Path, header, line) -> None:  # type: ignore[no-untyped-def]
    lines = [BANNER, header, *(line(row) for row in reversed(ROWS))]
    reading = read_candle_file(written(tmp_path, lines, "Binance_BTCUSDT_1h.csv"))
    assert reading.dialect == "cryptodatadownload"
    assert reading.instrument.venue == "binance"
    assert reading.report.out_of_order == len(ROWS) - 1
    assert_is_rows(reading)


def test_twelve_at_night_is_the_first_hour_of_a_day(tmp_path: Path) -> None:
    lines = ["Date,Open,High,Low,Close,Volume"]
    lines += [f"2024-01-01 {hour},1,2,1,2,5" for hour in ("12-AM", "01-AM", "02-AM")]
    lines += [f"2024-01-01 {hour},1,2,1,2,5" for hour in ("11-AM", "12-PM", "01-PM", "02-PM")]
    candles = read_candle_file(written(tmp_path, lines, "BTCUSDT_1h.csv")).candles
    hours = [(time - START_MS) // HOUR_MS - 1 for time in candles.close_ms.tolist()]
    assert hours == [0, 1, 2, 11, 12, 13, 14]


def test_a_normalized_csv_with_its_time_first(tmp_path: Path) -> None:
    lines = ["ts,open,high,low,close,volume,trades", *(text(row[0] // 1_000, *row[1:], 3) for row in ROWS)]
    assert_is_rows(read_candle_file(written(tmp_path, lines, "BTC-USDT.normalized.csv")))


DOCUMENTS = {
    "BTC_USDT-1h.json": ROWS,
    "binance_BTCUSDT_1h.json": [[row[0], *map(str, row[1:6]), *row[6:]] for row in KLINES],
    "tBTCUSDT.json": [[row[0], row[1], row[4], row[2], row[3], row[5]] for row in ROWS],
    "answer.json": {"symbol": "BTC/USDT", "timeframe": "1h", "ohlcv": ROWS},
    "deep.json": {"pair": "BTCUSDT", "result": {"list": [[str(value) for value in row] for row in ROWS]}},
    "BTC-USDT.json": {
        "columns": list(NAMES), "index": [row[0] for row in ROWS], "data": [row[1:] for row in ROWS]
    },
    "BTCUSDT_objects.json": [dict(zip(("timestamp", *NAMES), row, strict=True)) for row in ROWS],
}  # fmt: skip


@pytest.mark.parametrize("indent", [None, 1], ids=["one line", "indented"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_of_exchanges_ccxt_freqtrade_and_pandas(tmp_path: Path, name: str, indent: int | None) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(DOCUMENTS[name], indent=indent))
    reading = read_candle_file(path)
    assert reading.dialect == "json"
    assert_is_rows(reading)


@pytest.mark.parametrize("name", ["BTC_USDT-1h.json", "answer.json"])
def test_json_that_was_cut_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(DOCUMENTS[name])[:-25])
    with pytest.raises(CandleFileError, match="ends in the middle; the file was cut"):
        read_candle_file(path)


def test_a_row_of_json_that_is_no_list_of_numbers_is_named(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.json"
    path.write_text(json.dumps([*ROWS[:5], [ROWS[5][0], {"open": 1}], *ROWS[6:]]))
    with pytest.raises(CandleFileError, match=r"json:6: row: is no list of rows of numbers"):
        read_candle_file(path)


def columns(divisor: int = 1) -> dict[str, list[float]]:
    table = {name: [row[place] for row in ROWS] for place, name in enumerate(NAMES, start=1)}
    return {"timestamp": [row[0] // divisor for row in ROWS], **table}


def test_the_bots_parquet_has_seconds_and_its_folder_names_the_exchange(tmp_path: Path) -> None:
    folder = tmp_path / "kraken"
    folder.mkdir()
    pq.write_table(pa.table(columns(1_000)), folder / "XBT-USDT_1h.parquet")
    reading = read_candle_file(folder / "XBT-USDT_1h.parquet")
    assert (reading.dialect, reading.instrument.venue) == ("parquet", "kraken")
    assert_is_rows(reading)


def test_a_table_whose_time_is_its_index_and_one_with_a_naive_date(tmp_path: Path) -> None:
    table = pa.table(columns())
    times = table["timestamp"].cast(pa.timestamp("ms"))
    index = table.drop_columns(["timestamp"]).append_column("__index_level_0__", times)
    pq.write_table(index, tmp_path / "BTC_USDT-1h.parquet")
    assert_is_rows(read_candle_file(tmp_path / "BTC_USDT-1h.parquet"))
    dated = table.drop_columns(["timestamp"]).append_column("date", times)
    feather.write_feather(dated, str(tmp_path / "BTC_USDT-1h.feather"))
    assert_is_rows(read_candle_file(tmp_path / "BTC_USDT-1h.feather"))


def test_a_table_with_two_symbols_is_refused(tmp_path: Path) -> None:
    table = pa.table({**columns(), "symbol": ["BTCUSDT"] * 30 + ["ETHUSDT"] * 30})
    pq.write_table(table, tmp_path / "all.parquet")
    with pytest.raises(CandleFileError, match="symbol: 'BTCUSDT' and 'ETHUSDT' are in one table"):
        read_candle_file(tmp_path / "all.parquet")


def test_a_parquet_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h.parquet"
    pq.write_table(pa.table(columns()), path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CandleFileError, match="the Parquet table is cut or damaged"):
        read_candle_file(path)


def test_dates_without_a_zone_are_read_in_the_zone_that_is_named(tmp_path: Path) -> None:
    lines = ["date,open,high,low,close,volume", *(text(date(row[0] + HOUR_MS), *row[1:]) for row in ROWS)]
    path = written(tmp_path, lines, "BTCUSDT_1h.csv")
    assert_is_rows(read_candle_file(path, zone="Europe/Zurich"))
    with pytest.raises(CandleFileError, match="zone: 'Mars' is no time zone"):
        read_candle_file(path, zone="Mars")


def test_a_local_time_that_never_was_is_refused_with_its_line(tmp_path: Path) -> None:
    start = 1_711_846_800_000  # 2024-03-31 01:00, an hour before clocks in Zurich were put forward
    lines = ["date,open,high,low,close,volume"]
    lines += [text(date(start + n * HOUR_MS), 1, 2, 1, 2, 5) for n in range(6)]
    with pytest.raises(CandleFileError, match=r"csv:3: time: 2024-03-31 02:00:00 never was in Europe/Zurich"):
        read_candle_file(written(tmp_path, lines, "BTCUSDT_1h.csv"), zone="Europe/Zurich")
