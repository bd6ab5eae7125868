"""Paper trading on the screen: what a run holds and does, and every key that steers it."""

from __future__ import annotations

import dataclasses
import sqlite3

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from storage import jobs, paper_runs
from storage.order_requests import ask_open
from storage.paper_runs import PLAYBACK, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper.trading import store
from tests.tui.driving import console, loaded, notes, screen_text, until
from tests.tui.paper_stepping import PLAN, SteppedRun, market
from tui import launch
from tui.app import CoinTraderApp
from tui.dialogs.confirm import ConfirmDialog
from tui.screens.chain import ChainScreen
from tui.screens.order_form import OrderForm, amount_of
from tui.screens.paper import PaperScreen
from tui.screens.paper_form import PaperForm
from tui.widgets.chart.chart import Chart
from tui.widgets.panel import Panel
from tui.widgets.record_list import RecordList

LARGE = (120, 40)
SMALL = (80, 24)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[Workspace]:
    """Workspaces for which a worker was asked; none is started."""
    asked: list[Workspace] = []
    monkeypatch.setattr(launch, "ensure_worker", asked.append)
    return asked


@pytest.fixture
def run(workspace: Workspace, connection: sqlite3.Connection) -> SteppedRun:
    """A run of two symbols after three bars."""
    stepped = SteppedRun(workspace, connection, market(), market("ETH/USDT", 10.0))
    stepped.bars(3)
    return stepped


def writable(workspace: Workspace, screen: str = "paper") -> CoinTraderApp:
    return console(workspace, screen, read_only=False)


def panel(app: CoinTraderApp, name: str) -> str:
    return app.screen.query_one(f"#{name}", Panel).text


def held(app: CoinTraderApp) -> str:
    return app.screen.query_one("#open", RecordList).text


async def shown(app: CoinTraderApp, pilot: Pilot[None], words: str = "equity") -> None:
    await until(
        pilot, lambda: isinstance(app.screen, PaperScreen) and words in panel(app, "account"), "the account"
    )


