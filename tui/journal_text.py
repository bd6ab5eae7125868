"""How the steps of a session are kept, in words: pure functions of the journal's row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.phrases import Part
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import format_bytes

if TYPE_CHECKING:
    from storage.steps import JournalRow


def kept_words(journal: JournalRow | None) -> Part:
    """Full, digests only, pruned or not at all, with its style."""
    if journal is None:
        return "steps are not kept", "$quiet"
    if journal.state == "pruned":
        return "pruned: digests and norms are left", "$warning"
    if journal.mode == "digest":
        return "digests and norms only", "$warning"
    if journal.digest_from_step is not None:
        return f"whole up to step {journal.digest_from_step - 1:,}, digests from there", "$warning"
    return "whole: every step can be rebuilt", "$gain"


def kept_short(journal: JournalRow | None) -> Part:
    """The same in a word or two, where there is little room."""
    if journal is None:
        return "steps not kept", "$quiet"
    if journal.state == "pruned":
        return "pruned", "$warning"
    if journal.mode == "digest":
        return "digests only", "$warning"
    if journal.digest_from_step is not None:
        return f"digests from {journal.digest_from_step:,}", "$warning"
    return "kept whole", "$gain"


def budget_words(journal: JournalRow) -> str:
    """Bytes of this journal, and the budget that all of them share."""
    if journal.budget_bytes <= 0:
        return f"{format_bytes(journal.bytes)}, no budget"
    share = journal.bytes / journal.budget_bytes
    return f"{format_bytes(journal.bytes)} of {format_bytes(journal.budget_bytes)} ({share:.1%})"


def live_parts(journal: JournalRow | None, symbols: Symbols) -> list[Part]:
    """One line for Live: how steps are kept, how much of the budget is used, and since when only digests."""
    word, style = kept_words(journal)
    if journal is None:
        return [("steps  ", "$quiet"), (word, style)]
    return [
        ("steps  ", "$quiet"),
        (word, style),
        (f" {symbols.middle} {budget_words(journal)}", ""),
        (f" {symbols.middle} {journal.last_step:,} on disk", "$quiet"),
    ]
