"""Candles into the workspace: all of a file or nothing, once, and never over what is there."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cointrader.data_feeds.candle_import import CandleFileError, import_candles
from storage.candle_gaps import longest_gaps
from storage.candles import SeriesWriter, list_candles, read_candles
from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.data_feeds.candle_texts import FIXTURES, HEADER, MINUTE_MS, bar, bars, written

ETH = FIXTURES / "ETHUSDT_header.csv"


def parquet_files(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.candles.iterdir())


def test_an_import_stores_the_series_its_instrument_and_an_event(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    result = import_candles(workspace, connection, FIXTURES / "binance_BTC_USDT_5m.csv.gz")
    assert (result.symbol, result.venue, result.bars, result.bars_added) == ("BTC/USDT", "binance", 288, 288)
    (row,) = list_candles(connection)
    assert (row.symbol, row.timeframe_ms, row.bars, row.gaps) == ("BTC/USDT", 300_000, 288, 0)
    assert (row.dialect, row.provenance, row.source_sha256) == ("header", "import", result.source_sha256)
    assert row.path == f"candles/{parquet_files(workspace)[0]}"
    assert connection.execute(
        "SELECT base, quote, venue, symbol, first_seen_ms FROM instrument"
    ).fetchall() == [("BTC", "USDT", "binance", "BTC/USDT", row.first_close_ms)]
    assert connection.execute("SELECT kind, severity, subject FROM event").fetchall() == [
        ("import", "info", "BTC/USDT")
    ]
    stored = read_candles(workspace, "BTC/USDT", 300_000, connection=connection)
    assert (len(stored), stored.close[0]) == (288, 42397.23)


def test_the_same_file_twice_changes_nothing(workspace: Workspace, connection: sqlite3.Connection) -> None:
    import_candles(workspace, connection, ETH)
    before = list_candles(connection)
    again = import_candles(workspace, connection, ETH)
    assert again.already_there
    assert (again.bars_added, again.conflicts, again.bars_stored) == (0, 0, 200)
    assert list_candles(connection) == before
    assert "already there" in again.text


def test_the_same_bars_in_another_dialect_are_nothing_new(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    import_candles(workspace, connection, ETH)
    assert import_candles(workspace, connection, FIXTURES / "ETHUSDT_ochl.csv").already_there


def test_overlapping_bars_are_added_once_and_the_old_file_goes(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    lines = bars(100)
    import_candles(workspace, connection, written(tmp_path, lines[40:70], "BTCUSDT_a.csv"))
    result = import_candles(workspace, connection, written(tmp_path, lines, "BTCUSDT_b.csv"))
    assert (result.bars, result.bars_added, result.bars_stored, result.conflicts) == (100, 70, 100, 0)
    (row,) = list_candles(connection)
    assert (row.bars, row.gaps, row.source_name) == (100, 0, "BTCUSDT_b.csv")
    assert len(parquet_files(workspace)) == 1
    stored = read_candles(workspace, "BTC/USDT", MINUTE_MS, connection=connection)
    assert stored.open.tolist() == [100 + number % 7 for number in range(100)]


def test_a_gap_between_two_imports_is_counted_and_closed_by_a_third(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    lines, counts, places = bars(100), [], []
    for name, part in (("a", lines[:30]), ("b", lines[60:]), ("c", lines[30:60])):
        import_candles(workspace, connection, written(tmp_path, part, f"BTCUSDT_{name}.csv"))
        (row,) = list_candles(connection)
        counts.append((row.bars, row.gaps, row.missing_bars))
        places += [
            ((gap.from_ms - row.first_close_ms) // MINUTE_MS, gap.bars)
            for gap in longest_gaps(connection, row.id, MINUTE_MS, 10)
        ]
    assert counts == [(30, 0, 0), (70, 1, 30), (100, 0, 0)]
    assert places == [(30, 30)]


def test_a_stored_bar_is_never_changed_by_another_file(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    lines = bars(50)
    import_candles(workspace, connection, written(tmp_path, lines[:40], "BTCUSDT_a.csv"))
    lines[5] = lines[5].rsplit(",", 1)[0] + ",999"
    result = import_candles(workspace, connection, written(tmp_path, lines, "BTCUSDT_b.csv"))
    assert (result.bars_added, result.conflicts) == (10, 1)
    assert read_candles(workspace, "BTC/USDT", MINUTE_MS, connection=connection).volume.max() < 999
    severities = connection.execute("SELECT severity FROM event ORDER BY id").fetchall()
    assert severities == [("info",), ("warning",)]
    again = import_candles(workspace, connection, written(tmp_path, lines[:20], "BTCUSDT_c.csv"))
    assert "1 have other values in this file, the stored ones were kept" in again.text


def test_a_refused_file_leaves_its_rows_and_an_event_and_nothing_else(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = written(tmp_path, [HEADER, *bars(30), "1704067200000,1,2"])
    for _ in range(2):
        with pytest.raises(CandleFileError, match=":32: row"):
            import_candles(workspace, connection, path)
    kept = connection.execute("SELECT source_name, line, field, raw FROM quarantine").fetchall()
    assert kept == [("BTCUSDT_1m.csv", 32, "row", "1704067200000,1,2")]
    assert connection.execute("SELECT DISTINCT severity FROM event").fetchall() == [("error",)]
    assert (list_candles(connection), parquet_files(workspace)) == ([], [])
    assert connection.execute("SELECT count(*) FROM instrument").fetchall() == [(0,)]


def test_a_missing_file_is_told_in_an_event(workspace: Workspace, connection: sqlite3.Connection) -> None:
    with pytest.raises(CandleFileError, match="No such file"):
        import_candles(workspace, connection, workspace.root / "BTCUSDT.csv")
    assert "No such file" in connection.execute("SELECT text FROM event").fetchone()[0]


def test_the_bad_rows_of_a_good_file_are_in_quarantine_once(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    lines = bars(60)
    lines[9] = lines[9].replace(",", ",-", 1)
    path = written(tmp_path, lines)
    results = [import_candles(workspace, connection, path) for _ in range(2)]
    assert [result.report.refused for result in results] == [1, 1]
    kept = connection.execute("SELECT line, field, raw, source_sha256 FROM quarantine").fetchall()
    assert kept == [(10, "open", lines[9], results[0].source_sha256)]
    assert list_candles(connection)[0].refused == 1


def test_two_venues_are_never_mixed_in_one_series(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    import_candles(workspace, connection, written(tmp_path, bars(50), "binance_BTCUSDT_1m.csv"))
    with pytest.raises(CandleFileError, match="kept from binance and this file is from kraken"):
        import_candles(workspace, connection, written(tmp_path, bars(60), "kraken_BTCUSDT_1m.csv"))
    assert list_candles(connection)[0].bars == 50


def test_made_up_bars_are_never_mixed_with_real_ones(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    import_candles(workspace, connection, written(tmp_path, bars(50)))
    with pytest.raises(CandleFileError, match="'import' and this file is 'synthetic'"):
        import_candles(workspace, connection, written(tmp_path, bars(60)), provenance="synthetic")


def test_bars_between_the_stored_ones_are_refused(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    import_candles(workspace, connection, written(tmp_path, bars(50)))
    shifted = [bar(number, time=1_704_067_230_000 + number * MINUTE_MS) for number in range(50)]
    with pytest.raises(CandleFileError, match="close between"):
        import_candles(workspace, connection, written(tmp_path, shifted))


@pytest.mark.parametrize("fault", ["damaged", "missing"])
def test_a_series_whose_file_is_unusable_is_replaced_by_importing_again(
    workspace: Workspace, connection: sqlite3.Connection, fault: str
) -> None:
    import_candles(workspace, connection, ETH)
    path = workspace.root / list_candles(connection)[0].path
    if fault == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9] + b"tampered!")
    assert import_candles(workspace, connection, ETH).bars_added == 200
    assert len(read_candles(workspace, "ETH/USDT", 300_000, connection=connection)) == 200
    assert (
        "unusable and is replaced" in connection.execute("SELECT text FROM event WHERE id = 2").fetchone()[0]
    )


def test_an_import_that_is_overtaken_by_another_merges_with_what_that_one_stored(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = bars(90)
    first, second = (
        written(tmp_path, part, f"BTCUSDT_{name}.csv")
        for name, part in (("a", lines[:50]), ("b", lines[40:]))
    )
    finish = SeriesWriter.finish

    def overtaken(writer: SeriesWriter) -> tuple[str, str]:
        monkeypatch.setattr(SeriesWriter, "finish", finish)
        other = open_database(workspace)
        import_candles(workspace, other, second)
        other.close()
        return finish(writer)

    monkeypatch.setattr(SeriesWriter, "finish", overtaken)
    assert import_candles(workspace, connection, first).bars_added == 40
    assert len(read_candles(workspace, "BTC/USDT", MINUTE_MS, connection=connection)) == 90


DIES = """
import os, signal, sys
from pathlib import Path
from cointrader.data_feeds import candle_import, candle_store
from storage.database import open_database
from storage.workspace import Workspace

