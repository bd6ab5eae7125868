"""Ten paper trades, three of them by hand, through the two jobs that do it: each close teaches who decided.

Everything here is what a worker runs: the run of the paper job, its closes, and the trainer that finds what
they left. Champions are what training made of earlier bars. Every figure is read from the tables.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest

from cointrader.core.paper.engine import PaperEngine
from cointrader.jobs.close_training import WaitingCloses
from cointrader.jobs.process_guard import ControlPipe
from cointrader.jobs.work import WorkContext, work_of
from cointrader.settings import Settings
from models.candle_series import PlainCandles
from storage import jobs as queue
from storage import paper_runs
from storage.database import open_database, transaction
from storage.lessons_overview import closes_taught
from storage.order_requests import ask_close, ask_open
from storage.paper_runs import PLAYBACK, SLOT, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.market import MINUTES_5, START_MS
from tests.cointrader.training.close_training.waves_world import (
    LEARNED_BARS,
    PERIOD,
    peak,
    trough,
    wave_workspace,
    waves,
)
from tests.cointrader.training.stored_candles import store_candles

pytestmark = pytest.mark.xdist_group("torch")

BTC, ETH = "BTC/USDT", "ETH/USDT"
FIRST = LEARNED_BARS // PERIOD + 1
BY_RULE = {
    **{trough(FIRST + turn): scripted.LONG for turn in range(4)},
    **{peak(FIRST + turn): scripted.SHORT for turn in range(3)},
}
BY_HAND = {trough(FIRST): "long", peak(FIRST + 1): "short", trough(FIRST + 3): "long"}
HELD = 6
LAST = peak(FIRST + 4)
TRADES, ORDERED = len(BY_RULE) + len(BY_HAND), len(BY_HAND)


@dataclass(frozen=True)
class Traded:
    """A workspace in which ten trades were closed and learned from, and what the two jobs said."""

    world: Workspace
    connection: sqlite3.Connection
    paper_log: str
    training_log: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    world = wave_workspace(tmp_path_factory.mktemp("waves") / "workspace")
    reading, writing = os.pipe()
    with closing(open_database(world)) as connection, pytest.MonkeyPatch.context() as patch:
        scripted.register(patch)
        store_candles(world, connection, _with_parts(waves(LAST + 1, 1, BTC), BY_RULE))
        store_candles(world, connection, waves(LAST + 1, 2, ETH))
        pipe = ControlPipe(reading)
        paper_log = _said(lambda: _trade(world, connection, pipe, patch))
        training_log = _said(lambda: _learn(world, connection, pipe))
        yield Traded(world, connection, paper_log, training_log)
    os.close(reading)
    os.close(writing)


def _with_parts(series: PlainCandles, parts: dict[int, float]) -> PlainCandles:
    for bar, part in parts.items():
        series.volume[bar] = part
    return series


def _said(work: Callable[[], object]) -> str:
    """What a job writes into its log."""
    log = StringIO()
    with redirect_stdout(log):
        work()
    return log.getvalue()


def _trade(
    world: Workspace, connection: sqlite3.Connection, pipe: ControlPipe, patch: pytest.MonkeyPatch
) -> None:
    """The job of a playback; orders by hand come between two bars."""
    real = PaperEngine.advance

    def advance(engine: PaperEngine, *, until_ms: int | None = None) -> object:
        done = real(engine, until_ms=until_ms, limit=1)
        bar = (engine.now_ms - START_MS) // MINUTES_5 - 1
        if bar in BY_HAND:
            ask_open(connection, ETH, BY_HAND[bar], notional=500.0)
        elif bar - HELD in BY_HAND:
            held = "SELECT id FROM position WHERE symbol = ? AND state = 'open'"
            ask_close(connection, *connection.execute(held, (ETH,)).fetchone())
        return done

    patch.setattr(PaperEngine, "advance", advance)
    since = START_MS + MINUTES_5 * LEARNED_BARS
    plan = PaperPlan(source=PLAYBACK, strategies=("scripted",), since=since)
    paper_runs.ask_start(connection, plan)
    work_of("paper")(_claimed(world, connection, pipe, SLOT))


def _learn(world: Workspace, connection: sqlite3.Connection, pipe: ControlPipe) -> None:
    """The job that the supervisor queues for what waits."""
    assert WaitingCloses(connection, Settings().training).look()
    work_of("train_closes")(_claimed(world, connection, pipe, "cpu"))


def _claimed(world: Workspace, connection: sqlite3.Connection, pipe: ControlPipe, slot: str) -> WorkContext:
    with transaction(connection):
        connection.execute(
            "UPDATE job SET arguments_json = json_set(arguments_json, '$.idle_seconds', 0.0) "
            "WHERE kind = 'train_closes'"
        )
    worker = queue.register_worker(connection, cpu_slots=1, gpu_slots=0)
    job = queue.claim(connection, worker, {slot: 1}, 600.0)
    assert job is not None
    return WorkContext(world, connection, Settings(), job, pipe)


def test_ten_trades_are_closed_and_three_of_them_were_ordered_by_hand(traded: Traded) -> None:
    rows = traded.rows("SELECT symbol, origin, side, state, exit_reason FROM position ORDER BY id")
    assert len(rows) == TRADES == 10
    assert {row[3] for row in rows} == {"closed"}
    by_hand = [row for row in rows if row[1] == "manual"]
    assert [row[2] for row in by_hand] == list(BY_HAND.values())
    assert {(row[0], row[4]) for row in by_hand} == {(ETH, "manual")}
    assert traded.rows("SELECT DISTINCT state, reason FROM order_request") == [
        ("done", "accepted, filled at the next open"),
        ("done", "leaves at the next open"),
    ]


def test_every_close_has_one_reward_whose_parts_add_up_and_are_logged(traded: Traded) -> None:
    rows = traded.rows(
        "SELECT r.total, r.normalized, r.n_return + r.n_notional + r.n_consistency + r.n_time + r.n_streak, "
        "r.comprehensive, r.c_pnl + r.c_time + r.c_risk + r.c_consistency + r.c_streak, p.reward, p.pnl, "
        "r.c_time, r.c_risk / 2 FROM reward AS r JOIN position AS p ON p.id = r.position_id "
        "ORDER BY p.closed_ms, p.symbol"
    )
    assert len(rows) == TRADES
    for total, normalized, parts, comprehensive, dollars, kept, pnl, *_ in rows:
        assert total == normalized == kept == pytest.approx(parts, abs=1e-12) and total != 0.0
        assert comprehensive == pytest.approx(dollars) and (pnl > 0.0) == (total > 0.0)
    assert _lines(traded.paper_log, "REWARD CALC: ") == [
        f"REWARD CALC: PnL={pnl:.4f}, Time={time:.4f}, Risk={risk:.4f}, Final={total:.4f}"
        for total, *_, pnl, time, risk in rows
    ]


def test_each_model_that_took_part_is_trained_ten_times_and_who_was_absent_is_told(traded: Traded) -> None:
    assert traded.rows("SELECT model, state, reason, count(*) FROM outbox GROUP BY 1, 2, 3 ORDER BY 1") == [
        ("cnn", "trained", "", TRADES),
        ("cob_rl", "absent", "no version of cob_rl decides yet", TRADES),
        ("dqn", "trained", "", TRADES),
    ]
    # Orders by hand have the opinions of the champions at their bar as well.
    shares = traded.rows(
        "SELECT p.origin, json_extract(p.contributions, '$.cnn'), json_extract(p.contributions, '$.dqn'), "
        "json_extract(p.contributions, '$.rule') FROM position AS p"
    )
    for _, cnn, dqn, rule in shares:
        assert cnn > 0.0 and dqn > 0.0 and cnn + dqn + rule == pytest.approx(1.0)


def test_who_could_not_be_asked_is_critical_and_nothing_is_made_up_for_it(traded: Traded) -> None:
    told = traded.rows("SELECT severity, text FROM event WHERE kind = 'prediction'")
    assert told == [
        (
            "error",
            "CRITICAL: Enhanced training system not available - predictions disabled. NEVER use mock data. "
            "COB RL: no version of cob_rl decides yet",
        )
    ]


def test_every_training_is_one_journalled_step_of_a_session_that_made_a_version(traded: Traded) -> None:
    rows = traded.rows(
        "SELECT o.model, o.session_id, o.step, o.loss, s.loss, e.agent, e.state, a.id FROM outbox AS o "
        "JOIN step AS s ON s.session_id = o.session_id AND s.step = o.step "
        "JOIN session AS e ON e.id = o.session_id JOIN artifact AS a ON a.session_id = e.id "
        "WHERE o.state = 'trained'"
    )
    assert len(rows) == len({(session, step) for _, session, step, *_ in rows}) == 2 * TRADES
    for model, _, _, loss, of_step, agent, state, _ in rows:
        assert (agent, state, loss) == (model, "succeeded", of_step)


def test_the_log_of_the_trainer_names_each_model_its_weight_and_the_whole(traded: Traded) -> None:
    rows = traded.rows(
        "SELECT o.model, o.weight, o.loss, p.pnl, o.reward FROM outbox AS o "
        "JOIN position AS p ON p.id = o.position_id WHERE o.state = 'trained' ORDER BY o.session_id, o.step"
    )
    assert _lines(traded.training_log, "CNN trained with weight ") == [
        f"CNN trained with weight {weight:.2f}" for model, weight, *_ in rows if model == "cnn"
    ]
    assert _lines(traded.training_log, "DQN trained with weight ") == [
        f"DQN trained with weight {weight:.2f}, loss={loss:.4f}"
        for model, weight, loss, *_ in rows
        if model == "dqn"
    ]
    assert _lines(traded.training_log, "TRAINED ALL MODELS: ") == [
        f"TRAINED ALL MODELS: PnL=${pnl:.2f}, Reward={reward:.4f}"
        for model, _, _, pnl, reward in rows
        if model == "dqn"
    ]


def test_the_counts_of_the_overview_are_those_of_the_tables(traded: Traded) -> None:
    shown = closes_taught(traded.connection)
    ((mean, wins, losses),) = traded.rows(
        "SELECT avg(r.total), sum(p.pnl > 0), sum(p.pnl < 0) FROM reward AS r "
        "JOIN position AS p ON p.id = r.position_id"
    )
    assert (shown.closes, shown.wins, shown.losses) == (TRADES, wins, losses)
    assert shown.mean_reward == pytest.approx(mean)
    counts = {model.model: (model.trained, model.absent, model.total) for model in shown.models}
    assert counts == {
        "cnn": (TRADES, 0, TRADES),
        "dqn": (TRADES, 0, TRADES),
        "cob_rl": (0, TRADES, TRADES),
    }


def test_the_trainer_finds_nothing_more_to_do(traded: Traded) -> None:
    before = traded.rows("SELECT * FROM outbox ORDER BY id"), traded.rows("SELECT count(*) FROM session")
    assert WaitingCloses(traded.connection, Settings().training).look() == 0
    assert (traded.rows("SELECT * FROM outbox ORDER BY id"), traded.rows("SELECT count(*) FROM session")) == (
        before
    )


def _lines(log: str, beginning: str) -> list[str]:
    """The lines of a log that begin so, behind their time."""
    texts = [line[21:] for line in log.splitlines()]
    return [text for text in texts if text.startswith(beginning)]
