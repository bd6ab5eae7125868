"""Files, folders and archives go in by one door: what is good is kept, what is bad is told with its place."""

import gzip
import io
import os
import sqlite3
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cointrader.data_feeds import archives
from cointrader.data_feeds.front_door import FrontDoor
from cointrader.data_feeds.outcome import FileOutcome
from cointrader.data_feeds.preview import preview_files
from cointrader.data_feeds.recognise import Question, Recognition
from cointrader.interop.file_kind import ImportOptions
from storage.candles import list_candles, read_candles
from storage.source_files import list_source_files, source_file_at
from storage.workspace import Workspace
from tests.cointrader.data_feeds.candle_texts import FIXTURES, HEADER, MINUTE_MS, START_MS, bar, bars, written


@pytest.fixture
def door(workspace: Workspace, connection: sqlite3.Connection) -> FrontDoor:
    return FrontDoor(workspace, connection)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def by_name(outcomes: list[FileOutcome]) -> dict[str, FileOutcome]:
    return {Path(outcome.path).name: outcome for outcome in outcomes}


def test_of_a_folder_the_good_files_are_in_and_each_bad_one_is_refused_with_its_place(
    door: FrontDoor, connection: sqlite3.Connection, data: Path
) -> None:
    written(data, bars(50), "BTCUSDT_1m.csv")
    written(data, [*bars(30), "1704067200000,1,2"], "ETHUSDT_cut.csv", end="")
    written(data, [f"{line.split(',')[0]},0,0,0,0,1" for line in bars(50)], "SOLUSDT_zeros.csv")
    written(data, [*bars(50), *(bar(number, unit_ms=1_000) for number in range(50, 99))], "ADAUSDT_units.csv")
    written(data, bars(50), "prices.csv")
    (data / "tradesv3.sqlite").write_text("<!DOCTYPE html><html>404 Not Found</html>")
    (data / "empty.csv").touch()
    (data / "README.md").write_text("# notes")
    outcomes = by_name(list(door.take([data])))
    good = outcomes.pop("BTCUSDT_1m.csv")
    assert (good.state, good.kind, good.symbol, good.rows, good.gaps) == (
        "imported", "candles.ohlcv", "BTC/USDT", 50, 0
    )  # fmt: skip
    assert outcomes.pop("README.md").state == "skipped"
    assert {name: (each.state, each.line, each.field) for name, each in outcomes.items()} == {
        "ETHUSDT_cut.csv": ("refused", 31, "row"),
        "SOLUSDT_zeros.csv": ("refused", 1, "open"),
        "ADAUSDT_units.csv": ("refused", 51, "time"),
        "prices.csv": ("refused", 0, "symbol"),
        "tradesv3.sqlite": ("refused", 1, "file"),
        "empty.csv": ("refused", 1, "file"),
    }
    assert "HTML page" in outcomes["tradesv3.sqlite"].reason
    assert "--symbol BTC/USDT" in outcomes["prices.csv"].reason
    assert outcomes["SOLUSDT_zeros.csv"].refused == 50
    kept = dict(connection.execute("SELECT source_name, count(*) FROM quarantine GROUP BY 1").fetchall())
    assert kept == {name: each.quarantined for name, each in outcomes.items()}
    told = connection.execute("SELECT subject FROM event WHERE severity = 'error'").fetchall()
    assert sorted(name for (name,) in told) == sorted(outcomes)


def test_every_file_leaves_a_row_that_says_what_became_of_it(
    door: FrontDoor, connection: sqlite3.Connection, data: Path
) -> None:
    path = written(data, bars(50), "BTCUSDT_1m.csv")
    list(door.take([path]))
    row = source_file_at(connection, str(path))
    assert row is not None
    assert (row.state, row.kind, row.symbol, row.rows) == ("done", "candles.ohlcv", "BTC/USDT", 50)
    assert row.offset == row.size == path.stat().st_size
    path.write_text("")
    list(door.take([path]))
    again = source_file_at(connection, str(path))
    assert again is not None
    assert (again.id, again.state, again.refused) == (row.id, "refused", 1)
    assert again.rev > row.rev
    assert len(list_source_files(connection)) == 1


