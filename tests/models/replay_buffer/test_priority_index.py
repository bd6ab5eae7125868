"""Draws: their frequencies, caps, pools and the shares that a batch keeps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.replay_buffer.errors import BadExperience, BufferEmpty, BufferRefused, DrawsSpent
from models.replay_buffer.law import draw_law
from models.replay_buffer.priority_index import UNCAPPED, PriorityIndex, Rules
from tests.models.replay_buffer.test_law import index_of


def within_band(counts, law, draws, deviations=5.0) -> bool:
    """Counts of draws within so many standard deviations of independent draws (ours scatter less)."""
    band = deviations * np.sqrt(draws * law * (1.0 - law)) + 1.0
    return bool((np.abs(counts - draws * law) <= band).all())


ROW = st.tuples(st.floats(1e-3, 50.0), st.booleans(), st.booleans())


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=40), st.booleans(), st.integers(0, 2**40))
def test_draw_frequencies_match_the_law_that_the_index_gives(rows, focus, seed):
    priority, profitable, rapid = (np.array(column) for column in zip(*rows, strict=True))
    index = index_of(priority, profitable, rapid, most_draws=UNCAPPED, seed=seed)
    law = index.chances(32, focus)
    assert law.sum() == pytest.approx(1.0, abs=1e-12)
    counts, batches = np.zeros(len(rows)), 400
    for _ in range(batches):
        drawn = index.draw(32, focus)
        assert drawn.chance == pytest.approx(law[drawn.rows], rel=1e-9)
        np.add.at(counts, drawn.rows, 1)
    assert within_band(counts, law, 32 * batches)
    assert np.array_equal(index.counts, counts)


def test_without_pools_and_caps_the_law_is_half_uniform_and_half_by_priority():
    priority = np.random.default_rng(0).lognormal(0.0, 2.0, 1_000)
    index = index_of(priority)
    assert index.chances(256) == pytest.approx(draw_law(priority), rel=1e-9)


def test_half_of_an_odd_batch_rounded_up_is_uniform():
    priority = np.array([1.0, 5.0, 9.0])
    index = index_of(priority)
    assert index.chances(5) == pytest.approx(draw_law(priority, uniform=3 / 5), rel=1e-9)


def test_a_focus_on_profitable_rows_moves_a_quarter_of_the_batch():
    profitable = np.array([True, False, False, False])
    index = index_of(np.ones(4), profitable)
    assert index.chances(8, True) == pytest.approx([0.25 * 0.75 + 0.25, *[0.25 * 0.75] * 3], rel=1e-9)
    assert index.chances(8, False) == pytest.approx([0.25] * 4, rel=1e-9)


def test_rapid_rows_are_at_most_a_fifth_of_any_batch():
    rapid = np.arange(100) < 60
    index = index_of(np.where(rapid, 50.0, 1.0), rapid=rapid, most_draws=UNCAPPED)
    for _ in range(200):
        drawn = index.draw(64)
        assert rapid[drawn.rows].sum() == 12
    law = index.chances(64)
    assert law[rapid].sum() == pytest.approx(12 / 64, rel=1e-9)


def test_at_least_half_of_a_batch_stays_uniform_when_rapid_rows_are_limited():
    rapid = np.arange(100) < 90
    index = index_of(np.where(rapid, 0.01, 100.0), rapid=rapid)
    law = index.chances(100)
    plain = law[~rapid]
    assert law[rapid].sum() == pytest.approx(0.2, rel=1e-9)
    # Uniform draws on plain rows: 50 of 100, less those that still fall on rapid ones.
    assert plain.sum() == pytest.approx(0.8, rel=1e-9)
    assert law[rapid].min() * 90 > 0.9 * 0.2


def test_rapid_rows_fill_the_batch_where_there_are_no_others():
    index = index_of(np.ones(5), rapid=True)
    assert index.chances(10) == pytest.approx([0.2] * 5)


def test_no_row_is_drawn_more_often_than_the_cap_and_every_draw_is_used():
    priority = np.array([1e-3] * 30 + [1e3] * 2)
    index = index_of(priority, most_draws=32)
    for _ in range(32):
        drawn = index.draw(32)
        assert len(drawn.rows) == 32
        assert np.isfinite(drawn.weight).all()
        assert index.counts.max() <= 32
    assert (index.counts == 32).all()
    with pytest.raises(DrawsSpent, match="0 draws are left") as refused:
        index.draw(1)
    assert refused.value.left == 0
    with pytest.raises(DrawsSpent):
        index.chances(4)


def test_a_batch_beyond_the_draws_left_counts_nothing_and_leaves_the_rest_to_be_drawn():
    index = index_of(np.ones(3), most_draws=2)
    index.draw(4)
    before = index.counts
    with pytest.raises(DrawsSpent, match="2 draws are left"):
        index.draw(3)
    assert np.array_equal(index.counts, before)
    index.draw(2)
    assert index.draws_left == 0


def test_a_capped_row_leaves_the_law_of_the_others_as_if_it_were_not_there():
    index = index_of(np.array([100.0, 1.0, 2.0, 4.0]), most_draws=4)
    while index.counts[0] < 4:
        index.draw(1)
    index.reset_counts()
    index.pools.drawn[0] = 3
    while index.counts[0] < 4:
        index.draw(1)
    law = index.chances(8)
    assert law[0] == 0.0
    left = index.counts[1:] < 4
    assert law[1:][left] == pytest.approx(draw_law(np.array([1.0, 2.0, 4.0])[left]), rel=1e-9)


def test_a_new_session_draws_capped_rows_again():
    index = index_of(np.ones(4), most_draws=1)
    index.draw(4)
    index.reset_counts()
    assert index.draws_left == 4
    assert np.array_equal(np.sort(index.draw(4).rows), np.arange(4))


def test_a_batch_is_a_function_of_seed_and_step():
    priority = np.random.default_rng(3).random(500) + 0.01
    a, b, c = (index_of(priority, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(a.draw(64, step=5).rows, b.draw(64, step=5).rows)
    assert not np.array_equal(a.draw(64, step=6).rows, c.draw(64, step=6).rows)
    assert not np.array_equal(a.draw(64, step=7).rows, b.draw(64, step=8).rows)


def test_a_restored_index_draws_what_the_other_one_draws():
    generator = np.random.default_rng(1)
    index = index_of(
        generator.random(300) + 0.01, generator.random(300) < 0.4, generator.random(300) < 0.2, most_draws=3
    )
    for _ in range(8):
        drawn = index.draw(64, True)
        index.update(drawn.rows, generator.random(64) + 0.01)
    other = PriorityIndex(300, index.rules)
    other.restore(index.state())
    assert np.array_equal(other.pools.forest, index.pools.forest)
    for _ in range(4):
        mine, theirs = index.draw(64), other.draw(64)
        assert np.array_equal(mine.rows, theirs.rows)
        assert np.array_equal(mine.weight, theirs.weight)


@pytest.mark.parametrize("name", ["listed", "sizes", "pool", "priority", "leaf", "drawn", "step"])
def test_a_state_whose_arrays_disagree_is_refused(name):
    index = index_of(np.ones(6), most_draws=2)
    index.draw(4)
    state = index.state()
    with pytest.raises(BufferRefused, match=name):
        PriorityIndex(6).restore({key: array for key, array in state.items() if key != name})
    broken = dict(state)
    broken[name] = state[name][:-1] if name == "step" else state[name] + 1
    if name not in ("priority", "leaf"):
        with pytest.raises(BufferRefused):
            PriorityIndex(6, Rules(most_draws=2)).restore(broken)


def test_empty_and_senseless_indexes_answer_clearly():
    index = PriorityIndex(4)
    with pytest.raises(BufferEmpty, match="add experiences"):
        index.draw(1)
    none = np.zeros(1, np.bool_)
    for priority in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(BadExperience, match="priority"):
            index.insert(np.array([0]), none, none, np.array([priority]))
    with pytest.raises(BadExperience, match="below 4"):
        index.insert(np.array([4]), none, none, np.ones(1))
    with pytest.raises(BadExperience, match="rapid_share"):
        Rules(rapid_share=1.5)
    with pytest.raises(BadExperience):
        PriorityIndex(0)
    index.insert(np.array([0]), none, none, np.ones(1))
    with pytest.raises(BadExperience, match="holds 1"):
        index.update(np.array([1]), np.ones(1))
