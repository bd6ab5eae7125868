"""The first screen over a real database: empty, filling itself, filled, and in trouble."""

from __future__ import annotations

import sqlite3

import pytest

from cointrader.settings import ConsoleSettings, Settings
from storage import jobs
from storage.database import transaction
from storage.events import record_event
from storage.workspace import Workspace
from tests.tui import training_rows as rows
from tests.tui.driving import until
from tui.app import CoinTraderApp
from tui.screens.live import LiveScreen
from tui.screens.offer import OfferDialog
from tui.screens.overview import OverviewScreen
from tui.widgets.chart.chart import Chart
from tui.widgets.panel import Panel


def console(workspace: Workspace, *, read_only: bool = False, offer_seconds: int = 600) -> CoinTraderApp:
    settings = Settings(
        console=ConsoleSettings(offer_seconds=offer_seconds, symbols="braille", refresh_ms=50)
    )
    return CoinTraderApp(workspace, settings, read_only=read_only, fresh=True, first_screen="overview")


def panel(app: CoinTraderApp, id: str) -> str:
    return app.screen.query_one(f"#{id}", Panel).text


async def test_an_empty_workspace_offers_the_bundled_candles(workspace, connection, workers):
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, OfferDialog))
        await pilot.press("enter")
        await until(pilot, lambda: workers)
        [job] = jobs.list_jobs(connection)
        assert (job.kind, job.state) == ("bootstrap", "queued")
        await until(pilot, lambda: "Fill the workspace" in panel(app, "jobs"))


async def test_the_offer_accepts_itself_when_its_time_is_over(workspace, connection, workers):
    app = console(workspace, offer_seconds=3)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, OfferDialog))
        offer = app.screen
        assert isinstance(offer, OfferDialog)
        for _ in range(3):
            offer.tick()
        await until(pilot, lambda: workers)
        assert [job.kind for job in jobs.list_jobs(connection)] == ["bootstrap"]


async def test_whoever_declines_reads_how_to_import_and_can_still_change_their_mind(
    workspace, connection, workers
):
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, OfferDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, OverviewScreen))
        assert "cointrader import FILE" in panel(app, "empty")
        assert jobs.list_jobs(connection) == []
        await pilot.press("f")
        await until(pilot, lambda: workers)
        assert [job.kind for job in jobs.list_jobs(connection)] == ["bootstrap"]


async def test_read_only_offers_nothing(workspace, connection):
    app = console(workspace, read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Nothing is stored" in panel(app, "empty"))
        await pilot.press("f")
        await pilot.pause()
        assert isinstance(app.screen, OverviewScreen)
        assert jobs.list_jobs(connection) == []


async def test_the_console_goes_to_live_when_the_first_training_begins(workspace, connection, workers):
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, OfferDialog))
        await pilot.press("enter")
        await until(pilot, lambda: workers and isinstance(app.screen, OverviewScreen))
        rows.add_session(connection, steps=20, job=False)
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))


async def test_whoever_went_elsewhere_is_not_brought_to_live(workspace, connection, workers):
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, OfferDialog))
        await pilot.press("enter")
        await until(pilot, lambda: workers and isinstance(app.screen, OverviewScreen))
        overview = app.screen
        assert isinstance(overview, OverviewScreen) and overview.follows
        await pilot.press("5", "1")
        await until(pilot, lambda: app.screen is overview)
        rows.add_session(connection, steps=20, job=False)
        await until(pilot, lambda: "1 sessions" in panel(app, "counts"))
        assert app.screen is overview


async def test_a_filled_workspace_is_summed_up(workspace, connection):
    rows.add_run(connection)
    session, _ = rows.add_session(connection, agent="signal_classifier", state="succeeded", job=False)
    rows.add_version(connection, "signal_classifier", session, value=0.534, baseline=0.5, status="champion")
    with transaction(connection):
        record_event(connection, "import", "3 rows refused", severity="warning", subject="btc.csv")
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "200 closed" in panel(app, "counts"))
        assert "+4.1 % ▲" in panel(app, "run")
        assert "roc_auc 0.534 +0.034 ▲" in panel(app, "champions")
        assert "btc.csv: 3 rows refused" in panel(app, "troubles")
        assert "CPU only" in panel(app, "alive") or "GPU" in panel(app, "alive")
        chart = app.screen.query_one(Chart)
        assert "equity of backtest 1" in chart.lines[0] and "n 366" in chart.text_line


async def test_a_running_job_shows_its_progress_and_the_time_it_still_takes(workspace, connection):
    rows.add_session(connection, steps=600, total_steps=1500)
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "40 %" in panel(app, "jobs"))
        assert "ETA" in panel(app, "jobs") and "alive" in panel(app, "alive")


async def test_a_job_whose_worker_is_gone_is_never_called_running(workspace, connection):
    worker = rows.worker(connection)
    rows.add_session(connection, worker_id=worker)
    with transaction(connection):
        connection.execute("UPDATE worker SET boot_id = 'another boot' WHERE id = ?", (worker,))
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "presumed dead" in panel(app, "jobs"))
        assert "%" not in panel(app, "jobs") and "none alive" in panel(app, "alive")


async def test_what_is_written_meanwhile_appears_by_itself(workspace, connection):
    rows.add_run(connection, positions=10)
    app = console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "10 closed" in panel(app, "counts"))
        rows.add_run(connection, positions=5)
        await until(pilot, lambda: "15 closed" in panel(app, "counts"))


async def test_markup_in_the_data_is_text(workspace, connection: sqlite3.Connection):
    rows.add_run(connection)
    with transaction(connection):
        record_event(connection, "import", "[bold]x[/bold] \x1b[31m", severity="error", subject="[red]")
    app = console(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "[red]: [bold]x[/bold]" in panel(app, "troubles"))
        assert "\x1b" not in panel(app, "troubles")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_every_panel_has_room(workspace, connection, size):
    rows.add_run(connection)
    app = console(workspace)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "200 closed" in panel(app, "counts"))
        bottom = size[1] - 1
        for id in ("counts", "equity", "alive", "champions", "jobs", "troubles"):
            region = app.screen.query_one(f"#{id}").region
            assert region.height >= 1 and region.bottom <= bottom, id
