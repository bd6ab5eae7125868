"""Values as text: meaning in sign, arrow and word, and never a character that does something."""

from __future__ import annotations

import pytest

from tui.symbols import ASCII, UNICODE, choose_symbols
from tui.widgets.paged_table.formats import (
    clean,
    fit,
    format_cell,
    format_duration,
    format_price,
    iso_time,
    plain_text,
)
from tui.widgets.paged_table.layout import GAP, GUTTER, ColumnSpec, arrange, first_to_show, place


@pytest.mark.parametrize(
    ("kind", "name", "value", "width", "text", "tone"),
    [
        ("time", "time", 1_725_546_900_000, 16, "2024-09-05 14:35", ""),
        ("time", "closed", 0, 16, "open", "busy"),
        ("time", "ended", 0, 16, "", ""),
        ("money", "pnl", -4.172, 9, "-4.17 ▼", "loss"),
        ("money", "pnl", 3.25, 9, "+3.25 ▲", "gain"),
        ("money", "pnl", 1_234_567.0, 9, "+1.2M ▲", "gain"),
        ("money", "pnl", 0.0, 9, "0.00  ", "quiet"),
        ("money", "fees", 1.356, 8, "1.36", ""),
        ("percent", "return", 0.0123, 8, "+1.23%", "gain"),
        ("percent", "progress", 0.42, 6, "42%", ""),
        ("reward", "reward", -0.2141, 7, "-0.214", "loss"),
        ("side", "side", "long", 5, "LONG", "long"),
        ("side", "side", "sell", 5, "SELL", "short"),
        ("state", "status", "rejected", 8, "rejected", "bad"),
        ("models", "models", '{"cnn": 0.35, "rule": 1.0}', 18, "rule 1.0 cnn .35", "quiet"),
        ("models", "models", "not json", 18, "not json", "quiet"),
        ("number", "confidence", 0.7, 5, "0.70", ""),
        ("number", "actual", 0.2, 10, "0.2", ""),
        ("number", "value", 0.00001234, 9, "1.2e-05", ""),
        ("integer", "id", 81220, 8, "81,220", "quiet"),
        ("bytes", "size", 1_234_567, 9, "1.2 MB", ""),
        ("price", "price", "torn", 9, "torn", ""),
        ("price", "exit", None, 9, "", ""),
    ],
)
def test_a_value_is_written_by_its_kind(
    kind: str, name: str, value: object, width: int, text: str, tone: str
) -> None:
    assert format_cell(name, kind, value, width, UNICODE) == (text, tone)


def test_without_unicode_arrows_are_letters() -> None:
    assert format_cell("pnl", "money", -4.172, 9, ASCII) == ("-4.17 v", "loss")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (56412.0, "56,412.0"),
        (2481.354, "2,481.35"),
        (0.5, "0.5000"),
        (0.00001234, "0.000012340"),
        (0.0, "0.0000"),
    ],
)
def test_a_price_has_the_decimals_its_size_needs(value: float, text: str) -> None:
    assert format_price(value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(45_000, "45s"), (40 * 60_000, "0h40"), (95 * 60_000, "1h35"), (76 * 3_600_000, "3d04h")],
)
def test_a_span_is_said_in_its_two_largest_units(ms: int, text: str) -> None:
    assert format_duration(ms) == text


def test_a_copied_value_has_all_its_digits_and_a_time_says_its_zone() -> None:
    assert plain_text("price", 56412.123456) == "56412.123456"
    assert iso_time(1_725_546_900_250) == "2024-09-05T14:35:00.250Z"
    assert plain_text("time", 1_725_546_900_000) == "2024-09-05T14:35:00Z"


def test_text_from_outside_cannot_move_the_cursor_or_turn_the_line_round() -> None:
    assert clean("a\x1b[2Jb\nc\u202ed\u200be", UNICODE) == "a�[2Jb c�de"
    assert clean("naïve £", ASCII) == "na?ve ?"
    assert format_cell("text", "text", "[red]not markup[/red]", 40, UNICODE)[0] == "[red]not markup[/red]"


@pytest.mark.parametrize("width", range(1, 12))
@pytest.mark.parametrize("text", ["", "short", "much too long for it", "漢字かな交じり", "e\u0301tude"])
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, width: int) -> None:
    from rich.cells import cell_len

    assert cell_len(fit(text, width, right=False, ellipsis="…")) == width
    assert cell_len(fit(text, width, right=True, ellipsis="…")) == width


def test_symbols_follow_the_wish_then_the_locale_then_the_terminal() -> None:
    assert choose_symbols("ascii", encoding="utf-8") is ASCII
    assert choose_symbols("auto", encoding="ISO-8859-1") is ASCII
    assert choose_symbols("auto", encoding="UTF-8", terminal="xterm-256color") is UNICODE
    assert choose_symbols("auto", encoding="UTF-8", terminal="linux").chart == "block"
    assert choose_symbols("braille", encoding="ANSI_X3.4-1968") is UNICODE


COLUMNS = [
    ColumnSpec(number, name, name, kind, width, False)
    for number, (name, kind, width) in enumerate(
        [
            ("time", "time", 16),
            ("symbol", "text", 10),
            ("price", "price", 11),
            ("why", "text", 48),
            ("id", "integer", 8),
        ]
    )
]


def test_the_first_column_stays_when_the_others_scroll() -> None:
    assert [item.name for item in place(COLUMNS, 40, 1)] == ["time", "symbol"]
    assert [item.name for item in place(COLUMNS, 40, 3)] == ["time", "why"]


def test_a_number_is_never_cut_and_a_text_may_be() -> None:
    names = [item.name for item in place(COLUMNS, GUTTER + 16 + GAP + 10 + GAP + 10, 1)]
    assert names == ["time", "symbol"]
    cut = place(COLUMNS, GUTTER + 16 + GAP + 10 + GAP + 11 + GAP + 20, 1)
    assert [(item.name, item.width) for item in cut][-1] == ("why", 20)


def test_what_is_left_over_goes_to_the_words() -> None:
    placed = place(COLUMNS, 140, 1)
    assert {item.name: item.width for item in placed}["why"] > 48
    assert placed[-1].left + placed[-1].width == 140


def test_a_column_that_is_moved_to_is_scrolled_in_whole() -> None:
    first = first_to_show(COLUMNS, 60, 1, 4)
    shown = place(COLUMNS, 60, first)
    assert "id" in [item.name for item in shown]
    assert first_to_show(COLUMNS, 60, first, 1) == 1


@pytest.mark.parametrize("width", range(0, 30))
def test_a_table_without_room_has_fewer_columns_and_never_fails(width: int) -> None:
    for first in range(1, 6):
        assert len(place(COLUMNS, width, first)) <= 2
    assert first_to_show(COLUMNS, width, 1, 4) <= 4


def test_columns_come_in_the_wanted_order_and_hidden_ones_not_at_all() -> None:
    names = [item.name for item in arrange(COLUMNS, ("id", "price"), ("symbol",))]
    assert names == ["id", "price", "time", "why"]
    assert len(arrange(COLUMNS, (), tuple(item.name for item in COLUMNS))) == len(COLUMNS)
