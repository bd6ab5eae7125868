"""Proposed thresholds in words, for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cointrader.cli.output import number_text, print_table, time_text

if TYPE_CHECKING:
    from cointrader.core.learning_layer.proposals import Effect, Proposal
    from cointrader.core.learning_layer.proposed_rules import Proposed

NOISE = 3.0
HEADER = ("window", "from", "to", "n", "saved", "missed", "net", "95 % of net")


def print_proposals(proposed: Proposed, config: Path) -> None:
    """Each rule with both windows and the line to write, then what cannot be judged."""
    if not proposed.proposals and not proposed.not_judged:
        print("no rejections, so there is nothing to propose")
        return
    for item in proposed.proposals:
        _print_one(item, proposed.notes.get(item.rule, ""), config)
        print()
    for rest in proposed.not_judged:
        print(f"{rest.rule}, {rest.n:,} rejected: not judged, {rest.why}")
    print("n: signals decided otherwise; saved and missed: money better and worse off, at the default size")
    print("Nothing is applied by itself: write the line into the file, and the next run begins with it.")


def _print_one(item: Proposal, note: str, config: Path) -> None:
    print(f"{item.rule}: [{item.section}] {item.setting} is {item.now:g}", end="")
    told = {
        "keep": "; no other value was better in the earlier window, so it stays",
        "too few": "; too few signals with a known outcome for another value, so it stays",
    }
    print(told.get(item.verdict, "") if item.proposed == item.now else f"; proposed is {item.proposed:g}")
    interval = "" if item.low is None else f"{item.low:+,.2f} to {item.high:+,.2f}"
    rows = [_row("earlier", item.earlier, ""), _row("later", item.later, interval)]
    print_table(HEADER, rows, right=[False, False, False, *[True] * 4])
    if item.purged:
        reaching = "signal reaches" if item.purged == 1 else "signals reach"
        print(f"  {item.purged:,} {reaching} from one window into the other, left out of both")
    if note:
        print(f"  {note}")
    if item.mean_changed is not None and item.mean_rest is not None:
        print(f"  {_choice(item, item.mean_changed, item.mean_rest)}")
    if item.proposed != item.now:
        advice = "it holds up in the later window" if item.verdict == "holds up" else _not(item)
        print(f"  {advice}; the lines for {config}:")
        print(f"    [{item.section}]")
        print(f"    {item.line}")


def _choice(item: Proposal, changed: float, rest: float) -> str:
    """Whether the limit chooses better signals, or only fewer."""
    told = f"later, those decided otherwise returned {changed:+.3%} on average, those that pass either way "
    told += f"{rest:+.3%}"
    if abs(changed - rest) > NOISE * (item.mean_difference_error or 0.0):
        return told
    return f"{told}: no difference beyond noise, so it changes how much is traded, not how well"


def _not(item: Proposal) -> str:
    if item.verdict == "too few":
        return f"not advised: {item.later.n:,} signals on {item.days} days are too few to tell"
    return f"not advised: in the later window it {_WORDS[item.verdict]}"


_WORDS = {"within noise": "was within noise of nothing", "does not hold up": "did not hold up"}


def _row(name: str, effect: Effect, interval: str) -> tuple[str, ...]:
    money = (number_text(value, 2) for value in (effect.saved, effect.missed, effect.net))
    return (name, time_text(effect.first_ms), time_text(effect.last_ms), f"{effect.n:,}", *money, interval)
