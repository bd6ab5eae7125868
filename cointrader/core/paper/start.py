"""A run begun, and a run taken up again: from its plan, and from the rows it keeps."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from cointrader import __version__
from cointrader.core.decider import Decider
from cointrader.core.limits import rules_of
from cointrader.core.paper.engine import Fence, PaperEngine, unfenced
from cointrader.core.paper.labels import PendingLabels
from cointrader.core.paper.ledger import Ledger, OnClose, RunNames, Shares, file_lessons
from cointrader.core.paper.plan import begins_after_ms, check_plan, strategies_of
from cointrader.core.paper.reward_memory import RewardMemory
from cointrader.core.paper.screen import Screen
from cointrader.core.paper.series import StoredSeries
from cointrader.core.paper.wishes import Wishes
from cointrader.settings import Settings, kept_settings
from cointrader.strategies import registry
from cointrader.trading.position import TRADE, Records
from storage import paper_runs
from storage.clock import now_ms
from storage.events import record_event
from storage.insert import insert_row
from storage.paper_runs import PLAYBACK, RUNNING, PaperPlan, PaperRunRow
from storage.revision import next_rev
from storage.runs import get_run
from storage.workspace import Workspace

WEAKEST = "synthetic"


def begin_run(
    connection: sqlite3.Connection, plan: PaperPlan, settings: Settings, job_id: int, attempt: int
) -> int:
    """Keep a new run and note it in its job; returns its id. Call it inside a transaction.

    Raises as `check_plan`.
    """
    traded, strategies = check_plan(connection, plan), strategies_of(plan)
    params = {name: asdict(registry.build_params(name, (plan.params or {}).get(name))) for name in strategies}
    after_ms = begins_after_ms(plan, traded)
    symbols = tuple(item.symbol for item in traded)
    synthetic = any(item.row is not None and item.row.provenance == WEAKEST for item in traded)
    kind = "playback" if plan.source == PLAYBACK else "paper"
    start_equity = settings.simulation.start_equity
    columns: dict[str, object] = {
        "kind": kind,
        "provenance": WEAKEST if synthetic else kind,
        "state": "running",
        "strategies": ",".join(strategies),
        "symbols": ",".join(symbols),
        "settings_json": json.dumps({"settings": asdict(settings), "params": params}, sort_keys=True),
        "first_ms": after_ms,
        "last_ms": after_ms,
        **{name: 0 for name in ("bars", "signals", "rejections", "positions")},
        "start_equity": start_equity,
        "end_equity": start_equity,
        "started_ms": now_ms(),
        "code_version": __version__,
        "rev": next_rev(connection),
    }
    run_id = insert_row(connection, "trading_run", tuple(columns), tuple(columns.values()))
    frames = [item.timeframe_ms for item in traded]
    decider = _decider(settings, symbols, frames, len(strategies))
    decider.begin_at(after_ms, {})
    row = PaperRunRow(
        run_id=run_id,
        state=RUNNING,
        source=plan.source,
        speed=plan.speed,
        strategies=strategies,
        symbols=symbols,
        book=decider.pack(),
        names={"symbols": list(symbols), "timeframes_ms": frames, "signals": {}},
        positions={},
        until_ms=dict.fromkeys(symbols, 0),
        error="",
        updated_ms=0,
        rev=0,
    )
    paper_runs.insert_paper_run(connection, row, job_id, attempt)
    record_event(connection, "paper", f"Paper run {run_id} begins: {plan.title}", subject=f"run {run_id}")
    return run_id


def open_run(
    workspace: Workspace,
    connection: sqlite3.Connection,
    run_id: int,
    *,
    fence: Fence = unfenced,
    shares: Shares | None = None,
    on_close: Sequence[OnClose] = (file_lessons,),
    screen: Screen | None = None,
) -> PaperEngine:
    """A run as its rows keep it, ready to go on.

    It keeps the settings and parameters that it began with. `shares` says who had which part in a signal,
    `screen` who may refuse it, `on_close` what follows in the transaction of a close. Raises
    NoPaperRun, BookUnreadable, and as `PaperEngine.look`.
    """
    kept, run = paper_runs.get_paper_run(connection, run_id), get_run(connection, run_id)
    if run is None:
        raise paper_runs.NoPaperRun(f"there is no run {run_id}")
    settings, params = kept_settings(run.settings["settings"]), run.settings["params"]
    frames = [int(value) for value in kept.names["timeframes_ms"]]
    decider = _decider(settings, kept.symbols, frames, len(kept.strategies))
    decider.unpack(kept.book)
    costs = settings.simulation
    memory = RewardMemory(
        settings.reward,
        2e-4 * (costs.fee_bps + costs.slippage_bps),
        past_trades(connection, run_id),
    )
    labels = PendingLabels(connection, run_id)
    ledger = Ledger(
        connection,
        RunNames(run_id, run.provenance, kept.symbols, kept.strategies),
        settings,
        memory,
        signals={int(number): row for number, row in kept.names["signals"].items()},
        positions={int(number): row for number, row in kept.positions.items()},
        shares=shares,
        on_close=(*on_close, labels.closed),
    )
    built = {name: registry.build_params(name, params[name]) for name in kept.strategies}
    engine = PaperEngine(
        connection,
        kept,
        StoredSeries(workspace, connection, kept.symbols, frames),
        Wishes(kept.strategies, built, costs.stop_atr),
        decider,
        ledger,
        labels,
        stale_bars=settings.limits.stale_bars,
        fence=fence,
        screen=screen,
    )
    engine.look()
    _tell_history(engine)
    return engine


def past_trades(connection: sqlite3.Connection, run_id: int) -> Records:
    """The closed trades of a run as TRADE records, ordered by their exit."""
    rows = paper_runs.closed_trades(connection, run_id)
    trades = np.zeros(len(rows), TRADE)
    for place, name in enumerate(paper_runs.TRADE_FIELDS):
        trades[name] = [row[place] for row in rows]
    return trades[np.argsort(trades["exit_ms"], kind="stable")]


def _tell_history(engine: PaperEngine) -> None:
    """Before its first moment a run knows the last closes of its history: orders by hand need a price."""
    closes = {}
    for number in range(len(engine.series.symbols)):
        series = engine.series.series(number)
        row = 0 if series is None else int(np.searchsorted(series.close_ms, engine.now_ms, side="right"))
        if series is not None and row > 0 and engine.decider.close_of(number) == 0.0:
            closes[number] = float(series.close[row - 1])
    engine.decider.begin_at(engine.now_ms, closes)


def _decider(
    settings: Settings, symbols: Sequence[str], timeframes_ms: Sequence[int], strategies: int
) -> Decider:
    return Decider(
        rules_of(settings),
        assets=[symbol.partition("/")[0] for symbol in symbols],
        timeframes_ms=timeframes_ms,
        start_equity=settings.simulation.start_equity,
        strategies=strategies,
    )
