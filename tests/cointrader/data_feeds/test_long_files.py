"""A file read block by block gives what the same file gives when it is read at once, in bounded memory."""

import gzip
import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from cointrader.data_feeds import long_blocks, long_reading
from cointrader.data_feeds.candle_import import CandleFileError, import_candles, read_candle_file
from cointrader.data_feeds.long_reading import read_long
from storage.candles import Candles, read_candles
from storage.workspace import Workspace
from tests.cointrader.data_feeds.candle_texts import HEADER, MINUTE_MS, START_MS, bar, bars, written


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of a few rows, so that small files have many."""
    monkeypatch.setattr(long_blocks, "BLOCK_BYTES", 500)
    monkeypatch.setattr(long_blocks, "BLOCK_ROWS", 20)
    monkeypatch.setattr(long_reading, "LONG_BYTES", 2_000)
    yield


def joined(pieces: Iterator[Candles]) -> dict[str, list[float]]:
    whole: dict[str, list[float]] = {}
    for piece in pieces:
        for name, values in {"close_ms": piece.close_ms, **piece.columns}.items():
            whole.setdefault(name, []).extend(values.tolist())
    return whole


def compare(path: Path, folder: Path) -> None:
    """Both ways give the same series, the same report and the same refused rows, or the same refusal."""
    scratch = folder / "scratch"
    scratch.mkdir()
    try:
        whole = read_candle_file(path)
    except CandleFileError as error:
        with pytest.raises(CandleFileError) as caught:
            read_long(path, scratch)
        assert (caught.value.line, caught.value.field) == (error.line, error.field)
        assert caught.value.reason == error.reason
        return
    long = read_long(path, scratch)
    assert joined(long.pieces()) == joined(whole.pieces())
    assert asdict(long.report) == asdict(whole.report)
    assert (long.dialect, long.instrument) == (whole.dialect, whole.instrument)
    assert [(row.line, row.field, row.reason) for row in long.refused] == [
        (row.line, row.field, row.reason) for row in whole.refused
    ]


GOOD = bars(300)
SHUFFLED = random.Random(1).sample(GOOD, len(GOOD))


@pytest.mark.parametrize(
    "lines",
    [
        GOOD,
        [HEADER, *GOOD],
        [HEADER, *reversed(GOOD)],
        [HEADER, *SHUFFLED],
        [*GOOD[:100], *GOOD[130:]],
        [*GOOD[:100], *GOOD[90:]],
        [*GOOD[:100], "", *GOOD[100:]],
        [*GOOD[:200], "x,1,2,3,4,5", *GOOD[200:]],
        [*GOOD[:200], f"{START_MS + 200 * MINUTE_MS},0,0,0,0,0", *GOOD[201:]],
        [*GOOD[:200], bar(200).replace("1", "2", 30), *GOOD[201:]],
        [*GOOD[:200], f"{START_MS + 200 * MINUTE_MS + 7},100,102,99,101,1", *GOOD[201:]],
        [*GOOD, f"{START_MS + 10 * MINUTE_MS},1,3,1,2,5"],
        [*GOOD[:250], "1704067200000,1,2"],
        [*GOOD[:150], *bars(150, unit_ms=1_000)],
        [f"{line.split(',')[0]},0,0,0,0,0" for line in GOOD],
    ],
    ids=[
        "good", "header", "newest first", "shuffled", "gap", "repeats", "blank", "no time", "zeros", "spoilt",
        "off grid", "conflict", "cut", "units", "all zeros",
    ],
)  # fmt: skip
def test_a_text_gives_the_same_in_blocks_as_at_once(tmp_path: Path, lines: list[str]) -> None:
    compare(written(tmp_path, lines), tmp_path)


def test_a_gzip_file_gives_the_same_and_a_cut_one_is_refused_with_its_line(tmp_path: Path) -> None:
    packed = gzip.compress("\n".join(GOOD).encode() + b"\n")
    path = tmp_path / "BTCUSDT_1m.csv.gz"
    path.write_bytes(packed)
    compare(path, tmp_path)
    path.write_bytes(packed[:-20])
    (tmp_path / "again").mkdir()
    with pytest.raises(CandleFileError, match=r"BTCUSDT_1m.csv.gz:\d+: compression: the gzip stream is cut"):
        read_long(path, tmp_path / "again")


def test_json_and_tables_give_the_same(tmp_path: Path) -> None:
    rows = [[float(field) for field in line.split(",")] for line in GOOD]
    rows = [[int(row[0]), *row[1:]] for row in rows]
    document = tmp_path / "BTC_USDT-1m.json"
    document.write_text(json.dumps(rows))
    names = HEADER.split(",")
    columns = {name: np.array([row[place] for row in rows]) for place, name in enumerate(names)}
    table = pa.table({**columns, "timestamp": pa.array([row[0] // 1000 for row in rows])})
    pq.write_table(table, tmp_path / "BTC_USDT-1m.parquet")
    feather.write_feather(table, str(tmp_path / "ETH_USDT-1m.feather"), chunksize=50)
    for number, name in enumerate(("BTC_USDT-1m.json", "BTC_USDT-1m.parquet", "ETH_USDT-1m.feather")):
        (tmp_path / str(number)).mkdir()
        compare(tmp_path / name, tmp_path / str(number))


def test_an_import_in_blocks_merges_with_what_is_there(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    import_candles(workspace, connection, written(tmp_path, GOOD[:200], "BTCUSDT_a.csv"))
    result = import_candles(workspace, connection, written(tmp_path, GOOD[100:], "BTCUSDT_b.csv"))
    assert (result.bars, result.bars_added, result.bars_stored) == (200, 100, 300)
    assert "100 bars are in BTCUSDT_a.csv too" in result.overlap
    stored = read_candles(workspace, "BTC/USDT", MINUTE_MS, connection=connection)
    assert stored.close_ms.tolist() == [START_MS + number * MINUTE_MS for number in range(1, 301)]
    assert [entry.name for entry in workspace.root.iterdir() if entry.name.startswith(".import")] == []


IMPORTS = """
import resource, sys
from pathlib import Path
from cointrader.data_feeds.candle_import import import_candles
from storage.database import open_database
from storage.workspace import Workspace

workspace = Workspace(Path(sys.argv[1]))
result = import_candles(workspace, open_database(workspace), Path(sys.argv[2]))
print(result.bars, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kib(workspace: Path, path: Path) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, str(workspace), str(path)],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True,
    )  # fmt: skip
    bars_read, peak = done.stdout.split()
    return int(bars_read), int(peak)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for number, count in enumerate((6_000_000, 18_000_000)):
        path = tmp_path / f"BTCUSDT_{number}.csv"
        with open(path, "w") as file:
            for start in range(0, count, 100_000):
                times = START_MS + np.arange(start, start + 100_000) * 1_000
                file.write("".join(f"{time},42000.5,42010.25,41990.125,42001.0,12.34567\n" for time in times))
        bars_read, peak = peak_kib(tmp_path / f"workspace{number}", path)
        assert bars_read == count
        peaks.append(peak)
        os.unlink(path)
    assert peaks[1] < peaks[0] + 100_000
