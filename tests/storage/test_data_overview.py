"""What there is of data: series with their strips, files by name, imports apart from other jobs."""

from __future__ import annotations

import sqlite3

from storage.candle_gaps import replace_gaps
from storage.data_overview import data_overview, series_detail
from storage.database import transaction
from storage.jobs import claim, enqueue, finish, register_worker
from storage.pages import PageSource, Sort, get_view
from storage.source_files import DONE, REFUSED, SourceFileRow, save_source_file
from tests.storage.test_candle_gaps import MINUTE_MS, add_series


def test_a_strip_that_is_known_is_not_made_again_until_its_series_changes(
    connection: sqlite3.Connection,
) -> None:
    series = add_series(connection, "BTC/USDT")
    first = data_overview(connection, columns=10)
    assert list(first.strips.values()) == [(1.0,) * 10]
    with transaction(connection):
        replace_gaps(connection, series, [(11 * MINUTE_MS, 20 * MINUTE_MS)])
    assert data_overview(connection, columns=10, known=first.strips).strips == first.strips
    connection.execute("UPDATE candle_file SET rev = rev + 1")
    (strip,) = data_overview(connection, columns=10, known=first.strips).strips.values()
    assert [round(part, 6) for part in strip] == [1.0, 0.0, *[1.0] * 8]


def test_the_share_of_a_series_and_its_longest_gaps(connection: sqlite3.Connection) -> None:
    series = add_series(connection, "BTC/USDT")
    with transaction(connection):
        replace_gaps(connection, series, [(5 * MINUTE_MS, 6 * MINUTE_MS), (11 * MINUTE_MS, 18 * MINUTE_MS)])
    (row,) = data_overview(connection, columns=1).series
    assert (row.symbol, row.share) == ("BTC/USDT", 0.9)
    detail = series_detail(connection, row, gaps=1)
    assert (detail.places, [gap.bars for gap in detail.longest]) == (2, [8])


def test_imports_are_told_apart_from_other_jobs(connection: sqlite3.Connection) -> None:
    done = enqueue(connection, kind="import", title="Import a.csv", arguments={})
    job = claim(connection, register_worker(connection, cpu_slots=1, gpu_slots=0), {"cpu": 1}, 60.0)
    assert job is not None
    finish(connection, done, job.attempt, "succeeded", result={"text": "20 bars"})
    enqueue(connection, kind="train", title="Train cnn", arguments={})
    waiting = [enqueue(connection, kind="import", title=name, arguments={}) for name in ("b", "c")]
    view = data_overview(connection, columns=1)
    assert [job.id for job in view.imports] == waiting
    assert view.last_import is not None and view.last_import.id == done


def test_a_file_is_known_by_its_name_without_folders(connection: sqlite3.Connection) -> None:
    paths = ("/data/a/trades.csv", "bare.csv", "/data/archive.zip/in/side.json")
    with transaction(connection):
        for path, state in zip(paths, (DONE, DONE, REFUSED), strict=True):
            save_source_file(connection, SourceFileRow(0, path, "candles.header", state, 1, 1))
    source = PageSource(connection, get_view("files"), None, Sort("name", descending=False))
    at = get_view("files").names.index("name")
    assert [row[at] for row in source.first(9)] == ["bare.csv", "side.json", "trades.csv"]
    assert data_overview(connection, columns=1).file_counts == {DONE: 2, REFUSED: 1}
