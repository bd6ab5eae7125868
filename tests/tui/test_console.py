"""The shell of the console: screens, keys, themes, help, palette, dialogs, and what it remembers."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widgets import Input

from cointrader.settings import Settings, load_settings
from storage.database import connect, open_database
from storage.workspace import Workspace
from tests.tui.driving import console, loaded, notes, screen_text, table_of, until
from tests.tui.trading_workspace import trading_workspace
from tui.app import CoinTraderApp
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.error import ErrorDialog
from tui.dialogs.help import HelpDialog
from tui.dialogs.jump import JumpOverlay
from tui.health import Health
from tui.keys import key
from tui.remembered import Remembered, TableArrangement, load_remembered, save_remembered
from tui.screens.catalogue import SCREENS
from tui.screens.refused import RefusedScreen
from tui.screens.signals import SignalsScreen
from tui.themes import THEMES
from tui.widgets.filter_bar import FilterBar
from tui.widgets.rule_sums import RuleSums


async def test_every_screen_is_reached_by_its_key_and_says_where_one_is(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        for item in SCREENS:
            await pilot.press(item.key)
            await until(pilot, lambda item=item: type(app.screen).__name__ == item.cls, item.title)
            assert f"{item.key} {item.title}" in screen_text(pilot).splitlines()[0]


async def test_a_screen_is_loaded_when_it_is_first_shown_and_then_kept(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("j", "j", "4")
        await loaded(pilot)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, SignalsScreen))
        assert table_of(pilot) is table and table.cursor == 2


async def test_digits_are_text_while_an_input_has_the_focus(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        await pilot.press("slash", "4", "slash", "question_mark", "T")
        await until(pilot, lambda: app.screen.query_one(FilterBar).text == "4/?T", "the text of the filter")
        assert isinstance(app.screen, SignalsScreen)


async def test_at_80x24_every_line_fits_and_the_help_is_named(trading: Workspace) -> None:
    app = console(trading, "positions")
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(pilot)
        lines = screen_text(pilot).splitlines()
        assert "4 Positions" in lines[0]
        assert all(item.key in lines[0].split() for item in SCREENS)
        assert lines[-1].endswith("? help")
        assert all(len(line) <= 80 for line in lines)


async def test_the_help_lists_the_keys_that_work_now(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 60)) as pilot:
        await loaded(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpDialog))
        text = screen_text(pilot)
        assert "Every wish to trade" in text
        assert "Write the whole filter to a CSV or JSONL file" in text
        assert "Leave the console; jobs go on" in text
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, SignalsScreen))


async def test_a_remapped_key_works_and_is_shown_and_the_old_one_does_nothing(trading: Workspace) -> None:
    settings = dataclasses.replace(Settings(), keymap={"table.down": "ctrl+n", "screen.filter": "f"})
    app = console(trading, settings=settings)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await until(pilot, lambda: "f filter" in screen_text(pilot).splitlines()[-1], "the remapped key")
        await pilot.press("j")
        assert table.cursor == 0
        await pilot.press("ctrl+n")
        assert table.cursor == 1


async def test_a_keymap_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    workspace = trading_workspace(tmp_path, 12)
    workspace.config.write_text('[keymap]\n"table.dwon" = "x"\n"table.sort" = "j"\n', encoding="utf-8")
    app = console(workspace, settings=load_settings(workspace.config))
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        await until(pilot, lambda: "table.dwon" in notes(pilot), "the complaint")
        assert "table.down" in notes(pilot), "the rival of the clash is named"


async def test_ctrl_q_quits_whatever_the_keymap_says(trading: Workspace) -> None:
    app = console(trading, settings=dataclasses.replace(Settings(), keymap={"app.quit": "x"}))
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        await until(pilot, lambda: "app.quit" in notes(pilot))
        await pilot.press("x")
        assert app.is_running and app.return_code is None
        await pilot.press("ctrl+q")
    assert app.return_code == 0


async def test_the_palette_finds_keys_presets_and_columns(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("colon")
        await until(pilot, lambda: bool(app.screen.query(Input)), "the palette")
        await pilot.press(*"sort by price")
        await until(pilot, lambda: "Sort by price" in screen_text(pilot), "the command")
        await pilot.press("enter")
        await until(pilot, lambda: table.wish.sort == "price" and not table.is_loading_rows)


async def test_jump_mode_moves_the_focus_by_a_letter(trading: Workspace) -> None:
    app = console(trading, "rejections")
    async with app.run_test(size=(160, 50)) as pilot:
        table = await loaded(pilot)
        rules = app.screen.query_one(RuleSums)
        await until(pilot, lambda: rules.option_count > 1)
        await pilot.press("ctrl+j")
        await until(pilot, lambda: isinstance(app.screen, JumpOverlay))
        overlay = app.screen
        assert isinstance(overlay, JumpOverlay)
        letters = {type(widget): letter for letter, widget in overlay.targets.items()}
        await pilot.press(letters[RuleSums])
        await until(pilot, lambda: rules.has_focus)
        await pilot.press("ctrl+j", "escape")
        assert rules.has_focus and not table.has_focus


async def test_the_themes_go_round(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(pilot)
        seen = []
        for _ in THEMES:
            await pilot.press("T")
            seen.append(app.theme)
        assert sorted(seen) == sorted(theme.name for theme in THEMES)


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_gains_and_losses_differ_by_sign_and_arrow_in_every_theme(
    trading: Workspace, theme: str
) -> None:
    app = console(trading, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        app.theme = theme
        await pilot.pause()
        lines = [line for line in screen_text(pilot).splitlines() if "USDT" in line]
        assert any("+" in line and "▲" in line for line in lines)
        assert any("-" in line and "▼" in line for line in lines)
        palette = table_of(pilot).palette()
        assert palette.tones["gain"].color != palette.tones["loss"].color


async def test_no_color_paints_no_hue(trading: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = console(trading, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        for strip in app.screen._compositor.render_strips():
            for _text, style, _control in strip:
                for colour in (style.color, style.bgcolor) if style else ():
                    if colour is not None and colour.triplet is not None:
                        assert len(set(colour.triplet)) == 1, "a colour that is no grey"


@pytest.mark.parametrize("screen", [item.id for item in SCREENS])
async def test_without_utf8_every_character_is_ascii(trading: Workspace, screen: str) -> None:
    settings = Settings(console=dataclasses.replace(Settings().console, symbols="ascii"))
    app = console(trading, screen, settings=settings)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.health.worker == "none", "the health")
        await until(pilot, lambda: "coinTrader" in screen_text(pilot))
        assert screen_text(pilot).isascii()
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpDialog))
        assert screen_text(pilot).isascii()


class DangerousScreen(SignalsScreen):
    """A screen with one action that changes something."""

    CSS_PATH = None
    DANGEROUS = frozenset({"wipe"})
    BINDINGS = [key("test.wipe", "W", "wipe", "wipe", "Wipe it", show=True)]  # noqa: RUF012
    wiped = 0

    def action_wipe(self) -> None:
        self.wiped += 1


@pytest.mark.parametrize("read_only", [True, False])
async def test_read_only_disables_dangerous_keys_and_says_why(trading: Workspace, read_only: bool) -> None:
    app = console(trading, read_only=read_only)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        screen = DangerousScreen()
        await app.push_screen(screen)
        await pilot.press("W")
        await pilot.pause()
        assert screen.wiped == (0 if read_only else 1)
        assert ("--read-only" in notes(pilot)) is read_only
        header = screen_text(pilot).splitlines()[0]
        assert ("read-only" in header) is read_only


async def test_an_error_of_a_worker_becomes_a_dialog_and_the_console_goes_on(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        screen = app.screen
        assert isinstance(screen, SignalsScreen)

        def broken(connection: sqlite3.Connection) -> None:
            raise RuntimeError("the gears are jammed")

        screen.query_database(broken, lambda _answer: None, group="test", doing="turning the gears")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        text = screen_text(pilot)
        assert "turning the gears" in text and "the gears are jammed" in text
        assert "console.log" in text
        assert "the gears are jammed" in app.log_path.read_text(encoding="utf-8")
        await pilot.press("escape", "j")
        assert table.cursor == 1


async def test_a_confirmation_names_its_object_and_enter_is_no_yes(trading: Workspace) -> None:
    app = console(trading)
    answers: list[bool | None] = []
    async with app.run_test(size=(100, 30)) as pilot:
        await loaded(pilot)
        for keys in (["enter", "n"], ["escape"], ["y"]):
            await app.push_screen(
                ConfirmDialog("Stop job 7, train cnn?", "It can go on later."), answers.append
            )
            assert "Stop job 7, train cnn?" in screen_text(pilot)
            await pilot.press(*keys)
            await pilot.pause()
    assert answers == [False, False, True]


async def test_the_screen_the_theme_and_the_tables_are_remembered_and_the_filter_is_not(
    tmp_path: Path,
) -> None:
    workspace = trading_workspace(tmp_path, 60)
    app = CoinTraderApp(workspace, Settings(), first_screen="signals")
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(pilot)
        await pilot.press("4", "T")
        table = await loaded(pilot)
        table.sort_by("pnl", False)
        await until(pilot, lambda: table.wish.sort == "pnl" and not table.is_loading_rows)
        table.filter_by("pnl>0")
        await until(pilot, lambda: not table.is_loading_rows)
        await until(pilot, lambda: "pnl" in str(load_remembered(workspace.state).tables))
    again = CoinTraderApp(workspace, Settings())
    async with again.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        assert type(again.screen).__name__ == "PositionsScreen" and again.theme == "cointrader-light"
        assert (table.wish.sort, table.wish.descending, table.wish.filter) == ("pnl", False, "")
    fresh = CoinTraderApp(workspace, Settings(), fresh=True)
    async with fresh.run_test(size=(120, 40)):
        assert type(fresh.screen).__name__ == "OverviewScreen" and fresh.theme == "cointrader-dark"


def test_what_is_remembered_survives_a_round_trip_and_a_torn_file_counts_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    kept = Remembered("live", "cointrader-light", {"signals": TableArrangement("price", False, ("id",))})
    save_remembered(path, kept)
    assert load_remembered(path) == kept
    path.write_text('{"screen": 5, "theme"', encoding="utf-8")
    assert load_remembered(path) == Remembered()
    assert [item.name for item in tmp_path.iterdir()] == ["console.json"], "no temporary file stays"


async def test_a_database_that_is_too_new_is_said_and_can_be_tried_again(tmp_path: Path) -> None:
    workspace = trading_workspace(tmp_path, 12)
    connection = connect(workspace.database)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute("PRAGMA user_version = 999")
    app = console(workspace, read_only=False)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RefusedScreen))
        assert "newer than this program" in screen_text(pilot) and "999" in screen_text(pilot)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        await pilot.press("r")
        table = await loaded(pilot)
        assert table.pages.count == 12


async def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    workspace.database.write_text("these are not the bytes of a database, but of a letter " * 40)
    app = console(workspace, read_only=False)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RefusedScreen))
        assert "cannot be read" in screen_text(pilot)


async def test_read_only_makes_no_database(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "nothing")
    app = console(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RefusedScreen))
        assert isinstance(app.screen, RefusedScreen)
        assert "--read-only makes nothing" in str(app.screen.error)
        assert "cannot be opened" in screen_text(pilot)
    assert not workspace.root.exists()


async def test_the_header_follows_the_worker(tmp_path: Path) -> None:
    from storage import jobs

    workspace = trading_workspace(tmp_path, 12)
    app = console(workspace)
    async with app.run_test(size=(160, 30)) as pilot:
        await until(pilot, lambda: "no worker" in screen_text(pilot).splitlines()[0])
        connection = open_database(workspace)
        jobs.register_worker(connection, cpu_slots=1, gpu_slots=0)
        jobs.enqueue(connection, kind="train", title="train cnn", arguments={})
        connection.close()
        await until(pilot, lambda: app.health.worker == "alive" and app.health.waiting == 1, "the worker")
        assert "● worker no job, 1 waiting" in screen_text(pilot).splitlines()[0]


async def test_a_silent_worker_is_never_shown_as_running(trading: Workspace) -> None:
    app = console(trading)
    async with app.run_test(size=(160, 30)) as pilot:
        await loaded(pilot)
        app.health = Health("silent", 31, 1, 0, "CPU")
        await pilot.pause()
        assert "worker silent 31 s" in screen_text(pilot).splitlines()[0]
        app.health = Health("dead", 0, 1, 0, "CPU")
        await pilot.pause()
        assert "worker presumed dead" in screen_text(pilot).splitlines()[0]


def test_the_console_paints_before_it_loads_storage_or_any_screen_but_the_first() -> None:
    code = (
        "import sys, tui.console, tui.app, tui.screens.signals\n"
        "print(*(name for name in sys.modules if name.startswith(('storage', 'tui.screens', 'models'))))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded_modules = set(done.stdout.split())
    assert "storage.database" not in loaded_modules and "storage.pages" not in loaded_modules
    assert not {"tui.screens.overview", "tui.screens.live", "tui.screens.train"} & loaded_modules


def test_every_binding_of_the_application_is_made_with_an_id() -> None:
    assert all(item.id for item in CoinTraderApp.BINDINGS if isinstance(item, Binding))
