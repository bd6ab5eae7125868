"""Why, why not, and what the rules were worth, on the bootstrapped sample: as text, and as the tables say."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.conftest import Bootstrapped


def one(workspace: Workspace, query: str, *values: object) -> Any:
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query, values).fetchone()


def test_why_tells_a_position_as_its_rows_do(bootstrapped_workspace: Bootstrapped) -> None:
    workspace = bootstrapped_workspace.workspace
    told = json.loads(cointrader("why", "7", "--json", workspace=workspace.root).stdout)
    row = one(workspace, "SELECT * FROM position WHERE id = 7")
    for name in ("side", "qty", "entry_price", "exit_price", "pnl", "fees", "slippage", "reward", "hold_ms"):
        assert told["position"][name] == row[name]
    linked = one(workspace, "SELECT signal_id FROM signal_position WHERE position_id = 7")["signal_id"]
    assert told["signal"]["id"] == linked
    reward = one(workspace, "SELECT total, n_return, c_pnl FROM reward WHERE position_id = 7")
    (part,) = told["rewards"]
    assert part["total"] == reward["total"]
    assert part["normalized_parts"]["return"] == reward["n_return"]
    assert part["comprehensive_parts"]["pnl"] == reward["c_pnl"]
    assert row["pnl"] == row["gross"] - row["fees"] - row["funding"] - row["slippage"]

    text = cointrader("why", "7", workspace=workspace.root).stdout
    assert f"signal #{linked}" in text and "decision  accepted" in text and "position #7" in text
    assert f"pnl {row['pnl']:+.4f} = gross {row['gross']:+.4f} - fees {row['fees']:.4f}" in text


def test_why_not_tells_the_rule_and_the_hindsight_of_a_signal(bootstrapped_workspace: Bootstrapped) -> None:
    workspace = bootstrapped_workspace.workspace
    known = one(workspace, "SELECT * FROM hindsight ORDER BY signal_id LIMIT 1")
    number = str(known["signal_id"])
    told = json.loads(cointrader("why-not", number, "--json", workspace=workspace.root).stdout)
    rejected = one(workspace, "SELECT * FROM rejection WHERE signal_id = ?", known["signal_id"])
    assert told["hindsight"] == dict(known)
    assert not told["decision"]["accepted"] and told["decision"]["code"] == rejected["code"]
    assert told["decision"]["limit_value"] == rejected["limit_value"]
    text = cointrader("why-not", number, workspace=workspace.root).stdout
    assert rejected["text"] in text and f"{abs(known['pnl']):,.4f}" in text

    missing = cointrader("why-not", "99999999", workspace=workspace.root)
    assert missing.returncode == 1 and "no signal 99999999" in missing.stderr


def test_rejections_by_rule_add_up_to_the_tables(bootstrapped_workspace: Bootstrapped) -> None:
    workspace = bootstrapped_workspace.workspace
    rules = json.loads(cointrader("rejections", "--by", "rule", "--json", workspace=workspace.root).stdout)
    assert [list(rule) for rule in rules] == [["rule", "n", "saved", "missed", "net"]] * len(rules)
    assert sum(rule["n"] for rule in rules) == one(workspace, "SELECT count(*) AS n FROM rejection")["n"]
    for rule in rules:
        sums = one(
            workspace,
            "SELECT total(max(-pnl, 0)) AS saved, total(max(pnl, 0)) AS missed FROM hindsight WHERE code = ?",
            rule["rule"],
        )
        assert abs(rule["saved"] - sums["saved"]) < 1e-6 and abs(rule["missed"] - sums["missed"]) < 1e-6
        assert rule["net"] == rule["saved"] - rule["missed"]
    assert any(rule["saved"] > 0 for rule in rules)
    assert "saved" in cointrader("rejections", "--by", "rule", workspace=workspace.root).stdout
    wrong = cointrader("rejections", "--by", "rule", "--csv", workspace=workspace.root)
    assert wrong.returncode == 2 and "--by rule" in wrong.stderr
