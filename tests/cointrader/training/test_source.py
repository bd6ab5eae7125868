"""Candles are read while another process imports: what a list named a moment ago may have moved."""

from __future__ import annotations

import dataclasses
import sqlite3

import pytest

from cointrader.jobs import stored_backtest
from cointrader.training import source
from storage.candles import CandleFileRow, Candles, list_candles, save_candle_record, write_candles
from storage.database import transaction
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.models.walks import random_walk


def import_more(workspace: Workspace, connection: sqlite3.Connection, row: CandleFileRow) -> None:
    """What the end of an import does: another file, the row that names it, the old file gone."""
    candles = Candles(**vars(random_walk(600, seed=1)))
    path, sha256 = write_candles(workspace, candles)
    with transaction(connection):
        save_candle_record(connection, dataclasses.replace(row, path=path, sha256=sha256, bars=600))
    (workspace.root / row.path).unlink()


@pytest.mark.parametrize("reader", ["training", "backtest"])
def test_an_import_between_the_list_and_the_read_is_waited_out(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    store_candles(workspace, connection, random_walk(500, seed=1))

    def listed_just_before(opened: sqlite3.Connection) -> list[CandleFileRow]:
        rows = list_candles(opened)
        import_more(workspace, connection, rows[0])
        return rows

    if reader == "training":
        monkeypatch.setattr(source, "list_candles", listed_just_before)
        (series,) = source.WorkspaceSource(workspace, connection).candles("all", 0)
    else:
        monkeypatch.setattr(stored_backtest, "list_candles", listed_just_before)
        (series,) = stored_backtest.stored_candles(workspace, connection)
    assert len(series.close_ms) == 600
