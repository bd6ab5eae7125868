"""How paper runs stand, for people and for scripts; and what to do where nobody goes on with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cointrader.cli.output import number_text, print_json, print_table, time_text
from cointrader.cli.place import Place

if TYPE_CHECKING:
    from storage.paper_runs import PaperRunRow

HEADER = ("run", "state", "from", "until", "equity", "open", "closed", "pnl", "rejected")


def show_status(place: Place, run_id: int | None, *, as_json: bool) -> int:
    """Print one run, or all of them. Raises NoPaperRun."""
    from storage import paper_runs

    if run_id is None:
        rows = paper_runs.list_paper_runs(place.connection)
    else:
        rows = [paper_runs.get_paper_run(place.connection, run_id)]
    counts = _positions_by_run(place, run_id)
    records = [record_of(place, row, counts.get(row.run_id, (0, 0, 0.0))) for row in rows]
    if as_json:
        print_json(records if run_id is None else records[0])
    elif not records:
        print("no paper run yet; `cointrader paper start` begins one")
    else:
        print_status(records)
    return 0


def _positions_by_run(place: Place, run_id: int | None) -> dict[int, tuple[int, int, float]]:
    """(open, closed, net result of the closed) of a run or of all, in one look at the positions."""
    rows = place.connection.execute(
        "SELECT run_id, sum(state <> 'closed'), sum(state = 'closed'), "
        "total(CASE WHEN state = 'closed' THEN pnl END) FROM position "
        "WHERE ? IS NULL OR run_id = ? GROUP BY run_id",
        (run_id, run_id),
    ).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def record_of(place: Place, row: PaperRunRow, counted: tuple[int, int, float]) -> dict[str, Any]:
    """A run as scripts read it; `counted` is what is open, what is closed, and the result of the closed."""
    from cointrader.jobs.ensure import living_workers
    from storage import paper_runs
    from storage.runs import get_run

    run = get_run(place.connection, row.run_id)
    job = paper_runs.job_of(place.connection, row.run_id)
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
        "worker_alive": bool(living_workers(place.connection)),
        "error": row.error,
    }


def print_status(records: Sequence[dict[str, Any]]) -> None:
    """The runs for people, newest first."""
    print_table(HEADER, map(_line, records), right=(True, False, False, False, *[True] * 5))
    alone = len(records) == 1
    told = [text for record in records if (text := _notes(record, alone))]
    if told:
        print("\n" + "\n".join(told))


def _line(told: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(told["run_id"]),
        told["state"],
        told["source"],
        time_text(max(told["until_ms"].values(), default=0)) or "-",
        number_text(told["equity"], 2),
        f"{told['open']:,}",
        f"{told['closed']:,}",
        number_text(told["pnl"], 2),
        f"{told['rejections']:,}",
    )


def _notes(told: dict[str, Any], alone: bool) -> str:
    """What a run trades, where it goes on or was asked for, and what keeps it from going on."""
    name = f"run {told['run_id']}"
    lines = []
    if alone or told["state"] != "stopped":
        speed = f" at speed {told['speed']:g}" if told["speed"] > 0 else ""
        lines.append(f"{name}: {', '.join(told['strategies'])} on {', '.join(told['symbols'])}{speed}")
    resume = f"`cointrader paper resume --run {told['run_id']}`"
    if told["error"]:
        lines.append(f"{name}: {told['error']}; {resume} goes on")
    elif told["state"] in ("running", "stopping"):
        if told["job"] is None or not told["worker_alive"]:
            lines.append(f"{name}: nobody goes on with it; {resume} does")
        elif told["state"] == "stopping":
            lines.append(f"{name}: what is open is closed at the last close in a moment")
    return "\n".join(lines)
