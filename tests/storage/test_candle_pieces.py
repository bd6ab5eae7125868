"""A series written piece by piece is the series written at once, or it is not there."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from storage.candles import (
    CandleFileRow,
    Candles,
    CandlesDamaged,
    CandlesMissing,
    SeriesWriter,
    pieces,
    read_pieces,
    read_series,
    write_candles,
)
from storage.workspace import Workspace

MINUTE_MS = 60_000


def candles(first: int, count: int) -> Candles:
    times = np.arange(first, first + count, dtype=np.int64) * MINUTE_MS
    price = 100.0 + (times // MINUTE_MS % 17).astype(np.float64)
    return Candles("BTC/USDT", MINUTE_MS, times, price, price + 1, price - 1, price, price / 3)


def row_of(path: str, sha256: str) -> CandleFileRow:
    return CandleFileRow(
        id=1, instrument_id=1, symbol="BTC/USDT", timeframe_ms=MINUTE_MS, path=path, sha256=sha256,
        source_name="x.csv", source_sha256="", dialect="", first_close_ms=0, last_close_ms=0, bars=0, gaps=0,
        missing_bars=0, duplicates=0, refused=0, zero_volume=0, provenance="import", imported_ms=0,
    )  # fmt: skip


def files(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.candles.iterdir())


def test_pieces_come_back_as_one_series(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BARS", 64)
    with SeriesWriter(workspace, "BTC/USDT", MINUTE_MS) as writer:
        for first in range(0, 1_000, 30):
            writer.add(candles(first, min(30, 1_000 - first)))
        row = row_of(*writer.finish())
    assert files(workspace) == [Path(row.path).name]
    whole = read_series(workspace, row)
    assert whole.close_ms.tolist() == candles(0, 1_000).close_ms.tolist()
    assert whole.volume.tolist() == candles(0, 1_000).volume.tolist()
    parts = list(read_pieces(workspace, row))
    assert max(map(len, parts)) <= 64
    assert np.concatenate([part.close_ms for part in parts]).tolist() == whole.close_ms.tolist()


def test_one_piece_gives_the_bytes_of_a_series_written_at_once(workspace: Workspace) -> None:
    at_once = write_candles(workspace, candles(0, 500))
    with SeriesWriter(workspace, "BTC/USDT", MINUTE_MS) as writer:
        writer.add(candles(0, 500))
        assert writer.finish() == at_once
    assert len(files(workspace)) == 1


def test_without_an_end_nothing_is_left(workspace: Workspace) -> None:
    with SeriesWriter(workspace, "BTC/USDT", MINUTE_MS) as writer:
        writer.add(candles(0, 500))
    with pytest.raises(RuntimeError), SeriesWriter(workspace, "BTC/USDT", MINUTE_MS) as writer:
        writer.add(candles(0, 500))
        raise RuntimeError
    assert files(workspace) == []


def test_a_series_that_is_not_the_recorded_one_gives_no_piece(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    path, sha256 = write_candles(workspace, candles(0, 500))
    with open(workspace.root / path, "r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    with pytest.raises(CandlesDamaged, match=r"import x\.csv again"):
        read_pieces(workspace, row_of(path, sha256))
    (workspace.root / path).unlink()
    with pytest.raises(CandlesMissing, match=r"import x\.csv again"):
        read_pieces(workspace, row_of(path, sha256))
