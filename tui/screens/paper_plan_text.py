"""What the form of a paper run says beside its fields and below them: pure functions of what was typed."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.screens.data_text import timeframe
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, format_time

if TYPE_CHECKING:
    from storage.data_overview import SeriesRow
    from tui.screens.paper_plan import CheckedPlan, PlanTexts

SINCE = {"inbox": "now", "playback": "start"}
"""Where a run begins when nothing is said."""


def field_words(name: str, texts: PlanTexts) -> str:
    """What a field means as it stands."""
    words = {
        "source": "bars as they are imported" if texts.source == "inbox" else "stored bars, played again",
        "speed": "0: as fast as possible; 60: an hour a minute",
        "symbols": "such as BTC/USDT,ETH/USDT",
        "timeframe": "length of the bars",
        "strategies": "such as momentum,mean_bot",
        "params": "such as momentum.fast=8",
        "since": f"start, now, or 2024-05-31T12:00; empty: {SINCE[texts.source]}",
    }
    return words[name]


def plan_text(checked: CheckedPlan, texts: PlanTexts, width: int, symbols: Symbols) -> Content:
    """What would be traded, over which bars, and how long a playback takes."""
    lines: list[Part] = []
    if checked.problems:
        name, problem = next(iter(checked.problems.items()))
        lines.append((f"{symbols.cross} {name}: {clean(problem, symbols)}", "$loss"))
    for row in checked.series[:3]:
        first, last = format_time(row.first_close_ms), format_time(row.last_close_ms)
        name = f"{clean(row.symbol, symbols)} {timeframe(row.timeframe_ms)}"
        lines.append((f"{name}: {row.bars:,} bars, {first} to {last}", ""))
    if len(checked.series) > 3:
        lines.append((f"and {len(checked.series) - 3} more", "$quiet"))
    if checked.plan is not None:
        lines.append((_takes(checked, texts), "$quiet"))
    return Content("\n").join(
        [assemble([(line, style)]) for text, style in lines for line in wrap(text, max(30, width))]
    )


def _takes(checked: CheckedPlan, texts: PlanTexts) -> str:
    plan = checked.plan
    if plan is None:
        return ""
    if texts.source == "inbox":
        return "The run decides on every bar that is imported from now on, until you stop it."
    if plan.speed <= 0:
        return "Played as fast as possible."
    first, last = _span(checked.series, plan.since)
    return f"At this speed it takes {phrases.span(max(0, last - first) / plan.speed)} to the end."


def _span(series: Sequence[SeriesRow], since: str | int | None) -> tuple[int, int]:
    """The first and the last moment that would be played."""
    last = max((row.last_close_ms for row in series), default=0)
    first = min((row.first_close_ms for row in series), default=0)
    if since == "now":
        return last, last
    return (max(first, since), last) if isinstance(since, int) else (first, last)
