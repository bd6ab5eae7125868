"""`cointrader paper`: start, pause, resume and stop paper trading, and see how it goes.

cointrader paper start --source inbox --symbols BTC/USDT,ETH/USDT --strategy momentum
cointrader paper start --source playback --speed 0 --wait
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cointrader.cli.output import number_text, print_json, print_table, time_text
from cointrader.cli.place import Place, opened

if TYPE_CHECKING:
    from storage.paper_runs import PaperPlan, PaperRunRow

START_SECONDS = 30.0
LOOK_SECONDS = 0.1
WAITING_IDLE_EXIT_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "action", nargs="?", choices=("start", "pause", "resume", "stop", "status"), default="status",
        help="default: status",
    )  # fmt: skip
    parser.add_argument("--run", dest="run_id", type=int, metavar="N", help="which run, where several go on")
    parser.add_argument(
        "--source",
        choices=("inbox", "playback"),
        default="inbox",
        help="bars as they are imported, or stored bars played again (default inbox)",
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=0.0,
        metavar="X",
        help="of a playback: 1 as they came, 60 an hour a minute, 0 as fast as possible (default 0)",
    )
    parser.add_argument(
        "--symbols", default="", metavar="LIST", help="such as BTC/USDT,ETH/USDT (default: all)"
    )
    parser.add_argument("--timeframe", metavar="TF", help="such as 5m (default: the one with most bars)")
    parser.add_argument(
        "--strategy", action="append", default=[], metavar="NAME", help="may be given again (default: all)"
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE",
        help="a parameter of the strategy; STRATEGY.NAME=VALUE when there are several",
    )  # fmt: skip
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="earlier bars are history only: start, now, or 2024-05-31 or 2024-05-31T12:00, UTC "
        "(default: now for the inbox, start for a playback)",
    )
    parser.add_argument("--wait", action="store_true", help="wait until the run has ended")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    from storage import paper_runs

    with opened(arguments.workspace) as place:
        if arguments.action == "status":
            return _status(place, arguments.run_id, arguments.json)
        if arguments.action == "start":
            return _start(place, arguments)
        changes = {"pause": paper_runs.pause, "resume": paper_runs.resume, "stop": paper_runs.stop}
        row = changes[arguments.action](place.connection, arguments.run_id)
        if arguments.action != "pause":
            from cointrader.jobs.ensure import ensure_worker

            ensure_worker(place.workspace, place.connection)
        if arguments.wait and arguments.action == "stop":
            _until(place, row.run_id, (paper_runs.STOPPED,))
        return _status(place, row.run_id, arguments.json)


def _start(place: Place, arguments: argparse.Namespace) -> int:
    from cointrader.core.paper.start import check_plan
    from cointrader.jobs.ensure import ensure_worker
    from storage import jobs as queue
    from storage import paper_runs

    plan = plan_of(arguments)
    check_plan(place.connection, plan)
    job_id = paper_runs.ask_start(place.connection, plan)
    if arguments.wait:
        from cointrader.cli.follow import follow

        outcome = follow(place, job_id, idle_exit=WAITING_IDLE_EXIT_SECONDS)
        if not outcome.succeeded:
            return 1
        return _status(place, int(outcome.jobs[0].result["run_id"]), arguments.json)
    ensure_worker(place.workspace, place.connection)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        job = queue.get_job(place.connection, job_id)
        if job.arguments.get("run_id") is not None:
            return _status(place, int(job.arguments["run_id"]), arguments.json)
        if job.state in queue.ENDED:
            print(f"job {job_id} {job.state}: {job.error}")
            return 1
        time.sleep(LOOK_SECONDS)
    print(f"queued as job {job_id}; `cointrader paper status` shows the run once a worker has begun it")
    return 0


def plan_of(arguments: argparse.Namespace) -> PaperPlan:
    """The plan of the command. Raises InstrumentError, UnknownStrategy and ParameterError."""
    from dataclasses import asdict

    from cointrader.cli.backtest import strategy_params
    from cointrader.data_feeds.instrument import parse_instrument
    from cointrader.strategies import registry
    from storage.paper_runs import PaperPlan

    names = [name.strip() for name in arguments.symbols.split(",") if name.strip()]
    strategies = arguments.strategy or list(registry.names())
    params = strategy_params(strategies, arguments.param)
    return PaperPlan(
        source=arguments.source,
        speed=arguments.speed,
        strategies=tuple(strategies),
        symbols=tuple(parse_instrument(name).symbol for name in names),
        timeframe=arguments.timeframe,
        since=since_of(arguments.since),
        params={name: asdict(values) for name, values in params.items()},
    )


def since_of(text: str | None) -> str | int | None:
    """start, now, or the UTC milliseconds of a date. Raises ParameterError."""
    from datetime import UTC, datetime

    from models.parameters import ParameterError

    if text is None or text in ("start", "now"):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        reason = "must be start, now, or a time such as 2024-05-31T12:00"
        raise ParameterError("--since", text, reason) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _until(place: Place, run_id: int, states: Sequence[str]) -> None:
    """Wait until a run is in one of these states."""
    from storage import paper_runs

    while paper_runs.state_of(place.connection, run_id) not in states:
        time.sleep(LOOK_SECONDS)


def _status(place: Place, run_id: int | None, as_json: bool) -> int:
    from storage import paper_runs

    if run_id is None:
        rows = paper_runs.list_paper_runs(place.connection)
    else:
        rows = [paper_runs.get_paper_run(place.connection, run_id)]
    records = [record_of(place, row) for row in rows]
    if as_json:
        print_json(records if run_id is None else records[0])
    elif not records:
        print("no paper run yet; `cointrader paper start` begins one")
    else:
        print_status(records)
    return 0


def record_of(place: Place, row: PaperRunRow) -> dict[str, Any]:
    """A run as scripts read it."""
    from storage import paper_runs
    from storage.runs import get_run

    run = get_run(place.connection, row.run_id)
    job = paper_runs.job_of(place.connection, row.run_id)
    counted = place.connection.execute(
        "SELECT coalesce(sum(state <> 'closed'), 0), coalesce(sum(state = 'closed'), 0), "
        "coalesce(sum(CASE WHEN state = 'closed' THEN pnl END), 0.0) FROM position WHERE run_id = ?",
        (row.run_id,),
    ).fetchone()
    return {
        "run_id": row.run_id,
        "state": row.state,
        "source": row.source,
        "speed": row.speed,
        "strategies": list(row.strategies),
        "symbols": list(row.symbols),
        "until_ms": row.until_ms,
        "equity": None if run is None else run.end_equity,
        "bars": 0 if run is None else run.bars,
        "signals": 0 if run is None else run.signals,
        "rejections": 0 if run is None else run.rejections,
        "open": counted[0],
        "closed": counted[1],
        "pnl": counted[2],
        "job": None if job is None else job.id,
        "error": row.error,
    }


def print_status(records: Sequence[dict[str, Any]]) -> None:
    """The runs for people, newest first."""
    header = ("run", "state", "from", "symbols", "until", "equity", "open", "closed", "pnl", "rejected")
    print_table(
        header,
        [
            (
                str(told["run_id"]),
                told["state"],
                told["source"],
                ",".join(told["symbols"]),
                time_text(max(told["until_ms"].values(), default=0)),
                number_text(told["equity"], 2),
                f"{told['open']:,}",
                f"{told['closed']:,}",
                number_text(told["pnl"], 2),
                f"{told['rejections']:,}",
            )
            for told in records
        ],
        right=(True, False, False, False, False, True, True, True, True, True),
    )
    for told in records:
        if told["error"]:
            print(f"\nrun {told['run_id']}: {told['error']}; `cointrader paper resume` goes on")
        elif told["state"] == "running" and told["job"] is None:
            print(f"\nrun {told['run_id']}: nobody goes on with it; `cointrader paper resume` does")
