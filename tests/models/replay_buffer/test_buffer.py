"""Experiences in and out: order, pools, what is refused, and files."""

import math

import numpy as np
import pytest

from models.replay_buffer.buffer import ProfitWeightedExperienceBuffer
from models.replay_buffer.errors import BadExperience, BufferEmpty, BufferRefused, DrawsSpent
from models.replay_buffer.priority_index import Rules


def filled(n=40, capacity=64, features=3, **rules) -> ProfitWeightedExperienceBuffer:
    """Row i has states of i and i + 0.5, reward +-i, action i % 3, and terminates when i is even."""
    buffer = ProfitWeightedExperienceBuffer(capacity, features, Rules(**rules))
    for i in range(n):
        state = np.full(features, i, np.float32)
        reward = float(i if i % 4 else -i)
        buffer.add(state, i % 3, reward, state + 0.5, i % 2 == 0, rapid=i % 10 == 0, priority=1.0 + i)
    return buffer


def assert_whole(batch, first=0) -> None:
    i = batch.state[:, 0]
    assert np.array_equal(batch.next_state, batch.state + 0.5)
    assert np.array_equal(batch.action, i % 3)
    assert np.array_equal(batch.reward, np.where(i % 4, i, -i))
    assert np.array_equal(batch.terminated, i % 2 == 0)
    assert np.array_equal((batch.row - i - first) % 8, np.zeros(len(i)))


def test_a_drawn_experience_is_the_one_that_was_added():
    buffer = filled()
    batch = buffer.sample_batch(32)
    assert_whole(batch)
    assert batch.state.dtype == np.float32 and batch.action.dtype == np.int64
    assert batch.weight.max() == 1.0
    assert batch.chance == pytest.approx(filled().chances(32)[batch.row], rel=1e-9)


def test_the_oldest_give_way_and_leave_their_pools():
    buffer = filled(n=100, capacity=64, most_draws=1_000)
    assert len(buffer) == 64
    for _ in range(20):
        batch = buffer.sample_batch(64)
        assert batch.state[:, 0].min() >= 36
        assert_whole(batch, first=0)
    kept = np.arange(36, 100)
    assert len(buffer.profitable_rows) == (kept % 4 != 0).sum()
    assert len(buffer.other_rows) == (kept % 4 == 0).sum()
    assert int(buffer.index.pools.sizes.sum()) == 64


def test_one_by_one_and_all_at_once_make_the_same_buffer():
    one, many = filled(n=90), ProfitWeightedExperienceBuffer(64, 3)
    i = np.arange(90)
    for part in (slice(0, 50), slice(50, 90)):
        n = i[part]
        states = np.repeat(n[:, None], 3, axis=1).astype(np.float32)
        rewards = np.where(n % 4, n, -n).astype(np.float32)
        rows = many.add_batch(
            states, n % 3, rewards, states + 0.5, n % 2 == 0, rapid=n % 10 == 0, priority=1.0 + n
        )
        assert np.array_equal(rows, n % 64)
    assert np.array_equal(one.chances(32), many.chances(32))
    a, b = one.sample_batch(32), many.sample_batch(32)
    assert set(a.row) == set(b.row) or np.array_equal(np.sort(a.chance), np.sort(b.chance))
    assert_whole(b)


def test_profitable_experiences_are_drawn_more_when_asked_for():
    buffer = filled(n=40, most_draws=60_000)
    paid = np.isin(np.arange(40), buffer.profitable_rows)
    more, less = buffer.chances(64, True)[paid].sum(), buffer.chances(64, False)[paid].sum()
    assert more > less + 0.04
    drawn = [paid[buffer.sample_batch(64, prioritize_profitable=True).row].mean() for _ in range(200)]
    assert np.mean(drawn) == pytest.approx(more, abs=0.01)


def test_priorities_change_what_is_drawn():
    buffer = filled(n=40, most_draws=60_000)
    rows = np.arange(40)
    buffer.update_priorities(rows, np.where(rows == 7, 1e6, 1e-3))
    assert buffer.chances(64, False)[7] > 0.45
    assert buffer.sample_batch(64, False).row.tolist().count(7) >= 30


def test_a_new_experience_gets_the_largest_priority_so_far():
    buffer = ProfitWeightedExperienceBuffer(10, 1)
    buffer.add([0.0], 0, 1.0, [0.0], False, priority=5.0)
    buffer.add([0.0], 0, 1.0, [0.0], False)
    buffer.sample_batch(2)
    assert buffer.index.pools.priority[:2].tolist() == [5.0, 5.0]


