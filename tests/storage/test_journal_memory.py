"""Memory stays bounded while a long session is written; measured in a process of its own."""

import pytest

from benchmarks.journal_memory import BOUND_MB, measure


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_thousand_steps_take_no_more_memory_than_five_thousand() -> None:
    few, many = measure(5_000), measure(50_000)
    print(f"peak growth {many.growth_mb:.0f} MB over 50,000 steps, {few.growth_mb:.0f} MB over 5,000")
    assert many.growth_mb < BOUND_MB
    assert many.growth_mb - few.growth_mb < 20.0
