"""What the step browser says, as text: pure functions of what storage read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_time

if TYPE_CHECKING:
    from storage.steps import StepRow

LABEL = 11  # cells of the words at the left
TOTAL = "losses/total"

KEPT = {
    "whole": ("kept whole", "$gain"),
    "digest": ("digest only: no gradient was kept", "$warning"),
    "pruned": ("pruned to make room for others", "$warning"),
}


def _row(label: str, *parts: Part) -> list[Part]:
    return [(f"{label:<{LABEL}}", "$quiet"), *parts]


def _joined(lines: Sequence[Sequence[Part]]) -> Content:
    return Content("\n").join([assemble(line) for line in lines])


def small(value: float | None) -> str:
    """A figure that may be small: 0.0123, 9.4e-05, "-" where it was not finite."""
    if value is None:
        return "-"
    return f"{value:.2e}" if value and abs(value) < 0.001 else phrases.number(value, 4)


def change(loss: float | None, before: float | None, symbols: Symbols) -> Part:
    """How the loss moved from the step before; falling is good."""
    if loss is None or before is None:
        return "", ""
    moved = loss - before
    if moved == 0:
        return f"{symbols.flat} 0", "$quiet"
    sign, style = (symbols.down, "$gain") if moved < 0 else (symbols.up, "$loss")
    return f"{sign} {moved:+.4f}", style


def list_text(
    steps: Sequence[StepRow], current: int, room: int, width: int, symbols: Symbols
) -> tuple[Content, int]:
    """The steps around the current one, it in the middle if that is possible; and the first one's place."""
    places = [row.step for row in steps]
    at = places.index(current) if current in places else 0
    top = max(0, min(at - room // 2, len(steps) - room))
    wide = width >= 34
    head = f"  {'step':>9}  {'loss':>8}" + (f"  {'change':>10}" if wide else "")
    lines: list[Content] = [assemble([(fit(head, width, right=False, ellipsis=symbols.ellipsis), "$quiet")])]
    for number in range(top, min(top + room, len(steps))):
        row = steps[number]
        before = steps[number - 1].loss if number else None
        moved, style = change(row.loss, before, symbols)
        mark = symbols.cursor if row.step == current else " "
        parts: list[Part] = [
            (f"{mark} ", "$accent"),
            (f"{row.step:>9,}", "bold" if row.step == current else ""),
            (f"  {small(row.loss):>8}", "" if row.loss is not None else "$loss"),
        ]
        if wide:
            parts.append((f"  {moved:>10}", style))
        line = assemble(parts).truncate(width, pad=True)
        lines.append(line.stylize("on $cursor-background") if row.step == current else line)
    return Content("\n").join(lines), top


def facts_text(
    row: StepRow, before: StepRow | None, batch: Sequence[int], width: int, symbols: Symbols, *, tall: bool
) -> Content:
    """One step: its losses, what it was made from, its digests, and the file that holds it."""
    moved, style = change(row.loss, before.loss if before is not None else None, symbols)
    loss: Part = (small(row.loss), "bold") if row.loss is not None else ("not a finite number", "bold $loss")
    lines = [_row("loss", loss, (f"  {moved}" if moved else "", style))]
    lines += _parts(row.losses, width, symbols, tall=tall)
    synced = f" {symbols.middle} target network copied after it" if row.synced else ""
    lines += [
        _row("rate", (f"{row.learning_rate:.3g}", ""), (" learning rate", "$quiet"), (synced, "$accent")),
        _row(
            "norm",
            (small(row.gradient_norm), ""),
            (f" whole gradient {symbols.middle} worth ", "$quiet"),
            (f"{row.value:.3g}", ""),
            (f" = |loss drop| x priority {row.priority:.3g}", "$quiet"),
        ),
        _row("weights", (row.weights_sha256 or "-", "")),
        _row("gradient", (row.gradient_sha256 or "-", "")),
        _row("batch", *batch_parts(batch, width - LABEL, symbols)),
        _row("file", *_file(row, symbols)),
    ]
    if tall:
        attempt = f", attempt {row.attempt} of its job" if row.attempt > 1 else ""
        lines.append(_row("at", (format_time(row.ts_ms) + attempt, "$quiet")))
    return Content("\n").join([assemble(line).truncate(width, ellipsis=True) for line in lines])


def _parts(
    losses: Mapping[str, float | None], width: int, symbols: Symbols, *, tall: bool
) -> list[list[Part]]:
    parts = {name.removeprefix("losses/"): value for name, value in losses.items() if name != TOTAL}
    if not parts:
        return []
    if not tall:
        words = ", ".join(f"{clean(name, symbols)}\xa0{small(value)}" for name, value in parts.items())
        lines = wrap(words, max(20, width - LABEL))
        return [_row("", (line.replace("\xa0", " "), "")) for line in lines[:2]]
    greatest = max((abs(value) for value in parts.values() if value is not None), default=0.0)
    name_room = min(24, max(len(name) for name in parts))
    room = max(6, min(32, width - LABEL - name_room - 14))
    rows = []
    for name, value in parts.items():
        share = abs(value) / greatest if value is not None and greatest else 0.0
        label = fit(clean(name, symbols), name_room, right=False, ellipsis=symbols.ellipsis)
        rows.append(
            _row("", (f"{label} ", ""), (f"{small(value):>9} ", ""), *phrases.bar(share, room, symbols))
        )
    return rows


def batch_parts(batch: Sequence[int], room: int, symbols: Symbols) -> list[Part]:
    """How many rows of the dataset, and as many of their numbers as there is room for."""
    if not batch:
        return [("no rows were noted", "$quiet")]
    head, tail = f"{len(batch):,} rows: ", f", {symbols.ellipsis} b shows all"
    whole = ", ".join(str(number) for number in batch)
    if len(head) + len(whole) <= room:
        return [(head, ""), (whole, "")]
    left = room - len(head) - len(tail)
    cut = whole[: whole.rfind(",", 0, max(left, 1) + 1)] if "," in whole[: max(left, 1) + 1] else ""
    return [(head, ""), (cut, ""), (tail if cut else tail[2:], "$quiet")]


def _file(row: StepRow, symbols: Symbols) -> list[Part]:
    word, style = KEPT[row.kept]
    if row.path is None:
        return [(word, style)]
    name = clean(row.path.rsplit("/", 1)[-1], symbols)
    place = f", row {row.file_row:,}" if row.file_row is not None else ""
    return [(word, style), (f" {symbols.middle} {name}{place}", "$quiet")]


def norms_text(norms: Mapping[str, float], width: int, symbols: Symbols) -> Content:
    """The norm of each layer's gradient as a bar of the greatest one."""
    if not norms:
        return assemble([("no layer was noted", "$quiet")])
    greatest = max((value for value in norms.values() if math.isfinite(value)), default=0.0)
    names = min(max(len(name) for name in norms), max(10, width // 3))
    bars = max(4, width - names - 13)
    lines: list[list[Part]] = []
    for name, value in norms.items():
        label = fit(clean(name, symbols), names, right=False, ellipsis=symbols.ellipsis)
        is_finite = math.isfinite(value)
        share = value / greatest if is_finite and greatest > 0 else 0.0
        figure = small(value) if is_finite else str(value)
        lines.append(
            [
                (f"{label} ", "$quiet"),
                *phrases.bar(share, bars, symbols),
                (f" {figure:>9}", "" if is_finite else "$loss"),
            ]
        )
    return _joined(lines)


def wrapped(text: str, style: str, width: int, symbols: Symbols) -> Content:
    """A sentence over as many lines as it needs."""
    return _joined([[(line, style)] for line in wrap(clean(text, symbols), max(20, width))])
