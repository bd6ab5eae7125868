"""The chain of a close, down to the step and the version that learned; of a rejection, to its hindsight."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cointrader.cli.chain import story
from cointrader.settings import Settings
from storage.chain import Chain, position_chain, signal_chain
from storage.database import open_database, transaction
from storage.workspace import Workspace
from tests.tui.driving import console, loaded, notes, screen_text, until
from tests.tui.learned_rows import answer, learned_workspace
from tests.tui.trading_workspace import trading_workspace
from tui.app import CoinTraderApp
from tui.chain_text import summary, timeline
from tui.screens.chain import ChainScreen
from tui.screens.step_browser import StepBrowserScreen
from tui.symbols import UNICODE
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

TAUGHT, SKIPPED, REJECTED = 3, 20, 1
"""A position that trained the CNN, one that did not, a rejected signal."""


@pytest.fixture
def learned(tmp_path: Path) -> Workspace:
    workspace = learned_workspace(tmp_path / "learned")
    with closing(open_database(workspace)) as connection:
        answer(connection, REJECTED)
    return workspace


def chain_of(workspace: Workspace, *, position: int = 0, signal: int = 0) -> Chain:
    with closing(open_database(workspace)) as connection:
        return position_chain(connection, position) if position else signal_chain(connection, signal)


async def opened(app: CoinTraderApp, pilot: Pilot[None], kind: str, number: int) -> ChainScreen:
    """The chain of a position or signal, over the table that is in front."""
    await loaded(pilot)
    screen = ChainScreen(kind, number, "positions")
    app.push_screen(screen)
    await until(pilot, lambda: "learned" in stages(pilot), "the chain")
    return screen


def stages(pilot: Pilot[None]) -> str:
    found = pilot.app.screen.query("#stages")
    return found.first(Panel).text if found else ""


def test_what_a_close_taught_is_told_with_the_numbers_of_the_tables(learned: Workspace) -> None:
    chain = chain_of(learned, position=TAUGHT)
    (lesson,) = [each for each in chain.learned.lessons if each.model == "cnn"]
    (step,), (session,) = chain.learned.steps, chain.learned.sessions
    text = timeline(chain, UNICODE, 200).plain
    assert f"cnn trained in session {session.id}, step {TAUGHT}  loss {step.loss:.6g}" in text
    assert f"share {lesson.weight:.0%}" in text and f"{step.gradient_norm:.4g}" in text
    assert "dqn waiting 140/200" in text
    assert "cob_rl absent  no version of cob_rl decides yet" in text
    assert f"session {session.id} cnn succeeded  → v4 champion pivot_auc 0.534, baseline 0.5" in text
    assert "1 min +0.10%  5 min -0.20%  15 min unknown (no bars are stored)" in text
    for part in (*chain.rewards[0].normalized_parts, *chain.rewards[0].comprehensive_parts):
        assert part in text


def test_a_close_that_taught_nothing_says_why(learned: Workspace) -> None:
    text = timeline(chain_of(learned, position=SKIPPED), UNICODE, 200).plain
    assert "cnn skipped  took no part: it gave buying a chance of at most one in three" in text
    assert "artefacts" not in text


def test_a_rejection_tells_what_agents_said_and_what_it_would_have_earned(learned: Workspace) -> None:
    chain = chain_of(learned, signal=REJECTED)
    text = timeline(chain, UNICODE, 200).plain
    assert "strategy approved 0.12 ms  risk vetoed 3.4 ms  execution timeout 50 ms" in text
    assert "risk:  too close to the news" in text and "execution:  no answer within 50 ms" in text
    assert "missed 8.25 USDT  would have earned +8.25 ▲  +0.80% net of costs" in text
    assert "closed by target  after 0h25  never part of what was earned" in text
    by_command = "\n".join(story(chain))
    assert "missed 8.2500" in by_command and "by target after 0h25" in by_command


def test_a_rejection_of_which_nothing_is_known_yet_says_so(learned: Workspace) -> None:
    text = timeline(chain_of(learned, signal=58), UNICODE, 200).plain
    assert (
        "not yet computed: a worker reckons it once candles follow" in text
        and "would have earned" not in text
    )


def test_the_pane_under_a_table_says_of_each_model_what_became_of_its_lesson(learned: Workspace) -> None:
    line = next(
        line
        for line in summary(chain_of(learned, position=TAUGHT), UNICODE).plain.splitlines()
        if "learned" in line
    )
    assert f"cnn trained in session 1, step {TAUGHT}" in line
    assert "dqn waiting 140/200" in line and "cob_rl absent" in line


@pytest.mark.parametrize("by", ["s", "enter"])
async def test_the_step_that_learned_from_it_is_a_key_away(learned: Workspace, by: str) -> None:
    app = console(learned, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, "position", TAUGHT)
        steps = app.screen.query_one("#steps", RecordList)
        assert steps.display and "s.1" in steps.text and "trained" in steps.text
        if by == "enter":
            steps.focus()
        await pilot.press(by)
        await until(pilot, lambda: isinstance(app.screen, StepBrowserScreen) and app.screen.row is not None)
        browser = app.screen
        assert isinstance(browser, StepBrowserScreen) and browser.row is not None
        assert (browser.row.step, browser.header_id) == (TAUGHT, "positions")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ChainScreen))


async def test_without_a_step_the_key_says_why_it_does_nothing(learned: Workspace) -> None:
    app = console(learned, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, "position", SKIPPED)
        assert not app.screen.query_one("#steps").display
        await pilot.press("s")
        await until(pilot, lambda: "no training step has learned from it" in notes(pilot))
        await pilot.press("n")
        await until(pilot, lambda: f"Chain of position #{SKIPPED + 1}" in screen_text(pilot))


async def test_at_80x24_the_whole_chain_can_be_scrolled_to(learned: Workspace) -> None:
    app = console(learned, "positions")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, "position", TAUGHT)
        assert "artefacts" not in screen_text(pilot)
        await pilot.press("end")
        await until(pilot, lambda: "steps that learned from it" in screen_text(pilot))
        await until(pilot, lambda: "v4 champion" in screen_text(pilot))
        assert max(len(line) for line in screen_text(pilot).splitlines()) <= 80


async def test_at_120x40_the_chain_leaves_out_its_gaps_before_it_has_to_scroll(learned: Workspace) -> None:
    app = console(learned, "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, "position", TAUGHT)
        await until(pilot, lambda: "steps that learned from it" in screen_text(pilot))
        assert "signal" in screen_text(pilot) and "v4 champion" in screen_text(pilot)


async def test_without_utf8_the_chain_is_ascii(learned: Workspace) -> None:
    settings = Settings(console=dataclasses.replace(Settings().console, symbols="ascii"))
    app = console(learned, "positions", settings=settings)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, "position", TAUGHT)
        assert screen_text(pilot).isascii()


def test_an_order_by_hand_has_no_hindsight(learned: Workspace) -> None:
    with closing(open_database(learned)) as connection, transaction(connection):
        connection.execute("UPDATE signal SET strategy = 'manual' WHERE id = 58")
    assert (
        "an order by hand has no exits of its own"
        in timeline(chain_of(learned, signal=58), UNICODE, 200).plain
    )


def test_an_open_position_stands_at_the_last_close_and_has_taught_nothing(learned: Workspace) -> None:
    with closing(open_database(learned)) as connection, transaction(connection):
        connection.execute("UPDATE position SET state = 'open', closed_ms = 0 WHERE id = 40")
    chain = chain_of(learned, position=40)
    assert chain.held is not None and chain.held.id == 40
    text = timeline(chain, UNICODE, 200).plain
    assert "the last close of its run is not known" in text and "worst" not in text
    assert "nothing yet; its close will teach" in text
    held = dataclasses.replace(chain.held, last=chain.held.entry_price, now_ms=chain.held.opened_ms + 300_000)
    text = timeline(dataclasses.replace(chain, held=held), UNICODE, 200).plain
    assert f"still open  would bring -{held.fees:.2f} ▼" in text and "held 0h05" in text


def test_an_accepted_signal_waits_for_the_next_open(learned: Workspace) -> None:
    with closing(open_database(learned)) as connection, transaction(connection):
        connection.execute("DELETE FROM signal_position WHERE signal_id = 2")
    text = timeline(chain_of(learned, signal=2), UNICODE, 200).plain
    assert "none yet: the order is filled at the next open" in text


async def test_a_position_that_taught_nobody_still_says_so(tmp_path: Path) -> None:
    app = console(trading_workspace(tmp_path / "plain", 9), "positions")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, "position", 1)
        assert "No training session has recorded" in stages(pilot)
