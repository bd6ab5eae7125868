"""Curves while they are learned, and what is said of sessions that went wrong."""

from __future__ import annotations

import math

import pytest

from storage import jobs
from storage.database import transaction
from storage.metrics import write_metrics
from storage.sessions import update_session
from storage.workspace import Workspace
from tests.tui import training_rows as rows
from tests.tui.driving import console, notes, screen_text, until
from tests.tui.replay_rows import add_journalled_session
from tui.app import CoinTraderApp
from tui.dialogs.confirm import ConfirmDialog
from tui.screens.live import LiveScreen
from tui.screens.live_groups import groups_of
from tui.screens.live_text import sparkline
from tui.widgets.chart.chart import Chart
from tui.widgets.log_tail import LogTail
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

BARS = " ▁▂▃▄▅▆▇█"


def live(workspace: Workspace, *, read_only: bool = True) -> CoinTraderApp:
    return console(workspace, "live", read_only=read_only)


def progress(app: CoinTraderApp) -> str:
    return app.screen.query_one("#progress", Panel).text


def chart(app: CoinTraderApp, id: str = "chart-loss") -> Chart:
    return app.screen.query_one(f"#{id}", Chart)


def screen_of(app: CoinTraderApp) -> LiveScreen:
    assert isinstance(app.screen, LiveScreen)
    return app.screen


def test_metrics_are_put_into_charts_by_their_names():
    groups = groups_of(
        [
            *("charts/learning_rate", "charts/steps_per_second", "fold/roc_auc", "grid/roc_auc"),
            *("gradient_norm/conv1", "losses/regression", "losses/total", "validation/loss"),
        ]
    )
    assert [group.title for group in groups] == [
        *("loss", "loss parts", "gradient norm", "roc auc", "steps per second", "learning rate")
    ]
    assert groups[0].metrics == (("losses/total", "train"), ("validation/loss", "validation"))
    assert groups[3].metrics == (("fold/roc_auc", "fold"), ("grid/roc_auc", "grid"))


def test_a_sparkline_keeps_spikes_and_leaves_gaps_blank():
    line = sparkline([0.0] * 500 + [9.0] + [0.0] * 499, 20, BARS)
    assert line.count("█") == 1 and len(line) == 20
    assert sparkline([None, 1.0, math.inf, 2.0], 4, BARS) == " ▁ █"
    assert sparkline([], 5, BARS) == "     "


async def test_a_running_session_shows_step_pace_and_time_left(workspace, connection):
    rows.add_session(connection, steps=600, total_steps=1500)
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "step 600 of 1,500" in progress(app))
        assert "steps/s" in progress(app) and "ETA 0:" in progress(app) and "40 %" in progress(app)
        assert "train last" in chart(app).text_line and "validation last" in chart(app).text_line
        assert "classification" in chart(app, "chart-loss-parts").text_line


async def test_curves_grow_while_they_are_watched_and_a_zoom_stays(workspace, connection):
    session, _job = rows.add_session(connection, steps=200)
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "n 200" in chart(app).text_line)
        chart(app).focus()
        await pilot.press("plus")
        window = chart(app).window
        write_metrics(connection, session, 1, [(step, "losses/total", 0.5) for step in range(201, 301)])
        await until(pilot, lambda: "step 300" in progress(app))
        assert chart(app).window == window is not None
        await pilot.press("equals_sign")
        assert "n 300" in chart(app).text_line


async def test_a_pause_holds_everything_still(workspace, connection):
    session, _ = rows.add_session(connection, steps=100)
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "n 100" in chart(app).text_line)
        await pilot.press("space")
        assert "paused" in str(app.screen.query_one("#progress").border_title)
        before = app.data_version
        write_metrics(connection, session, 1, [(101, "losses/total", 0.5)])
        await until(pilot, lambda: app.data_version > before)
        assert "n 100" in chart(app).text_line
        await pilot.press("space")
        await until(pilot, lambda: "n 101" in chart(app).text_line)


async def test_a_diverged_session_says_where_and_its_curve_wears_a_badge(workspace, connection):
    rows.add_session(connection, steps=500, diverge_at=412, state="diverged")
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "diverged: losses/total is inf at step 412" in progress(app))
        assert any("diverged: inf at step 412" in line for line in chart(app).lines)
        assert "diverged" in app.screen.query_one("#sessions", RecordList).text


@pytest.mark.parametrize("state", ["failed", "interrupted", "cancelled", "succeeded"])
async def test_the_state_of_an_ended_session_is_a_word(workspace, connection, state):
    rows.add_session(connection, steps=30, state=state, job=False)
    app = live(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: f"{state} at step 30" in progress(app))


async def test_a_silent_worker_is_never_shown_as_running(workspace, connection):
    worker = rows.worker(connection)
    rows.add_session(connection, worker_id=worker)
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "steps/s" in progress(app))
        with transaction(connection):
            connection.execute(
                "UPDATE worker SET heartbeat_ns = heartbeat_ns - 30000000000 WHERE id = ?", (worker,)
            )
        await until(pilot, lambda: "silent for 3" in progress(app))
        assert "steps/s" not in progress(app)
        assert "no answer" in screen_text(pilot) and "running  " not in screen_text(pilot)
        with transaction(connection):
            connection.execute("UPDATE worker SET boot_id = 'x' WHERE id = ?", (worker,))
        await until(pilot, lambda: "presumed dead" in progress(app))


