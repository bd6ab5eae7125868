"""Pictures of the screens of replays and steps at a small and at a large size; nothing depends on time."""

from __future__ import annotations

import pytest

from storage.database import transaction
from tests.tui import replay_rows as rows
from tests.tui.driving import console, until
from tests.tui.training_rows import FIRST_MS
from tui import health
from tui.screens.replay import ReplayScreen
from tui.screens.replay_form import ReplayForm
from tui.screens.replay_result import ReplayResultScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.step_browser import StepBrowserScreen
from tui.widgets.paged_table import PagedTable
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

SIZES = [(80, 24), (160, 50)]


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device is that of no particular machine."""
    monkeypatch.setattr(health, "device_name", lambda: "CPU")


@pytest.fixture
def filled(connection) -> int:
    """Setups, sessions kept in three ways, and replays; the session that is kept whole."""
    rows.add_setups(connection, 1_000, waiting=40)
    whole = rows.add_journalled_session(connection)
    digest = rows.add_journalled_session(connection, steps=300, mode="digest")
    rows.add_journalled_session(connection, steps=300, pruned_below=150, digest_from=250)
    rows.add_replay(connection, sessions=(whole, digest))
    rows.add_replay(
        connection,
        kind="prioritised",
        value=0.561,
        sessions=(whole, digest),
        words="better than its control out of sample (+0.027, more than 3 standard errors)",
    )
    rows.add_replay(connection, kind="selected", state="running")
    with transaction(connection):
        connection.execute("UPDATE session SET started_ms = ?", (FIRST_MS,))
    return whole


def table_is_there(app) -> bool:
    return any(table.pages.count is not None for table in app.screen.query(PagedTable))


@pytest.mark.parametrize("size", SIZES)
def test_replay(snap_compare, workspace, filled, size):
    app = console(workspace, "replay")

    async def marked(pilot):
        await until(pilot, lambda: isinstance(app.screen, ReplayScreen) and table_is_there(app))
        await until(pilot, lambda: "r.3" in app.screen.query_one("#replays", RecordList).text)
        await pilot.press("m", "j", "m")
        app.screen.query_one("#replays", RecordList).select(2)
        await until(pilot, lambda: "better than" in app.screen.query_one("#verdict", Panel).text)

    assert snap_compare(app, terminal_size=size, run_before=marked)


@pytest.mark.parametrize("size", SIZES)
def test_replay_form(snap_compare, workspace, filled, size):
    app = console(workspace, "replay", read_only=False)

    async def counted(pilot):
        await until(pilot, lambda: isinstance(app.screen, ReplayScreen) and table_is_there(app))
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, ReplayForm))
        await until(pilot, lambda: "of 960 setups" in app.screen.query_one("#meaning", Panel).text)

    assert snap_compare(app, terminal_size=size, run_before=counted)


def test_replay_result(snap_compare, workspace, filled):
    app = console(workspace, "replay")

    async def opened(pilot):
        await until(pilot, lambda: app.data_version > 0)
        app.push_screen(ReplayResultScreen(2))
        await until(pilot, lambda: isinstance(app.screen, ReplayResultScreen) and bool(result_of(app)))

    def result_of(app) -> str:
        return "".join(panel.text for panel in app.screen.query("#result").results(Panel))

    assert snap_compare(app, terminal_size=(100, 30), run_before=opened)


@pytest.mark.parametrize("size", SIZES)
def test_sessions(snap_compare, workspace, filled, size):
    app = console(workspace, "train")

    async def listed(pilot):
        await until(pilot, lambda: app.data_version > 0)
        app.push_screen(SessionsScreen("cnn"))
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen) and table_is_there(app))
        await until(pilot, lambda: "AdamW" in app.screen.query_one("#about", Panel).text)

    assert snap_compare(app, terminal_size=size, run_before=listed)


@pytest.mark.parametrize("size", SIZES)
def test_steps(snap_compare, workspace, filled, size):
    app = console(workspace, "train", read_only=False)

    async def shown(pilot):
        await until(pilot, lambda: app.data_version > 0)
        screen = StepBrowserScreen(filled, 123)
        app.push_screen(screen)
        await until(pilot, lambda: screen.is_attached and screen.row is not None)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=shown)