def test_a_file_that_was_refused_may_be_put_right(
    door: FrontDoor, connection: sqlite3.Connection, data: Path
) -> None:
    path = written(data, [*bars(30), "1,2"], "BTCUSDT_1m.csv")
    assert [outcome.state for outcome in door.take([path])] == ["refused"]
    written(data, bars(30), path.name)
    assert [outcome.state for outcome in door.take([path])] == ["imported"]
    assert list_candles(connection)[0].bars == 30
    assert [row.state for row in list_source_files(connection)] == ["done"]


def test_the_same_file_twice_adds_nothing(
    door: FrontDoor, connection: sqlite3.Connection, data: Path
) -> None:
    path = written(data, bars(50), "BTCUSDT_1m.csv")
    states = [outcome.state for outcome in door.take([path, path])]
    assert states == ["imported", "already there"]
    assert [row.bars for row in list_candles(connection)] == [50]


def test_where_two_files_overlap_it_is_said_which_wins_and_why(
    door: FrontDoor, connection: sqlite3.Connection, workspace: Workspace, data: Path
) -> None:
    written(data, bars(50), "BTCUSDT_a_1m.csv")
    other = [line.replace(",100,", ",100.5,") for line in bars(80)[30:]]
    written(data, other, "BTCUSDT_b_1m.csv")
    outcomes = by_name(list(door.take([data])))
    (note,) = outcomes["BTCUSDT_b_1m.csv"].notes
    assert note.startswith("20 bars are in BTCUSDT_a_1m.csv too, which was imported before, and 5 of them")
    assert "the bars that came first win, because" in note
    stored = read_candles(workspace, "BTC/USDT", MINUTE_MS, connection=connection)
    assert stored.open[:50].tolist() == [100 + number % 7 for number in range(50)]
    assert stored.open[56] == 100.5


def test_a_symbol_that_is_named_for_several_files_answers_only_those_that_do_not_say_it(
    door: FrontDoor, data: Path
) -> None:
    written(data, bars(50), "BTCUSDT_1m.csv")
    written(data, bars(50), "prices.csv")
    door = replace(door, options=ImportOptions(symbol="SOL/USDT"))
    symbols = {name: outcome.symbol for name, outcome in by_name(list(door.take([data]))).items()}
    assert symbols == {"BTCUSDT_1m.csv": "BTC/USDT", "prices.csv": "SOL/USDT"}


def test_a_symbol_that_is_named_for_one_file_is_taken_over_its_name(door: FrontDoor, data: Path) -> None:
    path = written(data, bars(50), "BTCUSDT_1m.csv")
    door = replace(door, options=ImportOptions(symbol="WBTC/USDT"))
    assert [outcome.symbol for outcome in door.take([path])] == ["WBTC/USDT"]


def test_what_nothing_says_is_asked_for(door: FrontDoor, data: Path) -> None:
    lines = ["date,open,high,low,close,volume", *(f"2024-01-01 0{hour}:00,1,2,1,2,5" for hour in range(9))]
    path = written(data, lines, "prices_1h.csv")
    asked = []

    def ask(name: str, recognition: Recognition, question: Question) -> str:
        asked.append((name, recognition.kind, question.option, question.default))
        return {"symbol": "eth-usdt", "zone": "Europe/Zurich"}[question.option]

    (outcome,) = replace(door, ask=ask).take([path])
    assert (outcome.symbol, outcome.details["first_close_ms"]) == ("ETH/USDT", START_MS)
    assert asked == [
        (str(path), "candles.header", "symbol", ""),
        (str(path), "candles.header", "zone", "UTC"),
    ]