async def test_without_a_choice_everything_that_runs_is_shown(workspace, connection):
    rows.add_session(connection, steps=40, state="succeeded", job=False)
    first, _ = rows.add_session(connection, steps=40, seed=2)
    second, _ = rows.add_session(connection, steps=60, seed=3)
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: screen_of(app).view is not None)
        view = screen_of(app).view
        assert view is not None and [run.session.id for run in view.shown] == [second, first]
        assert "A s." in chart(app).lines[0] or "━━A" in chart(app).lines[0]
        letters = {one.letter for one in chart(app).series}
        assert letters == {"A", "B"}


async def test_sessions_are_overlaid_chosen_alone_and_followed_again(workspace, connection):
    old, _ = rows.add_session(connection, steps=40, state="succeeded", job=False)
    new, _ = rows.add_session(connection, steps=60, state="succeeded", seed=2, job=False)
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "s." in progress(app))
        await pilot.press("down", "m")
        await until(pilot, lambda: len(screen_of(app).view.shown) == 2)
        assert screen_of(app).chosen == (new, old)
        await pilot.press("enter")
        await until(pilot, lambda: screen_of(app).chosen == (old,))
        await until(pilot, lambda: len(screen_of(app).view.shown) == 1)
        assert f"s.{old}" in progress(app)
        await pilot.press("a")
        await until(pilot, lambda: f"s.{new}" in progress(app))


async def test_stopping_asks_and_names_what_it_stops(workspace, connection):
    session, job = rows.add_session(connection)
    app = live(workspace, read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "steps/s" in progress(app))
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert f"cnn, session s.{session} (job {job})" in screen_text(pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert not jobs.cancel_requested(connection, job)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("y")
        await until(pilot, lambda: jobs.cancel_requested(connection, job))


async def test_stopping_says_why_it_is_not_possible(workspace, connection):
    rows.add_session(connection, state="succeeded", job=False)
    app = live(workspace, read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "succeeded" in progress(app))
        await pilot.press("X")
        await until(pilot, lambda: "none of the sessions shown is running" in notes(pilot))


async def test_gradient_norms_of_several_layers_are_small_multiples(workspace, connection):
    session, _ = rows.add_session(connection, steps=100)
    layers = [(step, f"gradient_norm/conv{n}", 0.1 * n) for step in range(100) for n in (1, 2, 3)]
    write_metrics(connection, session, 1, layers)
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        norms = app.screen.query_one("#norms", Panel)
        await until(pilot, lambda: "conv3" in norms.text)
        assert norms.display
        assert not any(one.display for one in app.screen.query("#chart-gradient-norm"))


async def test_the_log_of_the_job_is_followed(workspace, connection):
    _, job = rows.add_session(connection)
    (workspace.logs / "job.log").write_text("step 600\n")
    jobs.record_child(connection, job, 1, pid=1, log_path="logs/job.log")
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "step 600" in app.screen.query_one(LogTail).lines)
        with (workspace.logs / "job.log").open("a") as log:
            log.write("step 601\n")
        await until(pilot, lambda: "step 601" in app.screen.query_one(LogTail).lines)


async def test_z_gives_a_chart_the_screen_and_takes_it_back(workspace, connection):
    rows.add_session(connection, steps=100)
    app = live(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "n 100" in chart(app).text_line)
        small = chart(app).size
        chart(app).focus()
        await pilot.press("z")
        await until(pilot, lambda: chart(app).size.height >= 36, "the whole screen")
        assert chart(app).size.width >= 118
        await pilot.press("z")
        await until(pilot, lambda: chart(app).size == small, "its own place")


@pytest.mark.parametrize(("size", "least"), [((80, 24), 1), ((120, 40), 4), ((160, 50), 4)])
async def test_as_many_charts_are_shown_as_fit_and_the_rest_is_a_key_away(workspace, connection, size, least):
    rows.add_run(connection)
    rows.add_session(connection, steps=100)
    app = live(workspace)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "n 100" in chart(app).text_line)
        shown = [one for one in app.screen.query(Chart) if one.display]
        assert len(shown) >= least
        assert all(one.size.height >= 7 and one.region.bottom <= size[1] - 1 for one in shown)
        seen = {one.id for one in shown}
        for _ in range(6):
            await pilot.press("right_square_bracket")
            await pilot.pause()
            seen |= {one.id for one in app.screen.query(Chart) if one.display}
        assert {"chart-loss", "chart-loss-parts", "chart-gradient-norm", "chart-equity"} <= seen


async def test_a_session_that_ended_is_not_read_again(workspace, connection, monkeypatch):
    from tui.screens import live_read

    session, _ = rows.add_session(connection, steps=30, state="succeeded", job=False)
    reader = live_read.LiveReader()
    first = reader.read(connection, (session,))
    monkeypatch.setattr(live_read, "read_curve", None)
    assert reader.read(connection, (session,)).shown[0].curves == first.shown[0].curves
    monkeypatch.undo()
    update_session(connection, session, note="changed")
    assert reader.read(connection, (session,)).shown[0].session.note == "changed"


async def test_an_empty_workspace_says_what_to_do(workspace, connection):
    app = live(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "no training yet" in progress(app))
        assert any("no training yet" in line for line in chart(app).lines)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "whole: every step can be rebuilt"),
        ({"mode": "digest"}, "digests and norms only"),
        ({"digest_from": 41}, "whole up to step 40, digests from there"),
    ],
)
async def test_it_is_said_how_the_steps_are_kept_and_what_room_they_take(workspace, connection, how, words):
    add_journalled_session(connection, steps=60, **how)
    app = live(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: words in progress(app))
        assert "of 1.0 GB" in progress(app)


async def test_a_session_whose_steps_are_not_kept_says_so(workspace, connection):
    rows.add_session(connection, steps=40, state="succeeded", job=False)
    app = live(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "steps are not kept" in progress(app))
