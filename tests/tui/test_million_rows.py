"""A table of a million rows: any part of it is there at once, and little of it is in memory."""

from __future__ import annotations

import pytest

from storage.workspace import Workspace
from tests.tui.driving import console, loaded, screen_text, until
from tui.widgets.paged_table.pages import BLOCK, KEPT_BLOCKS

ROWS = 1_000_000


async def test_a_million_rows_can_be_walked_jumped_sorted_and_filtered(million: Workspace) -> None:
    app = console(million)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        assert table.pages.count == ROWS and "1,000,000" in screen_text(pilot).splitlines()[1]
        assert table.current_row() is not None and table.current_row()[-1] == ROWS  # type: ignore[index]

        await pilot.press("G")
        await until(pilot, lambda: (table.current_row() or (0,))[-1] == 1, "the oldest row")
        assert table.cursor == ROWS - 1
        await pilot.press("k", "ctrl+u")
        await until(pilot, lambda: table.current_row() is not None)
        assert table.current_row()[-1] == ROWS - table.cursor  # type: ignore[index]

        table.go_to(567_890)
        await until(pilot, lambda: (table.current_row() or (0,))[-1] == ROWS - 567_890, "a row in the middle")
        first, last = table.visible_rows()
        await until(pilot, lambda: all(table.pages.row(number) for number in range(first, last + 1)))
        assert [table.pages.row(number)[-1] for number in range(first, last + 1)] == [  # type: ignore[index]
            ROWS - number for number in range(first, last + 1)
        ]
        assert table.pages.rows() <= KEPT_BLOCKS * BLOCK

        await pilot.press("g")
        await until(pilot, lambda: (table.current_row() or (0,))[-1] == ROWS)


@pytest.mark.slow
async def test_a_million_rows_are_sorted_by_a_column_without_an_index(million: Workspace) -> None:
    app = console(million)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        table.sort_by("price", True)
        await until(pilot, lambda: table.wish.sort == "price" and not table.is_loading_rows, "the first page")
        assert table.current_row()[-2] == 50_999.0  # type: ignore[index]
        await until(pilot, lambda: table.pages.count == ROWS, "the anchors")
        await pilot.press("G")
        await until(
            pilot, lambda: table.cursor == ROWS - 1 and table.current_row() is not None, "the last row"
        )
        assert table.current_row()[-2] == 50_000.0  # type: ignore[index]
        assert table.current_row()[-1] == 1000, "of a thousand cheapest the oldest stands last"  # type: ignore[index]


async def test_a_question_that_nobody_waits_for_any_more_is_dropped(million: Workspace) -> None:
    app = console(million)
    async with app.run_test(size=(120, 40)) as pilot:
        table = await loaded(pilot)
        table.sort_by("price", True)
        table.sort_by("confidence", False)
        table.filter_by("symbol:eth confidence>0.9")
        await until(pilot, lambda: not table.is_loading_rows and table.pages.count not in (None, ROWS))
        assert (table.wish.sort, table.wish.filter) == ("confidence", "symbol:eth confidence>0.9")
        first = table.pages.row(0)
        assert first is not None and first[-2] == 0.91
