"""Says "free" or "locked": whether another process may write to the database now."""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
    print("free", flush=True)
except sqlite3.OperationalError:
    print("locked", flush=True)
