"""Any step of any session, however it is kept; and what a process of its own says of it."""

from __future__ import annotations

import dataclasses
import time

import pytest

from cointrader.settings import Settings
from storage import jobs
from storage.database import transaction
from tests.tui import replay_rows as rows
from tests.tui.driving import console, notes, screen_text, until
from tui import launch
from tui.app import CoinTraderApp
from tui.dialogs.cell import CellDialog
from tui.screens.live import LiveScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.step_browser import StepBrowserScreen
from tui.screens.step_read import AROUND
from tui.step_question import StepAnswer, StepQuestion
from tui.widgets.paged_table import PagedTable
from tui.widgets.panel import Panel
from tui.widgets.step_list import StepCurve, StepList
from tui.widgets.title_line import TitleLine

ASK = "tui.screens.step_browser.StepQuestion"


class Answered(StepQuestion):
    """In the place of a process: says at once what it was told to say, and that it was stopped."""

    said: dict[str, object] = {}  # noqa: RUF012
    waits = False
    ended: list[StepQuestion] = []  # noqa: RUF012

    def ask(self) -> StepAnswer:
        while self.waits and self not in self.ended:
            time.sleep(0.005)
        return StepAnswer(self.verb, self.session_id, self.step, {**self.said, "step": self.step})

    def stop(self) -> None:
        self.ended.append(self)

    @classmethod
    def stopped(cls) -> list[int]:
        return [question.step for question in cls.ended]


def answering(monkeypatch, *, waits: bool = False, **said: object) -> type[Answered]:
    cls = type("Told", (Answered,), {"said": said, "waits": waits, "ended": []})
    monkeypatch.setattr(ASK, cls)
    return cls


async def browser(app: CoinTraderApp, pilot, session: int, step: int | None = None) -> StepBrowserScreen:
    await until(pilot, lambda: app.data_version > 0, "the database")
    screen = StepBrowserScreen(session, step)
    app.push_screen(screen)
    await until(pilot, lambda: screen.is_attached and screen.row is not None, "a step")
    return screen


def panel(app: CoinTraderApp, id: str) -> str:
    return app.screen.query_one(f"#{id}", Panel).text


def sessions_listed(app: CoinTraderApp) -> int | None:
    shown = app.screen.query(PagedTable) if isinstance(app.screen, SessionsScreen) else ()
    return next((table.pages.count for table in shown), None)


async def at(pilot, screen: StepBrowserScreen, step: int) -> None:
    await until(pilot, lambda: screen.row is not None and screen.row.step == step, f"step {step}")


async def test_a_step_says_what_it_lost_was_made_from_and_left(workspace, connection):
    session = rows.add_journalled_session(connection)
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        await browser(app, pilot, session, 250)
        facts = panel(app, "facts")
        assert f"{rows.loss_of(250):.4f}" in facts and f"{rows.loss_of(250) * 0.7:.4f}" in facts
        assert rows.digest_of(250) in facts and "target network copied" in facts
        assert "64 rows: 25000, 25001, 25002" in facts
        assert "kept whole · 00000201-00000300.safetensors, row 49" in facts
        norms = panel(app, "norms").splitlines()
        assert [line.split()[0] for line in norms] == list(rows.LAYERS)
        # conv1 to head have norms of 1 to 4 tenths: each bar is longer than the one before it.
        lengths = [line.count("━") for line in norms]
        assert lengths == sorted(lengths) and lengths[0] < lengths[-1] and "0.4050" in norms[-1]
        curve = app.screen.query_one(StepCurve)
        assert curve.crosshair == 250.0 and "n 400" in curve.text_line


async def test_any_step_is_reached_by_keys_and_by_its_number(workspace, connection):
    session = rows.add_journalled_session(connection, steps=900)
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session)
        assert screen.row.step == 900, "it begins at the last one"
        await pilot.press("up", "left", "k")
        await at(pilot, screen, 897)
        await pilot.press("home")
        await at(pilot, screen, 1)
        await pilot.press("up")
        await at(pilot, screen, 1)
        await pilot.press("down", "right", "j")
        await at(pilot, screen, 4)
        page = screen.query_one(StepList).room
        await pilot.press("pagedown")
        await at(pilot, screen, 4 + page)
        await pilot.press("g", "5", "4", "3", "enter")
        await at(pilot, screen, 543)
        assert "▶       543" in screen.query_one(StepList).text
        await pilot.press("g", "9", "9", "9", "9", "9", "enter")
        await at(pilot, screen, 900)
        await pilot.press("g", "enter")
        await at(pilot, screen, 1)
        await pilot.press("g", "7", "escape")
        await at(pilot, screen, 1)
        await pilot.press("G")
        await at(pilot, screen, 900)
        assert len(screen._window.steps) <= 2 * AROUND + 1, "only the steps around are in memory"


