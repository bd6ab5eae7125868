"""`cointrader train AGENT`: queue the training of one agent, and wait for it if asked to."""

from __future__ import annotations

import argparse
from typing import Any

from cointrader.cli.output import number_text, print_json
from cointrader.cli.place import Place, opened

WAITING_IDLE_EXIT_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("agent", metavar="AGENT", help="what learns; `cointrader train list` names them all")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter; may be given again"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all randomness (default 0)")
    parser.add_argument("--wait", action="store_true", help="show progress and print the result")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """List agents or queue a training."""
    if arguments.agent == "list":
        return _list_agents(arguments.json)
    from cointrader.jobs.requests import enqueue_training, pairs

    with opened(arguments.workspace) as place:
        job_id = enqueue_training(
            place.connection, arguments.agent, pairs(arguments.param), seed=arguments.seed
        )
        if arguments.wait:
            return _wait(place, job_id, arguments.json)
        from cointrader.jobs.ensure import ensure_worker

        ensure_worker(place.workspace, place.connection)
        if arguments.json:
            print_json({"job": job_id})
        else:
            print(f"queued as job {job_id}; `cointrader jobs` shows it, `--wait` waits for the result")
    return 0


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
        print(result_text(record))
    return 0 if outcome.succeeded else 1


def result_text(record: dict[str, Any]) -> str:
    """`cnn version 3: macro F1 0.412, baseline 0.333`, for the result of a training."""
    value, baseline = number_text(record.get("value")), number_text(record.get("baseline"))
    return (
        f"{record.get('agent')} version {record.get('version')}: {record.get('metric')} "
        f"{value or 'not defined'}, baseline {baseline or 'not defined'}"
    )


def _list_agents(as_json: bool) -> int:
    from models import registry
    from models.parameters import describe

    if as_json:
        print_json(
            [
                {
                    "agent": entry.name,
                    "title": entry.title,
                    "purpose": entry.purpose,
                    "params": {
                        spec.name: {"default": spec.default, "allowed": spec.allowed, "help": spec.help}
                        for spec in describe(registry.params_class(entry.name))
                    },
                }
                for entry in registry.AGENTS
            ]
        )
        return 0
    for entry in registry.AGENTS:
        print(f"{entry.name}: {entry.title}. {entry.purpose}")
        for spec in describe(registry.params_class(entry.name)):
            print(f"  {spec.name}={spec.default}  ({spec.allowed})  {spec.help}")
    return 0