def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(candle_store, sys.argv[3], die)
workspace = Workspace(Path(sys.argv[1]))
candle_import.import_candles(workspace, open_database(workspace), Path(sys.argv[2]))
"""


@pytest.mark.parametrize(
    "place", ["transaction", "record_event"], ids=["after the file", "in the transaction"]
)
def test_a_kill_in_the_middle_leaves_nothing_that_counts_and_the_next_import_is_whole(
    workspace: Workspace, place: str
) -> None:
    arguments = (sys.executable, "-c", DIES, str(workspace.root), str(ETH), place)
    done = subprocess.run(arguments, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    connection = open_database(workspace)
    assert list_candles(connection) == []
    orphans = parquet_files(workspace)
    assert len(orphans) == 1
    assert import_candles(workspace, connection, ETH).bars_added == 200
    assert parquet_files(workspace) == orphans
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


def test_progress_is_told_from_the_first_step_to_the_last(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    told: list[tuple[int, int]] = []
    import_candles(
        workspace, connection, ETH, progress=lambda done, total, message: told.append((done, total))
    )
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)


def test_the_source_is_left_as_it_was(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / ETH.name
    shutil.copyfile(ETH, path)
    os.chmod(path, 0o400)
    import_candles(workspace, connection, path)
    assert path.read_bytes() == ETH.read_bytes()
