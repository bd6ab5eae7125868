"""Trades of a program as experiences: what cannot be is refused, and each is worth what its own side did."""

from __future__ import annotations

import dataclasses
import sqlite3

import numpy as np
import pytest

from cointrader.training.training_integration import TrainingIntegration
from models.setup_rows import BUY, SELL
from storage.workspace import Workspace
from tests.cointrader.training.test_integration import Feed, Trades, made_trade, random_walk, setups


@pytest.fixture
def feed() -> Feed:
    return Feed(random_walk(400), shown=300)


def test_the_value_of_a_trade_counts_the_regret_of_its_own_side(
    workspace: Workspace, connection: sqlite3.Connection, feed: Feed
) -> None:
    at_ms = int(feed.series.close_ms[250])
    sides = [made_trade("long", at_ms), made_trade("short", at_ms)]
    # The setup itself was held; what was given away is a matter of what each trade did.
    integration = TrainingIntegration(feed, executor=Trades(*sides), workspace=workspace)
    integration.collect()
    if not any(ts_ms == at_ms for ts_ms, _, _ in setups(connection)):
        pytest.fail("the bar must be one that is collected")
    integration.validate()
    rows = connection.execute(
        'SELECT e."action", e.value, o.novelty, '
        "CASE s.side WHEN 'long' THEN o.gross_return ELSE -o.gross_return END "
        "FROM experience AS e JOIN setup AS s ON s.id = e.setup_id JOIN outcome AS o ON o.setup_id = s.id "
        "WHERE e.source = 'close' ORDER BY 1"
    ).fetchall()
    assert [row[0] for row in rows] == [BUY, SELL]
    score = 1.0 / (1.0 + np.exp(-(2.35 / 5_000.0) / 0.005))
    for action, value, novelty, moved in rows:
        earned = (moved if action == BUY else -moved) - 0.002
        lost = max(moved - 0.002, -moved - 0.002, 0.0) - earned
        assert value == pytest.approx(0.5 * score + 0.3 * np.tanh(lost / 0.005) + 0.2 * novelty)
    integration.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"side": "buy"}, "side of a trade"),
        ({"pnl": float("nan")}, "pnl"),
        ({"equity": 0.0}, "equity"),
        ({"notional": float("inf")}, "notional"),
        ({"closed_ms": 0}, "in this order"),
    ],
)
def test_a_trade_that_cannot_be_is_refused_by_name_where_it_is_made(
    wrong: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(made_trade("long", 1_000), **wrong)  # type: ignore[arg-type]
