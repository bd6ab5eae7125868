"""What the choice of files says, as text: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.import_preview import Preview, kinds_in, unanswered
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_bytes
from tui.widgets.record_list import Record

if TYPE_CHECKING:
    from tui.screens.import_wizard import InboxEntry


def inbox_record(entry: InboxEntry, marked: bool, seen: bool, width: int, symbols: Symbols) -> Record:
    """One entry of the inbox in a line."""
    size = "folder" if entry.is_folder else format_bytes(entry.size)
    room = max(10, width - 2 - 4 - 10 - 16)
    name = fit(clean(entry.path.name, symbols), room, right=False, ellipsis=symbols.ellipsis)
    parts: list[Part] = [
        (f"[{symbols.check if marked else ' '}] ", "$accent"),
        (name, "bold" if marked else ""),
        (f"{size:>10}", "$quiet"),
        ("  read before" if seen else "", "$quiet"),
    ]
    return Record(entry.path, assemble(parts))


def preview_text(previews: Sequence[Preview], width: int, room: int, symbols: Symbols) -> Content:
    """What the files are: one in full, of several how many there are of each kind."""
    if not previews:
        return Content.styled("there is no file in it", "$warning")
    lines = _one(previews[0], symbols) if len(previews) == 1 else _several(previews, symbols)
    for question in unanswered(previews):
        some = "" if len(previews) == 1 else "some are refused without an answer: "
        words = f"{some}{question.text} ({question.option})"
        lines.insert(1, [("asks: ", "bold $warning"), (words, "$warning")])
    if len(previews) > 1 and len(lines) > room:
        lines[room - 1 :] = [[(f"and {len(lines) - room + 1} more kinds", "$quiet")]]
    shown = [assemble(line) for line in lines[:room]]
    cut = [line.truncate(width, ellipsis=True) if line.cell_length > width else line for line in shown]
    return Content("\n").join(cut)


def _one(preview: Preview, symbols: Symbols) -> list[list[Part]]:
    if not preview.kind:
        head: list[Part] = [(f"{symbols.cross} not known: ", "bold $loss"), (clean(preview.why, symbols), "")]
    else:
        said = " ".join(part for part in (preview.symbol, preview.timeframe) if part)
        head = [
            (f"{symbols.check} {preview.kind}", "bold $gain"),
            (f" {said}" if said else "", "bold"),
            (f"  {clean(preview.why, symbols)}", "$quiet"),
        ]
    taken: list[list[Part]] = [
        [(f"takes {question.option} as {question.default}: ", "$accent"), (question.text, "$quiet")]
        for question in preview.questions
        if question.default
    ]
    lines: list[list[Part]] = [[(clean(line, symbols), "$quiet")] for line in preview.lines]
    return [head, *taken, *lines]


def _several(previews: Sequence[Preview], symbols: Symbols) -> list[list[Part]]:
    lines: list[list[Part]] = [[(f"{len(previews):,} files", "bold")]]
    for kind, count in kinds_in(previews):
        if kind:
            lines.append([(f"{count:>6,} ", "bold"), (kind, "$gain")])
        else:
            first = next(preview for preview in previews if not preview.kind)
            words = clean(f"{first.path.rpartition('/')[2]}: {first.why}", symbols)
            lines.append([(f"{count:>6,} ", "bold"), ("not known, ", "$loss"), (words, "$quiet")])
    return lines


def hints(previews: Sequence[Preview], examples: Mapping[str, str]) -> dict[str, str]:
    """What stands in an empty field: what the file says itself, what is taken otherwise, or an example."""
    found = {name: f"such as {example}" for name, example in examples.items()}
    if len(previews) != 1:
        return found
    preview = previews[0]
    for name, said in (("symbol", preview.symbol), ("timeframe", preview.timeframe)):
        if said:
            found[name] = said
    for question in preview.questions:
        if question.option in found:
            found[question.option] = question.default or f"needed, {question.example}".rstrip(", ")
    return found
