"""What closes taught, on the first screen and on that of the agents: numbers that SQL counts as well."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cointrader.settings import Settings
from storage.database import open_database, transaction
from storage.lessons_overview import ClosesTaught, ModelLessons, closes_taught
from storage.workspace import Workspace
from tests.tui.driving import console, screen_text, until
from tests.tui.learned_rows import TRAINED, learned_workspace
from tests.tui.trading_workspace import trading_workspace
from tui.app import CoinTraderApp
from tui.screens.taught_text import taught_line, taught_text
from tui.screens.train_text import closes_that_wait
from tui.symbols import ASCII, UNICODE
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList


@pytest.fixture
def learned(tmp_path: Path) -> Workspace:
    return learned_workspace(tmp_path / "learned")


@pytest.fixture
def rows(learned: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(open_database(learned)) as connection:
        yield connection


def count(connection: sqlite3.Connection, sql: str) -> float:
    return connection.execute(sql).fetchall()[0][0]  # type: ignore[no-any-return]


def panel(app: CoinTraderApp, id: str) -> str:
    return app.screen.query_one(f"#{id}", Panel).text


def lessons(model: str = "dqn", **changed: object) -> ModelLessons:
    states = {"trained": 0, "waiting": 0, "skipped": 0, "failed": 0, "absent": 0}
    fixed = {"why_waiting": "", "losses": (), "last_session": None, "last_step": None, "last_ms": None}
    return ModelLessons(model=model, **{**states, **fixed, "last_position": None, **changed})  # type: ignore[arg-type]


async def test_the_overview_says_what_sql_counts(learned: Workspace, rows: sqlite3.Connection) -> None:
    closes = count(rows, "SELECT count(*) FROM reward")
    mean = count(rows, "SELECT avg(total) FROM reward")
    rate = count(rows, "SELECT 1.0 * sum(pnl > 0) / sum(pnl <> 0) FROM position WHERE state = 'closed'")
    app = console(learned, "overview")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "closes" in panel(app, "taught"))
        head, cnn, cob_rl, dqn = panel(app, "taught").splitlines()
        assert head == f"{closes} closes  win {rate * 100:.0f} %  mean reward {mean:+.3f}"
        assert cnn.split()[:5] == ["cnn", f"{TRAINED}", "trained,", f"{closes - TRAINED}", "skipped"]
        assert cob_rl.split() == ["cob_rl", f"{closes}", "absent"]
        assert dqn.split() == ["dqn", f"{closes}", "waiting", "140/200"]
        assert cnn.endswith("loss falling"), "the losses of the session are 1/step"
        states = count(rows, "SELECT count(*) FROM outbox WHERE model = 'cnn'")
        assert states == closes, "as many trainings, or reasons why not, as closes"


async def test_a_lesson_that_ends_meanwhile_is_counted(learned: Workspace, rows: sqlite3.Connection) -> None:
    app = console(learned, "overview")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "40 waiting" in panel(app, "taught"))
        with transaction(rows):
            rows.execute("UPDATE outbox SET state = 'failed' WHERE model = 'dqn' AND id % 2 = 0")
        left = count(rows, "SELECT count(*) FROM outbox WHERE state = 'waiting'")
        await until(pilot, lambda: f"{left} waiting 140/200, {40 - left} failed" in panel(app, "taught"))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 50)])
async def test_the_panel_has_room_at_every_size(learned: Workspace, size: tuple[int, int]) -> None:
    app = console(learned, "overview")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "win" in screen_text(pilot))
        shown = app.screen.query_one("#taught", Panel)
        assert shown.region.bottom <= app.screen.query_one("#upper").region.bottom
        assert shown.content_size.height == len(shown.text.splitlines())
        assert f"cnn {TRAINED}" in shown.text if size[0] == 80 else f"{TRAINED} trained" in shown.text


async def test_without_a_close_that_teaches_there_is_no_panel(tmp_path: Path) -> None:
    app = console(trading_workspace(tmp_path / "plain", 30), "overview")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "20 closed" in panel(app, "counts"))
        await until(pilot, lambda: "closes" in panel(app, "taught"))
        assert not app.screen.query_one("#taught").display


async def test_without_utf8_the_loss_is_drawn_in_ascii(learned: Workspace) -> None:
    settings = Settings(console=dataclasses.replace(Settings().console, symbols="ascii"))
    app = console(learned, "overview", settings=settings)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "loss falling" in panel(app, "taught"))
        assert panel(app, "taught").isascii()


def test_the_picture_gives_way_before_the_words() -> None:
    model = lessons("cnn", trained=12, skipped=1_800, losses=tuple(1 / step for step in range(1, 13)))
    taught = ClosesTaught(1_812, -0.02, 0, 0, (model,), is_all=False)
    wide, narrow = (taught_text(taught, width, UNICODE).plain.splitlines()[1] for width in (60, 47))
    assert "█" in wide and wide.endswith("loss falling") and len(wide) == 60
    assert "█" not in narrow and narrow.endswith("loss falling") and len(narrow) <= 47
    line = taught_line(taught, 78, ASCII).plain
    assert line.startswith("1,812 newest closes  win -  reward -0.020") and len(line) <= 78


async def test_a_row_of_an_agent_says_what_waits_and_what_was_learned_last(learned: Workspace) -> None:
    app = console(learned, "train")
    async with app.run_test(size=(160, 50)) as pilot:
        agents = app.screen.query_one("#agents", RecordList)
        await until(pilot, lambda: "40 closes wait: 140/200 experiences" in agents.text)
        agents.select("cnn")
        await until(pilot, lambda: f"{TRAINED} trained it" in panel(app, "about"))
        about = " ".join(panel(app, "about").split())
        assert f"closes {TRAINED} trained it, {40 - TRAINED} skipped" in about
        assert f"last: position {TRAINED}, s.1 step {TRAINED}, loss" in about and "(falling)" in about
        agents.select("dqn")
        await until(
            pilot, lambda: "40 closes wait: 140/200 experiences" in " ".join(panel(app, "about").split())
        )


async def test_the_decision_agent_learns_from_closes_and_not_from_bars(learned: Workspace) -> None:
    app = console(learned, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        agents = app.screen.query_one("#agents", RecordList)
        await until(pilot, lambda: "40 closes" in agents.text)
        line = next(line for line in agents.text.splitlines() if line.startswith("Decision"))
        assert "40 closes" in line and "bars" not in line


@pytest.mark.parametrize(
    ("waiting", "why", "room", "words"),
    [
        (12, "waiting 140/200", 40, "12 closes wait: 140/200 experiences"),
        (12, "waiting 140/200", 24, "12 closes wait: 140/200"),
        (12, "waiting 140/200", 15, "12 wait 140/200"),
        (12, "waiting 140/200", 8, "12 wait"),
        (1, "", 40, "1 close waits for a worker"),
        (3, "waiting: no version of dqn decides", 60, "3 closes wait: no version of dqn decides"),
    ],
)
def test_what_waits_is_said_in_the_words_that_fit(waiting: int, why: str, room: int, words: str) -> None:
    assert closes_that_wait(lessons(waiting=waiting, why_waiting=why), room) == words


def test_an_empty_outbox_is_no_trouble(workspace: Workspace, connection: sqlite3.Connection) -> None:
    assert taught_text(closes_taught(connection), 50, UNICODE).plain.startswith("0 closes  win -")
