"""The outbox drained: every close teaches each model that had a part in it, once; the rest says why not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from cointrader.settings import Settings, TrainingSettings
from cointrader.training.close_training.drain import Drain
from cointrader.training.datasets import load_dataset
from cointrader.training.rebuild import rebuild
from cointrader.training.verifying import verify
from models.lessons.rows import BASE_VERSION, POSITION
from models.setup_rows import BUY, SELL
from storage.database import open_database, transaction
from storage.outbox import lessons_of
from storage.sessions import get_session
from storage.steps import get_step
from storage.vault import find_artifact
from storage.workspace import Workspace
from tests.cointrader.training.close_training.taught_world import caller, close_trades

pytestmark = pytest.mark.xdist_group("torch")


def states(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for model, state, count in connection.execute(
        "SELECT model, state, count(*) FROM outbox GROUP BY model, state"
    ).fetchall():
        found.setdefault(model, {})[state] = count
    return found


def test_ten_closes_teach_cnn_and_dqn_ten_times_each(world: Workspace, opened: sqlite3.Connection) -> None:
    positions = close_trades(world, opened, 10)
    said: list[str] = []
    assert Drain(world, opened, caller(opened, said)).look() == 20
    assert states(opened) == {"cnn": {"trained": 10}, "dqn": {"trained": 10}, "cob_rl": {"absent": 10}}
    assert said.count("CNN trained with weight 0.35") == 10
    dqn = [line for line in said if line.startswith("DQN trained with weight 0.25, loss=")]
    assert len(dqn) == 10
    whole = [line for line in said if line.startswith("TRAINED ALL MODELS: PnL=$")]
    told = opened.execute(
        "SELECT p.pnl, r.total, o.loss FROM position AS p JOIN reward AS r ON r.position_id = p.id "
        "JOIN outbox AS o ON o.position_id = p.id AND o.model = 'dqn' ORDER BY p.id"
    ).fetchall()
    assert whole == [f"TRAINED ALL MODELS: PnL=${pnl:.2f}, Reward={reward:.4f}" for pnl, reward, _ in told]
    assert dqn == [f"DQN trained with weight 0.25, loss={loss:.4f}" for _, _, loss in told]
    absent = next(lesson for lesson in lessons_of(opened, positions[0]) if lesson.model == "cob_rl")
    assert absent.reason == "COB RL was not there when BTC/USDT was decided on"


def test_each_lesson_names_the_session_and_the_step_whose_batch_holds_its_position(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    positions = close_trades(world, opened, 4)
    Drain(world, opened, caller(opened)).look()
    for place, position_id in enumerate(positions):
        for lesson in lessons_of(opened, position_id):
            if lesson.model == "cob_rl":
                continue
            assert lesson.session_id is not None and lesson.step == place + 1
            dataset_id = get_session(opened, lesson.session_id).dataset_id
            assert dataset_id is not None
            dataset = load_dataset(world, opened, dataset_id)
            step = get_step(opened, lesson.session_id, lesson.step)
            taught = dataset.arrays[POSITION][np.frombuffer(step.batch, "<i4")]
            assert taught[0] == position_id and not taught[1:].any()
            assert lesson.loss == step.loss


def test_the_dqn_learns_the_reward_of_the_side_that_was_entered_and_that_it_ends_there(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    positions = close_trades(world, opened, 2)
    Drain(world, opened, caller(opened)).look()
    lessons = [each for id in positions for each in lessons_of(opened, id) if each.model == "dqn"]
    dataset_id = get_session(opened, lessons[0].session_id or 0).dataset_id
    dataset = load_dataset(world, opened, dataset_id or 0)
    rows = [int(np.flatnonzero(dataset.arrays[POSITION] == id)[0]) for id in positions]
    assert dataset.arrays["action"][rows].tolist() == [BUY, SELL]  # a long, then a short
    assert dataset.arrays["reward"][rows].tolist() == [lesson.reward for lesson in lessons]
    assert dataset.arrays["terminated"][rows].tolist() == [1, 1]
    assert dataset.arrays["following"][rows].tolist() == [-1, -1]
    weights = [lesson.weight * lesson.reward_weight for lesson in lessons]
    assert dataset.arrays["model_weight"][rows].tolist() == [np.float32(weight) for weight in weights]


def test_steps_of_lessons_can_be_rebuilt_and_verified_to_the_bit(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    close_trades(world, opened, 3)
    Drain(world, opened, caller(opened)).look()
    sessions = opened.execute("SELECT DISTINCT session_id FROM outbox WHERE state = 'trained'").fetchall()
    assert len(sessions) == 2
    for (session_id,) in sessions:
        assert rebuild(world, opened, session_id, 3).match
        assert verify(world, opened, session_id, 1, 3).match


def test_the_next_closes_go_on_from_what_the_last_ones_left(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    close_trades(world, opened, 3)
    drain = Drain(world, opened, caller(opened))
    drain.look()
    close_trades(world, opened, 2, first=3)
    assert drain.look() == 4
    newest = find_artifact(opened, "cnn", 3)
    assert newest is not None
    dataset = load_dataset(world, opened, get_session(opened, newest.session_id).dataset_id or 0)
    assert dataset.constants[BASE_VERSION] == 2.0
    assert len(dataset.arrays["series_seen_ms"]) == 5
    # When another version decides, lessons begin with that one.
    with transaction(opened):
        opened.execute("UPDATE artifact SET status = 'retired' WHERE agent = 'cnn' AND version = 1")
        opened.execute("UPDATE artifact SET status = 'champion' WHERE agent = 'cnn' AND version = 3")
    close_trades(world, opened, 1, first=5)
    drain.look()
    last = find_artifact(opened, "cnn", 4)
    assert last is not None
    after = load_dataset(world, opened, get_session(opened, last.session_id).dataset_id or 0)
    assert after.constants[BASE_VERSION] == 3.0


def test_nothing_is_scored_that_a_close_has_shown(world: Workspace, opened: sqlite3.Connection) -> None:
    from models.cnn import agent
    from models.cnn.params import CnnParams
    from models.parameters import from_json

    close_trades(world, opened, 60)
    Drain(world, opened, caller(opened)).look()
    session_id = opened.execute("SELECT session_id FROM outbox WHERE model = 'cnn'").fetchone()[0]
    session = get_session(opened, session_id)
    dataset = load_dataset(world, opened, session.dataset_id or 0)
    params = from_json(CnnParams, session.params_json)
    split = agent.split(dataset, params)
    rows = np.concatenate([split.folds[1].test, split.folds[0].train, split.folds[0].test])
    assert not dataset.arrays[POSITION][rows].any()
    for start, end in dataset.arrays["series_seen_ms"]:
        test = split.folds[1].test
        assert not ((dataset.t0_ms[test] <= end) & (dataset.t1_ms[test] >= start)).any()


def test_below_the_warm_up_lessons_wait_and_say_how_far_it_is(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    close_trades(world, opened, 2)
    with transaction(opened):
        opened.execute("DELETE FROM experience WHERE id > 150")
    said: list[str] = []
    settings = Settings(training=TrainingSettings(min_episodes_for_cnn_training=1_000_000))
    drain = Drain(world, opened, replace(caller(opened, said), settings=settings))
    assert drain.look() == 0
    reasons = dict(opened.execute("SELECT model, reason FROM outbox WHERE state = 'waiting'").fetchall())
    episodes = opened.execute(
        "SELECT (SELECT count(*) FROM setup WHERE state = 'validated' AND extreme <> 0) + 2"
    ).fetchone()[0]
    assert reasons == {"cnn": f"waiting {episodes:,}/1,000,000", "dqn": "waiting 152/200"}
    assert "DQN: 2 closes are waiting 152/200" in said
    before = opened.execute("SELECT max(rev) FROM outbox").fetchone()
    drain.look()
    assert opened.execute("SELECT max(rev) FROM outbox").fetchone() == before  # nothing is said twice


def test_a_model_that_contributed_nothing_is_skipped_and_does_not_spoil_the_whole(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    shares = {"rule": 0.7, "cnn": 0.0, "dqn": 0.3}
    (position_id,) = close_trades(world, opened, 1, shares=shares)
    said: list[str] = []
    Drain(world, opened, caller(opened, said)).look()
    told = {lesson.model: (lesson.state, lesson.reason) for lesson in lessons_of(opened, position_id)}
    assert told["cnn"] == ("skipped", "took no part: it gave the entered side no more than a third")
    assert told["dqn"] == ("trained", "")
    assert said[-1].startswith("TRAINED ALL MODELS: ")


def test_what_cannot_be_seen_any_more_is_skipped_and_not_all_models_were_trained(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    (position_id,) = close_trades(world, opened, 1, shares={"rule": 0.5, "dqn": 0.5})
    (other_id,) = close_trades(world, opened, 1, first=1, shares={"rule": 0.4, "cnn": 0.3, "dqn": 0.3})
    with transaction(opened):
        opened.execute("UPDATE signal SET ts_ms = 1 WHERE id IN (SELECT signal_id FROM signal_position)")
    said: list[str] = []
    Drain(world, opened, caller(opened, said)).look()
    told = {lesson.model: lesson for lesson in lessons_of(opened, other_id)}
    assert told["cnn"].state == told["dqn"].state == "skipped"
    assert told["dqn"].reason == "the state at its entry is not known: candles before it are missing"
    assert lessons_of(opened, position_id)[2].state == "skipped"
    assert not [line for line in said if line.startswith("TRAINED ALL")]


def test_a_session_that_cannot_even_begin_is_tried_three_times_and_then_has_failed(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    close_trades(world, opened, 1, shares={"rule": 0.5, "cnn": 0.5})
    champion = find_artifact(opened, "cnn")
    assert champion is not None
    weights = world.root / champion.path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    drain = Drain(world, opened, caller(opened))
    for tries, state in ((1, "waiting"), (2, "waiting"), (3, "failed"), (3, "failed")):
        assert drain.look() == 0
        found = opened.execute("SELECT tries, state, reason FROM outbox WHERE model = 'cnn'").fetchone()
        assert found[:2] == (tries, state)
        assert "the file was changed" in found[2]


def test_closes_of_an_origin_that_may_not_teach_are_skipped(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    close_trades(world, opened, 1)
    with transaction(opened):
        opened.execute("UPDATE position SET origin = 'import'")
    Drain(world, opened, caller(opened)).look()
    assert states(opened)["cnn"] == {"skipped": 1}
    reason = opened.execute("SELECT reason FROM outbox WHERE model = 'dqn'").fetchone()[0]
    assert reason == "closes of origin import do not teach (close_origins)"


def test_a_version_that_learned_from_a_synthetic_close_is_synthetic(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    close_trades(world, opened, 1, provenance="synthetic")
    Drain(world, opened, caller(opened)).look()
    taught = find_artifact(opened, "cnn", 2)
    assert taught is not None and taught.provenance == "synthetic" and taught.status == "candidate"


def test_labels_are_filled_in_when_their_minutes_have_passed(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    (position_id,) = close_trades(world, opened, 1, held=(1,))
    early = opened.execute("SELECT * FROM outcome_label").fetchall()
    assert early[0][0] == position_id and early[0][1] is None and early[0][2] is not None
    assert early[0][3] is None and early[0][4] == 0
    Drain(world, opened, caller(opened)).look()
    late = opened.execute("SELECT * FROM outcome_label").fetchall()
    assert late[0][:3] == early[0][:3] and late[0][3] is not None and late[0][4] > 0


def test_two_jobs_never_teach_one_close_twice(world: Workspace, opened: sqlite3.Connection) -> None:
    from storage.outbox import LessonsTaken, take_in_hand

    close_trades(world, opened, 2)
    ids = [row[0] for row in opened.execute("SELECT id FROM outbox WHERE model = 'cnn'").fetchall()]
    session_id = opened.execute("SELECT min(id) FROM session").fetchone()[0]
    with transaction(opened):
        take_in_hand(opened, ids[:1], session_id)
    with closing(open_database(world)) as other, pytest.raises(LessonsTaken), transaction(other):
        take_in_hand(other, ids, session_id)
    kept = opened.execute("SELECT id FROM outbox WHERE session_id IS NOT NULL").fetchall()
    assert kept == [(ids[0],)]


def test_a_dataset_of_lessons_says_what_it_is(world: Workspace, opened: sqlite3.Connection) -> None:
    close_trades(world, opened, 2)
    Drain(world, opened, caller(opened)).look()
    rows = opened.execute("SELECT description FROM dataset ORDER BY id DESC LIMIT 1").fetchall()
    assert json.loads(rows[0][0])["description"].startswith("2 closes taught to v1, among ")
