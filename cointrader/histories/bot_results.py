"""The bot's results set right: the regime of each exit found, and what it booked twice marked as such.

`bot_pnl.source` ends as the file's word for a row that counts (strategy_pnl, or another one where no exit
of strategy_pnl is near), and as `word/unit` for one that says an exit again.
"""

from __future__ import annotations

import sqlite3

from cointrader.interop.cointrader2.results_csv import STRATEGY_PNL
from cointrader.interop.cointrader2.units import NEAR_MS, Booked, Exit, Unit, tell_units


def set_results_right(connection: sqlite3.Connection, from_ms: int, to_ms: int) -> None:
    """Looks at the results of a stretch of time and around it; call it inside a transaction."""
    # A group of unknown rows may reach back: twice as far as rows are near each other.
    stretch = (from_ms - 2 * NEAR_MS, to_ms + 2 * NEAR_MS)
    exits = [
        Exit(*row)
        for row in connection.execute(
            "SELECT id, ts_ms, strategy, pnl, entry_price, exit_price FROM bot_pnl "
            f"WHERE source = '{STRATEGY_PNL}' AND ts_ms BETWEEN ? AND ? ORDER BY ts_ms, id",
            stretch,
        ).fetchall()
    ]
    rows = connection.execute(
        "SELECT id, ts_ms, strategy, regime, pnl, source FROM bot_pnl "
        f"WHERE source <> '{STRATEGY_PNL}' AND ts_ms BETWEEN ? AND ? ORDER BY ts_ms, id",
        stretch,
    ).fetchall()
    booked = [Booked(*row[:5]) for row in rows]
    for told, (*_, source), row in zip(tell_units(exits, booked), rows, booked, strict=True):
        base = source.partition("/")[0]
        is_counted = told.unit is Unit.UNKNOWN
        named = base if is_counted else f"{base}/{told.unit}"
        if named != source:
            connection.execute("UPDATE bot_pnl SET source = ? WHERE id = ?", (named, told.id))
        if told.unit is Unit.QUOTE and row.regime:
            connection.execute(
                "UPDATE bot_pnl SET regime = ? WHERE id = ? AND regime = ''", (row.regime, told.exit_id)
            )
