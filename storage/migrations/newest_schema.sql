CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE revision (
    id INTEGER NOT NULL PRIMARY KEY, value INTEGER NOT NULL
);
CREATE TABLE instrument (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, base VARCHAR NOT NULL,
    quote VARCHAR NOT NULL, venue VARCHAR NOT NULL DEFAULT '', symbol VARCHAR NOT NULL,
    first_seen_ms INTEGER NOT NULL, rev INTEGER NOT NULL, UNIQUE (base, quote, venue)
);
CREATE TABLE candle_file (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    instrument_id INTEGER NOT NULL REFERENCES instrument, symbol VARCHAR NOT NULL,
    timeframe_ms INTEGER NOT NULL, path VARCHAR NOT NULL, sha256 VARCHAR NOT NULL,
    source_name VARCHAR NOT NULL, source_sha256 VARCHAR NOT NULL, dialect VARCHAR NOT NULL,
    first_close_ms INTEGER NOT NULL, last_close_ms INTEGER NOT NULL, bars INTEGER NOT NULL,
    gaps INTEGER NOT NULL, missing_bars INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    refused INTEGER NOT NULL, zero_volume INTEGER NOT NULL, provenance VARCHAR NOT NULL,
    imported_ms INTEGER NOT NULL, rev INTEGER NOT NULL
);
CREATE TABLE quarantine (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, source_name VARCHAR NOT NULL,
    source_sha256 VARCHAR NOT NULL, line INTEGER NOT NULL, field VARCHAR NOT NULL,
    reason VARCHAR NOT NULL, raw VARCHAR NOT NULL, created_ms INTEGER NOT NULL
);
CREATE TABLE trading_run (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind VARCHAR NOT NULL,
    provenance VARCHAR NOT NULL, state VARCHAR NOT NULL, strategies VARCHAR NOT NULL,
    symbols VARCHAR NOT NULL, settings_json VARCHAR NOT NULL,
    metrics_json VARCHAR NOT NULL DEFAULT '{}', first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL, bars INTEGER NOT NULL, signals INTEGER NOT NULL,
    rejections INTEGER NOT NULL, positions INTEGER NOT NULL, start_equity FLOAT NOT NULL,
    end_equity FLOAT NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER,
    code_version VARCHAR NOT NULL, rev INTEGER NOT NULL
);
CREATE TABLE signal (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER NOT NULL REFERENCES trading_run, ts_ms INTEGER NOT NULL,
    symbol VARCHAR NOT NULL, strategy VARCHAR NOT NULL, side VARCHAR NOT NULL,
    confidence FLOAT NOT NULL, price FLOAT NOT NULL, status VARCHAR NOT NULL,
    contributions VARCHAR NOT NULL, provenance VARCHAR NOT NULL
);
CREATE TABLE rejection (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    signal_id INTEGER NOT NULL UNIQUE REFERENCES signal, run_id INTEGER NOT NULL,
    ts_ms INTEGER NOT NULL, symbol VARCHAR NOT NULL, strategy VARCHAR NOT NULL,
    side VARCHAR NOT NULL, stage VARCHAR NOT NULL, code VARCHAR NOT NULL, text VARCHAR NOT NULL,
    limit_value FLOAT, actual_value FLOAT, confidence FLOAT NOT NULL, price FLOAT NOT NULL,
    provenance VARCHAR NOT NULL
);
CREATE TABLE position (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER NOT NULL REFERENCES trading_run, symbol VARCHAR NOT NULL,
    strategy VARCHAR NOT NULL, side VARCHAR NOT NULL, state VARCHAR NOT NULL,
    origin VARCHAR NOT NULL, provenance VARCHAR NOT NULL, opened_ms INTEGER NOT NULL,
    closed_ms INTEGER NOT NULL DEFAULT 0, qty FLOAT NOT NULL, entry_price FLOAT NOT NULL,
    exit_price FLOAT, stop_price FLOAT, target_price FLOAT,
    exit_reason VARCHAR NOT NULL DEFAULT '', notional FLOAT NOT NULL,
    equity_at_entry FLOAT NOT NULL, gross FLOAT NOT NULL DEFAULT 0,
    fees FLOAT NOT NULL DEFAULT 0, funding FLOAT NOT NULL DEFAULT 0,
    slippage FLOAT NOT NULL DEFAULT 0, pnl FLOAT NOT NULL DEFAULT 0,
    return_account FLOAT NOT NULL DEFAULT 0, return_notional FLOAT NOT NULL DEFAULT 0,
    hold_ms INTEGER NOT NULL DEFAULT 0, mae FLOAT NOT NULL DEFAULT 0,
    mfe FLOAT NOT NULL DEFAULT 0, reward FLOAT NOT NULL DEFAULT 0,
    contributions VARCHAR NOT NULL, rev INTEGER NOT NULL
);
CREATE TABLE position_fill (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    position_id INTEGER NOT NULL REFERENCES position, ts_ms INTEGER NOT NULL,
    kind VARCHAR NOT NULL, side VARCHAR NOT NULL, qty FLOAT NOT NULL, price FLOAT NOT NULL,
    raw_price FLOAT NOT NULL, fee FLOAT NOT NULL, slippage FLOAT NOT NULL,
    reason VARCHAR NOT NULL
);
CREATE TABLE signal_position (
    position_id INTEGER NOT NULL PRIMARY KEY REFERENCES position,
    signal_id INTEGER NOT NULL UNIQUE REFERENCES signal, created_ms INTEGER NOT NULL
);
CREATE TABLE reward (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    position_id INTEGER NOT NULL REFERENCES position, close_number INTEGER NOT NULL DEFAULT 1,
    run_id INTEGER NOT NULL, ts_ms INTEGER NOT NULL, formula VARCHAR NOT NULL,
    total FLOAT NOT NULL, weight FLOAT NOT NULL, normalized FLOAT NOT NULL,
    n_return FLOAT NOT NULL, n_notional FLOAT NOT NULL, n_consistency FLOAT NOT NULL,
    n_time FLOAT NOT NULL, n_streak FLOAT NOT NULL, comprehensive FLOAT NOT NULL,
    c_pnl FLOAT NOT NULL, c_time FLOAT NOT NULL, c_risk FLOAT NOT NULL,
    c_consistency FLOAT NOT NULL, c_streak FLOAT NOT NULL, UNIQUE (position_id, close_number)
);
CREATE TABLE position_path (
    position_id INTEGER NOT NULL PRIMARY KEY REFERENCES position, first_ms INTEGER NOT NULL,
    step_ms INTEGER NOT NULL, entry_index INTEGER NOT NULL, exit_index INTEGER NOT NULL,
    closes BLOB NOT NULL
);
CREATE TABLE equity_point (
    run_id INTEGER NOT NULL, ts_ms INTEGER NOT NULL, equity FLOAT NOT NULL,
    exposure FLOAT NOT NULL, PRIMARY KEY (run_id, ts_ms)
) WITHOUT ROWID;
CREATE TABLE dataset (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, agent VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL UNIQUE, path VARCHAR NOT NULL, rows INTEGER NOT NULL,
    description VARCHAR NOT NULL, provenance VARCHAR NOT NULL, created_ms INTEGER NOT NULL
);
CREATE TABLE split (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    dataset_id INTEGER NOT NULL REFERENCES dataset, sha256 VARCHAR NOT NULL,
    kind VARCHAR NOT NULL, params_json VARCHAR NOT NULL, folds_json VARCHAR NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE TABLE session (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, job_id INTEGER, agent VARCHAR NOT NULL,
    state VARCHAR NOT NULL, attempt INTEGER NOT NULL DEFAULT 1, seed INTEGER NOT NULL,
    params_json VARCHAR NOT NULL, dataset_id INTEGER REFERENCES dataset,
    split_id INTEGER REFERENCES split, threads INTEGER NOT NULL, device VARCHAR NOT NULL,
    capability VARCHAR NOT NULL, step INTEGER NOT NULL DEFAULT 0,
    total_steps INTEGER NOT NULL DEFAULT 0, metric VARCHAR NOT NULL DEFAULT '', value FLOAT,
    baseline FLOAT, note VARCHAR NOT NULL DEFAULT '',
    weights_sha256 VARCHAR NOT NULL DEFAULT '', started_ms INTEGER NOT NULL, ended_ms INTEGER,
    rev INTEGER NOT NULL
);
CREATE TABLE trial (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, agent VARCHAR NOT NULL,
    session_id INTEGER NOT NULL REFERENCES session, params_json VARCHAR NOT NULL,
    metric VARCHAR NOT NULL, value FLOAT, created_ms INTEGER NOT NULL
);
CREATE TABLE metric (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES session, attempt INTEGER NOT NULL,
    step INTEGER NOT NULL, name VARCHAR NOT NULL, value FLOAT, state VARCHAR NOT NULL,
    ts_ms INTEGER NOT NULL
);
CREATE TABLE checkpoint (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES session, attempt INTEGER NOT NULL,
    step INTEGER NOT NULL, path VARCHAR NOT NULL, sha256 VARCHAR NOT NULL,
    weights_sha256 VARCHAR NOT NULL, created_ms INTEGER NOT NULL
);
CREATE TABLE artifact (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, agent VARCHAR NOT NULL,
    version INTEGER NOT NULL, session_id INTEGER NOT NULL REFERENCES session,
    path VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, size INTEGER NOT NULL,
    status VARCHAR NOT NULL, metric VARCHAR NOT NULL, value FLOAT, baseline FLOAT,
    metrics_json VARCHAR NOT NULL, reason VARCHAR NOT NULL, provenance VARCHAR NOT NULL,
    created_ms INTEGER NOT NULL, rev INTEGER NOT NULL, UNIQUE (agent, version)
);
CREATE TABLE job (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind VARCHAR NOT NULL,
    title VARCHAR NOT NULL, arguments_json VARCHAR NOT NULL, slot VARCHAR NOT NULL,
    state VARCHAR NOT NULL, priority INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0, worker_id INTEGER, pid INTEGER NOT NULL DEFAULT 0,
    boot_id VARCHAR NOT NULL DEFAULT '', lease_until_ns INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0, progress_done INTEGER NOT NULL DEFAULT 0,
    progress_total INTEGER NOT NULL DEFAULT 0, message VARCHAR NOT NULL DEFAULT '',
    error VARCHAR NOT NULL DEFAULT '', result_json VARCHAR NOT NULL DEFAULT '{}',
    log_path VARCHAR NOT NULL DEFAULT '', parent_id INTEGER, created_ms INTEGER NOT NULL,
    started_ms INTEGER, ended_ms INTEGER, rev INTEGER NOT NULL
);
CREATE TABLE worker (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, pid INTEGER NOT NULL, host VARCHAR NOT NULL,
    boot_id VARCHAR NOT NULL, heartbeat_ns INTEGER NOT NULL, state VARCHAR NOT NULL,
    started_ms INTEGER NOT NULL, cpu_slots INTEGER NOT NULL, gpu_slots INTEGER NOT NULL,
    rev INTEGER NOT NULL
);
CREATE TABLE event (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
    kind VARCHAR NOT NULL, severity VARCHAR NOT NULL, subject VARCHAR NOT NULL,
    text VARCHAR NOT NULL, data_json VARCHAR NOT NULL DEFAULT '{}'
);
CREATE INDEX ix_instrument_rev ON instrument (rev);
CREATE INDEX ix_candle_file_rev ON candle_file (rev);
CREATE INDEX ix_trading_run_rev ON trading_run (rev);
CREATE INDEX ix_signal_run_id ON signal (run_id);
CREATE INDEX ix_signal_ts_ms ON signal (ts_ms);
CREATE INDEX ix_signal_symbol_ts_ms ON signal (symbol, ts_ms);
CREATE INDEX ix_rejection_ts_ms ON rejection (ts_ms);
CREATE INDEX ix_rejection_code_ts_ms ON rejection (code, ts_ms);
CREATE INDEX ix_rejection_symbol_ts_ms ON rejection (symbol, ts_ms);
CREATE INDEX ix_position_closed_ms ON position (closed_ms);
CREATE INDEX ix_position_symbol_closed_ms ON position (symbol, closed_ms);
CREATE INDEX ix_position_pnl ON position (pnl);
CREATE INDEX ix_position_state ON position (state);
CREATE INDEX ix_position_rev ON position (rev);
CREATE INDEX ix_position_fill_position_id ON position_fill (position_id);
CREATE INDEX ix_session_agent ON session (agent);
CREATE INDEX ix_session_rev ON session (rev);
CREATE INDEX ix_metric_session_id_name_step ON metric (session_id, name, step);
CREATE INDEX ix_artifact_rev ON artifact (rev);
CREATE INDEX ix_job_state_priority ON job (state, priority);
CREATE INDEX ix_job_rev ON job (rev);
CREATE INDEX ix_worker_rev ON worker (rev);
CREATE VIRTUAL TABLE signal_text USING fts5(text, tokenize='trigram');
CREATE VIRTUAL TABLE rejection_text USING fts5(text, tokenize='trigram');
CREATE VIRTUAL TABLE position_text USING fts5(text, tokenize='trigram');
CREATE TABLE candle_gap (
    candle_file_id INTEGER NOT NULL REFERENCES candle_file, from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL, PRIMARY KEY (candle_file_id, from_ms)
) WITHOUT ROWID;
CREATE TABLE source_file (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, path VARCHAR NOT NULL,
    kind VARCHAR NOT NULL, symbol VARCHAR NOT NULL DEFAULT '',
    sha256 VARCHAR NOT NULL DEFAULT '', device INTEGER NOT NULL DEFAULT 0,
    inode INTEGER NOT NULL DEFAULT 0, "offset" INTEGER NOT NULL DEFAULT 0,
    line INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0, state VARCHAR NOT NULL,
    rows INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0, note VARCHAR NOT NULL DEFAULT '',
    first_seen_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, rev INTEGER NOT NULL
);
CREATE TABLE feed_record (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, type VARCHAR NOT NULL, symbol VARCHAR NOT NULL DEFAULT '',
    source VARCHAR NOT NULL DEFAULT '', "key" VARCHAR NOT NULL, data_json VARCHAR NOT NULL,
    provenance VARCHAR NOT NULL, source_file_id INTEGER REFERENCES source_file
);
CREATE TABLE latency (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
    stage VARCHAR NOT NULL, type VARCHAR NOT NULL, micros INTEGER NOT NULL
);
CREATE TABLE bot_event (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
    kind VARCHAR NOT NULL, severity VARCHAR NOT NULL, symbol VARCHAR NOT NULL DEFAULT '',
    strategy VARCHAR NOT NULL DEFAULT '', side VARCHAR NOT NULL DEFAULT '',
    reason VARCHAR NOT NULL DEFAULT '', score FLOAT, text VARCHAR NOT NULL,
    data_json VARCHAR NOT NULL DEFAULT '{}',
    source_file_id INTEGER NOT NULL REFERENCES source_file, line INTEGER NOT NULL,
    fingerprint VARCHAR NOT NULL, UNIQUE (fingerprint)
);
CREATE TABLE bot_trade (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
    symbol VARCHAR NOT NULL, side VARCHAR NOT NULL, amount FLOAT NOT NULL,
    price FLOAT NOT NULL, kind VARCHAR NOT NULL,
    source_file_id INTEGER NOT NULL REFERENCES source_file, line INTEGER NOT NULL,
    fingerprint VARCHAR NOT NULL, UNIQUE (fingerprint)
);
CREATE TABLE bot_pnl (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
    strategy VARCHAR NOT NULL, symbol VARCHAR NOT NULL DEFAULT '',
    regime VARCHAR NOT NULL DEFAULT '', entry_price FLOAT, exit_price FLOAT,
    pnl FLOAT NOT NULL, confidence FLOAT, direction VARCHAR NOT NULL DEFAULT '',
    source VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, UNIQUE (fingerprint)
);
CREATE INDEX ix_source_file_path ON source_file (path);
CREATE INDEX ix_source_file_rev ON source_file (rev);
CREATE INDEX ix_feed_record_type_ts_ms ON feed_record (type, ts_ms);
CREATE INDEX ix_feed_record_symbol_ts_ms ON feed_record (symbol, ts_ms);
CREATE INDEX ix_latency_stage ON latency (stage);
CREATE INDEX ix_bot_event_kind_ts_ms ON bot_event (kind, ts_ms);
CREATE INDEX ix_bot_event_symbol_ts_ms ON bot_event (symbol, ts_ms);
CREATE TABLE setup_pack (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, path VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL, bytes INTEGER NOT NULL, rows INTEGER NOT NULL,
    layout VARCHAR NOT NULL, created_ms INTEGER NOT NULL
);
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
);
CREATE TABLE outcome (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    setup_id INTEGER NOT NULL REFERENCES setup, horizon_ms INTEGER NOT NULL,
    cost_bps FLOAT NOT NULL, entry_price FLOAT NOT NULL, exit_price FLOAT NOT NULL,
    gross_return FLOAT NOT NULL, net_return FLOAT NOT NULL, return_1m FLOAT, return_5m FLOAT,
    return_15m FLOAT, mae FLOAT NOT NULL, mfe FLOAT NOT NULL, score FLOAT NOT NULL,
    optimal_action INTEGER NOT NULL, is_profitable INTEGER NOT NULL, regret FLOAT NOT NULL,
    novelty FLOAT NOT NULL, value FLOAT NOT NULL, validated_ms INTEGER NOT NULL,
    UNIQUE (setup_id)
);
CREATE TABLE experience (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, setup_id INTEGER NOT NULL REFERENCES setup,
    position_id INTEGER REFERENCES position, source VARCHAR NOT NULL, ts_ms INTEGER NOT NULL,
    ends_ms INTEGER NOT NULL, symbol VARCHAR NOT NULL, "action" INTEGER NOT NULL,
    reward FLOAT NOT NULL, terminated INTEGER NOT NULL, truncated INTEGER NOT NULL,
    next_setup_id INTEGER REFERENCES setup, is_profitable INTEGER NOT NULL,
    td_error FLOAT, priority FLOAT NOT NULL, value FLOAT NOT NULL,
    training_count INTEGER NOT NULL DEFAULT 0, provenance VARCHAR NOT NULL,
    created_ms INTEGER NOT NULL, rev INTEGER NOT NULL, UNIQUE (setup_id, "action", source)
);
CREATE TABLE collection (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, symbol VARCHAR NOT NULL,
    timeframe_ms INTEGER NOT NULL, last_ts_ms INTEGER NOT NULL,
    collected INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,
    rapid INTEGER NOT NULL DEFAULT 0, validated INTEGER NOT NULL DEFAULT 0,
    completeness_sum FLOAT NOT NULL DEFAULT 0, last_error VARCHAR NOT NULL DEFAULT '',
    last_error_ms INTEGER, updated_ms INTEGER NOT NULL, rev INTEGER NOT NULL,
    UNIQUE (symbol, timeframe_ms)
);
CREATE TABLE collection_refusal (
    collection_id INTEGER NOT NULL REFERENCES collection, reason VARCHAR NOT NULL,
    n INTEGER NOT NULL, last_ts_ms INTEGER NOT NULL, example VARCHAR NOT NULL,
    PRIMARY KEY (collection_id, reason)
) WITHOUT ROWID;
CREATE TABLE journal (
    session_id INTEGER NOT NULL PRIMARY KEY REFERENCES session, mode VARCHAR NOT NULL,
    state VARCHAR NOT NULL, layout_json VARCHAR NOT NULL, optimiser VARCHAR NOT NULL,
    optimiser_json VARCHAR NOT NULL, torch_version VARCHAR NOT NULL,
    capability VARCHAR NOT NULL, onednn_isa VARCHAR NOT NULL, threads INTEGER NOT NULL,
    parameters INTEGER NOT NULL, budget_bytes INTEGER NOT NULL, bytes INTEGER NOT NULL DEFAULT 0,
    last_step INTEGER NOT NULL DEFAULT 0, digest_from_step INTEGER,
    training_value FLOAT NOT NULL DEFAULT 0, note VARCHAR NOT NULL DEFAULT '', rev INTEGER NOT NULL
);
CREATE TABLE journal_file (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES session, kind VARCHAR NOT NULL,
    attempt INTEGER NOT NULL, first_step INTEGER NOT NULL, last_step INTEGER NOT NULL,
    path VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, bytes INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL, state VARCHAR NOT NULL DEFAULT 'kept', created_ms INTEGER NOT NULL
);
CREATE TABLE step (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES session, step INTEGER NOT NULL,
    attempt INTEGER NOT NULL, file_id INTEGER REFERENCES journal_file, file_row INTEGER,
    learning_rate FLOAT NOT NULL, loss FLOAT, losses_json VARCHAR NOT NULL,
    gradient_norm FLOAT, norms BLOB NOT NULL, batch BLOB NOT NULL, priority FLOAT NOT NULL,
    value FLOAT NOT NULL, synced INTEGER NOT NULL DEFAULT 0, weights_sha256 VARCHAR NOT NULL,
    gradient_sha256 VARCHAR NOT NULL, ts_ms INTEGER NOT NULL, UNIQUE (session_id, step)
);
CREATE TABLE replay (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, job_id INTEGER, kind VARCHAR NOT NULL,
    agent VARCHAR NOT NULL, state VARCHAR NOT NULL, selection_json VARCHAR NOT NULL,
    session_id INTEGER REFERENCES session, control_session_id INTEGER REFERENCES session,
    source_session_id INTEGER REFERENCES session, metric VARCHAR NOT NULL DEFAULT '',
    value FLOAT, control_value FLOAT, baseline FLOAT, standard_error FLOAT,
    words VARCHAR NOT NULL DEFAULT '', result_json VARCHAR NOT NULL DEFAULT '{}',
    started_ms INTEGER NOT NULL, ended_ms INTEGER, rev INTEGER NOT NULL
);
CREATE INDEX ix_setup_ts_ms ON setup (ts_ms);
CREATE INDEX ix_setup_priority ON setup (priority);
CREATE INDEX ix_setup_symbol_priority ON setup (symbol, priority);
CREATE INDEX ix_setup_state_ts_ms ON setup (state, ts_ms);
CREATE INDEX ix_setup_rev ON setup (rev);
CREATE INDEX ix_experience_ts_ms ON experience (ts_ms);
CREATE INDEX ix_experience_priority ON experience (priority);
CREATE INDEX ix_experience_rev ON experience (rev);
CREATE INDEX ix_journal_file_session_id_kind_first_step ON journal_file (session_id, kind, first_step);
CREATE INDEX ix_replay_rev ON replay (rev);
CREATE INDEX ix_collection_rev ON collection (rev);
CREATE INDEX ix_journal_rev ON journal (rev);
CREATE TABLE agent_response (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, signal_id INTEGER NOT NULL REFERENCES signal,
    run_id INTEGER NOT NULL, ts_ms INTEGER NOT NULL, agent VARCHAR NOT NULL,
    answer VARCHAR NOT NULL, reason VARCHAR NOT NULL DEFAULT '', micros INTEGER NOT NULL
);
CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    position_id INTEGER NOT NULL REFERENCES position, close_number INTEGER NOT NULL,
    run_id INTEGER NOT NULL, model VARCHAR NOT NULL, weight FLOAT NOT NULL,
    reward FLOAT NOT NULL, reward_weight FLOAT NOT NULL,
    state VARCHAR NOT NULL DEFAULT 'waiting', reason VARCHAR NOT NULL DEFAULT '',
    session_id INTEGER REFERENCES session, step INTEGER, loss FLOAT,
    tries INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, done_ms INTEGER,
    rev INTEGER NOT NULL, UNIQUE (position_id, close_number, model)
);
CREATE TABLE outcome_label (
    position_id INTEGER NOT NULL PRIMARY KEY REFERENCES position, return_1m FLOAT,
    return_5m FLOAT, return_15m FLOAT, computed_ms INTEGER NOT NULL
);
CREATE TABLE hindsight (
    signal_id INTEGER NOT NULL PRIMARY KEY REFERENCES signal, run_id INTEGER NOT NULL,
    ts_ms INTEGER NOT NULL, symbol VARCHAR NOT NULL, strategy VARCHAR NOT NULL,
    code VARCHAR NOT NULL, exit_reason VARCHAR NOT NULL, entry_price FLOAT NOT NULL,
    exit_price FLOAT NOT NULL, hold_ms INTEGER NOT NULL, net_return FLOAT NOT NULL,
    pnl FLOAT NOT NULL, computed_ms INTEGER NOT NULL
);
CREATE TABLE paper_run (
    run_id INTEGER NOT NULL PRIMARY KEY REFERENCES trading_run, state VARCHAR NOT NULL,
    source VARCHAR NOT NULL, speed FLOAT NOT NULL, strategies VARCHAR NOT NULL,
    symbols VARCHAR NOT NULL, book BLOB NOT NULL, names_json VARCHAR NOT NULL,
    positions_json VARCHAR NOT NULL, until_ms_json VARCHAR NOT NULL,
    error VARCHAR NOT NULL DEFAULT '', updated_ms INTEGER NOT NULL, rev INTEGER NOT NULL
);
CREATE TABLE order_request (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER NOT NULL REFERENCES trading_run, kind VARCHAR NOT NULL,
    symbol VARCHAR NOT NULL DEFAULT '', side VARCHAR NOT NULL DEFAULT '', notional FLOAT,
    quantity FLOAT, position_id INTEGER REFERENCES position,
    state VARCHAR NOT NULL DEFAULT 'waiting', reason VARCHAR NOT NULL DEFAULT '',
    signal_id INTEGER REFERENCES signal, created_ms INTEGER NOT NULL, done_ms INTEGER,
    rev INTEGER NOT NULL
);
CREATE TABLE context_record (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind VARCHAR NOT NULL,
    signal_key VARCHAR NOT NULL, strategy VARCHAR NOT NULL DEFAULT '', ts_ms INTEGER NOT NULL,
    data_json VARCHAR NOT NULL, reason VARCHAR NOT NULL DEFAULT ''
);
CREATE TABLE core_event (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ts_ms INTEGER NOT NULL,
    "action" VARCHAR NOT NULL, severity VARCHAR NOT NULL,
    signal_key VARCHAR NOT NULL DEFAULT '', text VARCHAR NOT NULL, data_json VARCHAR NOT NULL
);
CREATE INDEX ix_agent_response_signal_id ON agent_response (signal_id);
CREATE INDEX ix_outbox_state ON outbox (state);
CREATE INDEX ix_outbox_rev ON outbox (rev);
CREATE INDEX ix_hindsight_code ON hindsight (code);
CREATE INDEX ix_hindsight_ts_ms ON hindsight (ts_ms);
CREATE INDEX ix_paper_run_rev ON paper_run (rev);
CREATE INDEX ix_order_request_run_id_state ON order_request (run_id, state);
CREATE INDEX ix_order_request_rev ON order_request (rev);
CREATE INDEX ix_context_record_kind ON context_record (kind);
CREATE INDEX ix_context_record_signal_key ON context_record (signal_key);
CREATE INDEX ix_core_event_action ON core_event (action);
INSERT INTO revision VALUES (1, 0);
INSERT INTO alembic_version VALUES ('0004');
