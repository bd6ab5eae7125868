"""The agents, and the form that trains them."""

from __future__ import annotations

import math

import pytest
from textual.widgets import Input

from models import registry
from models.parameters import build, describe
from storage import jobs
from storage.training_overview import agents_at_a_glance, material
from storage.workspace import Workspace
from tests.tui import training_rows as rows
from tests.tui.driving import console, loaded, notes, screen_text, until
from tui import launch
from tui.app import CoinTraderApp
from tui.screens.live import LiveScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.train import TrainScreen
from tui.screens.training_form import TrainingForm, allowed_words, text_of
from tui.widgets.record_list import RecordList


def writable(workspace: Workspace) -> CoinTraderApp:
    return console(workspace, "train", read_only=False)


def agents(app: CoinTraderApp) -> str:
    return app.screen.query_one("#agents", RecordList).text


def is_listed(app: CoinTraderApp) -> bool:
    return isinstance(app.screen, TrainScreen) and "CNN" in agents(app)


async def form_of(app, pilot, agent: str) -> TrainingForm:
    await until(pilot, lambda: is_listed(app))
    app.screen.query_one("#agents", RecordList).select(agent)
    await pilot.press("t")
    await until(pilot, lambda: isinstance(app.screen, TrainingForm))
    return app.screen


def test_an_agent_is_summed_up_by_champion_session_and_jobs(connection):
    session, _ = rows.add_session(connection, state="succeeded", job=False)
    rows.add_version(connection, "cnn", session, value=0.61, baseline=0.5, status="champion")
    rows.add_version(connection, "cnn", session, value=0.52, baseline=0.5, status="candidate")
    rows.add_session(connection, seed=2)
    jobs.enqueue(connection, kind="train", title="Train cnn", arguments={"agent": "cnn"})
    jobs.enqueue(connection, kind="train", title="Train x", arguments={"agent": "x"})
    [cnn, other] = agents_at_a_glance(connection, ["cnn", "signal_classifier"])
    assert cnn.champion is not None and cnn.champion.version == 1
    assert cnn.newest is not None and cnn.newest.version == 2
    assert (cnn.sessions, cnn.running_jobs, cnn.waiting_jobs) == (2, 1, 1)
    assert (other.champion, other.sessions, other.waiting_jobs) == (None, 0, 0)


def test_what_there_is_to_learn_from_is_counted(connection):
    rows.add_run(connection, positions=12)
    assert material(connection).closed_positions == 12


@pytest.mark.parametrize("agent", [entry.name for entry in registry.AGENTS])
def test_the_defaults_of_every_form_are_allowed_and_mean_the_defaults(agent):
    cls = registry.params_class(agent)
    texts = {spec.name: text_of(spec.default) for spec in describe(cls)}
    assert build(cls, texts) == cls()
    assert all(allowed_words(spec) for spec in describe(cls))


async def test_every_agent_has_a_row_with_its_champion_against_the_baseline(workspace, connection):
    session, _ = rows.add_session(connection, agent="signal_classifier", state="succeeded", job=False)
    rows.add_version(connection, "signal_classifier", session, value=0.534, baseline=0.5, status="champion")
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "v1 champion" in agents(app))
        lines = agents(app).splitlines()
        assert len(lines) == len(registry.AGENTS)
        classifier = next(line for line in lines if "Signal classifier" in line)
        assert "0.534" in classifier and "+0.034 ▲" in classifier
        assert "none yet" in next(line for line in lines if "CNN" in line)


async def test_a_training_whose_worker_died_is_not_called_running(workspace, connection):
    worker = rows.worker(connection)
    rows.add_session(connection, worker_id=worker)
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "running, step" in agents(app))
        connection.execute("UPDATE worker SET boot_id = 'x' WHERE id = ?", (worker,))
        await until(pilot, lambda: "no answer from worker" in agents(app))
        assert "running" not in screen_text(pilot)


