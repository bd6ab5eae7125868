"""The data screen: where series have gaps, what was refused and why, and the import of files."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from storage import jobs
from storage.database import connect, open_database, transaction
from storage.workspace import Workspace
from tests.tui.data_rows import add_series, data_workspace
from tests.tui.driving import console, loaded, notes, screen_text, until
from tui import launch
from tui.app import CoinTraderApp
from tui.dialogs.cell import CellDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.gap_strip import gap_strip
from tui.import_preview import OpenQuestion, Preview, Previewer, PreviewFailed, unanswered
from tui.screens.data import DataScreen
from tui.screens.data_tables import FilesScreen, QuarantineScreen
from tui.screens.import_text import preview_text
from tui.screens.import_wizard import ImportWizard, read_inbox
from tui.symbols import ASCII, UNICODE
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

CANDLES = "time,open,high,low,close,volume\n" + "".join(
    f"{1_717_200_000_000 + minute * 60_000},1,2,0.5,1.5,10\n" for minute in range(20)
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two series, three files, three refused rows; only read."""
    return data_workspace(tmp_path_factory.mktemp("data"))


def writable(workspace: Workspace) -> CoinTraderApp:
    return console(workspace, "data", read_only=False)


def series(app: CoinTraderApp) -> RecordList:
    return app.screen.query_one("#series", RecordList)


def panel(app: CoinTraderApp, name: str) -> str:
    return app.screen.query_one(f"#{name}", Panel).text


async def shown(pilot: Pilot[None]) -> DataScreen:
    app = pilot.app
    assert isinstance(app, CoinTraderApp)
    await until(pilot, lambda: isinstance(app.screen, DataScreen) and "bars" in panel(app, "quality"))
    assert isinstance(app.screen, DataScreen)
    return app.screen


def test_the_strip_breaks_where_bars_are_missing() -> None:
    parts = (1.0, 0.999, 0.3, 0.0, 1.0)
    assert "".join(text for text, _ in gap_strip(parts, UNICODE)) == "━┅┄·━"
    assert "".join(text for text, _ in gap_strip(parts, ASCII)) == "=-.x="


async def test_every_series_is_a_line_that_is_whole_or_says_how_full_it_is(stored: Workspace) -> None:
    app = console(stored, "data")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        whole, broken = series(app).text.splitlines()
        assert "BTC/USDT" in whole and "100 %" in whole and "·" not in whole and "┅" not in whole
        assert "ETH/USDT" in broken and "87.40 %" in broken
        strip = broken.split("2024-06-01")[1].split("2024-07-12")[0].strip()
        # The long gap takes 120 of 1000 hours, from the four hundredth on.
        assert strip.count("·") in range(round(len(strip) * 0.12) - 2, round(len(strip) * 0.12) + 1)
        assert strip.index("·") in range(round(len(strip) * 0.4) - 1, round(len(strip) * 0.4) + 3)


async def test_the_quality_follows_the_cursor_and_enter_lists_the_gaps(stored: Workspace) -> None:
    app = console(stored, "data")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        assert "no gap" in panel(app, "quality")
        await pilot.press("j")
        await until(pilot, lambda: "126 bars missing in 3 places" in panel(app, "quality"))
        assert panel(app, "gaps").splitlines()[0].split()[:2] == ["120", "bars"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CellDialog))
        assert "2024-06-17 17:00 to 2024-06-22 16:00" in screen_text(pilot)


async def test_a_gap_that_nobody_noted_is_said_to_be_unknown(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    with closing(open_database(workspace)) as connection, transaction(connection):
        add_series(connection, "BTC/USDT", 60_000, 100, gaps=2, missing=5)
    app = console(workspace, "data")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        assert "where was not noted: import it" in panel(app, "quality")
        assert "━" not in series(app).text and "┅" in series(app).text


async def test_a_refused_file_says_why_and_enter_shows_the_rows_of_a_file(stored: Workspace) -> None:
    app = console(stored, "data")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        files = app.screen.query_one("#files", RecordList)
        assert "it is an HTML page" in files.text
        files.focus()
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, QuarantineScreen))
        await loaded(pilot)
        await until(pilot, lambda: "below the low" in screen_text(pilot))
        text = screen_text(pilot)
        assert 'source="ETH_1h.csv"' in text and "not a number" in text and "HTML" not in text
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))


async def test_a_file_of_which_nothing_was_refused_says_so(stored: Workspace) -> None:
    app = console(stored, "data")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        app.screen.query_one("#files", RecordList).focus()
        await pilot.press("G", "enter")
        await until(pilot, lambda: "no row was refused" in notes(pilot))


