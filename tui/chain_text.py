"""The chain of a position in words: one stage a line or two, from the signal to what learned from it.

Pure: a chain and the characters of the terminal in, content out. Every result carries its sign and its
arrow; colour only repeats what they say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from tui.symbols import Symbols
from tui.widgets.paged_table.formats import (
    clean,
    format_amount,
    format_duration,
    format_number,
    format_price,
    format_time,
)

if TYPE_CHECKING:
    from storage.chain import Chain, DecisionPart, FillPart, PositionPart, RewardPart, SignalPart

Part = tuple[str, str]
"""Text and style."""

LABEL = "$quiet"
VALUE = "$foreground"
NAME_WIDTH = 10


@dataclass(frozen=True)
class Stage:
    """One station of the chain: its name, whether it was reached, and its lines."""

    name: str
    reached: bool
    lines: tuple[tuple[Part, ...], ...]


def stages(chain: Chain, symbols: Symbols) -> list[Stage]:
    """The stations of a chain, in the order in which they happened."""
    found: list[Stage] = []
    if chain.signal is not None:
        found.append(_signal(chain.signal, symbols))
    if chain.decision is not None:
        found.append(_decision(chain.decision))
    if chain.position is not None:
        found.append(_position(chain.position, symbols))
        found.append(_fills(chain.fills))
        found.append(_result(chain.position, symbols))
    if chain.rewards:
        found.append(_reward(chain.rewards[-1], symbols))
    found.append(Stage("learned", bool(chain.learned_from), ((_learned(chain),),)))
    return found


def timeline(chain: Chain, symbols: Symbols) -> Content:
    """All stations under each other, joined by a line."""
    lines: list[Content] = []
    found = stages(chain, symbols)
    for number, stage in enumerate(found):
        last = number == len(found) - 1
        mark = symbols.dot if stage.reached else symbols.hollow
        mark_style = "$accent" if stage.reached else LABEL
        for row, parts in enumerate(stage.lines):
            if row == 0:
                head = [(f" {mark} ", mark_style), (stage.name.ljust(NAME_WIDTH), "bold " + VALUE)]
            else:
                head = [(f" {' ' if last else symbols.bar} ", "$rule"), (" " * NAME_WIDTH, "")]
            lines.append(Content.assemble(*head, *parts))
        if not last:
            lines.append(Content.styled(f" {symbols.bar}", "$rule"))
    return Content("\n").join(lines)


def summary(chain: Chain, symbols: Symbols) -> Content:
    """The same in as few lines as a pane under a table has: one line a station, no line between."""
    lines = [
        Content.assemble(
            (f"{symbols.dot if stage.reached else symbols.hollow} ", "$accent" if stage.reached else LABEL),
            (stage.name.ljust(NAME_WIDTH), LABEL),
            *parts,
        )
        for stage in stages(chain, symbols)
        if stage.name not in {"fills", "learned"}
        for parts in stage.lines[:1]
    ]
    if chain.rewards:
        reward = stages(chain, symbols)[-2]
        lines += [Content.assemble(" " * (NAME_WIDTH + 2), *parts) for parts in reward.lines[1:2]]
    lines.append(
        Content.assemble(f"{symbols.hollow} ", ("learned".ljust(NAME_WIDTH), LABEL), _learned(chain))
    )
    return Content("\n").join(lines)


def headline(chain: Chain, symbols: Symbols) -> list[Part]:
    """What the title line says of a chain: the instrument, the side, and how it ended."""
    position, signal = chain.position, chain.signal
    if position is not None:
        closed = position.closed_ms is not None
        return [
            (clean(position.symbol, symbols), VALUE),
            side(position.side),
            result(position.pnl, symbols) if closed else ("open", "$accent"),
        ]
    if signal is not None:
        return [(clean(signal.symbol, symbols), VALUE), side(signal.side), (signal.status, LABEL)]
    return []


def result(value: float, symbols: Symbols, *, decimals: int = 2) -> Part:
    """A result with sign, arrow and colour."""
    text = f"{value:+,.{decimals}f}"
    if value > 0:
        return f"{text} {symbols.up}", "$gain"
    if value < 0:
        return f"{text} {symbols.down}", "$loss"
    return text, LABEL


def side(name: str) -> Part:
    """LONG or SHORT, BUY or SELL."""
    return name.upper(), "bold $long" if name in {"long", "buy"} else "bold $short"


def fraction(value: float) -> Part:
    """A return as a percentage with its sign."""
    return f"{value:+.2%}", "$gain" if value > 0 else "$loss" if value < 0 else LABEL


def _pairs(values: Mapping[str, float], symbols: Symbols) -> tuple[Part, ...]:
    parts: list[Part] = []
    for name, value in values.items():
        tone = "$gain" if value > 0 else "$loss" if value < 0 else LABEL
        parts += [(f"{clean(name, symbols)} ", LABEL), (f"{value:+.3f}", tone), ("  ", "")]
    return tuple(parts)


def _labelled(*pairs: tuple[str, Part | str]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for label, value in pairs:
        parts += [(f"{label} ", LABEL), (value, VALUE) if isinstance(value, str) else value, ("  ", "")]
    return tuple(parts)


def _signal(signal: SignalPart, symbols: Symbols) -> Stage:
    first: tuple[Part, ...] = (
        (f"#{signal.id:,}  ", LABEL),
        (f"{clean(signal.strategy, symbols)}  ", VALUE),
        side(signal.side),
        (f"  {clean(signal.symbol, symbols)}  ", VALUE),
        *_labelled(
            ("confidence", f"{signal.confidence:.2f}"),
            ("at", format_price(signal.price)),
        ),
        (format_time(signal.ts_ms), LABEL),
    )
    shares = ", ".join(f"{clean(name, symbols)} {share:.0%}" for name, share in signal.contributions.items())
    second = _labelled(("contributed:", shares or "nobody named"), ("provenance", signal.provenance))
    return Stage("signal", True, (first, second))


def _decision(decision: DecisionPart) -> Stage:
    if decision.accepted:
        return Stage("decision", True, ((("accepted", "bold $gain"), ("  every limit was kept", LABEL)),))
    first: tuple[Part, ...] = (
        ("rejected", "bold $loss"),
        (f"  {decision.text or decision.code}", VALUE),
    )
    rule = [("stage", decision.stage), ("rule", decision.code)]
    if decision.actual_value is not None:
        rule.append(("found", format_number(decision.actual_value, 10)))
    if decision.limit_value is not None:
        rule.append(("allowed", format_number(decision.limit_value, 10)))
    return Stage("decision", True, (first, _labelled(*rule)))


def _position(position: PositionPart, symbols: Symbols) -> Stage:
    share = position.notional / position.equity_at_entry if position.equity_at_entry else 0.0
    first: tuple[Part, ...] = (
        (f"#{position.id:,}  ", LABEL),
        side(position.side),
        (f" {position.qty:.6g} {clean(position.symbol, symbols)}  ", VALUE),
        *_labelled(("notional", f"{format_amount(position.notional, 14)} ({share:.0%} of equity)")),
    )
    levels = [
        ("stop", format_price(position.stop_price) if position.stop_price else "none"),
        ("target", format_price(position.target_price) if position.target_price else "none"),
    ]
    second = (
        *_labelled(*levels, ("held", format_duration(position.hold_ms))),
        *_labelled(("worst", fraction(position.mae)), ("best", fraction(position.mfe))),
    )
    return Stage("position", True, (first, second))


def _fills(fills: Sequence[FillPart]) -> Stage:
    if not fills:
        return Stage("fills", False, ((("none recorded", LABEL),),))
    lines = []
    for fill in fills:
        word, style = side(fill.side)
        lines.append(
            (
                (f"{format_time(fill.ts_ms)}  ", LABEL),
                (word.ljust(5), style),
                (f"{fill.qty:.6g} at {format_price(fill.price)}  ", VALUE),
                *_labelled(
                    ("before slippage", format_price(fill.raw_price)), ("fee", format_amount(fill.fee, 9))
                ),
                (fill.reason.replace("_", " "), VALUE),
            )
        )
    return Stage("fills", True, tuple(lines))


def _result(position: PositionPart, symbols: Symbols) -> Stage:
    if position.closed_ms is None:
        return Stage("result", False, ((("still open", "$accent"),),))
    first: tuple[Part, ...] = (
        result(position.pnl, symbols),
        ("  closed by ", LABEL),
        (position.exit_reason.replace("_", " ") or "nothing named", VALUE),
        ("  ", ""),
        fraction(position.return_notional),
        (" of the notional  ", LABEL),
        fraction(position.return_account),
        (" of the account", LABEL),
    )
    second = _labelled(
        ("gross", result(position.gross, symbols)),
        ("fees", format_amount(position.fees, 10)),
        ("funding", format_amount(position.funding, 10)),
        ("slippage", format_amount(position.slippage, 10)),
    )
    return Stage("result", True, (first, second))


def _reward(reward: RewardPart, symbols: Symbols) -> Stage:
    first: tuple[Part, ...] = (
        result(reward.total, symbols, decimals=3),
        (f"  {reward.formula} formula trains, weight {reward.weight:.2f}", LABEL),
    )
    normalized = (("normalized ", LABEL), (f"{reward.normalized:+.3f}  ", VALUE))
    comprehensive = (("comprehensive ", LABEL), (f"{reward.comprehensive:+.3f}  ", VALUE))
    return Stage(
        "reward",
        True,
        (
            first,
            (*normalized, *_pairs(reward.normalized_parts, symbols)),
            (*comprehensive, *_pairs(reward.comprehensive_parts, symbols)),
        ),
    )


def _learned(chain: Chain) -> Part:
    if chain.learned_from:
        return ", ".join(f"session {session}" for session in chain.learned_from), VALUE
    return chain.learned_note, LABEL
