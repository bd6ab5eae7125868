"""`cointrader replay`: train again on chosen setups beside an unfiltered control, or replay a session.

cointrader replay --profitable --agent cnn --top 500 --wait
cointrader replay --filter "symbol:btc score>0.6" --agent cnn
cointrader replay --session 12 | --verify 12 | --reapply 12
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cointrader.cli.output import number_text, print_json, print_table
from cointrader.cli.place import Place, opened
from cointrader.training.replaying.request import (
    OF_SETUPS,
    OF_STEPS,
    PROFITABLE_SCORE,
    ReplayKind,
    ReplayRequest,
)

WAITING_IDLE_EXIT_SECONDS = 5.0
DEFAULT_AGENT = "cnn"
DEFAULT_TOP = 500
# By their names in the namespace; each means something to one half of the kinds alone.
_FOR_SETUPS = ("filter", "setups", "agent", "top", "min_profitability", "param", "seed")
_FOR_STEPS = {"first": "--from", "last": "--to"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--profitable", action="store_true", help="train on profitable setups alone")
    kinds.add_argument("--prioritised", action="store_true", help="draw setups of high priority more often")
    kinds.add_argument(
        "--session", type=int, metavar="N", help="train session N once more, compare each step"
    )
    kinds.add_argument("--verify", type=int, metavar="N", help="compute gradients of session N again")
    kinds.add_argument(
        "--reapply", type=int, metavar="N", help="apply the stored gradients of session N again"
    )
    parser.add_argument(
        "--filter", default="", metavar="F", help="only setups that pass; alone: draw these more often"
    )
    parser.add_argument(
        "--setups", type=_numbers, default=(), metavar="1,2,3", help="draw these setups more often"
    )
    parser.add_argument("--agent", metavar="AGENT", help=f"what learns (default {DEFAULT_AGENT})")
    parser.add_argument(
        "--top", type=int, metavar="N", help=f"at most so many; 0: all (default {DEFAULT_TOP})"
    )
    parser.add_argument(
        "--min-profitability",
        type=float,
        metavar="S",
        help=f"least score of a setup, 0 to 1 (default {PROFITABLE_SCORE:g} with --profitable)",
    )
    parser.add_argument(
        "--from", dest="first", type=int, metavar="STEP", help="first step of --verify, --reapply"
    )
    parser.add_argument(
        "--to", dest="last", type=int, metavar="STEP", help="last step of --verify, --reapply"
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter; may be given again"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="seed of all randomness (default 0)")
    parser.add_argument("--wait", action="store_true", help="show progress and print the result")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Queue a replay, and wait for it if asked to."""
    from cointrader.jobs.replay import enqueue_replay

    _refuse_what_would_be_ignored(arguments)
    request = request_of(arguments)
    with opened(arguments.workspace) as place:
        job_id = enqueue_replay(place.connection, request, place.settings)
        if arguments.wait:
            return _wait(place, job_id, arguments.json)
        from cointrader.jobs.ensure import ensure_worker

        ensure_worker(place.workspace, place.connection)
        if arguments.json:
            print_json({"job": job_id})
        else:
            print(f"queued as job {job_id}; `cointrader jobs` shows it, `--wait` waits for the result")
    return 0


def request_of(arguments: argparse.Namespace) -> ReplayRequest:
    """The request that the words of the command make. Raises ReplayRefused, ParameterError."""
    from cointrader.jobs.requests import pairs

    session = next(
        (each for each in (arguments.session, arguments.verify, arguments.reapply) if each is not None), None
    )
    return ReplayRequest(
        kind=_kind(arguments),
        agent="" if session is not None else arguments.agent or DEFAULT_AGENT,
        top=DEFAULT_TOP if arguments.top is None else arguments.top,
        min_profitability=arguments.min_profitability or 0.0,
        filter=arguments.filter,
        setups=arguments.setups,
        session=session,
        first=arguments.first,
        last=arguments.last,
        seed=arguments.seed or 0,
        params=pairs(arguments.param),
    )


def _refuse_what_would_be_ignored(arguments: argparse.Namespace) -> None:
    """An option that the kind of replay has no use for is wrong usage: a session brings its own agent."""
    kind = _kind(arguments)
    if kind not in OF_STEPS:
        for name, option in _FOR_STEPS.items():
            if getattr(arguments, name) is not None:
                arguments.usage_error(f"{option} goes with --verify and --reapply alone")
    if kind not in OF_SETUPS:
        for name in _FOR_SETUPS:
            if getattr(arguments, name) not in (None, "", (), []):
                option = f"--{name.replace('_', '-')}"
                arguments.usage_error(f"{option} goes with setups, and --{kind} replays what a session did")


def _kind(arguments: argparse.Namespace) -> ReplayKind:
    named = {
        ReplayKind.PROFITABLE: arguments.profitable,
        ReplayKind.PRIORITISED: arguments.prioritised,
        ReplayKind.SESSION: arguments.session is not None,
        ReplayKind.VERIFY: arguments.verify is not None,
        ReplayKind.REAPPLY: arguments.reapply is not None,
    }
    return next((kind for kind, is_meant in named.items() if is_meant), ReplayKind.SELECTED)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 1,2,3") from None


def _wait(place: Place, job_id: int, as_json: bool) -> int:
    from cointrader.cli.follow import follow

    outcome = follow(place, job_id, idle_exit=WAITING_IDLE_EXIT_SECONDS)
    job = outcome.jobs[0]
    record: dict[str, Any] = {"job": job.id, "state": job.state, **job.result}
    if job.error:
        record["error"] = job.error
    if as_json:
        print_json(record)
    elif outcome.succeeded:
        print_result(record)
    return 0 if outcome.succeeded else 1


def print_result(record: dict[str, Any]) -> None:
    """The result for people: what was chosen, both models on the same rows, and the sentence."""
    if "control" not in record:
        print(record["words"])
        if record.get("promotion"):
            print(record["promotion"])
        return
    for line in record["selection"]["words"]:
        print(line)
    print()
    print_table(
        ("model", "session", "version", record["metric"], "status"), _models(record), (False, *[True] * 3)
    )
    print()
    print(f"{record['words']}\n{record['promotion']}")


def _models(record: dict[str, Any]) -> list[Sequence[str]]:
    values = {"replayed": record["value"], "control": record["control_value"]}
    rows: list[Sequence[str]] = [
        (
            name,
            str(record[name]["session_id"]),
            str(record[name]["version"]),
            number_text(value) or "not defined",
            record[name]["status"],
        )
        for name, value in values.items()
    ]
    return [*rows, ("baseline", "", "", number_text(record["baseline"]) or "not defined", "")]