async def asked(app: CoinTraderApp, pilot: Pilot[None], key: str) -> str:
    """Presses a key that asks; the question and what follows."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, ConfirmDialog), f"the question of {key}")
    return screen_text(pilot)


async def open_by_hand(run: SteppedRun, app: CoinTraderApp, pilot: Pilot[None], symbol: str) -> None:
    ask_open(run.connection, symbol, "long", notional=500.0)
    run.orders()
    run.bars(2)
    await until(pilot, lambda: symbol in held(app), f"the position in {symbol}")


# What is shown


async def test_without_a_run_it_says_how_one_is_started(workspace: Workspace) -> None:
    app = writable(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "No paper run yet" in panel(app, "empty"))
        assert "s  starts one" in screen_text(pilot)
        await pilot.press("X")
        await until(pilot, lambda: "there is no run; s starts one" in notes(pilot))


async def test_a_start_that_failed_says_why(workspace: Workspace, connection: sqlite3.Connection) -> None:
    job = paper_runs.ask_start(connection, PLAN)
    worker = jobs.register_worker(connection, cpu_slots=1, gpu_slots=0)
    claimed = jobs.claim(connection, worker, {paper_runs.SLOT: 1}, 60.0)
    assert claimed is not None
    jobs.finish(connection, job, claimed.attempt, jobs.FAILED, error="no candles are stored")
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: f"job {job} could not begin a run" in panel(app, "empty"))
        assert "no candles are stored" in screen_text(pilot)
        assert "starts one" not in screen_text(pilot)


async def test_account_positions_and_decisions_follow_the_run(workspace: Workspace, run: SteppedRun) -> None:
    app = console(workspace, "paper")
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot, "10,000.00")
        assert "running" in screen_text(pilot) and "playback ×600" in screen_text(pilot)
        assert "last bar 2024-01-01 00:15" in screen_text(pilot)
        assert held(app) == "nothing is open"
        await open_by_hand(run, app, pilot, "BTC/USDT")
        # 500 / 99 bought at 99 x 1.0002, at 103 now; the fee is a thousandth.
        assert "99.0198" in held(app) and "+19.60 ▲" in held(app) and "+3.92" in held(app)
        await until(pilot, lambda: "by hand" in panel(app, "decisions"))
        assert "accepted at 99.0000" in panel(app, "decisions")
        assert "10,019.60" in panel(app, "account") and "open 1/5" in panel(app, "account")
        assert app.screen.query_one("#equity", Chart).series
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChainScreen), "the chain")


async def test_a_rejected_signal_says_why(workspace: Workspace, run: SteppedRun) -> None:
    app = console(workspace, "paper")
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        run.bars(60)
        await until(pilot, lambda: "Confidence too low" in panel(app, "decisions"))
        assert "✗" in panel(app, "decisions") and "momentum" in panel(app, "decisions")


async def test_a_run_whose_worker_is_gone_is_not_called_running(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        run.connection.execute("UPDATE worker SET boot_id = 'another boot'")
        await until(pilot, lambda: "no answer" in screen_text(pilot))
        assert "its worker is presumed dead" in panel(app, "account")
        assert "running" not in screen_text(pilot)


async def test_a_run_that_nobody_goes_on_with_can_be_taken_up(
    workspace: Workspace, run: SteppedRun, workers: list[Workspace]
) -> None:
    run.connection.execute("UPDATE job SET state = 'failed'")
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot, "nobody goes on with it; p goes on")
        await pilot.press("p")
        await until(pilot, lambda: bool(workers), "a worker")
        [job] = jobs.list_jobs(run.connection, states=[jobs.QUEUED])
        assert job.arguments == {"run_id": run.run_id}
        await shown(app, pilot, f"job {job.id} waits for a")


async def test_a_run_that_stopped_on_an_error_says_which(workspace: Workspace, run: SteppedRun) -> None:
    paper_runs.rest(run.connection, run.run_id, "BTC/USDT: the bar is nan")
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot, "BTC/USDT: the bar is nan; p goes on with it")
        assert "paused" in screen_text(pilot)


# Steering


async def test_a_run_rests_and_goes_on(
    workspace: Workspace, run: SteppedRun, workers: list[Workspace]
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await pilot.press("p")
        await until(pilot, lambda: "paused" in screen_text(pilot))
        assert run.row.state == "paused" and not workers
        await pilot.press("p")
        await until(pilot, lambda: "● running" in screen_text(pilot))
        assert run.row.state == "running" and workers == [workspace]


async def test_a_run_is_stopped_only_after_a_yes_that_knows_what_is_held(
    workspace: Workspace, run: SteppedRun, workers: list[Workspace]
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await open_by_hand(run, app, pilot, "BTC/USDT")
        question = await asked(app, pilot, "X")
        assert f"Stop paper run {run.run_id}?" in question
        assert "Its open position is closed at the last close" in question
        assert "BTC/USDT long  +19.60" in question
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, PaperScreen))
        assert run.row.state == "running"
        await asked(app, pilot, "X")
        await pilot.press("y")
        await until(pilot, lambda: "stopping" in screen_text(pilot))
        assert run.row.state == "stopping" and workers == [workspace]
        run.end()
        await until(pilot, lambda: "profit factor" in panel(app, "account"))
        assert "stopped" in screen_text(pilot)
        await pilot.press("b")
        await until(pilot, lambda: "no paper run goes on; s starts one" in notes(pilot))


async def test_one_position_is_closed_by_its_name(workspace: Workspace, run: SteppedRun) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await pilot.press("x")
        await until(pilot, lambda: "no open position under the cursor" in notes(pilot))
        await open_by_hand(run, app, pilot, "BTC/USDT")
        await open_by_hand(run, app, pilot, "ETH/USDT")
        app.screen.query_one("#open", RecordList).select(1)
        question = await asked(app, pilot, "x")
        assert "Close position 1, BTC/USDT long" in question and "It leaves at the next open" in question
        await pilot.press("y")
        await until(pilot, lambda: "waits" in panel(app, "orders"))
        run.orders()
        await until(pilot, lambda: "leaves at the next open" in notes(pilot))
        await until(pilot, lambda: "leaves" in held(app))
        await pilot.press("x")
        await until(pilot, lambda: "leaves at the next open already" in notes(pilot))
        run.bars(1)
        await until(pilot, lambda: "BTC/USDT" not in held(app))
        assert "ETH/USDT" in held(app)


async def test_everything_is_closed_after_a_question_that_counts(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await pilot.press("A")
        await until(pilot, lambda: "nothing is open and nothing is ordered" in notes(pilot))
        await open_by_hand(run, app, pilot, "BTC/USDT")
        await open_by_hand(run, app, pilot, "ETH/USDT")
        question = await asked(app, pilot, "A")
        assert f"Close all of run {run.run_id}: 2 open positions?" in question
        assert "BTC/USDT long" in question and "ETH/USDT long" in question
        await pilot.press("y")
        await until(pilot, lambda: "1 waiting" in str(app.screen.query_one("#orders").border_title))
        run.orders()
        run.bars(1)
        await until(pilot, lambda: held(app) == "nothing is open")
        assert run.states[-1] == ("done", "2 positions leave at the next open")


async def test_what_is_ordered_and_not_filled_can_be_withdrawn(workspace: Workspace, run: SteppedRun) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        ask_open(run.connection, "BTC/USDT", "short", notional=500.0)
        run.orders()
        await until(pilot, lambda: "filled at the next open" in panel(app, "decisions"))
        assert "1 ordered" in screen_text(pilot)
        assert "1 order not filled yet" in await asked(app, pilot, "A")


async def test_other_runs_are_a_key_away(workspace: Workspace, run: SteppedRun) -> None:
    other = SteppedRun(workspace, run.connection)
    app = console(workspace, "paper")
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        assert f"run {other.run_id}" in screen_text(pilot) and "2 runs go on" in screen_text(pilot)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: f"run {run.run_id} " in screen_text(pilot))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: f"run {other.run_id} " in screen_text(pilot))


# Orders by hand


async def form_of(app: CoinTraderApp, pilot: Pilot[None]) -> OrderForm:
    await pilot.press("b")
    await until(pilot, lambda: isinstance(app.screen, OrderForm), "the form")
    form = app.screen
    assert isinstance(form, OrderForm)
    await until(pilot, lambda: "of the equity" in form.query_one("#meaning", Panel).text, "what it comes to")
    return form


async def order_of(app: CoinTraderApp, pilot: Pilot[None], size: str, amount: str) -> None:
    """Fills the form and sends it."""
    form = await form_of(app, pilot)
    await pilot.press("down", "down", *(["right"] if size == "notional" else ["right", "right"]))
    form.query_one("#field-amount", Input).value = amount
    await pilot.press("enter")


async def test_an_order_by_hand_waits_is_taken_and_becomes_a_position(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await order_of(app, pilot, "notional", "500")
        await until(pilot, lambda: "waits" in panel(app, "orders"))
        assert "buy BTC/USDT for 500.00" in panel(app, "orders")
        run.orders()
        await until(pilot, lambda: "accepted, filled at the next open" in notes(pilot))
        assert "done" in panel(app, "orders") and "waits" not in panel(app, "orders")
        run.bars(1)
        await until(pilot, lambda: "BTC/USDT" in held(app))
        [(notional,)] = run.connection.execute("SELECT notional FROM position").fetchall()
        assert notional == pytest.approx(500.0, rel=1e-3)


async def test_an_order_that_the_run_refuses_says_why_on_any_screen(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        await order_of(app, pilot, "quantity", "90")
        await until(pilot, lambda: "waits" in panel(app, "orders"))
        await pilot.press("2")
        await until(pilot, lambda: not isinstance(app.screen, PaperScreen))
        run.orders()
        await until(pilot, lambda: "Order too large" in notes(pilot))
        await pilot.press("P")
        await until(pilot, lambda: "refused" in panel(app, "orders"))
        assert "buy BTC/USDT 90: Order too large: 89.10 % of equity" in panel(app, "orders")


@pytest.mark.parametrize("typed", ["", "much", "-3", "0", "nan", "inf"])
async def test_a_size_that_is_no_size_is_refused_at_its_field(
    workspace: Workspace, run: SteppedRun, typed: str
) -> None:
    assert amount_of(typed)[1]
    app = writable(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        await order_of(app, pilot, "notional", typed)
        await until(pilot, lambda: "must be a number above 0" in screen_text(pilot))
        form = app.screen
        assert isinstance(form, OrderForm) and form.focused is form.query_one("#field-amount")
        assert run.states == []


async def test_the_form_says_what_the_size_comes_to(workspace: Workspace, run: SteppedRun) -> None:
    app = writable(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        form = await form_of(app, pilot)
        words = form.query_one("#meaning", Panel).text
        assert "BTC/USDT closed last at 2024-01-01 00:15 at 99.0000." in words
        assert "10.1010 BTC for 1,000.00 USDT, 10.0 % of the equity" in " ".join(words.split())
        assert "1 position a symbol" in " ".join(words.split())
        await pilot.press("right")
        await until(pilot, lambda: "ETH/USDT closed last" in form.query_one("#meaning", Panel).text)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, PaperScreen))
        assert run.states == []


async def test_an_order_for_a_paused_run_says_that_it_waits(
    workspace: Workspace, run: SteppedRun, workers: list[Workspace]
) -> None:
    paper_runs.pause(run.connection)
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        form = await form_of(app, pilot)
        assert f"Run {run.run_id} is paused: the order waits" in form.query_one("#meaning", Panel).text


async def test_of_several_runs_one_is_chosen(workspace: Workspace, run: SteppedRun) -> None:
    plan = dataclasses.replace(PLAN, symbols=("ETH/USDT",))
    other = SteppedRun(workspace, run.connection, plan=plan)
    other.bars(1)
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await shown(app, pilot)
        form = await form_of(app, pilot)
        assert form.wish().run_id == other.run_id and form.wish().symbol == "ETH/USDT"
        await pilot.press("up", "right")
        await until(pilot, lambda: form.wish().run_id == run.run_id)
        await pilot.press("down", "left")
        assert form.wish().symbol == "BTC/USDT"


@pytest.mark.parametrize("screen", ["signals", "positions"])
async def test_an_order_is_given_from_signals_and_positions_too(
    workspace: Workspace, run: SteppedRun, screen: str
) -> None:
    app = writable(workspace, screen)
    async with app.run_test(size=LARGE) as pilot:
        await loaded(pilot)
        await until(pilot, lambda: bool(getattr(app.screen, "runs_to_order", ())), "the runs")
        await order_of(app, pilot, "notional", "500")
        await until(pilot, lambda: run.states == [("waiting", "")])
        run.orders()
        await until(pilot, lambda: "accepted, filled at the next open" in notes(pilot))


@pytest.mark.parametrize("screen", ["signals", "positions"])
async def test_without_a_run_an_order_is_impossible_and_says_why(trading: Workspace, screen: str) -> None:
    app = writable(trading, screen)
    async with app.run_test(size=LARGE) as pilot:
        await loaded(pilot)
        await pilot.press("b")
        await until(pilot, lambda: "no paper run goes on; P starts one" in notes(pilot))


async def test_the_palette_orders_from_any_screen(workspace: Workspace, run: SteppedRun) -> None:
    from tui.palette import ConsoleCommands

    app = writable(workspace, "train")
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: app.data_version > 0)
        offered = {title: call for title, _, call in ConsoleCommands(app.screen).commands()}
        offered["Order by hand"]()
        await until(pilot, lambda: isinstance(app.screen, OrderForm), "the form")


# Positions


async def test_what_is_open_stands_over_all_positions_and_is_closed_there(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace, "positions")
    async with app.run_test(size=LARGE) as pilot:
        await loaded(pilot)
        assert not app.screen.query_one("#open").display
        await open_by_hand(run, app, pilot, "BTC/USDT")
        assert app.screen.query_one("#open").display
        assert "1 open, +19.60 ▲ unrealised" in screen_text(pilot)
        run.bars(1)
        await until(pilot, lambda: "104.00" in held(app))
        assert "Close position 1, BTC/USDT long" in await asked(app, pilot, "x")
        await pilot.press("y")
        await until(pilot, lambda: run.states[-1] == ("waiting", ""))
        run.orders()
        run.bars(1)
        await until(pilot, lambda: not app.screen.query_one("#open").display)


async def test_the_open_position_under_the_cursor_of_the_table_is_meant_first(
    workspace: Workspace, run: SteppedRun
) -> None:
    app = writable(workspace, "positions")
    async with app.run_test(size=LARGE) as pilot:
        await loaded(pilot)
        await open_by_hand(run, app, pilot, "BTC/USDT")
        await open_by_hand(run, app, pilot, "ETH/USDT")
        await pilot.press("r")
        table = await loaded(pilot)
        await until(pilot, lambda: table.pages.count == 2, "both positions")
        await until(pilot, lambda: table.current_row() is not None)
        for _ in range(2):
            row = table.current_row()
            assert row is not None
            assert f"Close position {row[-1]}," in await asked(app, pilot, "x")
            await pilot.press("n", "j")


# Reading only


@pytest.mark.parametrize("key", ["s", "p", "X", "b", "x", "A"])
async def test_nothing_is_changed_by_a_console_that_may_only_read(
    workspace: Workspace, run: SteppedRun, key: str
) -> None:
    app = console(workspace, "paper")
    async with app.run_test(size=SMALL) as pilot:
        await shown(app, pilot)
        await pilot.press(key)
        await until(pilot, lambda: "--read-only" in notes(pilot))
        assert isinstance(app.screen, PaperScreen)
        assert run.states == [] and run.row.state == "running"


# The form that starts a run


async def test_the_form_queues_what_the_command_would(
    workspace: Workspace, connection: sqlite3.Connection, workers: list[Workspace]
) -> None:
    store(workspace, connection, market(), market("ETH/USDT", 10.0))
    app = writable(workspace)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "No paper run yet" in panel(app, "empty"))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, PaperForm), "the form")
        form = app.screen
        await until(pilot, lambda: "80 bars" in form.query_one("#meaning", Panel).text, "what is stored")
        await pilot.press("right")
        form.query_one("#field-speed", Input).value = "60"
        form.query_one("#field-symbols", Input).value = "btcusdt"
        form.query_one("#field-strategies", Input).value = "momentum"
        form.query_one("#field-params", Input).value = "fast=5"
        form.query_one("#field-since", Input).value = "2024-01-01T02:00"
        await pilot.press("enter")
        await until(pilot, lambda: workers == [workspace], "a worker")
        [job] = jobs.list_jobs(connection)
        plan = paper_runs.plan_of(job.arguments)
        assert plan == PaperPlan(
            source=PLAYBACK,
            speed=60.0,
            strategies=("momentum",),
            symbols=("BTC/USDT",),
            since=1_704_074_400_000,
            params={"momentum": {**plan.params["momentum"], "fast": 5}},  # type: ignore[index]
        )
        await until(pilot, lambda: f"job {job.id}" in panel(app, "empty"))


async def test_a_run_that_could_not_begin_is_refused_at_its_field(
    workspace: Workspace, connection: sqlite3.Connection, workers: list[Workspace]
) -> None:
    store(workspace, connection, market())
    app = writable(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "No paper run yet" in panel(app, "empty"))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, PaperForm), "the form")
        form = app.screen
        await until(pilot, lambda: "80 bars" in form.query_one("#meaning", Panel).text, "what is stored")
        form.query_one("#field-since", Input).value = "yesterday"
        await pilot.press("enter")
        await until(pilot, lambda: "must be start, now, or a time" in notes(pilot))
        assert app.screen is form and form.focused is form.query_one("#field-since")
        assert jobs.list_jobs(connection) == [] and not workers
