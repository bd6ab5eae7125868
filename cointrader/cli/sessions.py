"""`cointrader sessions`: every training run, newest first, with how its steps are kept."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cointrader.cli.output import number_text, print_json, print_table, time_text
from cointrader.cli.place import Place, opened

if TYPE_CHECKING:
    from storage.sessions import SessionRow
    from storage.steps import JournalRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--agent", metavar="AGENT", help="only those of this agent")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="newest to print (default 50)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Print the sessions."""
    from models import registry
    from storage.training_overview import recent_sessions

    if arguments.limit < 1:
        arguments.usage_error("--limit must be 1 or more")
    if arguments.agent is not None:
        registry.get(arguments.agent)
    with opened(arguments.workspace) as place:
        rows = recent_sessions(place.connection, agent=arguments.agent, limit=arguments.limit)
        records = [_record(place, row) for row in rows]
    if arguments.json:
        print_json(records)
    elif records:
        print_table(HEADER, [_cells(record) for record in records], right=RIGHT)
    else:
        print("no sessions yet; `cointrader train AGENT` queues one")
    return 0


HEADER = ("id", "agent", "state", "attempt", "steps", "metric", "value", "baseline", "journal", "began")
RIGHT = (True, False, False, True, True, False, True, True)


def _record(place: Place, row: SessionRow) -> dict[str, Any]:
    """A session as JSON has it: its row, and its journal in short (none: null)."""
    import json

    from storage.steps import journal_of

    journal = journal_of(place.connection, row.id)
    columns = {name: value for name, value in vars(row).items() if name not in ("params_json", "rev")}
    return {**columns, "params": json.loads(row.params_json), "journal": _journal(journal)}


def _journal(journal: JournalRow | None) -> dict[str, Any] | None:
    if journal is None:
        return None
    names = (
        "mode",
        "state",
        "last_step",
        "parameters",
        "bytes",
        "digest_from_step",
        "training_value",
        "note",
    )
    return {name: getattr(journal, name) for name in names}


def _cells(record: dict[str, Any]) -> tuple[str, ...]:
    journal = record["journal"]
    return (
        str(record["id"]),
        record["agent"],
        record["state"],
        str(record["attempt"]),
        f"{record['step']:,} of {record['total_steps']:,}",
        record["metric"],
        number_text(record["value"]),
        number_text(record["baseline"]),
        "" if journal is None else _kept(journal),
        time_text(record["started_ms"]),
    )


def _kept(journal: dict[str, Any]) -> str:
    """`full 34.1 MB`, `digest`, or `pruned`."""
    if journal["state"] == "pruned":
        return "pruned"
    size = f" {journal['bytes'] / 1e6:,.1f} MB" if journal["bytes"] else ""
    return f"{journal['mode']}{size}"
