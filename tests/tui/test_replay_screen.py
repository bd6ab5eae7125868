"""Setups ranked by what there is to learn from them, marked and filtered; what replays of them brought."""

from __future__ import annotations

import pytest

from cointrader.settings import Settings
from storage.database import open_database
from storage.workspace import Workspace
from tests.tui import replay_rows as rows
from tests.tui.driving import console, loaded, notes, screen_text, until
from tui import setup_text
from tui.app import CoinTraderApp
from tui.dialogs.setup import SetupDialog
from tui.screens.live import LiveScreen
from tui.screens.replay import ReplayScreen
from tui.screens.replay_result import ReplayResultScreen
from tui.screens.step_browser import StepBrowserScreen
from tui.widgets.paged_table.pages import BLOCK, KEPT_BLOCKS
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

MANY = 100_000


@pytest.fixture
def replayed(connection) -> tuple[int, int]:
    """Setups, and two replays of which one gained; the sessions of the newer one."""
    rows.add_setups(connection)
    session, control = (rows.add_journalled_session(connection, steps=30) for _ in range(2))
    rows.add_replay(connection, sessions=(session, control))
    rows.add_replay(
        connection,
        kind="prioritised",
        value=0.561,
        sessions=(session, control),
        words="better than its control out of sample (+0.027, more than 3 standard errors)",
    )
    return session, control


@pytest.fixture
def many(tmp_path) -> Workspace:
    """As many setups as two years of five-minute candles bring."""
    workspace = Workspace(tmp_path / "many").create()
    connection = open_database(workspace)
    connection.execute("PRAGMA synchronous = OFF")
    rows.add_setups(connection, MANY)
    connection.close()
    return workspace


def replays(app: CoinTraderApp) -> str:
    return app.screen.query_one("#replays", RecordList).text


def is_listed(app: CoinTraderApp) -> bool:
    return isinstance(app.screen, ReplayScreen) and "r.2" in replays(app)


async def test_the_setup_of_the_highest_priority_stands_at_the_top(workspace, connection, replayed):
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        best = max(range(1, 401), key=rows.priority_of)
        assert table.current_row()[-1] == best and table.pages.count == 400
        await pilot.press("G")
        await until(pilot, lambda: table.cursor == 399)
        assert table.current_row()[-1] == min(range(1, 401), key=rows.priority_of)


async def test_a_hundred_thousand_setups_are_walked_jumped_and_marked_with_few_in_memory(many):
    app = console(many, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        assert table.pages.count == MANY
        ranked = sorted(
            range(1, MANY + 1), key=lambda number: (rows.priority_of(number), number), reverse=True
        )
        await pilot.press("m", "m", "j", "m")
        assert table.marked == {ranked[0], ranked[1], ranked[3]}
        for number in (54_321, 99_990, 256, 77_777):
            table.go_to(number)
            await until(pilot, lambda: table.current_row() is not None, "the row")
            assert table.current_row()[-1] == ranked[number]
            await pilot.press("m")
            await until(pilot, lambda number=number: ranked[number] in table.marked)
        assert len(table.marked) == 7 and "7 marked" in screen_text(pilot).splitlines()[1]
        assert table.pages.rows() <= KEPT_BLOCKS * BLOCK
        await pilot.press("pagedown", "pagedown", "ctrl+u", "g")
        await until(pilot, lambda: (table.current_row() or (0,))[-1] == ranked[0])
        await pilot.press("m")
        assert ranked[0] not in table.marked
        await pilot.press("U")
        assert not table.marked and "marked" not in screen_text(pilot).splitlines()[1]


async def test_marks_stay_whatever_the_filter_and_are_seen_beside_the_cursor(workspace, connection, replayed):
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("m")
        [marked] = table.marked
        assert screen_text(pilot).splitlines()[3].startswith(" ●")
        await pilot.press("slash", *"symbol:btc", "enter")
        await until(pilot, lambda: table.pages.count == 200)
        assert table.marked == {marked}
        await pilot.press("backspace")
        await until(pilot, lambda: table.pages.count == 400)
        assert screen_text(pilot).splitlines()[3].startswith(("▶●", " ●"))


async def test_each_replay_stands_beside_its_control_with_the_sentence(workspace, connection, replayed):
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: is_listed(app))
        newest, older = replays(app).splitlines()
        assert "0.5610" in newest and "0.5340" in newest and "+0.027 ▲" in newest
        assert "+0.004 =" in older, "within three standard errors nothing was gained"
        verdict = app.screen.query_one("#verdict", Panel)
        assert "better than its control" in verdict.text and "baseline 0.5000" in verdict.text
        await pilot.press("tab", "down")
        await until(pilot, lambda: "no better than its control" in " ".join(verdict.text.split()))


