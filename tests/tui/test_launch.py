"""A worker that was killed is followed by another, once; the terminal is handed back when told to end."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from storage import jobs
from storage.database import open_database
from storage.workspace import Workspace
from tests.tui.driving import console, notes, screen_text, until
from tests.tui.trading_workspace import trading_workspace
from tui.dialogs.error import ErrorDialog
from tui.health import Health
from tui.launch import SUCCESSOR_SECONDS, Succession, WorkerNotReached

DEAD = Health("dead", 0, 1, 0, "CPU")


@pytest.mark.parametrize(
    "health", [Health("alive", 0, 1), Health("silent", 30, 1), Health("none", 0, 0, 1), Health("dead")]
)
def test_only_a_killed_worker_with_jobs_left_is_replaced(health: Health) -> None:
    assert Succession().decide(health, 0.0) == "nothing"


def test_a_worker_that_dies_at_once_is_not_replaced_for_ever() -> None:
    succession = Succession()
    decisions = [succession.decide(DEAD, now) for now in (0.0, SUCCESSOR_SECONDS - 1, SUCCESSOR_SECONDS)]
    assert decisions == ["replace", "give up", "replace"]


async def test_the_console_replaces_a_killed_worker_unless_it_may_only_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Workspace] = []
    monkeypatch.setattr("tui.app.ensure_worker", started.append)
    workspace = _left_by_a_killed_worker(tmp_path)
    for read_only, expected in ((True, 0), (False, 1)):
        app = console(workspace, read_only=read_only)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda app=app: app.health.worker == "dead", "the health")
            await until(pilot, lambda app=app: not _succession_works(app), "the successor")
            assert len(started) == expected
            assert ("goes on with its jobs" in notes(pilot)) is not read_only


async def test_a_worker_that_cannot_be_started_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_workspace: Workspace) -> None:
        raise WorkerNotReached("the worker was not started: no memory")

    monkeypatch.setattr("tui.app.ensure_worker", refuse)
    app = console(_left_by_a_killed_worker(tmp_path), read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog), "the error")
        assert "no memory" in screen_text(pilot)


async def test_a_console_that_is_told_to_end_leaves_in_good_order(tmp_path: Path) -> None:
    app = console(trading_workspace(tmp_path, 12))
    running = asyncio.create_task(app.run_async(headless=True, size=(80, 24)))
    while not app.is_running or app.health.worker == "unknown":
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 20)
    assert app.return_code == 128 + signal.SIGTERM


async def test_a_full_disk_is_said_beside_the_work_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.app.save_remembered", full)
    app = console(trading_workspace(tmp_path, 12), read_only=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "No space left" in notes(pilot), "the warning")
        await pilot.press("3", "2")
        await pilot.pause(0.1)
        assert notes(pilot).count("No space left") == 1
        assert not isinstance(app.screen, ErrorDialog)


def _left_by_a_killed_worker(folder: Path) -> Workspace:
    workspace = trading_workspace(folder, 12)
    connection = open_database(workspace)
    worker = jobs.register_worker(connection, cpu_slots=1, gpu_slots=0)
    jobs.enqueue(connection, kind="train", title="train cnn", arguments={})
    # A process number beyond the greatest that Linux gives.
    connection.execute("UPDATE worker SET pid = 99999999 WHERE id = ?", (worker,))
    connection.close()
    return workspace


def _succession_works(app: object) -> bool:
    workers = getattr(app, "workers", ())
    return any(worker.group == "succession" and not worker.is_finished for worker in workers)
