"""Setups with their outcomes, experiences, the journal of optimiser steps, and replays."""

from textwrap import dedent

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE setup_pack (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, path VARCHAR NOT NULL,
        sha256 VARCHAR NOT NULL, bytes INTEGER NOT NULL, rows INTEGER NOT NULL,
        layout VARCHAR NOT NULL, created_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE setup (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
        symbol VARCHAR NOT NULL, timeframe_ms INTEGER NOT NULL, origin VARCHAR NOT NULL,
        side VARCHAR NOT NULL, taken INTEGER NOT NULL, signal_id INTEGER REFERENCES signal,
        price FLOAT NOT NULL, completeness FLOAT NOT NULL, flags INTEGER NOT NULL,
        rapid INTEGER NOT NULL, velocity FLOAT, spike FLOAT, extreme INTEGER NOT NULL DEFAULT 0,
        sha256 VARCHAR NOT NULL, md5 VARCHAR NOT NULL,
        pack_id INTEGER NOT NULL REFERENCES setup_pack, pack_row INTEGER NOT NULL,
        provenance VARCHAR NOT NULL, state VARCHAR NOT NULL DEFAULT 'waiting',
        net_return FLOAT, score FLOAT, is_profitable INTEGER, optimal_action INTEGER,
        priority FLOAT NOT NULL DEFAULT 0, value FLOAT, training_count INTEGER NOT NULL DEFAULT 0,
        collected_ms INTEGER NOT NULL, rev INTEGER NOT NULL,
        UNIQUE (symbol, timeframe_ms, ts_ms)
    )
    """,
    """
    CREATE TABLE outcome (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        setup_id INTEGER NOT NULL REFERENCES setup, horizon_ms INTEGER NOT NULL,
        cost_bps FLOAT NOT NULL, entry_price FLOAT NOT NULL, exit_price FLOAT NOT NULL,
        gross_return FLOAT NOT NULL, net_return FLOAT NOT NULL, return_1m FLOAT, return_5m FLOAT,
        return_15m FLOAT, mae FLOAT NOT NULL, mfe FLOAT NOT NULL, score FLOAT NOT NULL,
        optimal_action INTEGER NOT NULL, is_profitable INTEGER NOT NULL, regret FLOAT NOT NULL,
        novelty FLOAT NOT NULL, value FLOAT NOT NULL, validated_ms INTEGER NOT NULL,
        UNIQUE (setup_id)
    )
    """,
    """
    CREATE TABLE experience (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, setup_id INTEGER NOT NULL REFERENCES setup,
        position_id INTEGER REFERENCES position, source VARCHAR NOT NULL, ts_ms INTEGER NOT NULL,
        ends_ms INTEGER NOT NULL, symbol VARCHAR NOT NULL, "action" INTEGER NOT NULL,
        reward FLOAT NOT NULL, terminated INTEGER NOT NULL, truncated INTEGER NOT NULL,
        next_setup_id INTEGER REFERENCES setup, is_profitable INTEGER NOT NULL,
        td_error FLOAT, priority FLOAT NOT NULL, value FLOAT NOT NULL,
        training_count INTEGER NOT NULL DEFAULT 0, provenance VARCHAR NOT NULL,
        created_ms INTEGER NOT NULL, rev INTEGER NOT NULL, UNIQUE (setup_id, "action", source)
    )
    """,
    """
    CREATE TABLE collection (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, symbol VARCHAR NOT NULL,
        timeframe_ms INTEGER NOT NULL, last_ts_ms INTEGER NOT NULL,
        collected INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,
        rapid INTEGER NOT NULL DEFAULT 0, validated INTEGER NOT NULL DEFAULT 0,
        completeness_sum FLOAT NOT NULL DEFAULT 0, last_error VARCHAR NOT NULL DEFAULT '',
        last_error_ms INTEGER, updated_ms INTEGER NOT NULL, rev INTEGER NOT NULL,
        UNIQUE (symbol, timeframe_ms)
    )
    """,
    """
    CREATE TABLE collection_refusal (
        collection_id INTEGER NOT NULL REFERENCES collection, reason VARCHAR NOT NULL,
        n INTEGER NOT NULL, last_ts_ms INTEGER NOT NULL, example VARCHAR NOT NULL,
        PRIMARY KEY (collection_id, reason)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE journal (
        session_id INTEGER NOT NULL PRIMARY KEY REFERENCES session, mode VARCHAR NOT NULL,
        state VARCHAR NOT NULL, layout_json VARCHAR NOT NULL, optimiser VARCHAR NOT NULL,
        optimiser_json VARCHAR NOT NULL, torch_version VARCHAR NOT NULL,
        capability VARCHAR NOT NULL, onednn_isa VARCHAR NOT NULL, threads INTEGER NOT NULL,
        parameters INTEGER NOT NULL, budget_bytes INTEGER NOT NULL, bytes INTEGER NOT NULL DEFAULT 0,
        last_step INTEGER NOT NULL DEFAULT 0, digest_from_step INTEGER,
        training_value FLOAT NOT NULL DEFAULT 0, note VARCHAR NOT NULL DEFAULT '', rev INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE journal_file (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        session_id INTEGER NOT NULL REFERENCES session, kind VARCHAR NOT NULL,
        attempt INTEGER NOT NULL, first_step INTEGER NOT NULL, last_step INTEGER NOT NULL,
        path VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, bytes INTEGER NOT NULL,
        raw_bytes INTEGER NOT NULL, state VARCHAR NOT NULL DEFAULT 'kept', created_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE step (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        session_id INTEGER NOT NULL REFERENCES session, step INTEGER NOT NULL,
        attempt INTEGER NOT NULL, file_id INTEGER REFERENCES journal_file, file_row INTEGER,
        learning_rate FLOAT NOT NULL, loss FLOAT, losses_json VARCHAR NOT NULL,
        gradient_norm FLOAT, norms BLOB NOT NULL, batch BLOB NOT NULL, priority FLOAT NOT NULL,
        value FLOAT NOT NULL, synced INTEGER NOT NULL DEFAULT 0, weights_sha256 VARCHAR NOT NULL,
        gradient_sha256 VARCHAR NOT NULL, ts_ms INTEGER NOT NULL, UNIQUE (session_id, step)
    )
    """,
    """
    CREATE TABLE replay (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, job_id INTEGER, kind VARCHAR NOT NULL,
        agent VARCHAR NOT NULL, state VARCHAR NOT NULL, selection_json VARCHAR NOT NULL,
        session_id INTEGER REFERENCES session, control_session_id INTEGER REFERENCES session,
        source_session_id INTEGER REFERENCES session, metric VARCHAR NOT NULL DEFAULT '',
        value FLOAT, control_value FLOAT, baseline FLOAT, standard_error FLOAT,
        words VARCHAR NOT NULL DEFAULT '', result_json VARCHAR NOT NULL DEFAULT '{}',
        started_ms INTEGER NOT NULL, ended_ms INTEGER, rev INTEGER NOT NULL
    )
    """,
)

INDEXES = (
    ("setup", ("ts_ms",)),
    ("setup", ("priority",)),
    ("setup", ("symbol", "priority")),
    ("setup", ("state", "ts_ms")),
    ("setup", ("rev",)),
    ("experience", ("ts_ms",)),
    ("experience", ("priority",)),
    ("experience", ("rev",)),
    ("journal_file", ("session_id", "kind", "first_step")),
    ("replay", ("rev",)),
    ("collection", ("rev",)),
    ("journal", ("rev",)),
)


def upgrade() -> None:
    """Makes the tables; no row that was there before is touched."""
    for table in TABLES:
        op.execute(dedent(table).strip())
    for table, columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
