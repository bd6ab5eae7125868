"""What rebuilding or verifying a step came to, in words: pure functions of what the command said."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean

if TYPE_CHECKING:
    from tui.step_question import StepAnswer

HINT = "r rebuilds the weights after this step and compares their digest, v computes its gradient again."


def hint_text(why_not: str, width: int) -> Content:
    """What can be asked, or why nothing can."""
    return _lines([(why_not or HINT, "$warning" if why_not else "$quiet")], width)


def asking_text(verb: str, step: int, width: int, symbols: Symbols) -> Content:
    """While a process works on it."""
    doing = "rebuilding" if verb == "rebuild" else "verifying"
    return _lines([(f"{doing} step {step:,}{symbols.ellipsis} escape stops it", "$accent")], width)


def answer_text(answer: StepAnswer, width: int, symbols: Symbols) -> Content:
    """What came of it: the same to the bit, not comparable and why, or something else than was recorded."""
    if answer.failure:
        return _lines([(f"{symbols.cross} {clean(answer.failure, symbols)}", "$loss")], width)
    said = answer.said
    what = "rebuilt" if answer.verb == "rebuild" else "verified"
    if said.get("match"):
        way = f", from the snapshot after step {said['snapshot']:,}" if "snapshot" in said else ""
        head: Part = (f"{symbols.check} {what}: the same to the bit{way}", "$gain")
    elif said.get("comparable") is False:
        why = clean(str(said.get("why") or "it was computed in another way"), symbols)
        head = (f"not comparable: {why}", "$warning")
    else:
        why = clean(str(said.get("why") or ""), symbols)
        head = (f"{symbols.cross} {what}: not what was recorded" + (f", {why}" if why else ""), "bold $loss")
    parts: list[Part] = [head]
    for name in ("digest", "recorded"):
        if said.get(name):
            parts.append((f"{name:<9} {said[name]}", "$quiet"))
    return _lines(parts, width)


def _lines(parts: list[Part], width: int) -> Content:
    lines = [assemble([(line, style)]) for text, style in parts for line in wrap(text, max(24, width))]
    return Content("\n").join(lines)
