"""The cache of rows: what it can read, what it keeps, and how it finds a row again."""

from __future__ import annotations

import random

import pytest

from tui.widgets.paged_table.pages import BLOCK, KEPT_BLOCKS, Pages, Row, order_key


def rows(first: int, count: int) -> list[Row]:
    """Rows of a descending table of a million: row n has the value and the id 1,000,000 - n."""
    return [
        (f"row {number}", 1_000_000 - number, 1_000_000 - number) for number in range(first, first + count)
    ]


def with_anchors() -> Pages:
    pages = Pages()
    pages.store(0, rows(0, BLOCK))
    starts = [rows(number, 1)[0][-2:] for number in range(0, 1_000_000, BLOCK)]
    pages.settle(1_000_000, starts)
    return pages


def test_before_the_anchors_only_the_neighbour_of_what_is_known_can_be_read() -> None:
    pages = Pages()
    pages.store(0, rows(0, BLOCK))
    assert pages.at_least == BLOCK and pages.count is None
    assert pages.can_read(1) and not pages.can_read(2)
    assert pages.follows(1) == (1_000_000 - BLOCK + 1, 1_000_000 - BLOCK + 1)
    pages.store(1, rows(BLOCK, BLOCK))
    assert pages.at_least == 2 * BLOCK and pages.can_read(2)


def test_a_short_block_tells_the_count() -> None:
    pages = Pages()
    pages.store(0, rows(0, BLOCK))
    pages.store(1, rows(BLOCK, 10))
    assert pages.count == BLOCK + 10
    assert not pages.can_read(2)


def test_an_empty_table_has_no_rows_and_nothing_to_read() -> None:
    pages = Pages()
    pages.store(0, [])
    assert pages.count == 0 and pages.row(0) is None and pages.wanted(0, 40) is None


def test_with_anchors_every_block_can_be_read_and_few_are_kept() -> None:
    pages = with_anchors()
    for block in random.Random(3).sample(range(3_900), 200):
        assert pages.start(block) == rows(block * BLOCK, 1)[0][-2:]
        pages.store(block, rows(block * BLOCK, BLOCK))
        assert pages.row(block * BLOCK + 5) == rows(block * BLOCK + 5, 1)[0]
    assert pages.rows() <= KEPT_BLOCKS * BLOCK
    assert pages.at_least == 1_000_000


def test_what_is_on_the_screen_is_wanted_before_what_is_around_it() -> None:
    pages = with_anchors()
    assert pages.wanted(5 * BLOCK + 250, 5 * BLOCK + 290) == 5
    pages.store(5, rows(5 * BLOCK, BLOCK))
    assert pages.wanted(5 * BLOCK + 250, 5 * BLOCK + 290) == 6
    pages.store(6, rows(6 * BLOCK, BLOCK))
    assert pages.wanted(5 * BLOCK + 250, 5 * BLOCK + 290) is None
    assert pages.wanted(5 * BLOCK, 5 * BLOCK + 40) == 4


def test_a_row_is_found_again_by_its_key() -> None:
    pages = with_anchors()
    for number in (0, 255, 256, 777_777, 999_999):
        key = rows(number, 1)[0][-2:]
        assert pages.block_of(key, descending=True) == number // BLOCK
    pages.store(3, rows(3 * BLOCK, BLOCK))
    assert pages.number_of(1_000_000 - 3 * BLOCK - 7, 3) == 3 * BLOCK + 7
    assert pages.number_of(1, 3) is None


def test_a_changed_row_takes_the_place_of_its_former_self() -> None:
    pages = with_anchors()
    former = pages.row(7)
    assert former is not None
    assert pages.replace([("now closed", *former[-2:]), ("elsewhere", 5, 5)]) == 1
    assert pages.row(7) == ("now closed", *former[-2:])


@pytest.mark.parametrize("descending", [False, True])
def test_keys_sort_as_sqlite_sorts_them_missing_values_last(descending: bool) -> None:
    keys = [(2.5, 1), (None, 9), (1.0, 3), (1.0, 2), (None, 4)]
    expected = (
        [(2.5, 1), (1.0, 3), (1.0, 2), (None, 9), (None, 4)]
        if descending
        else [(1.0, 2), (1.0, 3), (2.5, 1), (None, 4), (None, 9)]
    )
    assert sorted(keys, key=order_key(descending)) == expected
