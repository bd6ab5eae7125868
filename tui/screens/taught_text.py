"""What closes have taught, as text: pure functions of what storage read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.screens.live_text import sparkline
from tui.symbols import Symbols
from tui.widgets.chart.symbols import SETS
from tui.widgets.paged_table.formats import clean, fit

if TYPE_CHECKING:
    from storage.lessons_overview import ClosesTaught, ModelLessons

NAME = 8  # cells of the name of a model
MOST_BARS = 16
STATES = (
    ("trained", "$gain"),
    ("waiting", "$warning"),
    ("skipped", ""),
    ("failed", "bold $loss"),
    ("absent", ""),
)
TRENDS = {"falling": "$gain", "rising": "$loss"}


def taught_text(taught: ClosesTaught, width: int, symbols: Symbols) -> Content:
    """The closes in a line, then a line a model: what became of its lessons, and where its loss goes."""
    lines = [
        assemble(_closes(taught, "mean reward")),
        *(_model(model, width, symbols) for model in taught.models),
    ]
    return _within(lines, width, symbols)


def taught_line(taught: ClosesTaught, width: int, symbols: Symbols) -> Content:
    """The same in one line: of each model how many of the closes trained it, and how many wait to."""
    parts = [*_closes(taught, "reward"), ("  trained ", "$quiet")]
    for number, model in enumerate(taught.models):
        parts += [
            (", " if number else "", "$quiet"),
            (f"{clean(model.model, symbols)} {model.trained:,}", ""),
        ]
        if model.waiting:
            parts.append((f" ({model.waiting:,} wait)", "$warning"))
    return _within([assemble(parts)], width, symbols)


def _closes(taught: ClosesTaught, reward_name: str) -> list[Part]:
    reward = "-" if taught.mean_reward is None else f"{taught.mean_reward:+.3f}"
    newest = "" if taught.is_all else "newest "
    return [
        (f"{taught.closes:,}", "bold"),
        (f" {newest}closes  win ", "$quiet"),
        (phrases.percent(taught.win_rate, digits=0), ""),
        (f"  {reward_name} ", "$quiet"),
        (reward, _tone(taught.mean_reward)),
    ]


def _tone(value: float | None) -> str:
    return "$quiet" if not value else "$gain" if value > 0 else "$loss"


def _model(model: ModelLessons, width: int, symbols: Symbols) -> Content:
    name = fit(clean(model.model, symbols), NAME, right=False, ellipsis=symbols.ellipsis)
    parts: list[Part] = [(name, ""), *_states(model)]
    loss = list(_loss(model, width - sum(len(text) for text, _ in parts), symbols))
    return assemble([*parts, *loss])


def _states(model: ModelLessons) -> Iterator[Part]:
    """Only the states that there are; a reason in figures stands beside what waits."""
    first = True
    for state, style in STATES:
        count = getattr(model, state)
        if not count:
            continue
        yield ("" if first else ", "), "$quiet"
        first = False
        yield f"{count:,}", style
        missing = model.why_waiting.removeprefix("waiting ") if state == "waiting" else ""
        yield f" {state}{f' {missing}' if '/' in missing else ''}", "$quiet"


def _loss(model: ModelLessons, room: int, symbols: Symbols) -> Iterator[Part]:
    """A picture of the newest losses at the right end, as long as there is room, and a word for it."""
    if not model.losses:
        return
    words = f" loss {model.trend}"
    bars = min(MOST_BARS, room - len(words) - 1, len(model.losses))
    picture = sparkline(model.losses, bars, SETS[symbols.chart].bars) if bars >= 2 else ""
    yield " " * max(1, room - len(picture) - len(words)), ""
    yield picture, "$accent"
    yield " loss ", "$quiet"
    yield model.trend, TRENDS.get(model.trend, "$quiet")


def _within(lines: list[Content], width: int, symbols: Symbols) -> Content:
    cut = [
        line if line.cell_length <= width else line[: max(0, width - 1)] + Content(symbols.ellipsis)
        for line in lines
    ]
    return Content("\n").join(cut)
