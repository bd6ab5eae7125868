"""One folder for everything; the operator is told when it cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.clock import boot_id, boottime_ns, now_ms
from storage.errors import WorkspaceError
from storage.workspace import Workspace, resolve_workspace


def test_the_command_line_beats_the_environment_which_beats_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINTRADER_WORKSPACE", str(tmp_path / "from-environment"))
    assert resolve_workspace(str(tmp_path / "named")).root == tmp_path / "named"
    assert resolve_workspace().root == tmp_path / "from-environment"
    monkeypatch.delenv("COINTRADER_WORKSPACE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert resolve_workspace().root == tmp_path / "data" / "cointrader"


def test_a_relative_workspace_does_not_move_with_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = resolve_workspace("here")
    monkeypatch.chdir("/")
    assert workspace.database == tmp_path / "here" / "cointrader.db"


def test_folders_are_made_once_and_kept(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "a" / "b").create()
    (workspace.inbox / "candles.csv").write_text("kept")
    assert workspace.create() == workspace
    assert (workspace.inbox / "candles.csv").read_text() == "kept"
    assert all(folder.is_dir() for folder in workspace.folders)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match=r"file.*Choose another workspace with --workspace"):
        Workspace(tmp_path / "file").create()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    Workspace(tmp_path).create()
    tmp_path.chmod(0o500)
    with pytest.raises(WorkspaceError, match="may not be written to"):
        Workspace(tmp_path).create()


def test_two_processes_share_boot_and_boot_clock() -> None:
    before = boottime_ns()
    code = "from storage.clock import *; print(boot_id(), boottime_ns())"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    boot, reading = done.stdout.split()
    assert boot == boot_id()
    assert before < int(reading) < boottime_ns()


def test_wall_time_is_in_milliseconds() -> None:
    assert 1_600_000_000_000 < now_ms() < 10_000_000_000_000
