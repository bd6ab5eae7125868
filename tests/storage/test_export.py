"""Exports: the whole filter, in its order, in a file that is whole or not there."""

import csv
import json
import sqlite3
from pathlib import Path

import pytest

from storage import export
from storage.errors import StorageError
from storage.export import export_rows
from storage.filters import compile_filter
from storage.pages import PageSource, Sort, get_view
from tests.storage.trading_rows import fill

POSITIONS = get_view("positions")


@pytest.fixture
def source(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> PageSource:
    """Positions by exit price, which is missing while they are open; read in several blocks."""
    monkeypatch.setattr(export, "BLOCK", 50)
    fill(connection, 300)
    return PageSource(connection, POSITIONS, compile_filter("!symbol:sol", POSITIONS), Sort("exit"))


def test_a_csv_holds_every_row_of_the_filter_in_its_order(source: PageSource, tmp_path: Path) -> None:
    target = tmp_path / "positions.csv"
    count = export_rows(source, target)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert count == len(rows) == source.count() > 100
    assert tuple(rows[0]) == POSITIONS.names
    assert [int(row["id"]) for row in rows] == [row[-1] for row in source.first(count)]
    assert rows[-1]["exit"] == "" and rows[-1]["state"] == "open"


def test_json_lines_hold_the_same_rows_with_their_types(source: PageSource, tmp_path: Path) -> None:
    target = tmp_path / "positions.jsonl"
    told: list[int] = []
    count = export_rows(source, target, progress=told.append)
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    width = len(POSITIONS.columns)
    assert [tuple(row.values()) for row in rows] == [row[:width] for row in source.first(count)]
    assert told == [*range(50, count, 50), count]


def test_an_empty_result_is_a_file_with_a_header(connection: sqlite3.Connection, tmp_path: Path) -> None:
    target = tmp_path / "none.txt"
    assert export_rows(PageSource(connection, POSITIONS), target, format="csv") == 0
    assert target.read_text().strip() == ",".join(POSITIONS.names)


def test_an_export_that_fails_leaves_the_old_file_and_no_other(source: PageSource, tmp_path: Path) -> None:
    target = tmp_path / "positions.csv"
    target.write_text("as it was")

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_rows(source, target, progress=stop)
    assert target.read_text() == "as it was"
    assert list(tmp_path.glob("*positions.csv*")) == [target]


def test_an_export_that_cannot_be_is_refused_in_words(source: PageSource, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="csv or jsonl, not xlsx"):
        export_rows(source, tmp_path / "positions.xlsx")
    with pytest.raises(StorageError, match="cannot be written: No such file"):
        export_rows(source, tmp_path / "missing" / "positions.csv")
