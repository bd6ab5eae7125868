"""What the console asks of one step it asks of the command line, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tui.step_question import StepQuestion


def test_the_command_line_is_asked_in_a_process_of_its_own(workspace, monkeypatch):
    asked = []

    class Process:
        returncode = 0

        def __init__(self, command, **_more):
            asked.append(command)

        def communicate(self, timeout):
            return json.dumps({"match": True, "digest": "aa"}).encode(), b""

        def poll(self):
            return 0

    monkeypatch.setattr(subprocess, "Popen", Process)
    answer = StepQuestion(workspace, "verify", 12, 345).ask()
    assert answer.said == {"match": True, "digest": "aa"} and not answer.failure
    assert asked == [
        [
            *(sys.executable, "-P", "-m", "cointrader", "step", "verify", "12", "345"),
            *("--json", "--workspace", str(workspace.root)),
        ]
    ]


def test_a_step_that_the_command_line_refuses_says_why(workspace, connection):
    """A real process: nothing of the session is on the disk, and it was not even journalled."""
    answer = StepQuestion(workspace, "rebuild", 99, 1).ask()
    assert answer.said == {} and "99" in answer.failure


def test_a_stopped_question_does_not_wait(workspace):
    question = StepQuestion(workspace, "rebuild", 1, 1)
    question.stop()
    assert question.ask().failure == "it was stopped"


def test_the_console_computes_no_step_itself():
    source = Path(sys.modules[StepQuestion.__module__].__file__).read_text(encoding="utf-8")
    assert "cointrader.training" not in source and "torch" not in source