def test_a_zone_that_nobody_says_is_utc_and_that_is_said(door: FrontDoor, data: Path) -> None:
    lines = ["date,open,high,low,close,volume", *(f"2024-01-01 0{hour}:00,1,2,1,2,5" for hour in range(9))]
    (outcome,) = door.take([written(data, lines, "ETHUSDT_1h.csv")])
    assert outcome.notes == ("nothing says the zone; taken as UTC, --zone says otherwise",)


def packed(folder: Path, name: str, members: dict[str, bytes]) -> Path:
    """An archive of these members: zip, or tar with or without gzip, by its name."""
    path = folder / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return path
    with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as archive:
        for member, content in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


TEXT = "\n".join(bars(50)).encode() + b"\n"


@pytest.mark.parametrize("name", ["all.zip", "all.tar", "all.tar.gz", "all.tgz"])
def test_of_an_archive_every_member_is_taken_and_nothing_is_left_lying_about(
    door: FrontDoor, workspace: Workspace, data: Path, name: str
) -> None:
    members = {
        "kraken/BTC-USDT_1m.csv": TEXT,
        "deep/er/ETHUSDT_1m.csv.gz": gzip.compress(TEXT),
        "deep/SOLUSDT_1m.csv": b"",
        "../../outside_BTCEUR_1m.csv": TEXT,
        "LICENSE": b"words",
        ".secret.csv": TEXT,
    }
    archive = packed(data, name, members)
    before = sorted(data.parent.rglob("*.csv"))
    outcomes = {outcome.path.removeprefix(f"{archive}/"): outcome for outcome in door.take([archive])}
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        "kraken/BTC-USDT_1m.csv": "imported",
        "deep/er/ETHUSDT_1m.csv.gz": "imported",
        "deep/SOLUSDT_1m.csv": "refused",
        "../../outside_BTCEUR_1m.csv": "refused",
        "LICENSE": "skipped",
        ".secret.csv": "skipped",
    }
    assert outcomes["kraken/BTC-USDT_1m.csv"].symbol == "BTC/USDT"
    assert sorted(data.parent.rglob("*.csv")) == before
    assert [entry.name for entry in workspace.root.iterdir() if entry.name.startswith(".import")] == []


def test_a_damaged_an_encrypted_and_a_huge_archive_are_refused(
    door: FrontDoor, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = packed(data, "whole.zip", {"BTCUSDT_1m.csv": TEXT})
    content = bytearray(whole.read_bytes())
    place = content.index(b"BTCUSDT_1m.csv") + 40
    content[place] ^= 0xFF
    (data / "spoilt.zip").write_bytes(content)
    (data / "cut.zip").write_bytes(whole.read_bytes()[:-40])
    locked = bytearray(whole.read_bytes())
    locked[6] |= 1  # the flag of the member's own header
    locked[locked.index(b"PK\x01\x02") + 8] |= 1  # and of the directory
    (data / "locked.zip").write_bytes(locked)
    reasons = {}
    for name in ("spoilt.zip", "cut.zip", "locked.zip"):
        (outcome,) = door.take([data / name])
        assert outcome.state == "refused"
        reasons[name] = outcome.reason
    assert "damaged" in reasons["spoilt.zip"]
    assert "damaged" in reasons["cut.zip"]
    assert "encrypted; unpack it first" in reasons["locked.zip"]
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    (outcome,) = door.take([whole])
    assert "unpacks to more than half of the free disk" in outcome.reason


def test_the_workspace_itself_hidden_files_and_links_are_left_alone(
    door: FrontDoor, workspace: Workspace, data: Path
) -> None:
    (data / ".env").write_text("KEY=1")
    (data / "link.csv").symlink_to(written(data, bars(20), "BTCUSDT_1m.csv"))
    inbox = written(workspace.inbox, bars(20), "ETHUSDT_1m.csv")
    outcomes = by_name(list(door.take([data.parent])))
    assert outcomes.pop("BTCUSDT_1m.csv").state == "imported"
    assert outcomes.pop(inbox.name).state == "imported"
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        ".env": "skipped",
        "link.csv": "skipped",
    }


