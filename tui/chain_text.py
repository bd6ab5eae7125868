"""The chain of a position in words: one stage a line or two, from the signal to what learned from it.

Pure: a chain and the characters of the terminal in, content out. Every result carries its sign and its
arrow; colour only repeats what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui.symbols import Symbols
from tui.widgets.paged_table.formats import (
    clean,
    format_amount,
    format_duration,
    format_price,
    format_time,
)

if TYPE_CHECKING:
    from storage.chain import Chain, DecisionPart, FillPart, PositionPart, RewardPart, SignalPart

Part = tuple[str, str]
"""Text and style."""

Chunk = tuple[Part, ...]
"""Parts that stay together."""

LABEL = "$quiet"
VALUE = "$foreground"
NAME_WIDTH = 10
INDENT = NAME_WIDTH + 3


@dataclass(frozen=True)
class Stage:
    """One station of the chain: its name, whether it was reached, and its lines.

    A line is made of chunks, a chunk of parts that stay together when the line is too long.
    """

    name: str
    reached: bool
    lines: tuple[tuple[Chunk, ...], ...]


def stages(chain: Chain, symbols: Symbols) -> list[Stage]:
    """The stations of a chain, in the order in which they happened."""
    found: list[Stage] = []
    if chain.signal is not None:
        found.append(_signal(chain.signal, symbols))
    if chain.decision is not None:
        found.append(_decision(chain.decision, symbols))
    if chain.position is not None:
        found.append(_position(chain.position, symbols))
        found.append(_fills(chain.fills, symbols))
        found.append(_result(chain.position, symbols))
    if chain.rewards:
        found.append(_reward(chain.rewards[-1], symbols))
    found.append(Stage("learned", bool(chain.learned_from), ((_learned(chain),),)))
    return found


def timeline(chain: Chain, symbols: Symbols, width: int) -> Content:
    """All stations under each other in `width` cells, joined by a line; long lines go on indented."""
    lines: list[Content] = []
    found = stages(chain, symbols)
    for number, stage in enumerate(found):
        last = number == len(found) - 1
        mark = (
            f" {symbols.dot if stage.reached else symbols.hollow} ",
            "$accent" if stage.reached else LABEL,
        )
        side_line = (f" {' ' if last else symbols.bar} ", "$rule")
        rows = [row for line in stage.lines for row in _filled(line, width - INDENT)]
        for row, parts in enumerate(rows):
            name = stage.name if row == 0 else ""
            head = [mark if row == 0 else side_line, (name.ljust(NAME_WIDTH), "bold " + VALUE)]
            lines.append(Content.assemble(*head, *parts))
        if not last:
            lines.append(Content.styled(f" {symbols.bar}", "$rule"))
    return Content("\n").join(lines)


def summary(chain: Chain, symbols: Symbols) -> Content:
    """The same in as few lines as a pane under a table has; what does not fit is cut at the right."""
    lines = []
    for stage in stages(chain, symbols):
        if stage.name == "fills":
            continue
        # Of the reward the parts of the formula that trains are wanted too; of the others the first line.
        for row, line in enumerate(stage.lines[: 2 if stage.name == "reward" else 1]):
            mark = symbols.dot if stage.reached else symbols.hollow
            lines.append(
                Content.assemble(
                    (f"{mark if row == 0 else ' '} ", "$accent" if stage.reached else LABEL),
                    ((stage.name if row == 0 else "").ljust(NAME_WIDTH), LABEL),
                    *_joined(line),
                )
            )
    return Content("\n").join(lines)


def _joined(chunks: Sequence[Chunk]) -> list[Part]:
    parts: list[Part] = []
    for number, chunk in enumerate(chunks):
        parts += [("  ", "")] if number else []
        parts += chunk
    return parts


def _broken(chunks: Sequence[Chunk], width: int) -> Iterator[Chunk]:
    """Chunks of which a sentence that is longer than a row is broken between words."""
    for chunk in chunks:
        if len(chunk) == 1 and len(chunk[0][0]) > width:
            yield from (_plain(line, chunk[0][1]) for line in wrap(chunk[0][0], max(10, width)))
        else:
            yield chunk


def _filled(chunks: Sequence[Chunk], width: int) -> list[list[Part]]:
    """Chunks filled into rows of at most `width` cells; one that is longer has a row of its own."""
    rows: list[list[Chunk]] = [[]]
    used = 0
    for chunk in _broken(chunks, width):
        length = sum(len(text) for text, _ in chunk)
        if rows[-1] and used + 2 + length > width:
            rows.append([])
            used = 0
        used += length + (2 if rows[-1] else 0)
        rows[-1].append(chunk)
    return [_joined(row) for row in rows]


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


def _pairs(values: Mapping[str, float], symbols: Symbols) -> tuple[Chunk, ...]:
    return tuple(((f"{clean(name, symbols)} ", LABEL), _signed(value)) for name, value in values.items())


def _signed(value: float) -> Part:
    return f"{value:+.3f}", "$gain" if value > 0 else "$loss" if value < 0 else LABEL


def _labelled(*pairs: tuple[str, Part | str]) -> tuple[Chunk, ...]:
    return tuple(
        ((f"{label} ", LABEL), (value, VALUE) if isinstance(value, str) else value) for label, value in pairs
    )


def _plain(text: str, style: str = VALUE) -> Chunk:
    return ((text, style),)


def _signal(signal: SignalPart, symbols: Symbols) -> Stage:
    first = (
        _plain(f"#{signal.id:,}", LABEL),
        _plain(clean(signal.strategy, symbols)),
        (side(signal.side), (f" {clean(signal.symbol, symbols)}", VALUE)),
        *_labelled(("confidence", f"{signal.confidence:.2f}"), ("at", format_price(signal.price))),
        _plain(format_time(signal.ts_ms), LABEL),
    )
    shares = ", ".join(f"{clean(name, symbols)} {share:.0%}" for name, share in signal.contributions.items())
    second = _labelled(
        ("contributed:", shares or "nobody named"), ("provenance", clean(signal.provenance, symbols))
    )
    return Stage("signal", True, (first, second))


def _decision(decision: DecisionPart, symbols: Symbols) -> Stage:
    if decision.accepted:
        return Stage(
            "decision",
            True,
            ((_plain("accepted", "bold $gain"), _plain("every limit was kept", LABEL)),),
        )
    first = (_plain("rejected", "bold $loss"), _plain(clean(decision.text or decision.code, symbols)))
    rule = [("stage", clean(decision.stage, symbols)), ("rule", clean(decision.code, symbols))]
    if decision.actual_value is not None:
        rule.append(("found", f"{decision.actual_value:,.6g}"))
    if decision.limit_value is not None:
        rule.append(("allowed", f"{decision.limit_value:,.6g}"))
    return Stage("decision", True, (first, _labelled(*rule)))


def _position(position: PositionPart, symbols: Symbols) -> Stage:
    share = position.notional / position.equity_at_entry if position.equity_at_entry else 0.0
    first = (
        _plain(f"#{position.id:,}", LABEL),
        (side(position.side), (f" {position.qty:.6g} {clean(position.symbol, symbols)}", VALUE)),
        *_labelled(("notional", format_amount(position.notional, 14))),
        _plain(f"{share:.0%} of equity", LABEL),
    )
    second = _labelled(
        ("stop", format_price(position.stop_price) if position.stop_price else "none"),
        ("target", format_price(position.target_price) if position.target_price else "none"),
        ("held", format_duration(position.hold_ms)),
        ("worst", fraction(position.mae)),
        ("best", fraction(position.mfe)),
    )
    return Stage("position", True, (first, second))


def _fills(fills: Sequence[FillPart], symbols: Symbols) -> Stage:
    if not fills:
        return Stage("fills", False, ((_plain("none recorded", LABEL),),))
    return Stage("fills", True, tuple(_fill(fill, symbols) for fill in fills))


def _fill(fill: FillPart, symbols: Symbols) -> tuple[Chunk, ...]:
    word, style = side(fill.side)
    return (
        _plain(format_time(fill.ts_ms), LABEL),
        ((word.ljust(5), style), (f"{fill.qty:.6g} at {format_price(fill.price)}", VALUE)),
        *_labelled(("before slippage", format_price(fill.raw_price)), ("fee", format_amount(fill.fee, 9))),
        _plain(clean(fill.reason, symbols).replace("_", " ")),
    )


def _result(position: PositionPart, symbols: Symbols) -> Stage:
    if position.closed_ms is None:
        return Stage("result", False, ((_plain("still open", "$accent"),),))
    first = (
        (result(position.pnl, symbols),),
        *_labelled(("closed by", clean(position.exit_reason, symbols).replace("_", " ") or "nothing named")),
        (fraction(position.return_notional), (" of the notional", LABEL)),
        (fraction(position.return_account), (" of the account", LABEL)),
    )
    second = _labelled(
        ("gross", result(position.gross, symbols)),
        ("fees", format_amount(position.fees, 10)),
        ("funding", format_amount(position.funding, 10)),
        ("slippage", format_amount(position.slippage, 10)),
    )
    return Stage("result", True, (first, second))


def _reward(reward: RewardPart, symbols: Symbols) -> Stage:
    normalized = (
        *_labelled(("normalized", f"{reward.normalized:+.3f}")),
        *_pairs(reward.normalized_parts, symbols),
    )
    comprehensive = (
        *_labelled(("comprehensive", f"{reward.comprehensive:+.3f}")),
        *_pairs(reward.comprehensive_parts, symbols),
    )
    trains, other = (
        (normalized, comprehensive) if reward.formula == "normalized" else (comprehensive, normalized)
    )
    first = (
        (result(reward.total, symbols, decimals=3),),
        _plain(f"the {clean(reward.formula, symbols)} formula trains", LABEL),
        *_labelled(("weight", f"{reward.weight:.2f}")),
    )
    return Stage("reward", True, (first, trains, other))


def _learned(chain: Chain) -> Chunk:
    if chain.learned_from:
        return _plain(", ".join(f"session {session}" for session in chain.learned_from))
    return _plain(chain.learned_note, LABEL)
