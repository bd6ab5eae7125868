"""How long records of the feeds take, beside what they may take, as text of a panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit

if TYPE_CHECKING:
    from storage.latency import StageLatency

AT_MOST = 6
"""Lines; of more the slowest against their targets."""


def slowest(figures: Sequence[StageLatency]) -> list[StageLatency]:
    """One a stage, that of the type which uses most of its target; those that miss it come first."""
    worst: dict[str, StageLatency] = {}
    for figure in figures:
        known = worst.get(figure.stage)
        if known is None or _share(figure) > _share(known):
            worst[figure.stage] = figure
    return sorted(worst.values(), key=lambda figure: (figure.is_within, -_share(figure)))


def _share(figure: StageLatency) -> float:
    return figure.p95_ms / figure.target_ms if figure.target_ms else 0.0


def feeds_text(figures: Sequence[StageLatency], width: int, symbols: Symbols) -> Content:
    """A line a stage: half of the records, 95 of 100, the target, and whether it is met."""
    shown = slowest(figures)[:AT_MOST]
    name = max(10, width - 8 - 9 - 8 - 9)
    lines = [Content.styled(f"{'':<{name}}{'p50 ms':>8}{'p95 ms':>9}{'target':>8}", "$quiet")]
    lines += [assemble(_line(figure, name, symbols)) for figure in shown]
    return Content("\n").join(lines)


def _line(figure: StageLatency, name: int, symbols: Symbols) -> list[Part]:
    words = f"{figure.stage.replace('_', ' ')} {figure.type.replace('_', ' ')}"
    target = "" if figure.target_ms is None else f"{figure.target_ms:g}"
    verdict: Part = ("", "")
    if figure.target_ms is not None:
        verdict = (
            (f" {symbols.check} met", "$gain")
            if figure.is_within
            else (f" {symbols.cross} missed", "bold $loss")
        )
    return [
        (fit(clean(words, symbols), name, right=False, ellipsis=symbols.ellipsis), ""),
        (f"{_ms(figure.p50_ms):>8}", "$quiet"),
        (f"{_ms(figure.p95_ms):>9}", "bold"),
        (f"{target:>8}", "$quiet"),
        verdict,
    ]


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
