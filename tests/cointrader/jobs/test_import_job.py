"""An import as a job: folders too, what was refused told beside what is in, and nothing asked."""

import sqlite3
from pathlib import Path

from storage import jobs as queue
from storage.candles import list_candles
from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.cointrader.data_feeds.candle_texts import bars, written


def done(workspace: Workspace, connection: sqlite3.Connection, **arguments: object) -> queue.JobRow:
    """The job after a worker had it."""
    job_id = queue.enqueue(connection, kind="import", title="Import", arguments=arguments)
    assert cointrader("worker", "--once", workspace=workspace.root).returncode == 0
    return queue.get_job(connection, job_id)


def test_a_folder_goes_in_and_the_result_tells_of_every_file(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    written(data, bars(50), "BTCUSDT_1m.csv")
    written(data, [*bars(50), "1,2"], "ETHUSDT_1m.csv")
    (data / "notes.md").touch()
    job = done(workspace, connection, path=str(data))
    assert job.state == queue.SUCCEEDED, job.error
    assert job.result["text"] == "1 files imported, 1 refused"
    states = {Path(each["path"]).name: each["state"] for each in job.result["files"]}
    assert states == {"BTCUSDT_1m.csv": "imported", "ETHUSDT_1m.csv": "refused", "notes.md": "skipped"}
    assert [row.symbol for row in list_candles(connection)] == ["BTC/USDT"]


def test_a_job_of_which_nothing_can_be_imported_fails_with_the_reason(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = written(tmp_path, bars(50), "prices.csv")
    job = done(workspace, connection, path=str(path))
    assert job.state == queue.FAILED
    assert "name it with --symbol BTC/USDT" in job.error
    job = done(workspace, connection, paths=[str(path)], symbol="SOL/USDT")
    assert job.state == queue.SUCCEEDED, job.error
    assert "50 bars of SOL/USDT 1m" in job.result["text"]
