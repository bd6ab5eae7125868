"""What rules have saved and missed, as text: pure functions of the sums that storage made.

The words are those of `cointrader rejections --by rule`.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_amount, signed

if TYPE_CHECKING:
    from storage.hindsight import RuleSum

COUNT, MONEY, NET = 9, 10, 12
"""Cells of the columns."""


def by_net(rules: Sequence[RuleSum]) -> tuple[RuleSum, ...]:
    """The rule that has earned most first; those of which nothing is known last."""
    return tuple(sorted(rules, key=lambda rule: (not rule.judged, -rule.net, rule.rule)))


def together(rules: Sequence[RuleSum], name: str) -> RuleSum:
    """All of them as one."""
    from storage.hindsight import RuleSum

    return RuleSum(
        name,
        sum(rule.n for rule in rules),
        sum(rule.judged for rule in rules),
        sum(rule.saved for rule in rules),
        sum(rule.missed for rule in rules),
        sum(rule.net for rule in rules),
    )


def rule_head(width: int, currency: str) -> Content:
    """The names of the columns, and what the money is in where that is one currency."""
    room = _room(width)
    cells = f"{'rejected':>{COUNT}}{'saved':>{MONEY}}{'missed':>{MONEY}}{'net':>{NET - 2}}  "
    words = f"rule, in {currency}" if currency and room > 16 else "rule"
    name = fit(words, room, right=False, ellipsis="")
    return assemble([(name + cells, "$quiet")])


def rule_line(rule: RuleSum, width: int, symbols: Symbols) -> Content:
    """One rule; the money is blank while nothing of it is known."""
    name = fit(clean(rule.rule, symbols), _room(width), right=False, ellipsis=symbols.ellipsis)
    parts: list[Part] = [(name, "$foreground"), (f"{rule.n:>{COUNT},}", "$foreground")]
    if not rule.judged:
        return assemble([*parts, (f"{'not yet computed':>{MONEY * 2 + NET - 2}}", "$quiet")])
    text, tone = signed(rule.net, format_amount(rule.net, NET - 4), symbols)
    parts += [
        (f"{format_amount(rule.saved, MONEY - 1):>{MONEY}}", "$foreground"),
        (f"{format_amount(rule.missed, MONEY - 1):>{MONEY}}", "$foreground"),
        (f"{text:>{NET}}", f"${tone}"),
    ]
    return assemble(parts)


APART = "Never mixed with realised PnL."
TWICE = "What two runs rejected counts twice; the filter run:N is for one of them."
MEANING = (
    "saved: losses of trades that were not made; missed: their profits; net: saved - missed, at the default "
    "size and net of costs."
)
WHY_NOT = "Not computed: no worker has looked yet, no complete candles follow, or no strategy is known."


def rule_note(rules: Sequence[RuleSum], width: int, room: int, *, twice: bool = False) -> Content:
    """How far hindsight has come and what these sums are not; then whatever else fits into `room` lines.

    `twice` says that they are of several runs.
    """
    total = sum(rule.n for rule in rules)
    if not total:
        return assemble([("no rejections yet", "$quiet")])
    left = sum(rule.n - rule.judged for rule in rules)
    head = f"not yet computed: {left:,} of {total:,}." if left else f"computed for all {total:,}."
    parts: list[Part] = [(head, "$warning" if left else "$quiet")]
    beside = len(f"{head} {APART}") <= width
    if beside:
        parts.append((f" {APART}", "$quiet"))
    told = ""
    for sentence, applies in ((APART, not beside), (TWICE, twice), (MEANING, True), (WHY_NOT, bool(left))):
        more = f"{told} {sentence}".strip()
        if applies and len(wrap(more, width)) < room:
            told = more
    return assemble([*parts, *[("\n" + line, "$quiet") for line in wrap(told, width)]])


def _room(width: int) -> int:
    return max(8, min(24, width - COUNT - 2 * MONEY - NET))
