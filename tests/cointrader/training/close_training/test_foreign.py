"""Closes of elsewhere teach by the policy of the operator alone, and say so where they do not."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from cointrader.jobs.close_training import WaitingCloses
from cointrader.settings import Settings, SettingsError, TrainingSettings, load_settings
from cointrader.training.close_training.drain import Drain
from storage import jobs as queue
from storage.database import transaction
from storage.outbox import lessons_of
from storage.revision import next_rev
from storage.workspace import Workspace
from tests.cointrader.jobs.test_new_candles import Clock
from tests.cointrader.training.close_training.taught_world import caller, close_trades

pytestmark = pytest.mark.xdist_group("torch")

ALL = TrainingSettings(close_origins="signal, manual, import")


@pytest.fixture
def imported(world: Workspace, opened: sqlite3.Connection) -> list[int]:
    """Four closes as an import leaves them: positions with rewards, nobody's decision, no lessons."""
    positions = close_trades(world, opened, 4)
    with transaction(opened):
        for table in ("outbox", "outcome_label", "signal_position"):
            opened.execute(f"DELETE FROM {table}")
        opened.execute("UPDATE position SET origin = 'import', contributions = '{}'")
    return positions


def drained(
    world: Workspace, connection: sqlite3.Connection, training: TrainingSettings, said: list[str]
) -> int:
    """What one job learns from what waits now."""
    asked = replace(caller(connection, said), settings=Settings(training=training))
    done = Drain(world, connection, asked).look()
    queue.finish(connection, asked.job_id, asked.attempt, "succeeded")
    return done


def test_imported_closes_teach_nothing_by_default(
    world: Workspace, opened: sqlite3.Connection, imported: list[int]
) -> None:
    assert WaitingCloses(opened, TrainingSettings()).look() == 0
    assert drained(world, opened, TrainingSettings(), []) == 0
    assert opened.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_where_the_operator_says_so_they_teach_all_who_decide_alike_and_once(
    world: Workspace, opened: sqlite3.Connection, imported: list[int]
) -> None:
    clock = Clock()
    said: list[str] = []
    looks = WaitingCloses(opened, ALL, clock)
    job_id = looks.look()
    assert job_id and queue.get_job(opened, job_id).kind == "train_closes"
    queue.request_cancel(opened, job_id)
    assert drained(world, opened, ALL, said) == 2 * len(imported)
    assert said[0] == "4 closes of origin import teach each model that decides with weight 0.50"
    for position_id in imported:
        told = {
            each.model: (each.state, each.weight, each.reason) for each in lessons_of(opened, position_id)
        }
        assert told == {
            "cnn": ("trained", 0.5, ""),
            "dqn": ("trained", 0.5, ""),
            "cob_rl": ("absent", 0.0, "no version of cob_rl decides yet"),
        }
    before = opened.execute("SELECT * FROM outbox ORDER BY id").fetchall()
    clock.now += 10.0
    assert looks.look() == 0 and drained(world, opened, ALL, said) == 0
    assert opened.execute("SELECT * FROM outbox ORDER BY id").fetchall() == before
    # Labels are those of the stored bars after the entry.
    assert opened.execute("SELECT count(*) FROM outcome_label WHERE return_15m IS NOT NULL").fetchone() == (
        4,
    )


def test_closes_that_are_imported_later_are_found_and_those_without_bars_say_so(
    world: Workspace, opened: sqlite3.Connection, imported: list[int]
) -> None:
    clock = Clock()
    looks = WaitingCloses(opened, ALL, clock)
    drained(world, opened, ALL, [])
    clock.now += 10.0
    assert looks.look() == 0
    (later,) = close_trades(world, opened, 1, first=9)
    with transaction(opened):
        opened.execute("DELETE FROM outbox WHERE position_id = ?", (later,))
        opened.execute(
            "UPDATE position SET origin = 'import', symbol = 'XRP/USDT', rev = ? WHERE id = ?",
            (next_rev(opened), later),
        )
    clock.now += 10.0
    job_id = looks.look()
    assert job_id
    queue.request_cancel(opened, job_id)
    drained(world, opened, ALL, [])
    told = {each.model: (each.state, each.reason) for each in lessons_of(opened, later)}
    assert told["cnn"][0] == told["dqn"][0] == "skipped"
    assert told["dqn"][1] == "the state at its entry is not known: candles before it are missing"


def test_without_a_model_that_decides_nothing_is_filed_yet(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    assert WaitingCloses(connection, ALL).look() == 0


def test_an_origin_that_does_not_exist_is_refused_with_the_setting(workspace: Workspace) -> None:
    workspace.config.write_text('[training]\nclose_origins = "signal, bot"\n')
    with pytest.raises(SettingsError, match=r"close_origins: .*'bot' is no origin of positions; known are "):
        load_settings(workspace.config)
    workspace.config.write_text('[training]\nclose_origins = ""\n')
    assert load_settings(workspace.config).training.teaching_origins == frozenset()