async def test_the_form_queues_a_training_with_checked_parameters(workspace, connection, workers):
    app = writable(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        form = await form_of(app, pilot, "cnn")
        form.query_one("#field-steps", Input).value = "300"
        form.query_one("#field-seed", Input).value = "7"
        await pilot.press("enter")
        await until(pilot, lambda: workers)
        [job] = jobs.list_jobs(connection)
        assert (job.kind, job.arguments["agent"], job.arguments["seed"]) == ("train", "cnn", 7)
        assert build(registry.params_class("cnn"), job.arguments["params"]).steps == 300
        await until(pilot, lambda: f"job {job.id}" in notes(pilot))


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("steps", "3", "must be 10 to 1,000,000"),
        ("steps", "many", "must be a whole number, 10 to 1,000,000"),
        ("learning_rate", "nan", "must be finite"),
        ("dropout", "0.95", "must be 0 to 0.9"),
        ("device", "tpu", "must be one of cpu, auto"),
        ("seed", "-1", "must be 0 to 2,147,483,647"),
    ],
)
async def test_a_parameter_out_of_range_is_refused_with_its_range(
    workspace, connection, workers, field, typed, words
):
    app = writable(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        form = await form_of(app, pilot, "cnn")
        form.query_one(f"#field-{field}", Input).value = typed
        await until(pilot, lambda: field in form.problems, "the refusal")
        assert words in form.problems[field]
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is form and form.focused is form.query_one(f"#field-{field}")
        assert jobs.list_jobs(connection) == [] and not workers
        await until(pilot, lambda: words.split(",")[0] in screen_text(pilot))


async def test_choices_are_cycled_and_defaults_come_back(workspace, connection):
    app = writable(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        form = await form_of(app, pilot, "signal_classifier")
        sample = form.query_one("#field-sample", Input)
        sample.focus()
        await pilot.press("ctrl+n")
        assert sample.value == "signals"
        await pilot.press("ctrl+b", "ctrl+b")
        assert sample.value == "bars"
        await pilot.press("ctrl+r")
        assert sample.value == "auto"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        assert jobs.list_jobs(connection) == []


async def test_the_form_tells_what_the_field_means(workspace, connection):
    app = writable(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        form = await form_of(app, pilot, "cnn")
        await pilot.press("down")
        spec = describe(registry.params_class("cnn"))[1]
        assert form.focused is form.query_one(f"#field-{spec.name}")
        await until(pilot, lambda: spec.help in screen_text(pilot))


async def test_read_only_says_why_nothing_is_trained(workspace, connection):
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: is_listed(app))
        await pilot.press("t")
        await until(pilot, lambda: "--read-only" in notes(pilot))
        assert isinstance(app.screen, TrainScreen)


async def test_from_an_agent_to_its_sessions_to_the_curves(workspace, connection):
    session, _ = rows.add_session(connection, state="succeeded", steps=50, job=False)
    rows.add_session(connection, agent="signal_classifier", state="succeeded", steps=20, job=False)
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: is_listed(app))
        app.screen.query_one("#agents", RecordList).select("cnn")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        table = await loaded(pilot)
        await until(pilot, lambda: table.pages.count == 1 and app.screen.session_id == session)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        below = app.screen.query_one("#sessions", RecordList)
        assert below.text.startswith(f"s.{session}")
        await pilot.press("tab")
        assert below.has_focus
        await pilot.press("escape")
        assert app.screen.query_one("#agents").has_focus
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen.view is not None)
        live = app.screen
        assert isinstance(live, LiveScreen) and live.chosen == (session,)


async def test_an_agent_that_never_trained_says_how_to(workspace, connection):
    app = console(workspace, "train")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: is_listed(app))
        assert "never trained" in agents(app)
        assert "t opens the form" in app.screen.query_one("#sessions", RecordList).text


def test_the_worker_is_asked_for_through_the_command_line(workspace, monkeypatch):
    asked = []

    class Done:
        returncode, stdout, stderr = 1, b"", b"cannot: disk is full"

    monkeypatch.setattr(launch.subprocess, "run", lambda command, **_: asked.append(command) or Done)
    with pytest.raises(launch.WorkerNotReached, match="disk is full"):
        launch.ensure_worker(workspace)
    assert asked[0][1:6] == ["-P", "-m", "cointrader", "worker", "--ensure"]
    assert asked[0][-1] == str(workspace.root)


def test_a_value_that_is_missing_has_no_edge():
    from tui import phrases
    from tui.symbols import UNICODE

    assert phrases.edge(None, 0.5, UNICODE)[0] == "-"
    assert phrases.edge(0.4, 0.5, UNICODE)[0] == "-0.100 ▼"
    assert phrases.number(math.pi) == "3.1416"