async def test_from_a_replay_to_its_result_to_the_steps_of_its_control(workspace, connection, replayed):
    _, control = replayed
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: is_listed(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, ReplayResultScreen))
        result = app.screen.query_one("#result", Panel)
        await until(pilot, lambda: "replayed" in result.text)
        assert "+0.027 ▲ ± 0.0031 standard error" in result.text and "filter symbol:btc" in result.text
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, StepBrowserScreen) and app.screen.row is not None)
        assert app.screen.row.session_id == control
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, ReplayResultScreen))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert app.screen.chosen == replayed


async def test_a_replay_that_runs_has_no_steps_yet_and_says_so(workspace, connection):
    rows.add_replay(connection, state="running")
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ReplayScreen) and "running" in replays(app))
        await pilot.press("tab", "enter")
        await until(
            pilot, lambda: isinstance(app.screen, ReplayResultScreen) and "none yet" in screen_text(pilot)
        )
        await pilot.press("enter")
        await until(pilot, lambda: "no session belongs to it yet" in notes(pilot))


async def test_a_replay_that_ends_is_seen_without_a_key(workspace, connection, replayed):
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: is_listed(app))
        rows.add_replay(connection, kind="selected")
        await until(pilot, lambda: "r.3" in replays(app))


async def test_a_setup_is_opened_whole(workspace, connection, replayed):
    best = max(range(1, 401), key=rows.priority_of)
    rows.add_outcome(connection, best)
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SetupDialog))
        text = app.screen.query_one(Panel)
        await until(pilot, lambda: "+42.0 bps" in text.text)
        assert "net of 20 bps of costs, 0h15 later" in text.text and "known afterwards" in text.text
        assert "sell  -0.8200  not met yet" in text.text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ReplayScreen))


def test_the_fields_of_a_package_are_named_in_the_order_of_their_flags():
    from cointrader.training.collecting.completeness import FIELDS

    assert setup_text.FIELDS == FIELDS


async def test_an_empty_workspace_says_where_setups_come_from(empty: Workspace):
    app = console(empty, "replay")
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(pilot)
        assert "No setup yet." in screen_text(pilot) and "no replay yet" in replays(app)
        await pilot.press("m")
        await until(pilot, lambda: "there is no setup under the cursor" in notes(pilot))


async def test_a_filter_that_nothing_understands_marks_its_place(workspace, connection, replayed):
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        await pilot.press("slash", *"colour:red")
        await until(pilot, lambda: "no field 'colour'" in screen_text(pilot))


async def test_read_only_marks_but_launches_nothing(workspace, connection, replayed):
    app = console(workspace, "replay")
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("m")
        assert len(table.marked) == 1
        await pilot.press("p")
        await until(pilot, lambda: "--read-only" in notes(pilot))
        assert isinstance(app.screen, ReplayScreen)
        assert not [title for title, _, _ in app.screen.palette() if title.startswith("Replay: ")]


async def test_the_keys_can_be_other_ones(workspace, connection, replayed):
    settings = Settings(keymap={"replay.mark": "M", "replay.launch": "f5"})
    app = console(workspace, "replay", settings=settings)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await until(pilot, lambda: "M" in screen_text(pilot).splitlines()[-1], "the remapped key")
        await pilot.press("m")
        assert not table.marked
        await pilot.press("M")
        assert len(table.marked) == 1


async def test_without_colours_and_utf_8_everything_is_still_said(
    workspace, connection, replayed, monkeypatch
):
    import dataclasses

    monkeypatch.setenv("NO_COLOR", "1")
    settings = Settings(console=dataclasses.replace(Settings().console, symbols="ascii"))
    app = console(workspace, "replay", settings=settings)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: is_listed(app))
        await pilot.press("m")
        text = screen_text(pilot)
        assert "*" in text.splitlines()[3][:3] and "+0.027 ^" in text
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "standard error" in screen_text(pilot))
        assert "+- 0.0031" in screen_text(pilot)