async def test_all_files_and_all_refused_rows_are_a_key_away(stored: Workspace) -> None:
    app = console(stored, "data")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FilesScreen))
        assert (await loaded(pilot)).pages.count == 3
        await pilot.press("slash", *"state:refused")
        table = await loaded(pilot)
        await until(pilot, lambda: table.pages.count == 1)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, QuarantineScreen))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, QuarantineScreen))
        assert (await loaded(pilot)).pages.count == 3


async def test_at_80x24_everything_has_a_place(stored: Workspace) -> None:
    app = console(stored, "data")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        lines = screen_text(pilot).splitlines()
        assert all(len(line) <= 80 for line in lines) and "0 Data" in lines[0]
        for words in ("series", "quality of BTC/USDT 5m", "imports", "files read last", "tradesv3.sqlite"):
            assert any(words in line for line in lines), words


async def test_an_empty_workspace_says_how_data_get_in(empty: Workspace) -> None:
    app = console(empty, "data")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(
            pilot, lambda: isinstance(app.screen, DataScreen) and "i imports files" in series(app).text
        )
        assert "nothing is being imported" in panel(app, "imports")


# Import


async def wizard(pilot: Pilot[None]) -> ImportWizard:
    app = pilot.app
    assert isinstance(app, CoinTraderApp)
    await until(pilot, lambda: isinstance(app.screen, DataScreen) and "i imports" in series(app).text)
    await pilot.press("i")
    await until(pilot, lambda: isinstance(app.screen, ImportWizard))
    assert isinstance(app.screen, ImportWizard)
    return app.screen


async def test_a_file_is_shown_for_what_it_is_and_asked_for_what_it_does_not_say(
    empty: Workspace, workers: list[Workspace]
) -> None:
    (empty.inbox / "something.csv").write_text(CANDLES, encoding="utf-8")
    app = writable(empty)
    async with app.run_test(size=(120, 40)) as pilot:
        dialog = await wizard(pilot)
        await until(pilot, lambda: "candles.header" in screen_text(pilot), "the preview")
        assert "Which pair is this" in screen_text(pilot)
        await pilot.press("enter")
        assert dialog.query_one("#symbol", Input).has_focus and app.screen is dialog
        await pilot.press(*"LTC/USDT", "enter")
        await until(pilot, lambda: bool(workers), "the job")
        with closing(connect(empty.database, readonly=True)) as connection:
            (job,) = jobs.list_jobs(connection)
        assert (job.kind, job.title) == ("import", "Import something.csv")
        assert job.arguments == {"paths": [str(empty.inbox / "something.csv")], "symbol": "LTC/USDT"}


async def test_several_marked_files_are_one_job(empty: Workspace, workers: list[Workspace]) -> None:
    for name in ("LTCUSDT_1m.csv", "XRPUSDT_1m.csv", "ADAUSDT_1m.csv"):
        (empty.inbox / name).write_text(CANDLES, encoding="utf-8")
    app = writable(empty)
    async with app.run_test(size=(120, 40)) as pilot:
        dialog = await wizard(pilot)
        await until(pilot, lambda: "XRP" in dialog.query_one("#inbox", RecordList).text)
        await pilot.press("space", "j", "space")
        await until(pilot, lambda: "2 files" in screen_text(pilot), "the preview of both")
        await pilot.press("enter")
        await until(pilot, lambda: bool(workers), "the job")
        with closing(connect(empty.database, readonly=True)) as connection:
            (job,) = jobs.list_jobs(connection)
        names = [Path(path).name for path in job.arguments["paths"]]
        assert (job.title, names) == ("Import 2 files", ["ADAUSDT_1m.csv", "XRPUSDT_1m.csv"])


async def test_a_file_that_nobody_knows_is_not_queued(
    empty: Workspace, workers: list[Workspace], tmp_path: Path
) -> None:
    page = tmp_path / "page.csv"
    page.write_text("<html><body>not found</body></html>", encoding="utf-8")
    app = writable(empty)
    async with app.run_test(size=(120, 40)) as pilot:
        dialog = await wizard(pilot)
        field = dialog.query_one("#path", Input)
        await until(pilot, lambda: field.has_focus, "the path, for the inbox is empty")
        field.value = str(page)
        await until(pilot, lambda: "not known" in screen_text(pilot), "the preview")
        await pilot.press("enter")
        assert app.screen is dialog and "HTML" in notes(pilot) and not workers


