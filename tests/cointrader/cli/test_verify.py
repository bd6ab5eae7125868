"""`cointrader verify`: every kept file is read, what differs is named, and its exit status says so."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.storage.journal_world import journalled, read_steps


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def one(workspace: Workspace, query: str) -> str:
    with closing(sqlite3.connect(workspace.database)) as connection:
        return str(connection.execute(query).fetchone()[0])


def test_a_flipped_bit_of_a_gradient_is_named_and_everything_else_still_works(workspace: Workspace) -> None:
    with closing(open_database(workspace)) as connection:
        session_id = journalled(workspace, connection, 30)
    whole = cointrader("verify", workspace=workspace.root)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.startswith("4 files, ") and "every byte is what was written" in whole.stdout
    path = workspace.root / one(workspace, "SELECT path FROM journal_file WHERE first_step = 11")
    flip(path, path.stat().st_size // 2)
    told = cointrader("verify", workspace=workspace.root)
    assert told.returncode == 1
    first, last = told.stdout.splitlines()
    assert first.startswith(f"session {session_id}, step 1") and path.name in first
    assert str(workspace.root) not in first
    assert last.endswith("1 damaged")
    report = json.loads(cointrader("verify", "--json", workspace=workspace.root).stdout)
    assert report["well"] is False and report["files"] == 4
    [damage] = report["damaged"]
    assert (damage["session"], damage["file"], damage["kind"]) == (session_id, path.name, "shard")
    assert 11 <= damage["step"] <= 20
    assert len(read_steps(workspace, session_id, 21, 30)) == 10
    assert cointrader("doctor", workspace=workspace.root).returncode == 0


FILES = {
    "checkpoint": "SELECT path FROM checkpoint LIMIT 1",
    "artefact": "SELECT path || '/manifest.json' FROM artifact LIMIT 1",
    "dataset": "SELECT path || '/label.npy' FROM dataset LIMIT 1",
    "candles": "SELECT path FROM candle_file LIMIT 1",
    "setup pack": "SELECT path FROM setup_pack LIMIT 1",
    "shard": "SELECT path FROM journal_file WHERE kind = 'shard' LIMIT 1",
    "snapshot": "SELECT path FROM journal_file WHERE kind = 'snapshot' LIMIT 1",
}


@pytest.mark.slow
def test_files_of_every_kind_are_read(workspace_copy: Workspace) -> None:
    report = json.loads(cointrader("verify", "--json", workspace=workspace_copy.root).stdout)
    assert report["damaged"] == []
    for kind, query in FILES.items():
        path = workspace_copy.root / one(workspace_copy, query)
        flip(path, path.stat().st_size // 2)
        done = cointrader("verify", "--json", workspace=workspace_copy.root)
        [damage] = json.loads(done.stdout)["damaged"]
        assert (done.returncode, damage["kind"], damage["file"]) == (1, kind, path.name)
        flip(path, path.stat().st_size // 2)
