"""From the texts of the form to the plan of a paper run, or to what is wrong with which of them.

Pure, apart from the registry of strategies, which loads no more than names and parameters. The command and
the job check the same once more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from cointrader.strategies import registry
from models.parameters import ParameterError
from storage.data_overview import SeriesRow
from storage.paper_runs import INBOX, PLAYBACK, PaperPlan
from tui.screens.data_text import timeframe as timeframe_name

MOST_BARS = "most bars"
USUAL = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")
_PAIR = re.compile(r"[A-Z0-9]{1,15}/[A-Z0-9]{1,15}")


@dataclass(frozen=True)
class PlanTexts:
    """What stands in the form."""

    source: str = INBOX
    speed: str = "0"
    symbols: str = ""
    timeframe: str = MOST_BARS
    strategies: str = ""
    params: str = ""
    since: str = ""


@dataclass(frozen=True)
class CheckedPlan:
    """The plan, None while a field is refused; `problems` by the name of the field."""

    plan: PaperPlan | None
    problems: Mapping[str, str]
    series: tuple[SeriesRow, ...] = ()
    """The stored series that would be traded."""


def timeframe_choices(stored: Sequence[SeriesRow]) -> tuple[str, ...]:
    """The lengths of bars to choose from: those that are stored, then the usual ones."""
    known = [timeframe_name(ms) for ms in sorted({row.timeframe_ms for row in stored})]
    return (MOST_BARS, *known, *(name for name in USUAL if name not in known))


def check_texts(texts: PlanTexts, stored: Sequence[SeriesRow]) -> CheckedPlan:
    """The plan that the form asks for."""
    problems: dict[str, str] = {}
    speed = _speed(texts, problems)
    symbols = _symbols(texts.symbols, stored, problems)
    timeframe = None if texts.timeframe == MOST_BARS else texts.timeframe
    series = _series(symbols, timeframe, stored)
    if "symbols" not in problems:
        _check_stored(texts, symbols, series, problems)
    strategies = _strategies(texts.strategies, problems)
    params = _params(texts.params, strategies, problems) if "strategies" not in problems else {}
    since = _since(texts.since, problems)
    if problems:
        return CheckedPlan(None, problems, series)
    plan = PaperPlan(
        source=texts.source,
        speed=speed,
        strategies=strategies,
        symbols=symbols,
        timeframe=timeframe,
        since=since,
        params=params,
    )
    return CheckedPlan(plan, {}, series)


def _speed(texts: PlanTexts, problems: dict[str, str]) -> float:
    if texts.source != PLAYBACK:
        return 0.0
    try:
        speed = float(texts.speed)
    except ValueError:
        speed = math.nan
    if not 0.0 <= speed < math.inf:
        problems["speed"] = "must be 0 (as fast as possible) or more: 60 is an hour a minute"
        return 0.0
    return speed


def _symbols(text: str, stored: Sequence[SeriesRow], problems: dict[str, str]) -> tuple[str, ...]:
    """Pairs in any usual spelling, as they are stored; others must be written with a slash."""
    known = {row.symbol.replace("/", ""): row.symbol for row in stored}
    found: list[str] = []
    for word in (part.strip().upper() for part in text.split(",") if part.strip()):
        bare = re.sub(r"[/_\-]", "", word)
        symbol = known.get(bare, re.sub(r"[_\-]", "/", word))
        if not _PAIR.fullmatch(symbol):
            problems["symbols"] = f"{word} names no pair; write it as BTC/USDT"
        elif symbol not in found:
            found.append(symbol)
    return tuple(found)


def _series(
    symbols: Sequence[str], timeframe: str | None, stored: Sequence[SeriesRow]
) -> tuple[SeriesRow, ...]:
    """The series that a run would take: of each symbol the one with most bars."""
    best: dict[str, SeriesRow] = {}
    for row in stored:
        fits = (not symbols or row.symbol in symbols) and timeframe in (
            None,
            timeframe_name(row.timeframe_ms),
        )
        if fits and (row.symbol not in best or row.bars > best[row.symbol].bars):
            best[row.symbol] = row
    return tuple(best[symbol] for symbol in sorted(best))


def _check_stored(
    texts: PlanTexts, symbols: Sequence[str], series: Sequence[SeriesRow], problems: dict[str, str]
) -> None:
    found = {row.symbol for row in series}
    missing = [symbol for symbol in symbols if symbol not in found]
    in_words = "" if texts.timeframe == MOST_BARS else f" of {texts.timeframe}"
    if not symbols and not found:
        problems["symbols"] = f"no candles{in_words} are stored: 0 Data imports some"
    elif missing and texts.source == PLAYBACK:
        problems["symbols"] = f"no candles{in_words} of {', '.join(missing)} are stored"
    elif missing and texts.timeframe == MOST_BARS:
        problems["timeframe"] = f"{', '.join(missing)} is not stored yet: choose how long its bars are"


def _strategies(text: str, problems: dict[str, str]) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip()) or registry.names()
    unknown = [name for name in names if name not in registry.names()]
    if unknown:
        problems["strategies"] = f"no strategy {unknown[0]}; known: {', '.join(registry.names())}"
    elif len(set(names)) != len(names):
        problems["strategies"] = "a strategy is named twice"
    return names


def _params(text: str, strategies: Sequence[str], problems: dict[str, str]) -> dict[str, dict[str, Any]]:
    """NAME=VALUE for one strategy, STRATEGY.NAME=VALUE for several, separated by spaces or commas."""
    values: dict[str, dict[str, str]] = {name: {} for name in strategies}
    for word in text.replace(",", " ").split():
        name, equals, value = word.partition("=")
        strategy, dot, parameter = name.partition(".")
        if not dot and len(strategies) == 1:
            strategy, parameter = strategies[0], name
        if not equals or not parameter or strategy not in values:
            many = len(strategies) > 1
            problems["params"] = f"{word}: write {'STRATEGY.' if many else ''}NAME=VALUE"
            return {}
        values[strategy][parameter] = value
    try:
        return {name: asdict(registry.build_params(name, given)) for name, given in values.items()}
    except ParameterError as error:
        problems["params"] = f"{error.name} {error.reason}"
        return {}


def _since(text: str, problems: dict[str, str]) -> str | int | None:
    if not text:
        return None
    if text in ("start", "now"):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        problems["since"] = "must be start, now, or a time such as 2024-05-31T12:00"
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