async def test_a_running_import_shows_its_progress_and_x_stops_it_after_a_question(
    tmp_path: Path, workers: list[Workspace]
) -> None:
    workspace = data_workspace(tmp_path)
    with closing(open_database(workspace)) as connection:
        job_id = launch.queue_import(connection, ["/data/a.csv"])
        worker = jobs.register_worker(connection, cpu_slots=1, gpu_slots=0)
        job = jobs.claim(connection, worker, {"cpu": 1}, 60.0)
        assert job is not None
        jobs.progress(connection, job_id, job.attempt, 30, 100, "a.csv: 300 rows read")
        app = writable(workspace)
        async with app.run_test(size=(120, 40)) as pilot:
            await shown(pilot)
            await until(pilot, lambda: "30 %" in panel(app, "imports"))
            assert "300 rows read" in panel(app, "imports")
            await pilot.press("X")
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            assert f"job {job_id}" in screen_text(pilot)
            await pilot.press("y")
            await until(pilot, lambda: "stops at its next step" in panel(app, "imports"))
            assert jobs.cancel_requested(connection, job_id)
            jobs.finish(connection, job_id, job.attempt, "cancelled")
            await until(pilot, lambda: "cancelled" in panel(app, "imports"))
            await pilot.press("X")
            await until(pilot, lambda: "no import is running" in notes(pilot))


async def test_an_import_that_ends_says_what_became_of_it(tmp_path: Path, workers: list[Workspace]) -> None:
    workspace = data_workspace(tmp_path)
    with closing(open_database(workspace)) as connection:
        job_id = launch.queue_import(connection, ["/data/a.csv"])
        job = jobs.claim(
            connection, jobs.register_worker(connection, cpu_slots=1, gpu_slots=0), {"cpu": 1}, 60.0
        )
        assert job is not None
        app = console(workspace, "data")
        async with app.run_test(size=(120, 40)) as pilot:
            await shown(pilot)
            await until(pilot, lambda: "Import a.csv" in panel(app, "imports"))
            jobs.finish(connection, job_id, job.attempt, "succeeded", result={"text": "a.csv: 20 bars of X"})
            await until(pilot, lambda: "20 bars of X" in notes(pilot))


async def test_a_read_only_console_imports_nothing(stored: Workspace) -> None:
    app = console(stored, "data")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        await pilot.press("i")
        await until(pilot, lambda: "--read-only" in notes(pilot))
        assert isinstance(app.screen, DataScreen)


def test_the_inbox_is_listed_by_name_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.csv", "A.csv", ".partial"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    assert [entry.path.name for entry in read_inbox(tmp_path)] == ["A.csv", "b.csv", "folder"]
    assert read_inbox(tmp_path / "none") == []


def test_a_preview_says_what_a_file_is(tmp_path: Path) -> None:
    file = tmp_path / "BTCUSDT_1m.csv"
    file.write_text(CANDLES, encoding="utf-8")
    (preview,) = Previewer(tmp_path).preview([file])
    assert (preview.kind, preview.symbol) == ("candles.header", "BTC/USDT")
    assert preview.lines[0].startswith("time,open")


def test_a_preview_that_was_stopped_gives_nothing_and_one_that_takes_too_long_says_so(tmp_path: Path) -> None:
    previewer = Previewer(tmp_path)
    with pytest.raises(PreviewFailed, match="still looking after 0 s"):
        previewer.preview([tmp_path], seconds=0.0)
    previewer.stop()
    assert previewer.preview([tmp_path]) == ()


def test_a_question_with_a_default_need_not_be_answered() -> None:
    open_one = OpenQuestion("symbol", "Which pair is this?", "", "BTC/USDT")
    settled = OpenQuestion("zone", "Which zone?", "UTC", "")
    preview = Preview("a.csv", "candles.header", "", "", "", (settled, open_one), ())
    assert unanswered([preview, preview]) == (open_one,)


def test_kinds_that_do_not_fit_are_counted() -> None:
    previews = [Preview(f"{kind}.csv", kind, "", "", "", (), ()) for kind in "abcdef"]
    assert preview_text(previews, 60, 4, UNICODE).plain.splitlines()[-1] == "and 4 more kinds"
    assert preview_text(previews, 60, 9, UNICODE).plain.splitlines()[-1].split() == ["1", "f"]


def test_an_import_is_queued_with_what_was_said_only(empty: Workspace) -> None:
    with closing(open_database(empty)) as connection:
        launch.queue_import(connection, ["/a", "/b"], zone="Europe/Zurich")
        text = connection.execute("SELECT arguments_json FROM job").fetchone()[0]
    assert json.loads(text) == {"paths": ["/a", "/b"], "zone": "Europe/Zurich"}
