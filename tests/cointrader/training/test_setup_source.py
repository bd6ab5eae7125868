"""Setups and experiences as an agent reads them, against what stands in the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from cointrader.training.source import WorkspaceSource
from models.errors import NotEnoughRows
from models.rl_state import rl_states
from models.setup_rows import BUY, HOLD, SELL
from storage.candles import read_candles
from storage.database import connect
from storage.workspace import Workspace
from tests.conftest import Bootstrapped

pytestmark = pytest.mark.xdist_group("bootstrapped")


@pytest.fixture
def bootstrapped(bootstrapped_workspace: Bootstrapped) -> Iterator[tuple[Workspace, sqlite3.Connection]]:
    """The shared workspace, read only."""
    workspace = bootstrapped_workspace.workspace
    with closing(connect(workspace.database, readonly=True)) as connection:
        yield workspace, connection


def test_setups_come_with_the_states_and_returns_of_their_moments(
    bootstrapped: tuple[Workspace, sqlite3.Connection],
) -> None:
    workspace, connection = bootstrapped
    rows = WorkspaceSource(workspace, connection).setups("btc/usdt")
    assert set(rows.symbol) == {"BTC/USDT"}
    assert (np.diff(rows.ts_ms) > 0).all()
    series = read_candles(workspace, "BTC/USDT", 300_000, connection=connection)
    at = np.searchsorted(series.close_ms, rows.ts_ms)
    assert rows.state.tobytes() == rl_states(series)[at].tobytes()
    moved = np.log(series.close[at + 3] / series.close[at])
    assert np.allclose(rows.buy_return, moved - 20e-4, rtol=0, atol=1e-15)
    assert np.allclose(rows.sell_return, -moved - 20e-4, rtol=0, atol=1e-15)
    assert (rows.ends_ms - rows.ts_ms == 15 * 60_000).all()
    net = np.where(rows.side > 0, rows.buy_return, rows.sell_return)
    assert np.allclose(rows.score, 1 / (1 + np.exp(-net / 50e-4)), rtol=1e-9)


def test_experiences_point_at_their_setups(bootstrapped: tuple[Workspace, sqlite3.Connection]) -> None:
    workspace, connection = bootstrapped
    source = WorkspaceSource(workspace, connection)
    rows = source.experiences("all")
    setups = rows.setups
    assert len(rows.id) == connection.execute("SELECT count(*) FROM experience").fetchone()[0]
    assert (setups.ts_ms[rows.setup] == rows.ts_ms).all()
    assert (rows.ends_ms > rows.ts_ms).all()
    counted = [int(((rows.action == action) & ~rows.from_close).sum()) for action in (BUY, SELL, HOLD)]
    assert counted == [len(setups.id)] * 3
    hold = rows.action == HOLD
    assert rows.terminated.tolist() == (~hold).tolist()
    leads_on = rows.next_setup >= 0
    assert leads_on.tolist() == (hold & ~rows.truncated).tolist()
    following = rows.next_setup[leads_on]
    assert (setups.ts_ms[following] > rows.ts_ms[leads_on]).all()
    assert (rows.ends_ms[leads_on] >= setups.ts_ms[following]).all()
    symbols = np.array(setups.symbol)
    assert (symbols[following] == symbols[rows.setup[leads_on]]).all()
    assert source.provenance == "import"


def test_a_close_pays_the_reward_that_its_position_has(
    bootstrapped: tuple[Workspace, sqlite3.Connection],
) -> None:
    workspace, connection = bootstrapped
    rows = WorkspaceSource(workspace, connection).experiences("all")
    stored = dict(
        connection.execute(
            "SELECT e.id, p.reward FROM experience AS e JOIN position AS p ON p.id = e.position_id "
            "JOIN signal_position AS l ON l.position_id = p.id JOIN signal AS g ON g.id = l.signal_id "
            "WHERE e.source = 'close' AND e.ts_ms = g.ts_ms AND e.ends_ms = p.closed_ms "
            "AND e.\"action\" = (p.side = 'short')"
        ).fetchall()
    )
    closes = {
        int(id): float(reward)
        for id, reward in zip(rows.id[rows.from_close], rows.reward[rows.from_close], strict=True)
    }
    assert closes == stored
    assert len(closes) > 100


def test_a_workspace_without_setups_says_how_to_get_them(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    source = WorkspaceSource(workspace, connection)
    for read in (source.setups, source.experiences):
        with pytest.raises(NotEnoughRows, match="cointrader collect"):
            read("all")
