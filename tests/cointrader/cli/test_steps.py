"""Sessions and their steps from the command line: each process starts from the files alone."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.cointrader.training.journalled import STEPS, journalled_workspace

pytestmark = pytest.mark.xdist_group("torch")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one journalled session; tests may not change what another one reads."""
    return journalled_workspace(tmp_path_factory.mktemp("trained") / "workspace")


def recorded(workspace: Workspace, column: str, step: int) -> str:
    with closing(sqlite3.connect(workspace.database)) as connection:
        return str(connection.execute(f"SELECT {column} FROM step WHERE step = ?", (step,)).fetchone()[0])


def test_sessions_are_listed_newest_first_with_their_ids(trained: Workspace) -> None:
    done = cointrader("sessions", "--json", workspace=trained.root)
    assert done.returncode == 0
    (session,) = json.loads(done.stdout)
    assert (session["id"], session["agent"], session["state"]) == (1, "cnn", "succeeded")
    assert session["params"]["steps"] == STEPS
    assert (session["journal"]["mode"], session["journal"]["last_step"]) == ("full", STEPS)
    told = cointrader("sessions", "--agent", "cnn", workspace=trained.root).stdout
    assert "60 of 60" in told and "full" in told
    assert cointrader("sessions", "--agent", "signal_classifier", workspace=trained.root).stdout.startswith(
        "no "
    )
    assert cointrader("sessions", "--agent", "nobody", workspace=trained.root).returncode == 2
    none = cointrader("sessions", "--limit", "0", workspace=trained.root)
    assert (none.returncode, none.stdout) == (2, "") and "--limit must be 1 or more" in none.stderr


def test_a_step_is_shown_with_its_losses_its_norms_and_its_batch(trained: Workspace) -> None:
    shown = json.loads(cointrader("step", "show", "1", "30", "--json", workspace=trained.root).stdout)
    assert set(shown["losses"]) == {
        "losses/classification", "losses/regression", "losses/confidence", "losses/total",
    }  # fmt: skip
    assert set(shown["norms"]) == {"trunk.0", "trunk.2", "trunk.4", "merge", "classify", "measure", "trust"}
    assert len(shown["batch"]) == 32
    assert shown["kept"] == "whole" and shown["file"].startswith("attempt-1-steps")
    assert "losses/total" in cointrader("step", "show", "1", "30", workspace=trained.root).stdout


def test_a_step_is_rebuilt_in_another_process(trained: Workspace) -> None:
    done = cointrader("step", "rebuild", "1", "41", "--json", workspace=trained.root)
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert (said["step"], said["match"], said["comparable"]) == (41, True, True)
    assert said["digest"] == recorded(trained, "weights_sha256", 41)


@pytest.mark.slow
def test_a_gradient_is_verified_in_another_process(trained: Workspace) -> None:
    done = cointrader("step", "verify", "1", "41", "--json", workspace=trained.root)
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert (said["match"], said["comparable"]) == (True, True)
    assert said["digest"] == recorded(trained, "gradient_sha256", 41)


@pytest.mark.slow
def test_other_instructions_are_called_not_comparable(trained: Workspace) -> None:
    done = cointrader(
        "step", "rebuild", "1", "41", workspace=trained.root, environment={"ATEN_CPU_CAPABILITY": "default"}
    )
    assert "not comparable: the instruction set of ATen was" in done.stdout
    assert ", here it is DEFAULT" in done.stdout


def test_a_step_that_there_is_not_is_one_line_on_standard_error(trained: Workspace) -> None:
    for action in ("show", "rebuild", "verify"):
        done = cointrader("step", action, "1", "61", workspace=trained.root)
        assert (done.returncode, done.stdout) == (1, "")
        assert "session 1 has no step 61; steps 1 to 60 are kept" in done.stderr


def test_a_number_beyond_what_the_database_counts_is_wrong_usage(trained: Workspace) -> None:
    done = cointrader("step", "show", "99999999999999999999", "1", workspace=trained.root)
    assert (done.returncode, done.stderr) == (2, "cointrader: a number is larger than any that is stored\n")
