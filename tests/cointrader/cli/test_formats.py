"""A value reads the same in the shell and in the console."""

from __future__ import annotations

import pytest

from cointrader.cli.formats import span
from tui.widgets.paged_table.formats import format_duration


@pytest.mark.parametrize(
    ("ms", "text"), [(45_000, "45s"), (1_500_000, "0h25"), (43_500_000, "12h05"), (273_600_000, "3d04h")]
)
def test_twenty_five_minutes_are_not_read_as_a_day(ms: int, text: str) -> None:
    assert span(ms) == format_duration(ms) == text
