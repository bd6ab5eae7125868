"""What a run is to trade, checked before it begins: its symbols, their stored series, and its first time."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cointrader.strategies import registry
from storage.candles import CandleFileRow, CandlesMissing, list_candles, parse_timeframe, timeframe_text
from storage.clock import now_ms
from storage.errors import StorageError
from storage.paper_runs import INBOX, PLAYBACK, PaperPlan

START, NOW = "start", "now"


class PlanRefused(StorageError):
    """A run that cannot be begun as it was asked for; the text says why."""


@dataclass(frozen=True)
class Traded:
    """One symbol of a run, with its stored series where it has one."""

    symbol: str
    timeframe_ms: int
    row: CandleFileRow | None


def check_plan(connection: sqlite3.Connection, plan: PaperPlan) -> list[Traded]:
    """The symbols of a plan, in order.

    Raises PlanRefused, CandlesMissing, UnknownStrategy and ParameterError.
    """
    _check_pace(plan)
    for name in strategies_of(plan):
        registry.build_params(name, (plan.params or {}).get(name))
    wanted_ms = _timeframe_ms(plan)
    best: dict[str, CandleFileRow] = {}
    stored = list_candles(connection)
    for row in stored:
        fits = (not plan.symbols or row.symbol in plan.symbols) and wanted_ms in (None, row.timeframe_ms)
        if fits and (row.symbol not in best or row.bars > best[row.symbol].bars):
            best[row.symbol] = row
    traded = []
    for symbol in sorted(set(plan.symbols) or best):
        known = best.get(symbol)
        span = known.timeframe_ms if known is not None else wanted_ms
        if span is None or (known is None and plan.source == PLAYBACK):
            hint = "" if plan.source == PLAYBACK else ", or name a timeframe and they are waited for"
            raise CandlesMissing(f"no {_candles(plan, symbol)}: {_what_there_is(stored, symbol)}{hint}")
        traded.append(Traded(symbol, span, known))
    if not traded:
        raise CandlesMissing(f"no {_candles(plan)} are stored: {_what_there_is(stored)}")
    _check_since(plan, traded)
    return traded


def strategies_of(plan: PaperPlan) -> tuple[str, ...]:
    """The strategies of a plan. Raises PlanRefused where one is named twice."""
    chosen = plan.strategies or registry.names()
    if len(set(chosen)) != len(chosen):
        raise PlanRefused(f"a strategy is named twice: {', '.join(chosen)}")
    return tuple(chosen)


def begins_after_ms(plan: PaperPlan, traded: Sequence[Traded]) -> int:
    """The time up to which bars are only history."""
    since = plan.since if plan.since is not None else (NOW if plan.source == INBOX else START)
    if since == NOW:
        return _last_ms(traded)
    return 0 if since == START else int(since)


def _check_pace(plan: PaperPlan) -> None:
    if not (math.isfinite(plan.speed) and plan.speed >= 0.0):
        raise PlanRefused(f"the speed of a playback is 0 (as fast as possible) or more, not {plan.speed}")
    if plan.source == INBOX and plan.speed > 0.0:
        raise PlanRefused("a speed is for a playback; bars from the inbox are decided on as they come")


def _timeframe_ms(plan: PaperPlan) -> int | None:
    if plan.timeframe is None:
        return None
    try:
        return parse_timeframe(plan.timeframe)
    except ValueError as error:
        raise PlanRefused(str(error)) from None


def _check_since(plan: PaperPlan, traded: Sequence[Traded]) -> None:
    """A run that could never decide on anything is not begun."""
    if isinstance(plan.since, str) and plan.since not in (START, NOW):
        raise PlanRefused(f"a run begins at {START!r}, {NOW!r} or a time, not at {plan.since!r}")
    after_ms, last_ms = begins_after_ms(plan, traded), _last_ms(traded)
    if plan.source == PLAYBACK and after_ms >= last_ms:
        raise PlanRefused(
            f"nothing is left to play after {_minute(after_ms)}: the last stored bar closed at "
            f"{_minute(last_ms)}"
        )
    if plan.source == INBOX and after_ms > max(last_ms, now_ms()):
        raise PlanRefused(f"{_minute(after_ms)} has not come yet: bars up to then would be history only")


def _last_ms(traded: Sequence[Traded]) -> int:
    return max((item.row.last_close_ms for item in traded if item.row is not None), default=0)


def _candles(plan: PaperPlan, symbol: str = "") -> str:
    """The candles that were asked for, in words."""
    frame = "" if plan.timeframe is None else f"{plan.timeframe} "
    return f"{frame}candles" + (f" of {symbol}" if symbol else "")


def _what_there_is(stored: Sequence[CandleFileRow], symbol: str = "") -> str:
    """The timeframes that are stored, or how to get any."""
    frames = {row.timeframe_ms for row in stored if not symbol or row.symbol == symbol}
    known = f"stored {'is' if len(frames) == 1 else 'are'} {', '.join(map(timeframe_text, sorted(frames)))}; "
    return f"{known if frames else ''}import some with `cointrader import FILE`"


def _minute(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
