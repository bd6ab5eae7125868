"""Logs as they are written here and by the bot, mined for actions and errors."""

from __future__ import annotations

from cointrader.core.agent_logger import CoreAgentLogger
from cointrader.core.learning_layer.log_mining import MOST_ERRORS, MinedLogs, mine_lines, mine_logs
from cointrader.interop.cointrader2.log_line import LogClock
from storage.workspace import Workspace


def mined_of(*lines: str) -> MinedLogs:
    mined = MinedLogs()
    mine_lines([f"{line}\n" for line in lines], "x.log", mined, LogClock())
    return mined


def test_what_the_core_logged_is_found_again(workspace: Workspace) -> None:
    log = CoreAgentLogger(workspace=workspace)
    log.log_action("store_signal", {"signal_id": "s1"})
    log.log_action("risk_check", {"signal_id": "s1", "reason": "Exposure limit exceeded"}, severity="warning")
    log.log_action("risk_check", {"signal_id": "s2", "error": "the agent raised"}, severity="error")
    mined = mine_logs(workspace.logs)
    assert (mined.files, mined.lines, mined.error_count) == (1, 3, 1)
    assert mined.actions == {"store_signal": 1, "risk_check": 2}
    (error,) = mined.errors
    assert (error.file, error.line, error.action) == ("core_agent.log", 3, "risk_check")
    assert "the agent raised" in error.text


def test_lines_of_the_bot_count_by_what_they_mean() -> None:
    mined = mined_of(
        "2025-08-01 12:00:00,123:INFO - Trade BLOCKED (cooldown)",
        "2025-08-01 12:00:01,123 - ERROR - the exchange refused the order",
        "2025-08-01 12:00:02,123 - INFO - nothing that means anything",
    )
    assert mined.lines == 3 and mined.actions.total() == 2
    assert [error.text for error in mined.errors] == ["the exchange refused the order"]


def test_a_traceback_is_one_error_by_its_last_line() -> None:
    mined = mined_of(
        "2026-11-21 11:35:15  attempt 1: Train cnn",
        "Traceback (most recent call last):",
        '  File "a.py", line 3, in run',
        "    raise ValueError('no')",
        "storage.errors.StorageError: the disk is full",
        "2026-11-21 11:35:16  attempt 2: Train cnn",
    )
    assert [(error.line, error.text) for error in mined.errors] == [
        (5, "storage.errors.StorageError: the disk is full")
    ]
    assert not mined.actions


def test_older_parts_are_read_first_and_the_latest_errors_are_kept(workspace: Workspace) -> None:
    line = "2026-01-31T12:00:00.000Z ERROR   fail s1 number {}\n"
    workspace.logs.mkdir(exist_ok=True)
    (workspace.logs / "core_agent.log.1").write_text("".join(line.format(n) for n in range(70)))
    (workspace.logs / "core_agent.log").write_text("".join(line.format(n) for n in range(70, 140)))
    mined = mine_logs(workspace.logs)
    assert mined.error_count == 140 and len(mined.errors) == MOST_ERRORS
    assert (mined.errors[0].text, mined.errors[-1].text) == ("number 40", "number 139")


def test_bytes_that_are_no_text_and_an_empty_folder_are_survived(workspace: Workspace) -> None:
    assert mine_logs(workspace.logs / "nowhere").as_dict()["files"] == 0
    workspace.logs.mkdir(exist_ok=True)
    (workspace.logs / "odd.log").write_bytes(b"\xff\xfe\x00junk\n2026-01-31T12:00:00.000Z INFO    look - x\n")
    assert mine_logs(workspace.logs).actions == {"look": 1}