def test_the_database_of_the_workspace_is_never_opened_under_whatever_name(
    door: FrontDoor, workspace: Workspace, data: Path
) -> None:
    link, hard_link = data / "link.sqlite", data / "trades.sqlite"
    link.symlink_to(workspace.database)
    hard_link.hardlink_to(workspace.database)
    for path in (workspace.database, link, hard_link, Path(f"{workspace.database}-wal")):
        (outcome,) = door.take([path])
        assert (outcome.state, outcome.reason) == ("refused", "is the database of this workspace"), path
    notes = {name: outcome.text for name, outcome in by_name(list(door.take([data]))).items()}
    assert notes["trades.sqlite"] == "is the database of this workspace"


def test_a_pipe_is_refused_without_waiting_for_it(door: FrontDoor, data: Path) -> None:
    os.mkfifo(data / "pipe.csv")
    (outcome,) = door.take([data / "pipe.csv"])
    assert (outcome.state, outcome.reason) == ("refused", "is no regular file")
    assert [outcome.state for outcome in door.take([data])] == ["skipped"]


def test_a_missing_path_is_refused_and_the_others_are_taken(door: FrontDoor, data: Path) -> None:
    path = written(data, bars(20), "BTCUSDT_1m.csv")
    states = [outcome.state for outcome in door.take([data / "nowhere.csv", path])]
    assert states == ["refused", "imported"]


def test_a_header_that_lacks_a_column_says_which(door: FrontDoor, data: Path) -> None:
    (outcome,) = door.take([written(data, ["ts,open,high,low,close", "1704067200,1,2,1,1"], "BTCUSDT.csv")])
    assert (outcome.state, outcome.field) == ("refused", "header")
    assert "no column for volume" in outcome.reason


def test_progress_rises_over_all_files_and_ends_at_its_total(door: FrontDoor, data: Path) -> None:
    written(data, bars(20), "BTCUSDT_1m.csv")
    written(data, bars(20), "ETHUSDT_1m.csv")
    told: list[tuple[int, int]] = []
    list(door.take([data], lambda done, total, message: told.append((done, total))))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


class Cancelled(Exception):
    pass


def test_a_cancelled_import_keeps_the_files_that_were_done(
    door: FrontDoor, connection: sqlite3.Connection, data: Path
) -> None:
    written(data, bars(20), "BTCUSDT_1m.csv")
    written(data, bars(20), "ETHUSDT_1m.csv")

    def cancel(done: int, total: int, message: str) -> None:
        if "ETH" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(door.take([data], cancel))
    assert [row.symbol for row in list_candles(connection)] == ["BTC/USDT"]


def test_a_preview_says_what_and_why_and_stores_nothing(
    workspace: Workspace, connection: sqlite3.Connection, data: Path
) -> None:
    written(data, [HEADER, *bars(20)], "prices.csv")
    (data / "BTC_USDT-1h.feather").write_bytes((FIXTURES / "BTC_USDT-1h.feather").read_bytes())
    (data / "page.csv").write_text("<html>")
    packed(data, "z.zip", {"ETHUSDT_1m.csv": TEXT})
    previews = {Path(preview.path).name: preview for preview in preview_files(workspace, [data])}
    assert previews["prices.csv"].kind == "candles.header"
    assert [question.option for question in previews["prices.csv"].questions] == ["symbol"]
    assert previews["prices.csv"].lines[0] == HEADER
    assert previews["BTC_USDT-1h.feather"].symbol == "BTC/USDT"
    assert previews["BTC_USDT-1h.feather"].lines[0].startswith("date, open")
    assert previews["page.csv"].kind == ""
    assert previews["ETHUSDT_1m.csv"].timeframe == "1m"
    assert list_candles(connection) == []
    assert list_source_files(connection) == []
