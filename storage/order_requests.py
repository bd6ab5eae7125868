"""Orders by hand: asked for here, decided by the run that they are meant for, refused with a reason."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.errors import StorageError
from storage.insert import insert_row
from storage.paper_runs import NoPaperRun, active_run
from storage.revision import next_rev

OPEN, CLOSE, CLOSE_ALL = "open", "close", "close_all"
WAITING, DONE, REFUSED = "waiting", "done", "refused"
LONG, SHORT = "long", "short"


class OrderRefused(StorageError):
    """An order that could not be carried out whoever decided on it; the text says why."""


@dataclass(frozen=True)
class OrderRow:
    """One order by hand. `reason` says why it was refused, or what became of it."""

    id: int
    run_id: int
    kind: str
    symbol: str
    side: str
    notional: float | None
    quantity: float | None
    position_id: int | None
    state: str
    reason: str
    signal_id: int | None
    created_ms: int
    done_ms: int | None
    rev: int

    @property
    def words(self) -> str:
        """What was asked for: buy BTC/USDT for 500.00, close position 17 BTC/USDT, close everything."""
        if self.kind == CLOSE_ALL:
            return "close everything"
        if self.kind == CLOSE:
            return f"close position {self.position_id} {self.symbol}"
        size = ""
        if self.notional is not None:
            size = f" for {self.notional:,.2f}" if 0.01 <= self.notional < 1e12 else f" for {self.notional:g}"
        elif self.quantity is not None:
            size = f" {self.quantity:.10g}"
        return f"{'buy' if self.side == LONG else 'sell'} {self.symbol}{size}"


_COLUMNS = tuple(OrderRow.__dataclass_fields__)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM order_request"


def ask_open(
    connection: sqlite3.Connection,
    symbol: str,
    side: str,
    *,
    notional: float | None = None,
    quantity: float | None = None,
    run_id: int | None = None,
) -> int:
    """Ask for a position; without notional and quantity the run's own size rule counts. Returns its id.

    `side` is long or short, `notional` in the quote currency, `quantity` in the base currency; `run_id` None
    is the only run that goes on. Raises OrderRefused, and as `active_run`.
    """
    if side not in (LONG, SHORT):
        raise OrderRefused(f"an order is {LONG} or {SHORT}, not {side!r}")
    if notional is not None and quantity is not None:
        raise OrderRefused("an order has a notional or a quantity, not both")
    for name, value in (("notional", notional), ("quantity", quantity)):
        if value is not None and not (math.isfinite(value) and value > 0.0):
            raise OrderRefused(f"the {name} of an order must be finite and above 0, not {value}")
    with joined_transaction(connection):
        run = active_run(connection, run_id)
        if symbol not in run.symbols:
            raise OrderRefused(
                f"paper run {run.run_id} does not trade {symbol}; it trades {', '.join(run.symbols)}"
            )
        return _insert(
            connection, run.run_id, OPEN, symbol=symbol, side=side, notional=notional, quantity=quantity
        )


def ask_close(connection: sqlite3.Connection, position_id: int, run_id: int | None = None) -> int:
    """Ask for the end of an open position of a paper run; `run_id` says of which one it must be.

    Returns the id. Raises OrderRefused, and PaperRunEnded for a run that was stopped.
    """
    with joined_transaction(connection):
        rows = connection.execute(
            "SELECT run_id, state, symbol FROM position WHERE id = ?", (position_id,)
        ).fetchall()
        if not rows:
            raise OrderRefused(f"there is no position {position_id}")
        owner, state, symbol = rows[0]
        if run_id not in (None, owner):
            raise OrderRefused(f"position {position_id} is one of run {owner}, not of run {run_id}")
        if state != "open":
            word = "is already closed" if state == "closed" else "leaves at the next open already"
            raise OrderRefused(f"position {position_id} {word}")
        try:
            active_run(connection, owner)
        except NoPaperRun:
            raise OrderRefused(f"position {position_id} is not one of a paper run") from None
        return _insert(connection, owner, CLOSE, symbol=symbol, position_id=position_id)


def ask_close_all(connection: sqlite3.Connection, run_id: int | None = None) -> int:
    """Ask for the end of everything that is open or ordered in a run. Returns the id.

    Raises as `active_run`.
    """
    with joined_transaction(connection):
        return _insert(connection, active_run(connection, run_id).run_id, CLOSE_ALL)


def waiting_orders(connection: sqlite3.Connection, run_id: int) -> list[OrderRow]:
    """The orders that a run has not decided on, oldest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE run_id = ? AND state = 'waiting' ORDER BY id", (run_id,)
    ).fetchall()
    return [OrderRow(*row) for row in rows]


def get_order(connection: sqlite3.Connection, order_id: int) -> OrderRow:
    """The order of that number. Raises OrderRefused where there is none."""
    rows = connection.execute(f"{_SELECT} WHERE id = ?", (order_id,)).fetchall()
    if not rows:
        raise OrderRefused(f"there is no order {order_id}")
    return OrderRow(*rows[0])


def list_orders(connection: sqlite3.Connection, run_id: int, *, limit: int = 100) -> list[OrderRow]:
    """The newest orders of a run first."""
    rows = connection.execute(
        f"{_SELECT} WHERE run_id = ? ORDER BY id DESC LIMIT ?", (run_id, limit)
    ).fetchall()
    return [OrderRow(*row) for row in rows]


def settle_order(
    connection: sqlite3.Connection, order_id: int, state: str, reason: str, signal_id: int | None = None
) -> None:
    """Say what became of a waiting order; call it in the transaction that does it."""
    connection.execute(
        "UPDATE order_request SET state = ?, reason = ?, signal_id = ?, done_ms = ?, rev = ? "
        "WHERE id = ? AND state = 'waiting'",
        (state, reason, signal_id, now_ms(), next_rev(connection), order_id),
    )


def refuse_waiting(connection: sqlite3.Connection, run_id: int, reason: str) -> None:
    """Refuse what a run can no longer decide on; call it in the transaction that ends the run."""
    for order in waiting_orders(connection, run_id):
        settle_order(connection, order.id, REFUSED, reason)


def _insert(connection: sqlite3.Connection, run_id: int, kind: str, **values: object) -> int:
    row = {
        **{"run_id": run_id, "kind": kind, "state": WAITING, "symbol": "", "side": "", "reason": ""},
        **values,
        **{"created_ms": now_ms(), "rev": next_rev(connection)},
    }
    return insert_row(connection, "order_request", tuple(row), tuple(row.values()))
