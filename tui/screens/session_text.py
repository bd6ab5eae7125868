"""What the list of sessions says of the one under the cursor: pure functions of what storage read."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.journal_text import budget_words, kept_words
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean

if TYPE_CHECKING:
    from tui.screens.session_read import SessionAtAGlance

LABEL = 11  # cells of the words at the left


def session_text(session: SessionAtAGlance, width: int, symbols: Symbols) -> Content:
    """What it reached, how its steps are kept, and with which parameters it was trained."""
    row, journal = session.row, session.journal
    style = phrases.STATE_STYLES.get(row.state, "")
    head: list[Part] = [(row.state, style), (f" at step {row.step:,}", "")]
    if row.value is not None:
        head += [
            (f"  {clean(row.metric, symbols)} {phrases.number(row.value)} ", ""),
            phrases.edge(row.value, row.baseline, symbols),
        ]
    if session.version is not None:
        status = session.version.status
        head += [
            ("  became ", "$quiet"),
            (f"v{session.version.version} {status}", phrases.STATE_STYLES.get(status, "")),
        ]
    lines: list[list[Part]] = [head]
    word, tone = kept_words(journal)
    kept = word if journal is None else f"{word}, {budget_words(journal)}"
    lines += _labelled("steps", kept, tone, width, symbols)
    if journal is not None:
        worth = f"{journal.training_value:.4g}"
        worth += "" if journal.training_value else ": it has won nothing over the champion before it"
        lines += _labelled("worth", worth, "", width, symbols)
        if journal.note:
            lines += _labelled("", journal.note, "$warning", width, symbols)
        runs = f"{journal.optimiser}, torch {journal.torch_version}, {journal.capability}"
        runs += f", {journal.threads} thread{'' if journal.threads == 1 else 's'}"
        lines += _labelled("computed", runs, "$quiet", width, symbols)
    if row.note:
        lines += _labelled("note", row.note, "", width, symbols)
    lines += _labelled("with", f"seed {row.seed}, {_parameters(row.params_json)}", "$quiet", width, symbols)
    return Content("\n").join([assemble(line) for line in lines])


def _labelled(label: str, text: str, style: str, width: int, symbols: Symbols) -> list[list[Part]]:
    lines = wrap(clean(text, symbols), max(20, width - LABEL)) or [""]
    return [
        [(f"{label if number == 0 else '':<{LABEL}}", "$quiet"), (line, style)]
        for number, line in enumerate(lines)
    ]


def _parameters(text: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(json.loads(text).items())) or "defaults"
