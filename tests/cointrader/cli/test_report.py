"""The reports and the proposals on the bootstrapped sample: as text, and as the tables say."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.conftest import Bootstrapped


def told(workspace: Workspace, *words: str) -> Any:
    done = cointrader(*words, "--json", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def count(workspace: Workspace, query: str) -> Any:
    with closing(sqlite3.connect(workspace.database)) as connection:
        return connection.execute(query).fetchone()[0]


def test_the_rejections_of_everything_add_up_to_the_tables(bootstrapped_workspace: Bootstrapped) -> None:
    workspace = bootstrapped_workspace.workspace
    report = told(workspace, "report", "rejections", "--since", "start")
    assert report["total"]["signals"] == count(workspace, "SELECT count(*) FROM signal")
    rejected = count(workspace, "SELECT count(*) FROM rejection")
    assert report["total"]["rejected"] == rejected and report["total"]["change"] is None
    for name in ("stage", "code", "strategy", "symbol", "hour"):
        assert sum(rate["rejected"] for rate in report[f"by_{name}"]) == rejected
    assert len(report["by_hour"]) == 24
    text = cointrader("report", "rejections", workspace=workspace.root).stdout
    assert "signals were rejected" in text and "low_confidence" in text and "trend" in text


def test_the_accuracy_of_everything_is_that_of_the_positions(bootstrapped_workspace: Bootstrapped) -> None:
    workspace = bootstrapped_workspace.workspace
    report = told(workspace, "report", "accuracy", "--since", "start", "--run", "1")
    closed = report["closed"]
    assert closed["n"] == count(workspace, "SELECT count(*) FROM position WHERE state = 'closed'")
    assert closed["paid"] == pytest.approx(count(workspace, "SELECT avg(pnl > 0) FROM position"))
    mean = count(workspace, "SELECT avg(return_notional) FROM position")
    assert closed["net_return"] == pytest.approx(mean) and closed["overlap"] >= 1.0
    judged = count(workspace, "SELECT count(*) FROM hindsight")
    assert report["rejected_by_hindsight"]["n"] == judged
    assert report["predictions"]["version"] is None and report["predictions"]["answered"] == {}
    assert report["logs"]["files"] > 0 and report["bot"] == {
        "actions": {},
        "error_count": 0,
        "errors": [],
    }
    text = cointrader("report", "accuracy", workspace=workspace.root).stdout
    assert "no version decides" in text and "by hindsight" in text and "bot logs: none were read" in text


def test_thresholds_are_proposed_with_the_line_to_write_and_nothing_is_written(
    bootstrapped_workspace: Bootstrapped,
) -> None:
    workspace = bootstrapped_workspace.workspace
    found = told(workspace, "rejections", "--propose")
    confidence = next(item for item in found["proposals"] if item["rule"] == "low_confidence")
    assert confidence["earlier"]["last_ms"] < confidence["later"]["first_ms"]
    for window in ("earlier", "later"):
        effect = confidence[window]
        assert effect["net"] == pytest.approx(effect["saved"] - effect["missed"])
    judged = {item["rule"] for item in found["proposals"]} | {item["rule"] for item in found["not_judged"]}
    with closing(sqlite3.connect(workspace.database)) as connection:
        assert {row[0] for row in connection.execute("SELECT DISTINCT code FROM rejection")} <= judged
    text = cointrader("rejections", "--propose", workspace=workspace.root).stdout
    assert confidence["line"] in text and "Nothing is applied by itself" in text
    assert not workspace.config.exists()


def test_an_empty_workspace_has_nothing_to_report(workspace: Workspace) -> None:
    for about in ("rejections", "accuracy"):
        done = cointrader("report", about, workspace=workspace.root)
        assert done.returncode == 0 and "no signals yet" in done.stdout
    assert "nothing to propose" in cointrader("rejections", "--propose", workspace=workspace.root).stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("report",), "about"),
        (("report", "weather"), "invalid choice"),
        (("report", "accuracy", "--since", "soonish"), "is not a time"),
        (("rejections", "--propose", "--by", "rule"), "one at a time"),
        (("rejections", "--propose", "--limit", "3"), "no other option"),
    ],
)
def test_wrong_words_are_refused(workspace: Workspace, words: tuple[str, ...], why: str) -> None:
    done = cointrader(*words, workspace=workspace.root)
    assert done.returncode == 2 and why in done.stderr and done.stdout == ""


def test_a_run_that_does_not_exist_is_not_reported_as_an_empty_one(workspace: Workspace) -> None:
    for words in (("report", "accuracy"), ("report", "rejections"), ("rejections", "--propose")):
        done = cointrader(*words, "--run", "99", workspace=workspace.root)
        assert done.returncode == 1 and "there is no run 99" in done.stderr
