"""From what stands in the form to the plan of a paper run, or to what is wrong with which field."""

from __future__ import annotations

import pytest

from cointrader.cli.paper import since_of
from cointrader.strategies import registry
from storage.data_overview import SeriesRow
from storage.paper_runs import INBOX, PLAYBACK
from tui.screens.paper_plan import MOST_BARS, PlanTexts, check_texts, timeframe_choices
from tui.screens.paper_plan_text import field_words, plan_text
from tui.symbols import ASCII, UNICODE

HOUR_MS = 3_600_000


def series(symbol: str, timeframe_ms: int = 300_000, bars: int = 100) -> SeriesRow:
    return SeriesRow(
        id=1, symbol=symbol, venue="", timeframe_ms=timeframe_ms, bars=bars, first_close_ms=0,
        last_close_ms=10 * HOUR_MS, gaps=0, missing_bars=0, duplicates=0, refused=0, zero_volume=0,
        source_name="", dialect="", provenance="import", imported_ms=0, path="", rev=1,
    )  # fmt: skip


STORED = (series("BTC/USDT"), series("BTC/USDT", HOUR_MS, 300), series("ETH/USDT"))


def problem(texts: PlanTexts, field: str) -> str:
    checked = check_texts(texts, STORED)
    assert checked.plan is None
    assert list(checked.problems) == [field]
    return checked.problems[field]


def test_an_untouched_form_trades_all_that_is_stored_as_the_command_does() -> None:
    checked = check_texts(PlanTexts(), STORED)
    plan = checked.plan
    assert plan is not None and checked.problems == {}
    assert (plan.source, plan.speed, plan.symbols, plan.timeframe, plan.since) == (INBOX, 0.0, (), None, None)
    assert plan.strategies == registry.names() and set(plan.params or {}) == set(registry.names())
    assert [(row.symbol, row.timeframe_ms) for row in checked.series] == [
        ("BTC/USDT", HOUR_MS),
        ("ETH/USDT", 300_000),
    ]


@pytest.mark.parametrize("text", ["BTC/USDT", "btcusdt", "btc-usdt", "BTC_USDT", " BTC/USDT, btcusdt,"])
def test_symbols_are_taken_in_any_usual_spelling_and_once(text: str) -> None:
    plan = check_texts(PlanTexts(symbols=text), STORED).plan
    assert plan is not None and plan.symbols == ("BTC/USDT",)


def test_a_symbol_that_is_not_stored_can_be_waited_for_when_its_bars_have_a_length() -> None:
    assert "choose how long its bars are" in problem(PlanTexts(symbols="SOL/USDT"), "timeframe")
    plan = check_texts(PlanTexts(symbols="SOL/USDT", timeframe="5m"), STORED).plan
    assert plan is not None and plan.symbols == ("SOL/USDT",)
    assert "no candles of SOL/USDT are stored" in problem(
        PlanTexts(source=PLAYBACK, symbols="SOL/USDT"), "symbols"
    )


def test_what_is_stored_in_other_bars_only_is_not_played() -> None:
    texts = PlanTexts(source=PLAYBACK, symbols="ETH/USDT", timeframe="1h")
    assert problem(texts, "symbols") == "no candles of 1h of ETH/USDT are stored"


def test_without_any_candles_the_way_to_some_is_said() -> None:
    assert "0 Data imports some" in check_texts(PlanTexts(), ()).problems["symbols"]


@pytest.mark.parametrize("text", ["", "fast", "-1", "nan", "inf", "1e999"])
def test_a_speed_that_is_none_is_refused_for_a_playback_only(text: str) -> None:
    assert "must be 0" in problem(PlanTexts(source=PLAYBACK, speed=text), "speed")
    assert check_texts(PlanTexts(source=INBOX, speed=text), STORED).plan is not None


@pytest.mark.parametrize(
    ("texts", "field", "words"),
    [
        (PlanTexts(symbols="bitcoin"), "symbols", "BITCOIN names no pair"),
        (PlanTexts(symbols="BTC/USDT/EUR"), "symbols", "names no pair"),
        (PlanTexts(strategies="grid"), "strategies", "no strategy grid; known: momentum, mean_bot"),
        (PlanTexts(strategies="momentum,momentum"), "strategies", "named twice"),
        (PlanTexts(params="fast=8"), "params", "write STRATEGY.NAME=VALUE"),
        (PlanTexts(strategies="momentum", params="fast"), "params", "write NAME=VALUE"),
        (PlanTexts(params="momentum.fast=1"), "params", "fast must be 2 to 500"),
        (PlanTexts(params="momentum.fast=30"), "params", "must be shorter than slow"),
        (PlanTexts(params="momentum.speed=3"), "params", "speed"),
        (PlanTexts(since="yesterday"), "since", "such as 2024-05-31T12:00"),
    ],
)
def test_what_could_not_begin_is_refused_at_its_field(texts: PlanTexts, field: str, words: str) -> None:
    assert words in problem(texts, field)


@pytest.mark.parametrize("text", ["start", "now", "2024-05-31", "2024-05-31T12:00", "2024-05-31T12:00+02:00"])
def test_times_mean_what_they_mean_to_the_command(text: str) -> None:
    plan = check_texts(PlanTexts(since=text), STORED).plan
    assert plan is not None and plan.since == since_of(text)


def test_stored_lengths_of_bars_are_offered_first() -> None:
    assert timeframe_choices(STORED)[:4] == (MOST_BARS, "5m", "1h", "1m")
    assert len(set(timeframe_choices(STORED))) == len(timeframe_choices(STORED))


def test_the_form_says_how_long_a_playback_takes() -> None:
    texts = PlanTexts(source=PLAYBACK, speed="60", symbols="ETH/USDT")
    words = plan_text(check_texts(texts, STORED), texts, 90, UNICODE).plain
    assert "ETH/USDT 5m: 100 bars, 1970-01-01 00:00 to 1970-01-01 10:00" in words
    assert "At this speed it takes 10 min to the end." in words


def test_every_field_has_words_in_every_character_set() -> None:
    for name in PlanTexts.__dataclass_fields__:
        assert field_words(name, PlanTexts()).isascii()
    texts = PlanTexts(symbols="bitcoin")
    assert plan_text(check_texts(texts, STORED), texts, 60, ASCII).plain.isascii()
