"""Answers of agents, what closes teach, hindsight of rejections, paper runs and the core's memory."""

from textwrap import dedent

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE agent_response (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, signal_id INTEGER NOT NULL REFERENCES signal,
        run_id INTEGER NOT NULL, ts_ms INTEGER NOT NULL, agent VARCHAR NOT NULL,
        answer VARCHAR NOT NULL, reason VARCHAR NOT NULL DEFAULT '', micros INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE outbox (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        position_id INTEGER NOT NULL REFERENCES position, close_number INTEGER NOT NULL,
        run_id INTEGER NOT NULL, model VARCHAR NOT NULL, weight FLOAT NOT NULL,
        reward FLOAT NOT NULL, reward_weight FLOAT NOT NULL,
        state VARCHAR NOT NULL DEFAULT 'waiting', reason VARCHAR NOT NULL DEFAULT '',
        session_id INTEGER REFERENCES session, step INTEGER, loss FLOAT,
        tries INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, done_ms INTEGER,
        rev INTEGER NOT NULL, UNIQUE (position_id, close_number, model)
    )
    """,
    """
    CREATE TABLE outcome_label (
        position_id INTEGER NOT NULL PRIMARY KEY REFERENCES position, return_1m FLOAT,
        return_5m FLOAT, return_15m FLOAT, computed_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE hindsight (
        signal_id INTEGER NOT NULL PRIMARY KEY REFERENCES signal, run_id INTEGER NOT NULL,
        ts_ms INTEGER NOT NULL, symbol VARCHAR NOT NULL, strategy VARCHAR NOT NULL,
        code VARCHAR NOT NULL, exit_reason VARCHAR NOT NULL, entry_price FLOAT NOT NULL,
        exit_price FLOAT NOT NULL, hold_ms INTEGER NOT NULL, net_return FLOAT NOT NULL,
        pnl FLOAT NOT NULL, computed_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE paper_run (
        run_id INTEGER NOT NULL PRIMARY KEY REFERENCES trading_run, state VARCHAR NOT NULL,
        source VARCHAR NOT NULL, speed FLOAT NOT NULL, strategies VARCHAR NOT NULL,
        symbols VARCHAR NOT NULL, book BLOB NOT NULL, names_json VARCHAR NOT NULL,
        positions_json VARCHAR NOT NULL, until_ms_json VARCHAR NOT NULL,
        error VARCHAR NOT NULL DEFAULT '', updated_ms INTEGER NOT NULL, rev INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE order_request (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        run_id INTEGER NOT NULL REFERENCES trading_run, kind VARCHAR NOT NULL,
        symbol VARCHAR NOT NULL DEFAULT '', side VARCHAR NOT NULL DEFAULT '', notional FLOAT,
        quantity FLOAT, position_id INTEGER REFERENCES position,
        state VARCHAR NOT NULL DEFAULT 'waiting', reason VARCHAR NOT NULL DEFAULT '',
        signal_id INTEGER REFERENCES signal, created_ms INTEGER NOT NULL, done_ms INTEGER,
        rev INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE context_record (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind VARCHAR NOT NULL,
        signal_key VARCHAR NOT NULL, strategy VARCHAR NOT NULL DEFAULT '', ts_ms INTEGER NOT NULL,
        data_json VARCHAR NOT NULL, reason VARCHAR NOT NULL DEFAULT ''
    )
    """,
    """
    CREATE TABLE core_event (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
        "action" VARCHAR NOT NULL, severity VARCHAR NOT NULL,
        signal_key VARCHAR NOT NULL DEFAULT '', text VARCHAR NOT NULL, data_json VARCHAR NOT NULL
    )
    """,
)

INDEXES = (
    ("agent_response", ("signal_id",)),
    ("outbox", ("state",)),
    ("outbox", ("rev",)),
    ("hindsight", ("code",)),
    ("hindsight", ("ts_ms",)),
    ("paper_run", ("rev",)),
    ("order_request", ("run_id", "state")),
    ("order_request", ("rev",)),
    ("context_record", ("kind",)),
    ("context_record", ("signal_key",)),
    ("core_event", ("action",)),
)


def upgrade() -> None:
    """Makes the tables; no row that was there before is touched."""
    for table in TABLES:
        op.execute(dedent(table).strip())
    for table, columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
