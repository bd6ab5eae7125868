"""Steps as rows: what each tells, and how it is found."""

import math
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from storage.errors import StorageError
from storage.journal import (
    gradient_digest,
    rate_session,
)
from storage.steps import batch_of, get_step, journal_of, norms_of, step_range, steps_between
from storage.workspace import Workspace
from tests.storage.journal_world import (
    LAYOUT,
    begin_session,
    fill,
    journalled,
    made_step,
    open_writer,
)


def test_a_row_tells_what_the_step_was(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = journalled(workspace, connection, 12)
    row, made = get_step(connection, session_id, 9), made_step(9)
    journal = journal_of(connection, session_id)
    assert journal is not None
    assert row.losses == made.facts.losses
    assert (row.loss, row.priority, row.synced) == (made.facts.losses["losses/total"], 0.5, 0)
    assert row.value == pytest.approx((1 / 8 - 1 / 9) * 0.5)
    assert batch_of(row) == tuple(made.facts.batch.tolist())
    assert row.gradient_sha256 == gradient_digest(made.gradient, made.absent)
    norms = norms_of(row, journal)
    assert norms == norms_of(row, LAYOUT.layers)
    assert norms["trunk"] == pytest.approx(float(np.linalg.norm(made.gradient[:620])), rel=1e-6)
    assert norms["head"] == 0.0  # absent at every third step
    assert row.gradient_norm == pytest.approx(float(np.linalg.norm(made.gradient)), rel=1e-6)
    assert (row.kept, row.file_row) == ("whole", 8)


def test_steps_are_found_by_number(workspace: Workspace, connection: sqlite3.Connection) -> None:
    session_id = journalled(workspace, connection, 12)
    found = step_range(connection, session_id)
    assert found is not None and (found.first, found.last, found.count) == (1, 12, 12)
    assert [row.step for row in steps_between(connection, session_id, 5, 99, limit=3)] == [5, 6, 7]
    with pytest.raises(StorageError, match="no step 13; steps 1 to 12 are kept"):
        get_step(connection, session_id, 13)
    assert step_range(connection, session_id + 1) is None
    assert journal_of(connection, session_id + 1) is None


def test_losses_that_are_not_finite_are_kept_as_none(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = begin_session(connection)
    with open_writer(workspace, session_id) as writer:
        for number, loss in ((1, 1.0), (2, math.nan), (3, 2.0)):
            slot, made = writer.slot(), made_step(number)
            fill(slot, made)
            writer.keep(slot, replace(made.facts, losses={"losses/total": loss}))
    rows = steps_between(connection, session_id, 1, 3)
    assert [row.loss for row in rows] == [1.0, None, 2.0]
    assert [row.losses["losses/total"] for row in rows] == [1.0, None, 2.0]
    assert [row.value for row in rows] == [0.0, 0.0, 0.0]


def test_the_training_value_is_the_mean_of_the_steps_times_the_gain(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = journalled(workspace, connection, 12)
    mean = sum(row.value for row in steps_between(connection, session_id, 1, 12)) / 12
    assert rate_session(connection, session_id, 1, 0.25) == pytest.approx(mean * 0.25)
    assert rate_session(connection, session_id, 1, -0.25) == 0.0
    assert rate_session(connection, session_id, 1, None) == 0.0
