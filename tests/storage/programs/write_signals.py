"""Writes signals in a loop, one transaction after the other, and acknowledges each after its commit.

An acknowledgement is a line with the first and the last id of the transaction, written in one call.
"""

import os
import sys
from pathlib import Path

from storage.database import connect, transaction
from storage.insert import index_text, insert_rows

COLUMNS = (
    "run_id",
    "ts_ms",
    "symbol",
    "strategy",
    "side",
    "confidence",
    "price",
    "status",
    "contributions",
    "provenance",
)

connection = connect(Path(sys.argv[1]))
last_id = connection.execute("SELECT coalesce(max(id), 0) FROM signal").fetchone()[0]
while True:
    first_id = last_id + 1
    with transaction(connection):
        rows = [
            (1, row_id, "BTC/USDT", "momentum", "long", 0.5, row_id * 0.25, "accepted", "{}", "backtest")
            for row_id in range(first_id, first_id + 1 + first_id % 7)
        ]
        last_id += insert_rows(connection, "signal", COLUMNS, rows)
        index_text(connection, "signal", first_id - 1)
    os.write(1, f"{first_id} {last_id}\n".encode())
