"""The form of replays: what its thresholds mean, what it refuses, and that it queues what it shows."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from cointrader.training.outcomes.score import return_of_score
from cointrader.training.replaying.request import ReplayKind, ReplayRequest
from storage import jobs
from tests.tui import replay_rows as rows
from tests.tui.driving import console, loaded, notes, until
from tui.screens.replay import ReplayScreen
from tui.screens.replay_form import ReplayForm, replaying_agents
from tui.screens.replay_text import net_bps
from tui.widgets.panel import Panel

STORED, VALIDATED = 1_000, 960


@pytest.fixture
def setups(connection) -> None:
    """Setups of which the last 40 have no outcome."""
    rows.add_setups(connection, STORED, waiting=STORED - VALIDATED)


async def form_of(app, pilot) -> ReplayForm:
    await loaded(pilot)
    await pilot.press("p")
    await until(pilot, lambda: isinstance(app.screen, ReplayForm) and meaning(app) != "")
    return app.screen


def meaning(app) -> str:
    return " ".join(app.screen.query_one("#meaning", Panel).text.split())


def queued(connection) -> ReplayRequest:
    [job] = jobs.list_jobs(connection)
    assert job.kind == "replay"
    return ReplayRequest.from_arguments(job.arguments)


@pytest.mark.parametrize("score", [0.1, 0.5, 0.7, 0.95])
def test_a_threshold_means_the_return_that_reaches_it(score):
    assert net_bps(score, 50.0) == pytest.approx(return_of_score(score, 0.005) * 10_000)


async def test_the_threshold_is_shown_in_basis_points_with_the_count_that_passes(
    workspace, connection, setups, workers
):
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await form_of(app, pilot)
        passing = sum(rows.score_of(number) >= 0.7 for number in range(1, VALIDATED + 1))
        await until(pilot, lambda: f"{passing} of {VALIDATED} setups" in meaning(app))
        assert "a net return of +42.4 bps or more" in meaning(app) and "20 bps of costs" in meaning(app)
        assert "a control is trained" in meaning(app)
        await pilot.press("right")
        everything = sum(rows.score_of(number) >= 0.1 for number in range(1, VALIDATED + 1))
        await until(pilot, lambda: f"{everything} of {VALIDATED} setups" in meaning(app))
        assert "-109.9 bps" in meaning(app)


async def test_what_is_shown_is_what_is_queued(workspace, connection, setups, workers):
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        form = await form_of(app, pilot)
        for name, text in (
            ("min_profitability", "0.55"),
            ("top", "120"),
            ("filter", "symbol:btc"),
            ("seed", "7"),
        ):
            form.query_one(f"#field-{name}", Input).value = text
        await until(pilot, lambda: "480 that pass the filter" in meaning(app))
        shown = form.request()
        await pilot.press("enter")
        await until(pilot, lambda: len(workers) == 1, "the worker")
        assert workers == [workspace]
    assert shown == queued(connection)
    assert shown == ReplayRequest(
        ReplayKind.PROFITABLE, "cnn", top=120, min_profitability=0.55, filter="symbol:btc", seed=7
    )


async def test_marked_setups_are_queued_by_their_numbers(workspace, connection, setups, workers):
    # Setups without an outcome have the lowest priority, so the first ones have one.
    to_last = ["right"] * (len(replaying_agents()) - 1)
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        await pilot.press("m", "j", "m")
        marked = sorted(table.marked)
        form = await form_of(app, pilot)
        assert form.kind == "selected" and "2 marked setups; those in the training part" in meaning(app)
        await pilot.press("down", *to_last, "up", "enter")
        await until(pilot, lambda: len(workers) == 1, "the worker")
    request = queued(connection)
    assert (request.kind, request.agent) == (ReplayKind.SELECTED, replaying_agents()[-1])
    assert list(request.setups) == marked and request.top == 0 and request.filter == ""


async def test_the_filter_of_the_table_is_that_of_the_form(workspace, connection, setups, workers):
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        table.filter_by("symbol:eth")
        await until(pilot, lambda: table.pages.count == 500)
        form = await form_of(app, pilot)
        assert form.text("filter") == "symbol:eth"


async def test_a_session_is_queued_with_its_agent(workspace, connection, setups, workers):
    session = rows.add_journalled_session(connection, steps=10)
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: bool(app.screen.query("#replays")))
        form = await form_of(app, pilot)
        await pilot.press("right", "right", "right")
        await until(pilot, lambda: f"s.{session} cnn" in meaning(app))
        assert form.kind == "session" and "digests" in meaning(app)
        await pilot.press("right")
        form.query_one("#field-last", Input).value = "5"
        await until(pilot, lambda: f"s.{session} cnn" in meaning(app))
        await pilot.press("enter")
        await until(pilot, lambda: len(workers) == 1, "the worker")
    request = queued(connection)
    assert request == ReplayRequest(ReplayKind.VERIFY, "cnn", session=session, last=5)


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("min_profitability", "1.5", "min_profitability"),
        ("top", "many", "whole number"),
        ("filter", "colour:red", "no field 'colour'"),
        ("min_profitability", "0.99", "waiting"),
    ],
)
async def test_what_cannot_be_done_is_said_and_not_queued(
    workspace, connection, setups, workers, field, text, words
):
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        form = await form_of(app, pilot)
        form.query_one(f"#field-{field}", Input).value = text
        await until(pilot, lambda: words in meaning(app))
        await pilot.press("enter")
        await until(pilot, lambda: words in notes(pilot))
        assert app.screen is form and jobs.list_jobs(connection) == [] and not workers
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ReplayScreen))


async def test_setups_without_an_outcome_cannot_be_replayed(workspace, connection, workers):
    rows.add_setups(connection, 50, waiting=50)
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await form_of(app, pilot)
        await until(pilot, lambda: "none of 50 setups has an outcome yet" in meaning(app))
        await pilot.press("enter")
        await until(pilot, lambda: "has an outcome yet" in notes(pilot))
        assert jobs.list_jobs(connection) == []


async def test_a_session_that_is_not_there_is_said(workspace, connection, setups, workers):
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        form = await form_of(app, pilot)
        await pilot.press("right", "right", "right")
        form.query_one("#field-session", Input).value = "77"
        await until(pilot, lambda: "there is no session 77" in meaning(app))
        await pilot.press("enter")
        await until(pilot, lambda: "there is no session 77" in notes(pilot))
        assert jobs.list_jobs(connection) == []


async def test_an_enter_before_the_count_waits_for_it(workspace, connection, setups, workers):
    app = console(workspace, "replay", read_only=False)
    async with app.run_test(size=(80, 24)) as pilot:
        form = await form_of(app, pilot)
        form.query_one("#field-top", Input).value = "150"
        await pilot.press("enter")
        await until(pilot, lambda: len(workers) == 1, "the worker")
    assert queued(connection).top == 150
