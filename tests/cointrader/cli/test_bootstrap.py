"""The first start: an empty workspace fills itself from real candles, once."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from cointrader.jobs.bootstrap import FIRST_AGENTS
from tests.cointrader.cli.command import cointrader
from tests.conftest import Bootstrapped

COUNTS = {
    "candles": "SELECT sum(bars) FROM candle_file",
    "signals": "SELECT count(*) FROM signal",
    "rejections": "SELECT count(*) FROM rejection",
    "closed_positions": "SELECT count(*) FROM position WHERE state = 'closed'",
    "setups": "SELECT count(*) FROM setup",
    "validated": "SELECT count(*) FROM outcome",
    "experiences": "SELECT count(*) FROM experience",
}


def test_the_summary_counts_what_is_in_the_database(bootstrapped_workspace: Bootstrapped) -> None:
    summary = bootstrapped_workspace.summary
    assert set(summary) == {*COUNTS, "mean_completeness", "versions"}
    with closing(sqlite3.connect(bootstrapped_workspace.workspace.database)) as connection:
        for name, query in COUNTS.items():
            assert summary[name] == connection.execute(query).fetchone()[0] > 0
        (accepted,) = connection.execute("SELECT count(*) FROM signal WHERE status = 'accepted'").fetchone()
    assert summary["signals"] == accepted + summary["rejections"]


def test_there_is_enough_to_learn_from(bootstrapped_workspace: Bootstrapped) -> None:
    summary = bootstrapped_workspace.summary
    assert summary["validated"] >= 10_000
    assert summary["experiences"] > 3 * summary["validated"], "what was traded is learned from as well"
    assert 0.6 < summary["mean_completeness"] <= 1.0
    with closing(sqlite3.connect(bootstrapped_workspace.workspace.database)) as connection:
        waiting = connection.execute("SELECT symbol, ts_ms FROM setup WHERE state = 'waiting'").fetchall()
        ends = dict(connection.execute("SELECT symbol, last_close_ms FROM candle_file").fetchall())
    assert all(ends[symbol] - ts_ms < 15 * 60_000 for symbol, ts_ms in waiting)


def test_every_first_agent_has_a_version_with_its_baseline(bootstrapped_workspace: Bootstrapped) -> None:
    versions = {line["agent"]: line for line in bootstrapped_workspace.summary["versions"]}
    assert set(versions) == set(FIRST_AGENTS)
    for line in versions.values():
        assert set(line) == {"agent", "metric", "value", "baseline"}
        assert line["metric"]
    for line in (versions["cnn"], versions["signal_classifier"]):
        assert 0.0 <= line["baseline"] <= 1.0
        assert 0.0 <= line["value"] <= 1.0


def test_a_second_bootstrap_changes_nothing(bootstrapped_workspace: Bootstrapped) -> None:
    again = cointrader("bootstrap", "--json", workspace=bootstrapped_workspace.workspace.root)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == bootstrapped_workspace.summary


def test_without_a_terminal_the_bare_command_prints_the_summary(bootstrapped_workspace: Bootstrapped) -> None:
    done = cointrader(workspace=bootstrapped_workspace.workspace.root)
    assert done.returncode == 0, done.stderr
    summary = bootstrapped_workspace.summary
    assert f"{summary['candles']:,}" in done.stdout
    assert "baseline" in done.stdout
    assert "signal_classifier" in done.stdout


def test_a_parameter_of_a_training_is_refused_before_anything_starts(tmp_path: object) -> None:
    done = cointrader(
        "bootstrap", "--param", "cnn.no_such=1", environment={"COINTRADER_WORKSPACE": f"{tmp_path}/w"}
    )
    assert done.returncode == 2
    assert "no_such" in done.stderr
