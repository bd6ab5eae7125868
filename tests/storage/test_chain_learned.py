"""The learned end of a chain: every number is that of a row, and only what was trained was learned."""

from __future__ import annotations

import sqlite3

import pytest

from cointrader.cli.chain import story
from storage.agent_responses import AgentResponseRow, add_agent_responses
from storage.chain import position_chain, signal_chain
from storage.chain_learned import LabelPart
from storage.closes import Lesson, closed_position, file_lessons, keep_labels
from storage.database import transaction
from storage.hindsight import HindsightRow, add_hindsight
from storage.outbox import mark_trained, take_in_hand
from storage.revision import next_rev
from storage.workspace import Workspace
from tests.storage.journal_world import journalled
from tests.storage.rows import add
from tests.storage.trading_rows import add_reward, fill

LESSONS = (
    Lesson("cnn", 0.35, "waiting"),
    Lesson("dqn", 0.25, "waiting", "waiting 3/200"),
    Lesson("cob_rl", 0.0, "absent", "no version of it decides"),
)


def taught(workspace: Workspace, connection: sqlite3.Connection) -> int:
    """Position 5 with its lessons, the first of which is in the hands of a session; returns the session."""
    run_id = fill(connection, 60)
    with transaction(connection):
        connection.execute("UPDATE position SET state = 'closed', closed_ms = opened_ms + 1 WHERE id = 5")
        add_reward(connection, 5, run_id)
        file_lessons(connection, closed_position(connection, 5), LESSONS)
        keep_labels(connection, 5, (0.001, -0.002, None), 0)
    session_id = journalled(workspace, connection, 3)
    with transaction(connection):
        take_in_hand(connection, [1], session_id)
    return session_id


def add_version(connection: sqlite3.Connection, session_id: int) -> None:
    add(
        connection,
        "artifact",
        agent="cnn",
        version=4,
        session_id=session_id,
        path="models/cnn/v4",
        sha256="ab" * 32,
        size=10,
        status="candidate",
        metric="balanced_accuracy",
        value=0.5,
        baseline=0.4,
        metrics_json="{}",
        reason="",
        provenance="paper",
        created_ms=7,
        rev=next_rev(connection),
    )


def test_a_lesson_in_hand_is_shown_but_nothing_was_learned_yet(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = taught(workspace, connection)
    chain = position_chain(connection, 5)
    assert chain.learned_from == ()
    assert [(item.model, item.state, item.session_id) for item in chain.learned.lessons] == [
        ("cnn", "waiting", session_id),
        ("cob_rl", "absent", None),
        ("dqn", "waiting", None),
    ]
    assert "dqn waiting (waiting 3/200)" in chain.learned_note


def test_a_trained_lesson_leads_to_its_step_its_session_and_its_version(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    session_id = taught(workspace, connection)
    with transaction(connection):
        mark_trained(connection, session_id)
        add_version(connection, session_id)
    chain = position_chain(connection, 5)
    assert chain.learned_from == (session_id,)
    (step,) = chain.learned.steps
    row = connection.execute(
        "SELECT step, attempt, learning_rate, loss, gradient_norm, gradient_sha256, weights_sha256, ts_ms "
        "FROM step WHERE session_id = ? AND step = 1",
        (session_id,),
    ).fetchone()
    told = (step.step, step.attempt, step.learning_rate, step.loss, step.gradient_norm)
    assert (*told, step.gradient_sha256, step.weights_sha256, step.ts_ms) == row
    assert chain.learned.lessons[0].loss == step.loss
    assert [(made.agent, made.version, made.sha256) for made in chain.learned.artifacts] == [
        ("cnn", 4, "ab" * 32)
    ]
    assert chain.learned.labels is not None
    assert (chain.learned.labels.return_1m, chain.learned.labels.return_15m) == (0.001, None)

    text = "\n".join(story(chain))
    assert f"cnn trained by session #{session_id} step 1" in text and "share 0.35" in text
    assert f"step 1 of session #{session_id}" in text and step.weights_sha256[:12] in text
    assert "cnn version 4, candidate" in text
    assert "dqn waiting: waiting 3/200" in text and "cob_rl absent: no version of it decides" in text
    assert "1m +0.100%  5m -0.200%  15m unknown (no bars are stored)" in text


def test_a_rejected_signal_tells_who_said_what_and_what_it_would_have_earned(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    run_id = fill(connection, 60)
    known = HindsightRow(1, run_id, 5, "BTC/USDT", "momentum", "exposure", "stop", 100.5, 99.5, 600_000,
                         -0.012, -12.0, 9)  # fmt: skip
    answers = [
        AgentResponseRow(1, run_id, 5, "strategy", "approved", "", 12),
        AgentResponseRow(1, run_id, 6, "risk", "vetoed", "too close to the news", 34),
    ]
    with transaction(connection):
        assert add_hindsight(connection, [known]) == 1
        assert add_hindsight(connection, [known]) == 0
        add_agent_responses(connection, answers)
    chain = signal_chain(connection, 1)
    assert chain.hindsight == known and chain.answers == tuple(answers)
    assert chain.position is None and chain.learned.lessons == ()
    text = "\n".join(story(chain))
    assert "risk agent vetoed: too close to the news" in text
    assert "saved 12.0000: in at 100.50, out at 99.5 by stop after 0h10, -1.200% net of costs" in text
    assert "nothing was learned" in text


@pytest.mark.parametrize(
    ("label", "minutes", "reason"),
    [
        (LabelPart(None, None, None), 1, "no bars are stored"),
        (LabelPart(None, 0.1, None, bar_ms=300_000), 1, "bars are of 5 minutes"),
        (LabelPart(None, 0.1, None, bar_ms=300_000), 15, "its bars have not come"),
        (LabelPart(None, 0.1, None, bar_ms=300_000, is_final=True), 15, "no bar closed then"),
    ],
)
def test_a_label_that_is_not_known_says_why(label: LabelPart, minutes: int, reason: str) -> None:
    assert label.why_unknown(minutes) == reason


def test_an_imported_close_says_which_setting_lets_it_teach(connection: sqlite3.Connection) -> None:
    fill(connection, 60)
    (position_id,) = connection.execute("SELECT min(id) FROM position WHERE state = 'closed'").fetchone()
    connection.execute("DELETE FROM outbox")
    connection.execute("UPDATE position SET origin = 'import' WHERE id = ?", (position_id,))
    text = "\n".join(story(position_chain(connection, position_id)))
    assert "closes of origin import teach only where the setting training.close_origins names it" in text
