"""An input package: its ten fields, what makes each valid, and hashes that notice every change."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cointrader.settings import RapidSettings
from cointrader.training.collecting.columns import WINDOW_BARS, series_columns
from cointrader.training.collecting.completeness import CANDLE_FIELDS, FIELDS, NEEDS, completeness, mask_of
from cointrader.training.collecting.judging import Standard, standard_of
from cointrader.training.collecting.live import package_at
from cointrader.training.collecting.package import ModelInputPackage
from cointrader.training.collecting.rules import BOOK_LEVELS, FAULTS, Fault, window_fault, window_faults
from tests.models.walks import MINUTES_5, random_walk

WALK = random_walk(400, seed=5)
BAR = 300
PACKAGE = package_at(series_columns(WALK, RapidSettings()), BAR)
NOW = PACKAGE.timestamp
CANDLES = Standard(0.8)
Change = Callable[[np.ndarray], None]


def with_fields(**values: Any) -> ModelInputPackage:
    init = {field.name for field in dataclasses.fields(ModelInputPackage) if field.init}
    return ModelInputPackage(**{**{name: getattr(PACKAGE, name) for name in init}, **values})


def with_ohlcv(change: Change) -> ModelInputPackage:
    window = np.array(PACKAGE.ohlcv)
    change(window)
    return with_fields(ohlcv=window)


def book(bid: float = 100.0, ask: float = 100.1, size: float = 2.0) -> np.ndarray:
    levels = np.zeros((2, BOOK_LEVELS, 2))
    for level in range(10):
        levels[0, level] = bid - 0.1 * level, size
        levels[1, level] = ask + 0.1 * level, size
    return levels


def ticks(last_ms: int, count: int = 3) -> np.ndarray:
    times = last_ms - 1_000 * np.arange(count)[::-1]
    return np.column_stack([times, np.full(count, 100.0), np.full(count, 0.5), np.ones(count)])


def test_candles_alone_make_seven_of_ten_fields_and_all_that_is_needed_of_them() -> None:
    assert PACKAGE.completeness_score == pytest.approx(0.7)
    assert tuple(name for name, valid in PACKAGE.validation_flags.items() if valid) == tuple(
        name for name in FIELDS if name in CANDLE_FIELDS
    )
    assert completeness(PACKAGE.flags, CANDLE_FIELDS) == 1.0
    assert CANDLES.refusal(PACKAGE.flags, PACKAGE.window_fault, NOW, NOW) is None


def test_ticks_a_book_and_the_features_of_a_network_make_it_whole() -> None:
    whole = with_fields(ticks=ticks(NOW), order_book=book(), cnn_features=np.array([0.2, 0.7, 0.1]))
    assert whole.completeness_score == 1.0
    assert whole._calculate_completeness() == 1.0 and all(whole._validate_data().values())


def test_an_agent_never_needs_what_it_makes_itself() -> None:
    assert not {"cnn_features"} & set(NEEDS["cnn"]) and not {"rl_state"} & set(NEEDS["dqn"])
    assert completeness(with_fields(rl_state=None).flags, NEEDS["dqn"]) == 1.0


def test_the_score_counts_only_what_is_needed() -> None:
    flags = mask_of(("timestamp", "symbol", "ohlcv"))
    assert completeness(flags) == pytest.approx(0.3)
    assert completeness(flags, NEEDS["cnn"]) == pytest.approx(0.75)
    assert completeness(flags, ()) == 1.0
    with pytest.raises(ValueError, match="funding: no field"):
        standard_of(0.8, ("ohlcv", "funding"))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda bars: bars.__setitem__((7, 1), math.nan), Fault.BAD_VALUES),
        (lambda bars: bars.__setitem__((7, 4), math.inf), Fault.BAD_VALUES),
        (lambda bars: bars.__setitem__((7, 5), -1.0), Fault.BAD_VALUES),
        (lambda bars: bars.__setitem__((7, 2), bars[7, 3] * 0.9), Fault.BAD_VALUES),
        (lambda bars: bars.__setitem__((7, 3), bars[7, 2]), Fault.BAD_VALUES),
        (lambda bars: bars.__setitem__((7, 3), 0.0), Fault.BAD_VALUES),
        (lambda bars: bars.__setitem__(slice(None), 0.0), Fault.BAD_VALUES),
        (lambda bars: bars.__setitem__((7, 0), bars[6, 0]), Fault.TIME_ORDER),
        (lambda bars: bars.__setitem__((7, 0), bars[5, 0]), Fault.TIME_ORDER),
        (lambda bars: bars.__setitem__((slice(0, 7), 0), bars[:7, 0] - MINUTES_5 * 0.6), Fault.GAP),
    ],
)
def test_candles_that_cannot_be_are_refused_with_what_is_wrong(change: Change, fault: Fault) -> None:
    package = with_ohlcv(change)
    assert package.window_fault is fault and not package.validation_flags["ohlcv"]
    assert CANDLES.refusal(package.flags, package.window_fault, NOW, NOW) is fault


def test_a_gap_of_one_and_a_half_bars_is_still_none() -> None:
    assert with_ohlcv(lambda bars: bars[:7, 0].__isub__(MINUTES_5 * 0.5)).window_fault is None


def test_a_package_of_the_future_is_refused() -> None:
    assert CANDLES.refusal(PACKAGE.flags, PACKAGE.window_fault, NOW, NOW - 1) is Fault.FUTURE
    assert with_fields(timestamp=NOW - 1).window_fault is Fault.FUTURE


def test_candles_are_stale_after_two_bars() -> None:
    assert with_fields(timestamp=NOW + 2 * MINUTES_5).window_fault is None
    stale = with_fields(timestamp=NOW + 2 * MINUTES_5 + 1)
    assert stale.window_fault is Fault.STALE
    assert CANDLES.refusal(stale.flags, stale.window_fault, stale.timestamp, 2 * NOW) is Fault.STALE


def test_a_window_that_is_too_short_or_absent_says_so() -> None:
    for window in (None, np.array(PACKAGE.ohlcv)[1:], np.zeros(3)):
        assert with_fields(ohlcv=window).window_fault is Fault.SHORT_HISTORY


@pytest.mark.parametrize(
    "field", ["indicators", "rl_state", "context", "cnn_features", "ticks", "order_book"]
)
def test_a_field_of_zeros_counts_as_missing(field: str) -> None:
    shape = {"ticks": (3, 4), "order_book": (2, BOOK_LEVELS, 2)}.get(field)
    zeros = np.zeros(shape or len(getattr(PACKAGE, field) if field != "cnn_features" else range(3)))
    assert not with_fields(**{field: zeros}).validation_flags[field]


def test_no_pivot_in_the_window_is_a_valid_finding() -> None:
    assert with_fields(pivots=np.array([-1.0, 0.0, -1.0, 0.0])).validation_flags["pivots"]
    assert with_fields(pivots=np.zeros(4)).validation_flags["pivots"]
    assert not with_fields(pivots=np.array([-1.0, math.nan, -1.0, 0.0])).validation_flags["pivots"]


@pytest.mark.parametrize("field", ["indicators", "pivots", "rl_state", "context"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_makes_its_field_invalid(field: str, bad: float) -> None:
    values = np.array(getattr(PACKAGE, field))
    values[1] = bad
    assert not with_fields(**{field: values}).validation_flags[field]
    assert not with_fields(**{field: values[:-1]}).validation_flags[field]


@pytest.mark.parametrize(
    "made",
    [
        book(bid=100.2),
        book(size=0.0),
        book(size=-1.0),
        book(size=math.nan),
        np.concatenate([book()[:1], np.zeros((1, BOOK_LEVELS, 2))]),
        book()[:, ::-1],
        book()[:, :5],
    ],
)
def test_a_book_that_cannot_be_is_missing(made: np.ndarray) -> None:
    assert with_fields(order_book=book()).validation_flags["order_book"]
    assert not with_fields(order_book=made).validation_flags["order_book"]


def test_trades_must_be_fresh_in_order_and_real() -> None:
    def valid(rows: np.ndarray) -> bool:
        return with_fields(ticks=rows).validation_flags["ticks"]

    assert valid(ticks(NOW)) and valid(ticks(NOW - 2 * MINUTES_5 + 1))
    assert not valid(ticks(NOW - 2 * MINUTES_5)) and not valid(ticks(NOW + 1))
    assert not valid(ticks(NOW)[::-1]) and not valid(ticks(NOW) * [1, 0, 1, 1])
    assert not valid(ticks(NOW)[:0]) and not valid(ticks(NOW) * [1, math.nan, 1, 1])


@pytest.mark.parametrize("symbol", ["", "BTC", "btc/usdt", "/USDT", "BTC/", " BTC/USDT"])
def test_a_symbol_in_another_spelling_is_no_symbol(symbol: str) -> None:
    assert not with_fields(symbol=symbol).validation_flags["symbol"]


def test_one_package_and_all_bars_are_judged_by_the_same_rules() -> None:
    generator = np.random.default_rng(2)
    bars = series_columns(WALK, RapidSettings()).bars.copy()
    for at in generator.integers(0, 400, 4):
        bars[at, generator.integers(1, 6)] *= -1.0
    bars[180:, 0] += 2 * MINUTES_5
    bars[250, 0] = bars[248, 0]
    faults = window_faults(bars, MINUTES_5)
    assert len(set(faults.tolist())) == 5
    for bar in range(400):
        window = bars[max(0, bar + 1 - WINDOW_BARS) : bar + 1]
        assert window_fault(window, MINUTES_5, int(bars[bar, 0])) is FAULTS[faults[bar]], bar


def test_every_change_of_a_field_changes_both_hashes() -> None:
    changed = [
        with_fields(symbol="ETH/USDT"),
        with_fields(timestamp=NOW + 1),
        with_fields(timeframe_ms=60_000),
    ]
    for name in ("ohlcv", "indicators", "pivots", "rl_state", "context"):
        values = np.array(getattr(PACKAGE, name))
        values.reshape(-1)[-1] = np.nextafter(values.reshape(-1)[-1], np.inf)
        changed += [with_fields(**{name: values}), with_fields(**{name: None})]
    changed += [
        with_fields(ticks=ticks(NOW)),
        with_fields(order_book=book()),
        with_fields(cnn_features=[0.5]),
    ]
    assert len({each.sha256 for each in (PACKAGE, *changed)}) == len(changed) + 1
    assert len({each.data_hash for each in (PACKAGE, *changed)}) == len(changed) + 1


def test_the_hashes_are_those_of_the_canonical_bytes_whatever_order_arrays_lie_in() -> None:
    content = PACKAGE.canonical()
    assert PACKAGE.sha256 == hashlib.sha256(content).hexdigest()
    assert PACKAGE.data_hash == hashlib.md5(content).hexdigest()
    assert PACKAGE.ohlcv is not None
    swapped = np.asfortranarray(PACKAGE.ohlcv).astype(">f8")
    assert with_fields(ohlcv=swapped).sha256 == PACKAGE.sha256


def test_the_canonical_bytes_are_what_they_were_in_the_first_version() -> None:
    """A change of these digests makes every stored setup look damaged: raise the schema id instead."""
    made = ModelInputPackage(1_700_000_000_000, "BTC/USDT", 60_000, pivots=np.array([1.0, 0.5, -1.0, 0.0]))
    assert made.canonical().startswith(b"cointrader setup 1\0cnn_features\0none\0\0context\0none\0\0")
    assert made.sha256 == "f8abc16f83b6ae5b35c40be97a94ec38417441eb523d90ce18183b725d9b4b13"


def test_a_package_cannot_be_changed_after_it_was_hashed() -> None:
    source = np.array(PACKAGE.ohlcv)
    package = with_fields(ohlcv=source)
    source[:] = 0.0
    assert package.sha256 == PACKAGE.sha256 and package.ohlcv is not None
    with pytest.raises(ValueError, match="read-only"):
        package.ohlcv[0, 0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        package.symbol = "ETH/USDT"  # type: ignore[misc]


def test_what_is_not_made_of_numbers_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="indicators of a package must be an array of numbers"):
        with_fields(indicators=["many", "words"])


def test_a_refusal_names_what_is_missing() -> None:
    asked = standard_of(1.0, (*CANDLE_FIELDS, "ticks", "order_book"))
    fault = asked.refusal(PACKAGE.flags, PACKAGE.window_fault, NOW, NOW)
    assert fault is Fault.INCOMPLETE
    said = asked.in_words(fault, PACKAGE.flags, "BTC/USDT", 1_700_000_000_000)
    assert "BTC/USDT at 2023-11-14 22:13 UTC: 78% of what is needed, and 100% is the least" in said
    assert said.endswith("missing: ticks, order_book")
