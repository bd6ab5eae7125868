"""Pictures of the screens of training at a small and at a large size; nothing in them depends on time."""

from __future__ import annotations

import dataclasses

import pytest

import storage.overview
from storage.database import transaction
from tests.tui import training_rows as rows
from tests.tui.driving import console, until
from tui import health, phrases
from tui.screens.training_form import TrainingForm
from tui.widgets.chart.chart import Chart
from tui.widgets.panel import Panel

SIZES = [(80, 24), (160, 50)]
NOW_MS = rows.FIRST_MS + 400 * rows.DAY_MS


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still; disk and device are those of no particular machine."""
    real = storage.overview.overview

    def overview(connection, **more):
        view = real(connection, **more)
        return dataclasses.replace(view, disk_free_bytes=50_000_000_000, database_bytes=12_000_000)

    monkeypatch.setattr(storage.overview, "overview", overview)
    monkeypatch.setattr(phrases, "now_ms", lambda: float(NOW_MS))
    monkeypatch.setattr(health, "device_name", lambda: "CPU")


@pytest.fixture
def trained(connection):
    """A run, and two sessions of which one has diverged; no worker, no job."""
    rows.add_run(connection)
    good, _ = rows.add_session(connection, steps=600, state="succeeded", job=False)
    rows.add_session(connection, steps=500, state="diverged", diverge_at=412, seed=5, job=False)
    rows.add_version(connection, "cnn", good, value=0.534, baseline=0.5, status="champion")
    with transaction(connection):
        connection.execute("UPDATE artifact SET created_ms = ?", (NOW_MS - 3 * rows.DAY_MS,))
        connection.execute("UPDATE session SET started_ms = ?, ended_ms = ?", (NOW_MS - 90_000, NOW_MS))


@pytest.mark.parametrize("size", SIZES)
def test_overview(snap_compare, workspace, trained, size):
    app = console(workspace, "overview")

    async def filled(pilot):
        await until(pilot, lambda: "200 closed" in app.screen.query_one("#counts", Panel).text)
        panel = app.screen.query_one("#training", Panel)
        await until(pilot, lambda: "waiting" in panel.text)
        await until(pilot, lambda: panel.content_size.height == len(panel.text.splitlines()))
        await until(pilot, lambda: bool(app.screen.query("#equity:focus")), "the focus on the chart")

    assert snap_compare(app, terminal_size=size, run_before=filled)


@pytest.mark.parametrize("size", SIZES)
def test_live(snap_compare, workspace, trained, size):
    app = console(workspace, "live")

    async def overlaid(pilot):
        await until(pilot, lambda: "n 5" in app.screen.query_one("#chart-loss", Chart).text_line)
        await pilot.press("down", "m")
        await until(pilot, lambda: len(app.screen.query_one("#chart-loss", Chart).series) == 4)
        await pilot.press("end", "left")

    assert snap_compare(app, terminal_size=size, run_before=overlaid)


def test_train(snap_compare, workspace, trained):
    app = console(workspace, "train")

    async def listed(pilot):
        await until(pilot, lambda: "ROC-AUC" in app.screen.query_one("#about", Panel).text)
        await pilot.press("down")

    assert snap_compare(app, terminal_size=(120, 40), run_before=listed)


def test_form(snap_compare, workspace, trained):
    app = console(workspace, "train", read_only=False)

    async def refused(pilot):
        await until(pilot, lambda: "ROC-AUC" in app.screen.query_one("#about", Panel).text)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TrainingForm))
        app.screen.focused.cursor_blink = False
        await pilot.press("9", "9", "9", "9")

    assert snap_compare(app, terminal_size=(80, 24), run_before=refused)
