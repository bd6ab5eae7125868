"""What the console asks of setups: how many a replay would choose from, and everything about one."""

from __future__ import annotations

import pytest

from storage.errors import FilterError, StorageError
from storage.setup_counts import SetupCounts, count_setups
from storage.setup_story import setup_story
from tests.tui import replay_rows as rows

STORED, VALIDATED = 1_000, 960


def test_those_that_pass_are_counted_with_and_without_a_filter(connection):
    rows.add_setups(connection, STORED, waiting=STORED - VALIDATED)
    passing = [number for number in range(1, VALIDATED + 1) if rows.score_of(number) >= 0.7]
    assert count_setups(connection, min_score=0.7) == SetupCounts(STORED, VALIDATED, VALIDATED, len(passing))
    even = [number for number in passing if number % 2 == 0]
    of_btc = count_setups(connection, min_score=0.7, filter="symbol:btc")
    assert (of_btc.filtered, of_btc.passing) == (VALIDATED // 2, len(even))


def test_an_empty_workspace_has_none(connection):
    assert count_setups(connection) == SetupCounts(0, 0, 0, 0)


def test_a_filter_that_nothing_understands_is_refused(connection):
    with pytest.raises(FilterError, match="colour"):
        count_setups(connection, filter="colour:red")


def test_a_setup_is_told_with_its_outcome_and_what_was_learned(connection):
    rows.add_setups(connection, 5, waiting=1)
    rows.add_outcome(connection, 2)
    story = setup_story(connection, 2)
    assert story.setup.id == 2 and story.outcome is not None and story.outcome.net_return == 0.0042
    assert [(one.action, one.reward) for one in story.experiences] == [(0, 0.42), (1, -0.82), (2, 0.0)]
    assert story.pack == "datasets/setups/test-rows.safetensors"
    waiting = setup_story(connection, 5)
    assert waiting.outcome is None and waiting.experiences == ()
    with pytest.raises(StorageError, match="77"):
        setup_story(connection, 77)
