"""Exit statuses, one clear line for what went wrong, and nothing heavy before it is needed."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.workspace import Workspace
from tests.cointrader.cli.command import PROGRAM, cointrader


def test_wrong_usage_ends_with_two(tmp_path: Path) -> None:
    for arguments in (["no-such-command"], ["signals", "--no-such-option"], ["jobs", "cancel"]):
        assert cointrader(*arguments, workspace=tmp_path).returncode == 2


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_workspace_may_stand_before_or_after_the_command(tmp_path: Path, place: str) -> None:
    option = ["--workspace", str(tmp_path / "here")]
    arguments = [*option, "jobs"] if place == "before" else ["jobs", *option]
    assert cointrader(*arguments).returncode == 0
    assert (tmp_path / "here" / "cointrader.db").exists()


def test_a_workspace_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = cointrader("jobs", workspace=tmp_path / "file" / "workspace")
    assert done.returncode == 1
    assert done.stderr.startswith("cointrader: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_mistake_in_the_configuration_names_file_section_and_name(workspace: Workspace) -> None:
    workspace.config.write_text("[worker]\ncpu_slots = 0\n")
    done = cointrader("jobs", workspace=workspace.root)
    assert done.returncode == 1
    assert f"{workspace.config}: [worker] cpu_slots: 0 refused: must be 1 to 256" in done.stderr


def test_a_mistake_in_a_filter_is_marked_with_a_caret(workspace: Workspace) -> None:
    done = cointrader("signals", "--filter", "symbol:btc bad:::", workspace=workspace.root)
    assert done.returncode == 2
    message, text, marks = done.stderr.splitlines()
    assert message.startswith("cointrader: ")
    assert text.strip() == "symbol:btc bad:::"
    assert text[marks.index("^")] == "b"
    assert set(marks.strip()) == {"^"}


def test_an_unknown_agent_and_a_parameter_out_of_range_are_refused_before_anything_is_queued(
    workspace: Workspace,
) -> None:
    unknown = cointrader("train", "no_such_agent", workspace=workspace.root)
    assert unknown.returncode == 2
    assert "known are" in unknown.stderr
    refused = cointrader("train", "cnn", "--param", "learning_rate=-1", workspace=workspace.root)
    assert refused.returncode == 2
    assert "learning_rate: '-1'" in refused.stderr or "learning_rate: -1" in refused.stderr
    assert " to " in refused.stderr
    with closing(sqlite3.connect(workspace.database)) as connection:
        assert connection.execute("SELECT count(*) FROM job").fetchall() == [(0,)]


def test_a_database_of_a_newer_version_is_left_alone(workspace: Workspace) -> None:
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("PRAGMA user_version = 999")
    done = cointrader("jobs", workspace=workspace.root)
    assert done.returncode == 1
    assert "999" in done.stderr


def test_control_c_ends_with_130(workspace: Workspace, connection: sqlite3.Connection) -> None:
    command = [*PROGRAM, "menu", "--workspace", str(workspace.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "Exit" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130


def test_the_menu_keeps_the_numbers_of_the_trainer_and_ends_with_its_input(workspace: Workspace) -> None:
    listed = json.loads(cointrader("menu", "--json").stdout)
    titles = {entry["number"]: entry["title"] for entry in listed}
    assert titles[1] == "Load parameters"
    assert titles[8] == "Exit"
    assert [entry["number"] for entry in listed] == sorted(titles)
    chosen = cointrader("menu", workspace=workspace.root, stdin="1\nnonsense\n8\n")
    assert chosen.returncode == 0
    assert "[simulation]" in chosen.stdout
    assert "'nonsense' is not one of 1, 2, 3, 4, 8, 9" in chosen.stderr
    assert cointrader("menu", workspace=workspace.root, stdin="").returncode == 0


def test_doctor_tells_of_each_thing_that_is_wrong(workspace: Workspace) -> None:
    well = cointrader("doctor", "--json", "--deep", workspace=workspace.root)
    assert well.returncode == 0, well.stdout
    names = [check["name"] for check in json.loads(well.stdout)["checks"]]
    assert {"python", "packages", "workspace", "database", "integrity", "disk", "device", "worker"} <= set(
        names
    )
    workspace.config.write_text("[no_such_section]\n")
    workspace.database.with_name("cointrader.db-wal").unlink(missing_ok=True)
    workspace.database.write_bytes(b"this is not a database" * 100)
    ill = cointrader("doctor", "--json", workspace=workspace.root)
    assert ill.returncode == 1
    bad = {
        check["name"]: check["text"] for check in json.loads(ill.stdout)["checks"] if check["state"] == "bad"
    }
    assert "no_such_section" in bad["configuration"]
    assert str(workspace.database) in bad["database"]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["jobs", "--help"], ["menu", "--json"]])
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *PROGRAM[1:], *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    heavy = {"textual", "numpy", "sqlalchemy", "pandas", "torch", "numba", "pyarrow", "platformdirs"}
    assert loaded.isdisjoint(heavy)
