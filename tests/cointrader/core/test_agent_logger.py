"""The core's log: a row, a line of JSON and a line to read, from one call and without secrets."""

import json
import os
import re
import sqlite3
from pathlib import Path

import pytest

from cointrader.core import CoreAgentLogger, agent_logger
from cointrader.core.redaction import HIDDEN, redacted, redacted_text
from storage.core_events import every_core_event
from storage.workspace import Workspace


def read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_one_call_makes_a_row_a_json_line_and_a_readable_line(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    log = CoreAgentLogger("desk", workspace=workspace)
    log.log_action("risk_check", {"signal_id": "s1", "reason": "Exposure limit exceeded"}, severity="warning")
    row = next(every_core_event(connection))
    told = json.loads(read(workspace.logs / "desk.jsonl")[0])
    line = read(workspace.logs / "desk.log")[0]
    assert (row.action, row.severity, row.signal_key) == ("risk_check", "warning", "s1")
    assert (told["action"], told["ts_ms"], told["text"]) == ("risk_check", row.ts_ms, row.text)
    assert told["data"] == json.loads(row.data_json)
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(f"{stamp} WARNING risk_check s1 Exposure limit exceeded", line)


def test_no_secret_reaches_any_of_the_three(workspace: Workspace, connection: sqlite3.Connection) -> None:
    log = CoreAgentLogger(workspace=workspace)
    log.log_action(
        "connect",
        {
            "api_key": "hunter2a",
            "nested": [{"DB_PASSWORD": "hunter2b"}],
            "reason": "refused: token=hunter2c at https://me:hunter2d@host/x with Bearer hunter2eeee",
        },
    )
    text = "".join(
        [
            (workspace.logs / "core_agent.jsonl").read_text(),
            (workspace.logs / "core_agent.log").read_text(),
            *(f"{event.text}{event.data_json}" for event in every_core_event(connection)),
        ]
    )
    assert "hunter2" not in text
    assert HIDDEN in text


@pytest.mark.parametrize(
    "text",
    [
        "api_key=hunter2",
        "API-KEY: hunter2",
        '{"secret": "hunter2"}',
        "password = 'hunter2'",
        "Authorization: Bearer hunter2",
        "wss://user:hunter2@feed",
        "access_token=hunter2&x=1",
        "passphrase:hunter2",
    ],
)
def test_secrets_are_known_by_their_form(text: str) -> None:
    assert "hunter2" not in redacted_text(text)


def test_what_is_no_secret_stays() -> None:
    told = {"signal_id": "s1", "reason": "Exposure limit exceeded: 3 > 2", "price": 5.0}
    assert redacted(told) == told


def test_a_line_stays_a_line_whatever_is_logged(workspace: Workspace) -> None:
    log = CoreAgentLogger(workspace=workspace)
    log.log_action("a\nb", {"signal_id": "s\r1", "reason": "one\ntwo\u2028three", "x": float("nan")})
    assert len(read(workspace.logs / "core_agent.log")) == 1
    assert len((workspace.logs / "core_agent.jsonl").read_text().split("\n")) == 2


def test_a_file_that_has_grown_makes_room_and_no_row_is_lost(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_logger, "LARGEST", 500)
    log = CoreAgentLogger(workspace=workspace)
    for number in range(10):
        log.log_action("count", {"n": number})
    assert (workspace.logs / "core_agent.jsonl.1").exists()
    assert len(list(every_core_event(connection))) == 10


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65])
def test_a_name_that_would_leave_the_folder_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a log file"):
        CoreAgentLogger(name, workspace=workspace)


def test_a_disk_that_refuses_the_files_stops_nothing(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    (workspace.logs / "core_agent.jsonl").mkdir()
    CoreAgentLogger(workspace=workspace).log_action("risk_check", {})
    assert len(list(every_core_event(connection))) == 1


def test_of_two_processes_that_find_a_file_full_the_second_leaves_the_new_one_alone(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, path = CoreAgentLogger(workspace=workspace), workspace.logs / "core_agent.log"
    monkeypatch.setattr(agent_logger, "LARGEST", 10)
    look = os.fstat

    def after_the_other(descriptor: int) -> os.stat_result:
        found = look(descriptor)
        if path.exists() and os.path.samestat(found, path.stat()):
            path.replace(path.with_name("core_agent.log.1"))
            path.write_text("new\n")
        return found

    monkeypatch.setattr(os, "fstat", after_the_other)
    log.log_action("count", {"n": 1})
    assert path.read_text() == "new\n"
    assert "count" in (workspace.logs / "core_agent.log.1").read_text()
