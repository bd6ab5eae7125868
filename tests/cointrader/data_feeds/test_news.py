"""Headlines: their own scores kept, others scored here, read in order of time."""

import sqlite3
from pathlib import Path

import pytest

from storage.feed_records import find_records
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import NEWS, counts, import_files


def test_headlines_keep_the_score_of_their_file(workspace: Workspace, connection: sqlite3.Connection) -> None:
    (outcome,) = import_files(workspace, connection, [NEWS])
    assert (outcome.kind, outcome.rows, outcome.refused) == ("news", 8, 0)
    assert "kept as they are" in outcome.notes[0] and "no order of time" in outcome.notes[1]
    found = find_records(connection, "news_sentiment:market")
    moments = [record.ts_ms for record in found]
    assert moments == sorted(moments) and len(moments) == 8
    by_title = {record.data["title"][:16]: record.data["sentiment"] for record in found}
    assert by_title["paradigm leads $"] == 0.13268064


def test_texts_without_a_score_are_scored_here(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "headlines.csv"
    path.write_text(
        "published,title,coin\n2024-04-09T12:00:00Z,A wonderful rally and great gains,BTC\n"
        "2024-04-09T13:00:00+02:00,A terrible crash and awful losses,BTC\n"
    )
    (outcome,) = import_files(workspace, connection, [path])
    assert outcome.details["scored_here"] is True
    bad, good = find_records(connection, "news_sentiment:BTC")
    assert bad.ts_ms == 1_712_660_400_000 and good.ts_ms == 1_712_664_000_000
    assert bad.data["sentiment"] < -0.5 and good.data["sentiment"] > 0.5


def test_a_score_beyond_the_scale_and_a_date_that_is_none_are_refused(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "news.csv"
    path.write_text(NEWS.read_text() + "2024-04-09 12:00:00,a,b,7.5\nyesterday,a,b,0.5\n")
    (outcome,) = import_files(workspace, connection, [path])
    assert (outcome.rows, outcome.refused) == (10, 2)
    fields = connection.execute("SELECT field, reason FROM quarantine ORDER BY line").fetchall()
    assert fields == [("sentiment", "7.5 is above 1"), ("timestamp", "'yesterday' is no ISO time")]


@pytest.mark.shared_data
def test_the_shared_news_are_counted_as_their_readme_says(
    shared_data: Path, workspace: Workspace, connection: sqlite3.Connection
) -> None:
    (outcome,) = import_files(workspace, connection, [shared_data / "news"])
    assert (outcome.rows, outcome.refused) == (217, 0)
    assert counts(connection) == {"news_sentiment": 217}
    found = find_records(connection, "*")
    assert (found[0].ts_ms, found[-1].ts_ms) == (1_710_749_419_000, 1_714_755_515_000)
