"""How the training data are, as text of a panel: what was collected, what came of it, who waits for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from models.registry import AGENTS
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean

if TYPE_CHECKING:
    from storage.training_health import Need, TrainingHealth

LABEL = 11  # cells of the words at the left
KNOWN = frozenset(entry.name for entry in AGENTS)


def training_data_text(health: TrainingHealth, width: int, symbols: Symbols, *, background: bool) -> Content:
    """A line for each step from a package to a training; `background`: outcomes come by themselves."""
    rows = [
        ("collected", _collected(health)),
        ("outcomes", _outcomes(health, background)),
        ("learned", [(f"{health.experiences:,}", _style(health.experiences)), (" experiences", "$quiet")]),
        *(("" if place else "agents", parts) for place, parts in enumerate(_needs(health, symbols))),
    ]
    if health.refused_by:
        rows.insert(1, ("refused", _reasons(health.refused, health.refused_by)))
    if health.incomplete_by:
        rows.append(("incomplete", _reasons(health.incomplete, health.incomplete_by)))
    if health.trainings:
        rows.append(("sessions", _trainings(health)))
    if health.last_error:
        rows.append(("last error", [(f"{symbols.cross} {clean(health.last_error, symbols)}", "$loss")]))
    lines = [assemble([(f"{label:<{LABEL}}", "$quiet"), *parts]) for label, parts in rows]
    return _within(lines, width, symbols)


def training_data_lines(health: TrainingHealth, width: int, symbols: Symbols, *, background: bool) -> Content:
    """The same in two lines: an error takes the place of the first."""
    if health.last_error:
        first: list[Part] = [(f"{symbols.cross} {clean(health.last_error, symbols)}", "$loss")]
    else:
        first = [*_collected(health), (", ", "$quiet"), *_outcomes(health, background)]
    return _within([assemble(first), assemble(_needs_in_short(health, symbols))], width, symbols)


def _collected(health: TrainingHealth) -> list[Part]:
    parts: list[Part] = [(f"{health.collected:,}", _style(health.collected)), (" setups", "$quiet")]
    if health.mean_completeness is not None:
        parts.append((f", {health.mean_completeness * 100:.0f} % complete", "$quiet"))
    if health.rapid:
        parts.append((f", {health.rapid:,} rapid", "$quiet"))
    return parts


def _outcomes(health: TrainingHealth, background: bool) -> list[Part]:
    parts: list[Part] = [(f"{health.validated:,}", _style(health.validated)), (" validated", "$quiet")]
    if health.waiting:
        parts.append((f", {health.waiting:,} wait", "$quiet"))
    if not background:
        parts.append((", by hand only", "$warning"))
    return parts


def _reasons(total: int, reasons: tuple[tuple[str, int], ...]) -> list[Part]:
    words = ", ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in reasons)
    return [(f"{total:,}", "$warning"), (f": {words}", "$quiet")]


def _needs(health: TrainingHealth, symbols: Symbols) -> list[list[Part]]:
    """Who has enough to train, in a line; then a line for each that waits."""
    met, waiting = _known_needs(health)
    lines = [_met(met, symbols)] if met else []
    for need in waiting:
        words = f" waiting {need.have}/{need.needed} {need.what}"
        lines.append([(need.agent, ""), (words, "$warning")])
    return lines


def _needs_in_short(health: TrainingHealth, symbols: Symbols) -> list[Part]:
    met, waiting = _known_needs(health)
    parts = _met(met, symbols)
    if waiting:
        words = ", ".join(f"{need.agent} {need.have}/{need.needed}" for need in waiting)
        parts += [("   " if met else "", ""), (f"waiting: {words}", "$warning")]
    return parts


def _known_needs(health: TrainingHealth) -> tuple[list[Need], list[Need]]:
    """Of the agents that there are: what is met, and what is not."""
    known = [need for need in health.needs if need.agent in KNOWN]
    return [need for need in known if need.is_met], [need for need in known if not need.is_met]


def _met(needs: list[Need], symbols: Symbols) -> list[Part]:
    parts: list[Part] = []
    for need in needs:
        parts += [("   " if parts else "", ""), (need.agent, ""), (f" {symbols.check}", "$gain")]
    return parts


def _trainings(health: TrainingHealth) -> list[Part]:
    words = [f"{each.agent} {each.sessions:,} ({each.steps:,} steps)" for each in health.trainings]
    return [(", ".join(words), "$quiet")]


def _style(count: int) -> str:
    return "bold" if count else "$quiet"


def _within(lines: list[Content], width: int, symbols: Symbols) -> Content:
    """The lines, each cut to the width."""
    cut = [
        line if line.cell_length <= width else line[: max(0, width - 1)] + Content(symbols.ellipsis)
        for line in lines
    ]
    return Content("\n").join(cut)