async def test_walking_far_reads_on_without_a_gap(workspace, connection):
    session = rows.add_journalled_session(connection, steps=700)
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session, 1)
        page, step = screen.query_one(StepList).room, 1
        while step + page < 2 * AROUND + 60:
            await pilot.press("pagedown", "down", "up")
            step += page
            await at(pilot, screen, step)


async def test_the_cursor_of_the_curve_goes_to_its_step(workspace, connection):
    session = rows.add_journalled_session(connection)
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session, 200)
        screen.query_one(StepCurve).focus()
        await pilot.press("home")
        await at(pilot, screen, 1)
        await pilot.press("right")
        await until(pilot, lambda: screen.row.step > 1)
        assert screen.query_one(StepCurve).crosshair == float(screen.row.step)


async def test_a_step_that_is_missing_is_passed_over(workspace, connection):
    session = rows.add_journalled_session(connection, steps=60)
    with transaction(connection):
        connection.execute("DELETE FROM step WHERE session_id = ? AND step BETWEEN 20 AND 29", (session,))
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session, 19)
        await pilot.press("down")
        await at(pilot, screen, 30)
        await pilot.press("up")
        await at(pilot, screen, 19)
        await pilot.press("g", "2", "5", "enter")
        await at(pilot, screen, 30)


@pytest.mark.parametrize(
    ("how", "step", "words"),
    [
        ({"mode": "digest"}, 10, "no gradient of this step was kept"),
        ({"pruned_below": 150}, 50, "pruned to make room"),
        ({"digest_from": 120}, 130, "no gradient of this step was kept"),
    ],
)
async def test_what_was_not_kept_whole_cannot_be_rebuilt_and_says_why(
    workspace, connection, monkeypatch, how, step, words
):
    told = answering(monkeypatch, match=True)
    session = rows.add_journalled_session(connection, steps=200, **how)
    app = console(workspace, "train", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await browser(app, pilot, session, step)
        await until(pilot, lambda: words in panel(app, "answer"))
        await pilot.press("r")
        await until(pilot, lambda: words in notes(pilot))
        assert told.stopped() == []


async def test_rebuilding_answers_below_and_only_for_this_step(workspace, connection, monkeypatch):
    digest = rows.digest_of(150)
    answering(monkeypatch, match=True, comparable=True, digest=digest, recorded=digest, snapshot=0)
    session = rows.add_journalled_session(connection)
    app = console(workspace, "train", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session, 150)
        await pilot.press("r")
        await until(pilot, lambda: "the same to the bit" in panel(app, "answer"))
        assert digest in panel(app, "answer") and "snapshot after step 0" in panel(app, "answer")
        await pilot.press("v")
        await until(pilot, lambda: "verified" in panel(app, "answer"))
        await pilot.press("down")
        await at(pilot, screen, 151)
        assert "r rebuilds" in panel(app, "answer")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"match": False, "comparable": True, "digest": "a", "recorded": "b"}, "not what was recorded"),
        (
            {"match": False, "comparable": False, "why": "torch 2.8 then, 2.9 now"},
            "not comparable: torch 2.8",
        ),
    ],
)
async def test_another_digest_is_never_called_the_same(workspace, connection, monkeypatch, said, words):
    answering(monkeypatch, **said)
    session = rows.add_journalled_session(connection, steps=20)
    app = console(workspace, "train", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await browser(app, pilot, session)
        await pilot.press("r")
        await until(pilot, lambda: words in panel(app, "answer"))
        assert "the same" not in panel(app, "answer")


async def test_leaving_a_step_ends_the_process_that_works_on_it(workspace, connection, monkeypatch):
    told = answering(monkeypatch, waits=True, match=True)
    session = rows.add_journalled_session(connection, steps=20)
    app = console(workspace, "train", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session)
        await pilot.press("r")
        await until(pilot, lambda: "rebuilding step 20" in panel(app, "answer"))
        await pilot.press("escape")
        assert told.stopped() == [20] and app.screen is screen
        questions = [worker for worker in app.workers if worker.group == "question"]
        await until(pilot, lambda: all(worker.is_finished for worker in questions))
        await pilot.pause()
        assert "r rebuilds" in panel(app, "answer"), "what comes too late is not shown"
        await pilot.press("r", "up")
        await at(pilot, screen, 19)
        assert told.stopped() == [20, 20]
        told.ended.clear()
        await pilot.press("r")
        await until(pilot, lambda: "rebuilding step 19" in panel(app, "answer"))
        screen.dismiss()
        await until(pilot, lambda: app.screen is not screen)
        assert told.stopped() == [19]


async def test_the_keys_can_be_other_ones_and_signs_plain(workspace, connection, monkeypatch):
    answering(monkeypatch, match=True)
    monkeypatch.setenv("NO_COLOR", "1")
    session = rows.add_journalled_session(connection, steps=20)
    plain = dataclasses.replace(Settings().console, symbols="ascii")
    settings = Settings(console=plain, keymap={"steps.rebuild": "R", "steps.go_to": "f5"})
    app = console(workspace, "train", settings=settings, read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session)
        await until(pilot, lambda: "R rebuild" in screen_text(pilot).splitlines()[-1])
        await pilot.press("f5", "7", "enter")
        await at(pilot, screen, 7)
        await pilot.press("R")
        await until(pilot, lambda: "y rebuilt: the same to the bit" in panel(app, "answer"))
        assert screen_text(pilot).isascii()


async def test_read_only_shows_steps_and_computes_nothing(workspace, connection, monkeypatch):
    answering(monkeypatch, match=True)
    session = rows.add_journalled_session(connection, steps=20)
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session)
        for pressed in ("r", "v", "p"):
            await pilot.press(pressed)
            await until(pilot, lambda: "--read-only" in notes(pilot))
            app.clear_notifications()
        assert app.screen is screen and "--read-only" in panel(app, "answer")


