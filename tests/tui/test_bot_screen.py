"""The bot screen: every answer where it is looked for, and how a bot gets there when there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cointrader.settings import BotSettings, Settings
from storage.database import open_database
from storage.workspace import Workspace
from tests.tui.bot_rows import START_MS, add_bot
from tests.tui.driving import console, loaded, notes, screen_text, until
from tui import health, phrases
from tui.app import CoinTraderApp
from tui.dialogs.cell import CellDialog
from tui.screens.bot import BotScreen
from tui.screens.bot_events import BotEventsScreen, filter_of
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

MINUTE_MS = 60_000


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace that has read a bot which spoke a minute ago."""
    monkeypatch.setattr(phrases, "now_ms", lambda: float(START_MS + 612_000 + MINUTE_MS))
    monkeypatch.setattr(health, "device_name", lambda: "CPU")
    workspace = Workspace(tmp_path / "bot").create()
    with closing(open_database(workspace)) as connection:
        add_bot(connection)
    return workspace


def with_bot(**more: object) -> Settings:
    return dataclasses.replace(Settings(), bot=dataclasses.replace(BotSettings(), **more))  # type: ignore[arg-type]


def text_of(app: CoinTraderApp, name: str) -> str:
    return app.screen.query_one(f"#{name}", Panel).text


async def answered(pilot: Pilot[None]) -> CoinTraderApp:
    app = pilot.app
    assert isinstance(app, CoinTraderApp)
    await until(pilot, lambda: isinstance(app.screen, BotScreen) and "Nothing" in text_of(app, "why"))
    return app


async def test_what_the_bot_does_and_has_is_said(heard: Workspace) -> None:
    async with console(heard, "bot", settings=with_bot(folder="/opt/bot")).run_test(size=(120, 40)) as pilot:
        app = await answered(pilot)
        doing = text_of(app, "doing")
        for words in ("10,000.00", "9,997.00", "took 3.4 s", "long 1.5 SOL/USDT from 150.00", "-3.00 ▼"):
            assert words in doing, words
        title = screen_text(pilot).splitlines()[1]
        assert "/opt/bot" in title and "dry run" in title and "last heard 60 s ago" in title


async def test_the_gate_that_is_not_in_its_log_comes_first(heard: Workspace) -> None:
    async with console(heard, "bot").run_test(size=(120, 40)) as pilot:
        app = await answered(pilot)
        assert "min_score_to_trade" in text_of(app, "why")
        assert "20 candidates → 10 evaluated → 0 traded" in text_of(app, "why")
        first, second = app.screen.query_one("#findings", RecordList).text.splitlines()
        assert first.split()[:3] == ["10", "silent", "gate"] and "not in its log: BTC/USDT" in first
        assert second.split()[:2] == ["10", "cooldown"] and "ETH/USDT" in second
        assert text_of(app, "rejected").count("ETH/USDT long") == 10
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CellDialog))
        assert "top level" in " ".join(screen_text(pilot).split())


async def test_predictions_are_no_proof_of_a_model(heard: Workspace) -> None:
    async with console(heard, "bot").run_test(size=(120, 40)) as pilot:
        app = await answered(pilot)
        model = text_of(app, "model")
        assert model.startswith("✗ not loaded") and "SUPABASE_URL is not set" in model
        assert "10 predictions" in model


async def test_the_bootstrap_has_a_bar_and_the_time_it_may_take(heard: Workspace) -> None:
    async with console(heard, "bot").run_test(size=(120, 40)) as pilot:
        app = await answered(pilot)
        assert "150 of 300" in text_of(app, "bootstrap") and "30 s to go" in text_of(app, "bootstrap")


async def test_what_it_wrote_about_a_reason_is_a_key_away(heard: Workspace) -> None:
    async with console(heard, "bot").run_test(size=(120, 40)) as pilot:
        app = await answered(pilot)
        await pilot.press("j", "c")
        await until(pilot, lambda: isinstance(app.screen, BotEventsScreen))
        table = await loaded(pilot)
        await until(pilot, lambda: table.pages.count == 10)
        assert 'reason:"cooldown"' in screen_text(pilot)
        await pilot.press("q", "w")
        await until(pilot, lambda: isinstance(app.screen, BotEventsScreen))
        assert (await loaded(pilot)).pages.count == 76


@pytest.mark.parametrize("code", ["silent_gate", "early_return", "gate:position", 'odd "word"', "cooldown"])
def test_every_reason_has_a_filter_that_is_understood(code: str) -> None:
    from storage.filters import compile_filter
    from storage.pages import get_view

    assert compile_filter(filter_of(code), get_view("bot_events")).sql


async def test_a_bot_that_says_nothing_any_more_is_called_silent(
    heard: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrases, "now_ms", lambda: float(START_MS + 4 * 3_600_000))
    async with console(heard, "bot").run_test(size=(120, 40)) as pilot:
        await answered(pilot)
        assert "silent, last heard 3 h 50 ago" in screen_text(pilot).splitlines()[1]


async def test_what_is_read_while_one_looks_appears(heard: Workspace) -> None:
    async with console(heard, "bot").run_test(size=(120, 40)) as pilot:
        app = await answered(pilot)
        with closing(open_database(heard)) as connection:
            add_bot(connection, START_MS + 700_000)
        await until(
            pilot, lambda: "20 predictions" in text_of(app, "model") or "cycles" in text_of(app, "why")
        )
        await until(pilot, lambda: "40 candidates" in text_of(app, "why"))


async def test_without_a_bot_the_screen_says_how_to_name_one(empty: Workspace) -> None:
    async with console(empty, "bot").run_test(size=(80, 24)) as pilot:
        app = pilot.app
        await until(pilot, lambda: 'folder = "/path/to/coinTrader2.0"' in screen_text(pilot))
        assert str(empty.config)[:60] in screen_text(pilot) and "[bot]" in screen_text(pilot)
        await pilot.press("w")
        await until(pilot, lambda: "nothing was read of the bot yet" in notes(pilot))
        assert isinstance(app.screen, BotScreen)


@pytest.mark.parametrize(("watch", "words"), [(True, "worker --ensure"), (False, "watch is false")])
async def test_a_bot_that_was_named_and_not_read_yet_says_what_is_missing(
    empty: Workspace, watch: bool, words: str
) -> None:
    settings = with_bot(folder="/opt/bot", watch=watch)
    async with console(empty, "bot", settings=settings).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: words in screen_text(pilot) and "/opt/bot" in screen_text(pilot))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_bot(snap_compare: Callable[..., bool], heard: Workspace, size: tuple[int, int]) -> None:
    async def drive(pilot: Pilot[None]) -> None:
        await answered(pilot)
        await until(pilot, lambda: "○" in screen_text(pilot).splitlines()[0], "the health")

    app = console(heard, "bot", settings=with_bot(folder="/opt/coinTrader2.0"))
    assert snap_compare(app, terminal_size=size, run_before=drive)
