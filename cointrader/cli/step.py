"""`cointrader step show|rebuild|verify SESSION N`: one optimiser step, as it was and made anew."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cointrader.cli.output import number_text, print_json, time_text
from cointrader.cli.place import Place, opened

if TYPE_CHECKING:
    from storage.steps import StepRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "action",
        choices=("show", "rebuild", "verify"),
        help="show what is kept of it; rebuild its weights from stored gradients; verify its gradient by "
        "computing it again",
    )
    parser.add_argument("session", type=int, metavar="SESSION", help="as `cointrader sessions` prints it")
    parser.add_argument("step", type=int, metavar="N", help="which step, from 1 on")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do the action; exit status 1 when a digest misses."""
    action = {"show": _show, "rebuild": _rebuild, "verify": _verify}[arguments.action]
    with opened(arguments.workspace) as place:
        record = action(place, arguments.session, arguments.step)
    if arguments.json:
        print_json({name: value for name, value in record.items() if name != "words"})
    elif arguments.action == "show":
        print("\n".join(_story(record)))
    else:
        done = "rebuilt" if arguments.action == "rebuild" else "verified"
        print(f"session {arguments.session}, step {arguments.step:,} {done}: {record['words']}")
        print(f"  digest    {record['digest']}\n  recorded  {record['recorded']}")
    return 0 if record.get("match", True) else 1


def _show(place: Place, session_id: int, step: int) -> dict[str, Any]:
    from storage.steps import batch_of, get_step, journal_of, norms_of

    row = get_step(place.connection, session_id, step)
    journal = journal_of(place.connection, session_id)
    return {
        "session": session_id,
        "step": row.step,
        "attempt": row.attempt,
        "loss": row.loss,
        "losses": row.losses,
        "learning_rate": row.learning_rate,
        "gradient_norm": row.gradient_norm,
        "norms": {} if journal is None else norms_of(row, journal),
        "priority": row.priority,
        "value": row.value,
        "synced": bool(row.synced),
        "weights_sha256": row.weights_sha256,
        "gradient_sha256": row.gradient_sha256,
        "kept": row.kept,
        "file": _base_name(row),
        "batch": list(batch_of(row)),
        "ts_ms": row.ts_ms,
    }


def _rebuild(place: Place, session_id: int, step: int) -> dict[str, Any]:
    from cointrader.training.rebuild import rebuild

    rebuilt = rebuild(place.workspace, place.connection, session_id, step)
    return {
        "session": session_id,
        "step": rebuilt.step,
        "digest": rebuilt.digest,
        "recorded": rebuilt.recorded,
        "match": rebuilt.match,
        "comparable": rebuilt.comparable,
        "why": rebuilt.why,
        "snapshot": rebuilt.snapshot,
        "words": rebuilt.words,
    }


def _verify(place: Place, session_id: int, step: int) -> dict[str, Any]:
    from cointrader.training.rebuild import verify

    verified = verify(place.workspace, place.connection, session_id, step)
    found = verified.steps[0]
    return {
        "session": session_id,
        "step": found.step,
        "digest": found.digest,
        "recorded": found.recorded,
        "match": found.match,
        "comparable": verified.comparable,
        "why": verified.why,
        "words": verified.words,
    }


def _base_name(row: StepRow) -> str | None:
    return None if row.path is None else row.path.rpartition("/")[2]


def _story(record: dict[str, Any]) -> list[str]:
    """The step, a line a fact."""
    losses = "  ".join(f"{name} {number_text(value) or 'nan'}" for name, value in record["losses"].items())
    norms = "  ".join(f"{layer} {norm:.3g}" for layer, norm in record["norms"].items())
    where = f"{record['kept']}, in {record['file']}" if record["file"] else record["kept"]
    batch = record["batch"]
    rows = ", ".join(str(row) for row in batch[:12]) + (" ..." if len(batch) > 12 else "")
    return [
        f"session {record['session']}, step {record['step']:,} (attempt {record['attempt']}, "
        f"{time_text(record['ts_ms'])})",
        f"  losses         {losses}",
        f"  learning rate  {record['learning_rate']:.3g}" + ("  target copied" if record["synced"] else ""),
        f"  gradient norm  {number_text(record['gradient_norm'])}  ({norms})",
        f"  value          {record['value']:.4g} (mean priority {record['priority']:.3g})",
        f"  batch          {len(batch):,} rows: {rows}",
        f"  weights        {record['weights_sha256']}",
        f"  gradient       {record['gradient_sha256']}",
        f"  kept           {where}",
    ]
