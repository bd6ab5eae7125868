"""Gaps of candles, files that are read, what feeds record, how long that takes, what a running bot wrote."""

from textwrap import dedent

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE candle_gap (
        candle_file_id INTEGER NOT NULL REFERENCES candle_file, from_ms INTEGER NOT NULL,
        to_ms INTEGER NOT NULL, PRIMARY KEY (candle_file_id, from_ms)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE source_file (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, path VARCHAR NOT NULL,
        kind VARCHAR NOT NULL, symbol VARCHAR NOT NULL DEFAULT '',
        sha256 VARCHAR NOT NULL DEFAULT '', device INTEGER NOT NULL DEFAULT 0,
        inode INTEGER NOT NULL DEFAULT 0, "offset" INTEGER NOT NULL DEFAULT 0,
        line INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0, state VARCHAR NOT NULL,
        rows INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,
        quarantined INTEGER NOT NULL DEFAULT 0, note VARCHAR NOT NULL DEFAULT '',
        first_seen_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, rev INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE feed_record (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
        received_ms INTEGER NOT NULL, type VARCHAR NOT NULL, symbol VARCHAR NOT NULL DEFAULT '',
        source VARCHAR NOT NULL DEFAULT '', "key" VARCHAR NOT NULL, data_json VARCHAR NOT NULL,
        provenance VARCHAR NOT NULL, source_file_id INTEGER REFERENCES source_file
    )
    """,
    """
    CREATE TABLE latency (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
        stage VARCHAR NOT NULL, type VARCHAR NOT NULL, micros INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE bot_event (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
        kind VARCHAR NOT NULL, severity VARCHAR NOT NULL, symbol VARCHAR NOT NULL DEFAULT '',
        strategy VARCHAR NOT NULL DEFAULT '', side VARCHAR NOT NULL DEFAULT '',
        reason VARCHAR NOT NULL DEFAULT '', score FLOAT, text VARCHAR NOT NULL,
        data_json VARCHAR NOT NULL DEFAULT '{}',
        source_file_id INTEGER NOT NULL REFERENCES source_file, line INTEGER NOT NULL,
        fingerprint VARCHAR NOT NULL, UNIQUE (fingerprint)
    )
    """,
    """
    CREATE TABLE bot_trade (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
        symbol VARCHAR NOT NULL, side VARCHAR NOT NULL, amount FLOAT NOT NULL,
        price FLOAT NOT NULL, kind VARCHAR NOT NULL,
        source_file_id INTEGER NOT NULL REFERENCES source_file, line INTEGER NOT NULL,
        fingerprint VARCHAR NOT NULL, UNIQUE (fingerprint)
    )
    """,
    """
    CREATE TABLE bot_pnl (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
        strategy VARCHAR NOT NULL, symbol VARCHAR NOT NULL DEFAULT '',
        regime VARCHAR NOT NULL DEFAULT '', entry_price FLOAT, exit_price FLOAT,
        pnl FLOAT NOT NULL, confidence FLOAT, direction VARCHAR NOT NULL DEFAULT '',
        source VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, UNIQUE (fingerprint)
    )
    """,
)

INDEXES = (
    ("source_file", ("path",)),
    ("source_file", ("rev",)),
    ("feed_record", ("type", "ts_ms")),
    ("feed_record", ("symbol", "ts_ms")),
    ("latency", ("stage",)),
    ("bot_event", ("kind", "ts_ms")),
    ("bot_event", ("symbol", "ts_ms")),
)


def upgrade() -> None:
    """Makes the tables; no row that was there before is touched."""
    for table in TABLES:
        op.execute(dedent(table).strip())
    for table, columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
