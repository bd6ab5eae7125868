"""The overview says how many setups there are to learn from, and which agents still wait."""

from __future__ import annotations

import dataclasses
import sqlite3

import pytest

from cointrader.settings import Settings
from cointrader.training.outcomes.settle import settle_series
from storage.collection import note_collection_error
from storage.training_health import AgentTraining, Need, TrainingHealth, training_health
from storage.workspace import Workspace
from tests.cointrader.training.outcomes.collected import collect_at, states
from tests.models.walks import random_walk
from tests.tui import training_rows as rows
from tests.tui.driving import console, until
from tui.screens.training_data_text import training_data_lines, training_data_text
from tui.symbols import UNICODE
from tui.widgets.panel import Panel

HEALTH = TrainingHealth(
    collected=18_103,
    mean_completeness=0.7,
    refused=98,
    refused_by=(("short_history", 90), ("gap", 8)),
    rapid=151,
    validated=18_000,
    waiting=3,
    incomplete=100,
    incomplete_by=(("gap", 100),),
    experiences=55_117,
    trainings=(AgentTraining("cnn", 2, 4_000),),
    needs=(Need("cnn", "episodes", 100, 100), Need("cob_rl", "order books", 34, 200)),
    last_error="",
    last_error_ms=None,
)


def test_every_step_from_a_package_to_a_training_is_told() -> None:
    text = training_data_text(HEALTH, 58, UNICODE, background=True).plain.splitlines()
    assert text == [
        "collected  18,103 setups, 70 % complete, 151 rapid",
        "refused    98: short history 90, gap 8",
        "outcomes   18,000 validated, 3 wait",
        "learned    55,117 experiences",
        "agents     cnn ✓",
        "           cob_rl waiting 34/200 order books",
        "incomplete 100: gap 100",
        "sessions   cnn 2 (4,000 steps)",
    ]


def test_two_lines_say_what_matters_and_an_error_comes_first() -> None:
    lines = training_data_lines(HEALTH, 78, UNICODE, background=True).plain.splitlines()
    assert lines == [
        "18,103 setups, 70 % complete, 151 rapid, 18,000 validated, 3 wait",
        "cnn ✓   waiting: cob_rl 34/200",
    ]
    failed = dataclasses.replace(HEALTH, last_error="BTC/USDT: close of bar 7 is not a number " * 4)
    first, _ = training_data_lines(failed, 60, UNICODE, background=True).plain.splitlines()
    assert first.startswith("✗ BTC/USDT: close of bar 7") and first.endswith("…") and len(first) == 60


def test_validation_that_is_switched_off_is_said() -> None:
    assert "by hand only" in training_data_text(HEALTH, 58, UNICODE, background=False).plain


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 30), (160, 50)])
async def test_the_overview_follows_the_collection(
    workspace: Workspace, connection: sqlite3.Connection, size: tuple[int, int]
) -> None:
    rows.add_run(connection)
    app = console(workspace, "overview")
    async with app.run_test(size=size) as pilot:
        panel = app.screen.query_one("#training", Panel)
        await until(pilot, lambda: "cnn" in panel.text and "0/100" in panel.text)
        assert panel.region.bottom <= app.screen.query_one("#upper").region.bottom, "all of it is seen"
        series = random_walk(400, seed=1)
        collect_at(connection, series, range(100, 390))
        await until(pilot, lambda: "290 setups" in panel.text and "290 wait" in panel.text)
        settle_series(connection, series, Settings(), states)
        await until(pilot, lambda: "290 validated" in panel.text)
        note_collection_error(connection, "ETH/USDT", 300_000, "ETH/USDT: no such file")
        await until(pilot, lambda: "ETH/USDT: no such file" in panel.text)


def test_what_waits_and_what_is_missing_is_counted(connection: sqlite3.Connection) -> None:
    health = training_health(connection, episodes_needed=100, experiences_needed=200)
    assert (health.collected, health.mean_completeness, health.validated) == (0, None, 0)
    assert {need.agent: (need.have, need.is_met) for need in health.needs} == dict.fromkeys(
        ("cnn", "dqn", "cob_rl"), (0, False)
    )
    series = random_walk(400, seed=1)
    collect_at(connection, series, range(100, 200), rapid=1)
    settle_series(connection, series, Settings(), states)
    collect_at(connection, series, [398, 399])
    health = training_health(connection, episodes_needed=100, experiences_needed=200)
    assert (health.collected, health.rapid, health.validated, health.waiting) == (102, 100, 100, 2)
    assert health.experiences == 300
    assert health.mean_completeness == pytest.approx(0.8)
    met = {need.agent: (need.have, need.is_met) for need in health.needs}
    assert met == {"cnn": (0, False), "dqn": (200, True), "cob_rl": (0, False)}
