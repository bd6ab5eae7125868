"""Waiting for a job: the result when it is there, and nothing lost when one does not wait for it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage import jobs as queue
from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.cli.command import PROGRAM, cointrader

Eventually = Callable[[Callable[[], Any]], Any]
TRAIN = ("train", "signal_classifier")


def training(connection: sqlite3.Connection) -> queue.JobRow:
    """The newest training; a worker may have begun background work of its own since."""
    return next(job for job in queue.list_jobs(connection, limit=20) if job.kind == "train")


def test_the_result_of_a_training_is_printed_and_its_log_can_be_read(workspace_copy: Workspace) -> None:
    done = cointrader(*TRAIN, "--wait", "--json", "--seed", "3", workspace=workspace_copy.root)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["agent"], result["version"], result["state"]) == ("signal_classifier", 2, "succeeded")
    assert {"metric", "value", "baseline", "status", "reason"} <= set(result)
    log = cointrader("jobs", "logs", str(result["job"]), workspace=workspace_copy.root)
    assert "attempt 1: Train signal_classifier" in log.stdout


@pytest.mark.slow
def test_control_c_stops_the_waiting_and_not_the_work(
    workspace_copy: Workspace, eventually: Eventually
) -> None:
    command = [*PROGRAM, *TRAIN, "--wait", "--workspace", str(workspace_copy.root)]
    waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with closing(open_database(workspace_copy)) as connection:
        eventually(lambda: training(connection).arguments["seed"] == 0 and training(connection).pid)
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate()
        assert waiting.returncode == 130
        assert "goes on in the background" in said
        eventually(lambda: training(connection).state == "succeeded")


def test_a_training_that_fails_says_why_and_ends_with_one(workspace: Workspace) -> None:
    done = cointrader(*TRAIN, "--wait", workspace=workspace.root)  # there is nothing to learn from
    assert done.returncode == 1
    assert "failed" in done.stderr
    with closing(open_database(workspace)) as connection:
        job = training(connection)
    assert job.state == "failed"
    assert job.error
    assert job.error in done.stderr
    listed = json.loads(cointrader("jobs", "--json", workspace=workspace.root).stdout)
    assert [(entry["id"], entry["state"]) for entry in listed] == [(job.id, "failed")]


def test_a_job_that_waits_is_cancelled_at_once(workspace: Workspace) -> None:
    with closing(open_database(workspace)) as connection:
        job_id = queue.enqueue(connection, kind="train", title="Train cnn", arguments={"agent": "cnn"})
    assert "cancelled" in cointrader("jobs", "cancel", str(job_id), workspace=workspace.root).stdout
    (job,) = json.loads(cointrader("jobs", "--json", workspace=workspace.root).stdout)
    assert (job["state"], job["attempt"]) == ("cancelled", 0)
    missing = cointrader("jobs", "cancel", "999", workspace=workspace.root)
    assert (missing.returncode, missing.stderr) == (1, "cointrader: there is no job 999\n")


def test_a_job_whose_worker_died_is_not_listed_as_running(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    with closing(open_database(workspace)) as connection:
        worker = queue.register_worker(connection, cpu_slots=1, gpu_slots=0)
        queue.enqueue(connection, kind="train", title="Train cnn", arguments={})
        assert queue.claim(connection, worker, {"cpu": 1}, 60.0) is not None
        connection.execute("UPDATE worker SET boot_id = 'x' WHERE id = ?", (worker,))
    listed = cointrader("jobs", workspace=tmp_path).stdout
    assert "left (worker dead)" in listed and "running" not in listed
