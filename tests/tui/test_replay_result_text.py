"""What a replay was made of is told as it was asked for, for each kind."""

from __future__ import annotations

import json

import pytest

from cointrader.training.replaying.request import ReplayKind, ReplayRequest
from storage.replays import ReplayRow
from tui.screens.replay_result_text import result_text, selection_words
from tui.symbols import UNICODE

SAME = "steps 1 to 50 of session 3 verified: 50 of 50 gradients are the same"


def replay(kind: ReplayKind, *, session: int | None = None, agent: str = "", **asked: int) -> ReplayRow:
    """A replay that ended, asked for with the arguments that a request has by default."""
    request = ReplayRequest(kind, agent, session=session, **asked)  # type: ignore[arg-type]
    return ReplayRow(
        id=1,
        job_id=7,
        kind=kind.value,
        agent="cnn",
        state="succeeded",
        selection_json=json.dumps(request.arguments),
        session_id=None,
        control_session_id=None,
        source_session_id=session,
        metric="",
        value=None,
        control_value=None,
        baseline=None,
        standard_error=None,
        words=SAME,
        result_json=json.dumps({"match": True, "words": SAME}),
        started_ms=0,
        ended_ms=1,
        rev=1,
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (replay(ReplayKind.REAPPLY, session=3), "every step of session s.3"),
        (replay(ReplayKind.VERIFY, session=3, first=1, last=50), "from step 1 to step 50 of session s.3"),
        (replay(ReplayKind.VERIFY, session=3, last=50), "to step 50 of session s.3"),
        (replay(ReplayKind.SESSION, session=3), "every step of session s.3"),
        (replay(ReplayKind.PROFITABLE, agent="cnn"), "up to 500 setups of the highest score"),
        (replay(ReplayKind.PRIORITISED, agent="cnn"), "up to 500 setups of the highest priority"),
    ],
)
def test_what_was_chosen_is_told_by_the_kind_of_the_replay(row: ReplayRow, words: str) -> None:
    assert selection_words(row) == words


def test_steps_that_were_verified_make_no_sessions_and_say_their_sentence_once() -> None:
    text = result_text(replay(ReplayKind.VERIFY, session=3, first=1, last=50), 100, UNICODE).plain
    assert text.count(SAME) == 1
    assert "none yet" not in text and "match" in text
