"""`cointrader replay` as it is run: the pair and its sentence, sessions again, and clear refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.cointrader.training.replaying.walked_workspace import SMALL_CNN, walked_workspace

pytestmark = pytest.mark.xdist_group("torch")

PARAMS = [word for name, value in SMALL_CNN.items() for word in ("--param", f"{name}={value}")]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return walked_workspace(tmp_path_factory.mktemp("replay") / "workspace")


@pytest.fixture(scope="module")
def record(workspace: Workspace) -> dict[str, Any]:
    words = ("replay", "--profitable", "--agent", "cnn", "--top", "150", *PARAMS, "--wait", "--json")
    done = cointrader(*words, workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_both_models_are_printed_on_the_same_untouched_window(record: dict[str, Any]) -> None:
    assert record["state"] == "succeeded"
    assert record["words"].startswith("no better than its control out of sample (")
    assert record["rows"] > 100 and record["setups"] == 150
    difference = record["value"] - record["control_value"]
    assert record["difference"] == pytest.approx(difference)
    assert record["standard_error"] > 0 and record["baseline"] == 0.5
    eligible, profitable = record["selection"]["eligible"], record["selection"]["profitable"]
    assert eligible["net_bps"] == pytest.approx(-109.86, abs=0.01)
    assert profitable["net_bps"] == pytest.approx(42.36, abs=0.01)
    assert eligible["setups"] > profitable["setups"] > profitable["in_training"] >= 150


@pytest.mark.slow
def test_any_step_of_both_sessions_can_be_rebuilt(workspace: Workspace, record: dict[str, Any]) -> None:
    for part in ("replayed", "control"):
        session = str(record[part]["session_id"])
        done = cointrader("step", "rebuild", session, "60", "--json", workspace=workspace.root)
        assert done.returncode == 0 and json.loads(done.stdout)["match"] is True


def test_both_sessions_are_listed_newest_first(workspace: Workspace, record: dict[str, Any]) -> None:
    done = cointrader("sessions", "--json", workspace=workspace.root)
    listed = [session["id"] for session in json.loads(done.stdout)]
    assert {record["replayed"]["session_id"], record["control"]["session_id"]} <= set(listed)
    assert listed == sorted(listed, reverse=True)


@pytest.mark.slow
def test_steps_are_verified_in_words_for_people(workspace: Workspace, record: dict[str, Any]) -> None:
    session = str(record["control"]["session_id"])
    words = ("replay", "--verify", session, "--from", "58", "--to", "60", "--wait")
    done = cointrader(*words, workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        f"steps 58 to 60 of session {session} verified: 3 of 3 gradients are the same"
    )


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--setups", "999999"], 2, "there is no setup 999999"),
        (["--setups", "one"], 2, "is no list of numbers such as 1,2,3"),
        (["--filter", "foo:1"], 2, "no field 'foo'"),
        (["--profitable", "--agent", "signal_classifier"], 2, "signal_classifier does not learn from setups"),
        (["--profitable", "--agent", "nobody"], 2, "no agent named 'nobody'"),
        (["--profitable", "--param", "steps=1"], 2, "steps: 1 refused: must be 10"),
        (
            ["--profitable", "--min-profitability", "0.99"],
            1,
            "/100: so many setups have a score of at least 0.99",
        ),
        (["--profitable", "--min-profitability", "7"], 2, "must be 0 to below 1"),
        (["--profitable", "--top", "-1"], 2, "top is -1; it must be 0 (no limit)"),
        (["--profitable", "--top", "20"], 1, "waiting 20/100: cnn trains on no fewer"),
        (["--session", "4711"], 1, "there is no session 4711"),
        (["--session", "99999999999999999999"], 2, "a number is larger than any that is stored"),
        (["--verify", "1", "--from", "5", "--to", "2"], 2, "the first step, 5, comes after the last, 2"),
        (["--verify", "1", "--agent", "dqn"], 2, "--agent goes with setups, and --verify replays what a"),
        (["--session", "1", "--top", "9"], 2, "--top goes with setups, and --session replays what a session"),
        (["--profitable", "--from", "3"], 2, "--from goes with --verify and --reapply alone"),
        ([], 2, "no setups were selected: name them, or give a filter"),
        (["--profitable", "--session", "1"], 2, "not allowed with argument"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    workspace: Workspace, words: list[str], status: int, said: str
) -> None:
    done = cointrader("replay", *words, workspace=workspace.root)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr and "Traceback" not in done.stderr
