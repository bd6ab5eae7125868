"""`cointrader paper`: start, pause, resume and stop paper trading, and see how it goes.

cointrader paper start --source inbox --symbols BTC/USDT,ETH/USDT --strategy momentum
cointrader paper start --source playback --speed 0 --wait
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from cointrader.cli.output import print_json
from cointrader.cli.paper_status import show_status
from cointrader.cli.place import Place, opened

if TYPE_CHECKING:
    from storage.paper_runs import PaperPlan

START_SECONDS = 30.0
LOOK_SECONDS = 0.1
WAITING_IDLE_EXIT_SECONDS = 5.0
WORKER_LOOK_SECONDS = 10.0
PLAN_OPTIONS = ("source", "speed", "symbols", "timeframe", "strategy", "param", "since")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "action", nargs="?", choices=("start", "pause", "resume", "stop", "status"), default="status",
        help="default: status",
    )  # fmt: skip
    parser.add_argument(
        "--run", dest="run_id", type=int, metavar="N", help="which run to pause, resume, stop or show"
    )
    parser.add_argument(
        "--wait", action="store_true", help="with start and stop: wait until the run has ended"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    plan = parser.add_argument_group("what a new run trades, with start")
    plan.add_argument(
        "--source",
        choices=("inbox", "playback"),
        help="bars as they are imported, or stored bars played again (default inbox)",
    )
    plan.add_argument(
        "--speed",
        type=float,
        metavar="X",
        help="of a playback: 1 as they came, 60 an hour a minute, 0 as fast as possible (default 0)",
    )
    plan.add_argument("--symbols", metavar="LIST", help="such as BTC/USDT,ETH/USDT (default: all)")
    plan.add_argument("--timeframe", metavar="TF", help="such as 5m (default: the one with most bars)")
    plan.add_argument(
        "--strategy", action="append", default=[], metavar="NAME", help="may be given again (default: all)"
    )
    plan.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE",
        help="a parameter of the strategy; STRATEGY.NAME=VALUE when there are several",
    )  # fmt: skip
    plan.add_argument(
        "--since",
        metavar="TIME",
        help="earlier bars are history only: start, now, or 2024-05-31 or 2024-05-31T12:00, UTC "
        "(default: now for the inbox, start for a playback)",
    )
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    from storage import paper_runs

    _refuse_idle_options(arguments)
    with opened(arguments.workspace) as place:
        if arguments.action == "status":
            return show_status(place, arguments.run_id, as_json=arguments.json)
        if arguments.action == "start":
            return _start(place, arguments)
        changes = {"pause": paper_runs.pause, "resume": paper_runs.resume, "stop": paper_runs.stop}
        row = changes[arguments.action](place.connection, arguments.run_id)
        if arguments.action != "pause":
            from cointrader.jobs.ensure import ensure_worker

            ensure_worker(place.workspace, place.connection)
        stopped = _wait_for_end(place, row.run_id) if arguments.wait else True
        show_status(place, row.run_id, as_json=arguments.json)
        return 0 if stopped else 1


def _refuse_idle_options(arguments: argparse.Namespace) -> None:
    """An option that would be ignored is a mistake: the operator thinks that it counts."""
    given = {name: getattr(arguments, name) for name in PLAN_OPTIONS}
    idle = [f"--{name}" for name, value in given.items() if value not in (None, [])]
    if arguments.action != "start" and idle:
        arguments.usage_error(f"{', '.join(idle)}: only with `cointrader paper start`")
    if arguments.action == "start" and arguments.run_id is not None:
        arguments.usage_error("--run: a new run gets its own number")
    if arguments.wait and arguments.action not in ("start", "stop"):
        arguments.usage_error("--wait: only with start and stop")


def _start(place: Place, arguments: argparse.Namespace) -> int:
    from cointrader.core.paper.plan import check_plan
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
        return show_status(place, int(outcome.jobs[0].result["run_id"]), as_json=arguments.json)
    ensure_worker(place.workspace, place.connection)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        job = queue.get_job(place.connection, job_id)
        if job.arguments.get("run_id") is not None:
            return show_status(place, int(job.arguments["run_id"]), as_json=arguments.json)
        if job.state in queue.ENDED:
            print(f"cointrader: job {job_id} {job.state}: {job.error}", file=sys.stderr)
            return 1
        time.sleep(LOOK_SECONDS)
    if arguments.json:
        print_json({"job": job_id, "state": queue.QUEUED})
    else:
        print(f"queued as job {job_id}; `cointrader paper` shows the run once a worker has begun it")
    return 0


def plan_of(arguments: argparse.Namespace) -> PaperPlan:
    """The plan of the command. Raises InstrumentError, UnknownStrategy and ParameterError."""
    from dataclasses import asdict

    from cointrader.cli.backtest import strategy_params
    from cointrader.strategies import registry
    from storage.paper_runs import PaperPlan

    strategies = arguments.strategy or list(registry.names())
    params = strategy_params(strategies, arguments.param)
    return PaperPlan(
        source=arguments.source or "inbox",
        speed=arguments.speed or 0.0,
        strategies=tuple(strategies),
        symbols=_symbols_of(arguments.symbols),
        timeframe=arguments.timeframe,
        since=since_of(arguments.since),
        params={name: asdict(values) for name, values in params.items()},
    )


def _symbols_of(text: str | None) -> tuple[str, ...]:
    """The symbols of a list, each once. Raises ParameterError and InstrumentError."""
    from cointrader.data_feeds.instrument import parse_instrument
    from models.parameters import ParameterError

    if text is None:
        return ()
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        # An empty shell variable must not put every symbol into a run.
        raise ParameterError(
            "--symbols", text, "must be a list such as BTC/USDT,ETH/USDT; leave it out for all"
        )
    return tuple(dict.fromkeys(parse_instrument(name).symbol for name in names))


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


def _wait_for_end(place: Place, run_id: int) -> bool:
    """Wait until a run that is to stop has done so; False where it has failed and rests instead."""
    from cointrader.jobs.ensure import ensure_worker
    from storage import paper_runs

    looked_at = time.monotonic()
    while paper_runs.state_of(place.connection, run_id) == paper_runs.STOPPING:
        if time.monotonic() - looked_at > WORKER_LOOK_SECONDS:
            looked_at = time.monotonic()
            ensure_worker(place.workspace, place.connection)
            if paper_runs.job_of(place.connection, run_id) is None:
                break
        time.sleep(LOOK_SECONDS)
    return paper_runs.state_of(place.connection, run_id) == paper_runs.STOPPED