async def test_a_session_without_a_journal_says_that_nothing_was_kept(workspace, connection):
    from tests.tui.training_rows import add_session

    session, _ = add_session(connection, steps=30, state="succeeded", job=False)
    app = console(workspace, "train")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.data_version > 0)
        app.push_screen(StepBrowserScreen(session))
        await until(pilot, lambda: "No step of this session was kept" in screen_text(pilot))
        await pilot.press("down")
        await until(pilot, lambda: "no step of this session was kept" in notes(pilot))


@pytest.mark.slow
async def test_steps_that_arrive_are_within_reach(workspace, connection):
    session = rows.add_journalled_session(connection, steps=100)
    with transaction(connection):
        connection.execute("UPDATE step SET session_id = ? WHERE step > 50", (session,))
        connection.execute("CREATE TEMP TABLE later AS SELECT * FROM step WHERE step > 50")
        connection.execute("DELETE FROM step WHERE step > 50")
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session)
        assert screen.row.step == 50
        with transaction(connection):
            connection.execute("INSERT INTO step SELECT * FROM later")
            connection.execute("UPDATE journal SET rev = rev + 1000")
        await until(pilot, lambda: "1 to 100" in screen.query_one(TitleLine).render().plain)
        await pilot.press("end")
        await at(pilot, screen, 100)


async def test_the_whole_batch_the_curves_and_the_form_are_a_key_away(workspace, connection, monkeypatch):
    monkeypatch.setattr(launch, "ensure_worker", lambda _workspace: None)
    session = rows.add_journalled_session(connection, steps=20)
    app = console(workspace, "train", read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await browser(app, pilot, session, 3)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, CellDialog))
        assert "363" in screen_text(pilot)
        await pilot.press("escape", "p")
        await until(pilot, lambda: "s.1 cnn" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and bool(jobs.list_jobs(connection)))
        [job] = jobs.list_jobs(connection)
        assert (job.kind, job.arguments["kind"], job.arguments["session"]) == ("replay", "session", session)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert app.screen.chosen == (session,)


async def test_from_an_agent_to_its_sessions_to_the_steps_of_one(workspace, connection):
    whole = rows.add_journalled_session(connection, steps=20)
    rows.add_journalled_session(connection, agent="cob_rl", steps=10)
    digests = rows.add_journalled_session(connection, steps=30, mode="digest")
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "CNN" in screen_text(pilot))
        app.screen.query_one("#agents").select("cnn")
        await pilot.press("enter")
        await until(pilot, lambda: sessions_listed(app) == 2)
        about = app.screen.query_one("#about", Panel)
        assert app.screen.session_id == digests
        await until(pilot, lambda: "digests and norms only" in about.text)
        await pilot.press("down")
        await until(pilot, lambda: "every step can be rebuilt, 3.2 MB of 1.0 GB" in about.text)
        assert "AdamW, torch 2.9.0, AVX2, 1 thread" in about.text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, StepBrowserScreen) and app.screen.row is not None)
        assert app.screen.row.session_id == whole
        await pilot.press("escape", "q")
        await until(pilot, lambda: "sessions of" in screen_text(pilot))


async def test_sessions_are_sorted_by_what_their_steps_are_worth_and_take(workspace, connection):
    for steps, worth in ((10, 0.5), (20, 0.9), (15, 0.7)):
        session = rows.add_journalled_session(connection, steps=steps)
        with transaction(connection):
            connection.execute("UPDATE journal SET training_value = ? WHERE session_id = ?", (worth, session))
    app = console(workspace, "train")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.data_version > 0)
        app.push_screen(SessionsScreen("cnn"))
        await until(pilot, lambda: sessions_listed(app) == 3)
        table = app.screen.table
        table.sort_by("worth", True)
        await until(pilot, lambda: not table.is_loading_rows and table.wish.sort == "worth")
        await until(pilot, lambda: (table.pages.row(0) or (0,))[-1] == 2, "the one that is worth most")
        table.filter_by("journal:digest")
        await until(pilot, lambda: table.pages.count == 0)