def test_both_pools_counts_and_the_next_draws_survive_save_and_load(tmp_path):
    buffer = filled(n=100, capacity=64, most_draws=9, seed=5)
    for step in range(8):
        batch = buffer.sample_batch(48)
        buffer.update_priorities(batch.row, 0.1 + np.abs(np.sin(batch.row + step)))
    for i in range(5):
        buffer.add(np.full(3, i), 0, -1.0, np.zeros(3), True)
    path = tmp_path / "buffer.npz"
    buffer.save(path)
    loaded = ProfitWeightedExperienceBuffer.load(path)
    assert len(loaded) == len(buffer) == 64
    assert np.array_equal(loaded.profitable_rows, buffer.profitable_rows)
    assert np.array_equal(loaded.other_rows, buffer.other_rows)
    assert np.array_equal(loaded.training_counts, buffer.training_counts)
    assert loaded.training_counts.max() > 0
    for each in (buffer, loaded):
        each.add(np.ones(3), 1, 2.0, np.ones(3), False)
    mine, theirs = buffer.sample_batch(32), loaded.sample_batch(32)
    for name in vars(mine):
        assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
    assert [each.name for each in tmp_path.iterdir()] == ["buffer.npz"]


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / "buffer.npz"
    filled().save(path)
    whole = path.read_bytes()
    for broken in (
        whole[: len(whole) // 2],
        b"",
        b"PK nonsense",
        whole.replace(b"replay_buffer/1", b"replay_buffer/9"),
    ):
        path.write_bytes(broken)
        with pytest.raises(BufferRefused, match=r"buffer\.npz"):
            ProfitWeightedExperienceBuffer.load(path)
    np.savez(path, record=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BufferRefused):
        ProfitWeightedExperienceBuffer.load(path)
    with pytest.raises(BufferRefused, match="does not exist"):
        ProfitWeightedExperienceBuffer.load(tmp_path / "none.npz")


def test_an_empty_buffer_and_a_spent_one_answer_clearly():
    buffer = ProfitWeightedExperienceBuffer(8, 2)
    with pytest.raises(BufferEmpty, match="add experiences"):
        buffer.sample_batch(1)
    with pytest.raises(BufferEmpty):
        buffer.chances(1)
    assert len(buffer) == 0 and len(buffer.training_counts) == 0
    spent = filled(n=4, most_draws=2)
    spent.sample_batch(8)
    with pytest.raises(DrawsSpent, match="at most 2 times a session"):
        spent.sample_batch(1)
    spent.add(np.zeros(3), 0, 1.0, np.zeros(3), False)
    assert spent.sample_batch(2).row.tolist() == [4, 4]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_never_get_in(value):
    buffer = filled(n=64)
    before = buffer.chances(16)
    good, bad = np.zeros(3, np.float32), np.array([0.0, value, 0.0], np.float32)
    for state, reward, following in ((bad, 0.0, good), (good, value, good), (good, 0.0, bad)):
        with pytest.raises(BadExperience):
            buffer.add(state, 0, reward, following, False)
        states, nexts = np.stack([good, state]), np.stack([good, following])
        with pytest.raises(BadExperience, match="experience 1"):
            buffer.add_batch(states, np.zeros(2), np.array([0.0, reward]), nexts, np.zeros(2))
    assert np.array_equal(buffer.chances(16), before)
    assert_whole(buffer.sample_batch(32))


def test_other_shapes_are_refused_by_name():
    buffer = filled(n=3)
    with pytest.raises(BadExperience, match="3 numbers"):
        buffer.add(np.zeros(4), 0, 0.0, np.zeros(4), False)
    with pytest.raises(BadExperience, match=r"\(2, 3\)"):
        buffer.add_batch(np.zeros((2, 4)), np.zeros(2), np.zeros(2), np.zeros((2, 4)), np.zeros(2))
    with pytest.raises(BadExperience, match="action"):
        buffer.add_batch(np.zeros((2, 3)), np.zeros(3), np.zeros(2), np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(BadExperience, match="at least 1"):
        buffer.sample_batch(0)
    with pytest.raises(BadExperience, match="holds 64"):
        buffer.add_batch(np.zeros((65, 3)), np.zeros(65), np.zeros(65), np.zeros((65, 3)), np.zeros(65))


def test_memory_is_that_of_its_arrays_and_does_not_grow():
    buffer = filled(n=10, capacity=10_000, features=64, most_draws=60_000)
    pools = 8 + 2 + 1 + 4 + 4 * (8 * 8 / 7 + 4)
    row = 64 * 2 * 4 + 16 + pools
    assert buffer.nbytes == pytest.approx(10_000 * row, rel=0.01)
    before = buffer.nbytes
    for _ in range(50):
        buffer.update_priorities(buffer.sample_batch(256).row, np.ones(256))
    assert buffer.nbytes == before
