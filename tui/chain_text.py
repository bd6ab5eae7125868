"""The chain of a position in words: one stage a line or two, from the signal to what learned from it.

Pure: a chain and the characters of the terminal in, content out. Every result carries its sign and its
arrow; colour only repeats what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.chain_learned_text import (
    answers_stage,
    hindsight_stage,
    labels_stage,
    learned_stages,
    lessons_in_short,
)
from tui.chain_stage import (
    INDENT,
    LABEL,
    NAME_WIDTH,
    VALUE,
    Chunk,
    Part,
    Stage,
    filled,
    fraction,
    joined,
    labelled,
    pairs,
    plain,
    result,
    side,
)
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
    from storage.paper_desk import OpenPosition


def stages(chain: Chain, symbols: Symbols) -> list[Stage]:
    """The stations of a chain, in the order in which they happened."""
    return [*_decided(chain, symbols), *_traded(chain, symbols), *learned_stages(chain, symbols)]


def _decided(chain: Chain, symbols: Symbols) -> Iterator[Stage]:
    if chain.signal is not None:
        yield _signal(chain.signal, symbols)
    if chain.answers:
        yield answers_stage(chain.answers, symbols)
    if chain.decision is not None:
        yield _decision(chain.decision, symbols)
        if chain.signal is not None and not chain.decision.accepted and chain.position is None:
            yield hindsight_stage(chain.signal, chain.hindsight, symbols)


def _traded(chain: Chain, symbols: Symbols) -> Iterator[Stage]:
    if chain.position is not None:
        yield _position(chain.position, chain.held, symbols)
        yield _fills(chain.fills, symbols)
        yield _result(chain.position, chain.held, symbols)
    elif chain.decision is not None and chain.decision.accepted:
        yield Stage("position", False, ((plain("none yet: the order is filled at the next open", LABEL),),))
    for reward in chain.rewards:
        yield _reward(reward, symbols)
    if chain.learned.labels is not None:
        yield labels_stage(chain.learned.labels)


def timeline(chain: Chain, symbols: Symbols, width: int, height: int | None = None) -> Content:
    """All stations under each other in `width` cells, joined by a line; long lines go on indented.

    There is a line between two stations, unless that makes them more than `height` lines.
    """
    spaced = _timeline(chain, symbols, width, gap=True)
    if height is None or spaced.plain.count("\n") < height:
        return spaced
    return _timeline(chain, symbols, width, gap=False)


def _timeline(chain: Chain, symbols: Symbols, width: int, *, gap: bool) -> Content:
    lines: list[Content] = []
    found = stages(chain, symbols)
    for number, stage in enumerate(found):
        last = number == len(found) - 1
        mark = (
            f" {symbols.dot if stage.reached else symbols.hollow} ",
            "$accent" if stage.reached else LABEL,
        )
        side_line = (f" {' ' if last else symbols.bar} ", "$rule")
        rows = [row for line in stage.lines for row in filled(line, width - INDENT)]
        for row, parts in enumerate(rows):
            name = stage.name if row == 0 else ""
            head = [mark if row == 0 else side_line, (name.ljust(NAME_WIDTH), "bold " + VALUE)]
            lines.append(Content.assemble(*head, *parts))
        if gap and not last:
            lines.append(Content.styled(f" {symbols.bar}", "$rule"))
    return Content("\n").join(lines)


def summary(chain: Chain, symbols: Symbols) -> Content:
    """The same in as few lines as a pane under a table has; what does not fit is cut at the right."""
    lines = []
    for stage in stages(chain, symbols):
        if stage.name in LEFT_OUT:
            continue
        for row, line in enumerate(_first_lines(stage, chain, symbols)):
            mark = symbols.dot if stage.reached else symbols.hollow
            lines.append(
                Content.assemble(
                    (f"{mark if row == 0 else ' '} ", "$accent" if stage.reached else LABEL),
                    ((stage.name if row == 0 else "").ljust(NAME_WIDTH), LABEL),
                    *joined(line),
                )
            )
    return Content("\n").join(lines)


LEFT_OUT = frozenset({"fills", "labels"})


def _first_lines(stage: Stage, chain: Chain, symbols: Symbols) -> Sequence[Sequence[Chunk]]:
    if stage.name == "learned" and chain.learned.lessons:
        return [lessons_in_short(chain.learned, symbols)]
    # Of the reward the parts of the formula that trains are wanted too, of hindsight how it would have ended.
    return stage.lines[: 2 if stage.name in {"reward", "hindsight"} else 1]


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


def _signal(signal: SignalPart, symbols: Symbols) -> Stage:
    first = (
        plain(f"#{signal.id:,}", LABEL),
        plain(clean(signal.strategy, symbols)),
        (side(signal.side), (f" {clean(signal.symbol, symbols)}", VALUE)),
        *labelled(("confidence", f"{signal.confidence:.2f}"), ("at", format_price(signal.price))),
        plain(format_time(signal.ts_ms), LABEL),
    )
    shares = ", ".join(f"{clean(name, symbols)} {share:.0%}" for name, share in signal.contributions.items())
    second = labelled(
        ("contributed:", shares or "nobody named"), ("provenance", clean(signal.provenance, symbols))
    )
    return Stage("signal", True, (first, second))


def _decision(decision: DecisionPart, symbols: Symbols) -> Stage:
    if decision.accepted:
        return Stage(
            "decision",
            True,
            ((plain("accepted", "bold $gain"), plain("every limit was kept", LABEL)),),
        )
    first = (plain("rejected", "bold $loss"), plain(clean(decision.text or decision.code, symbols)))
    rule = [("stage", clean(decision.stage, symbols)), ("rule", clean(decision.code, symbols))]
    if decision.actual_value is not None:
        rule.append(("found", f"{decision.actual_value:,.6g}"))
    if decision.limit_value is not None:
        rule.append(("allowed", f"{decision.limit_value:,.6g}"))
    return Stage("decision", True, (first, labelled(*rule)))


def _position(position: PositionPart, held: OpenPosition | None, symbols: Symbols) -> Stage:
    share = position.notional / position.equity_at_entry if position.equity_at_entry else 0.0
    first = (
        plain(f"#{position.id:,}", LABEL),
        (side(position.side), (f" {position.qty:.6g} {clean(position.symbol, symbols)}", VALUE)),
        *labelled(("notional", format_amount(position.notional, 14))),
        plain(f"{share:.0%} of equity", LABEL),
    )
    second = labelled(
        ("stop", format_price(position.stop_price) if position.stop_price else "none"),
        ("target", format_price(position.target_price) if position.target_price else "none"),
        *_run(position, held),
    )
    return Stage("position", True, (first, second))


def _run(position: PositionPart, held: OpenPosition | None) -> tuple[tuple[str, Part | str], ...]:
    """How long it was held and how far it ran; of what is open only what is known of it."""
    if position.closed_ms is None:
        return () if held is None else (("held", format_duration(held.hold_ms)),)
    return (
        ("held", format_duration(position.hold_ms)),
        ("worst", fraction(position.mae)),
        ("best", fraction(position.mfe)),
    )


def _fills(fills: Sequence[FillPart], symbols: Symbols) -> Stage:
    if not fills:
        return Stage("fills", False, ((plain("none recorded", LABEL),),))
    return Stage("fills", True, tuple(_fill(fill, symbols) for fill in fills))


def _fill(fill: FillPart, symbols: Symbols) -> tuple[Chunk, ...]:
    word, style = side(fill.side)
    return (
        plain(format_time(fill.ts_ms), LABEL),
        ((word.ljust(5), style), (f"{fill.qty:.6g} at {format_price(fill.price)}", VALUE)),
        *labelled(("before slippage", format_price(fill.raw_price)), ("fee", format_amount(fill.fee, 9))),
        plain(clean(fill.reason, symbols).replace("_", " ")),
    )


def _standing(position: PositionPart, held: OpenPosition | None, symbols: Symbols) -> Stage:
    """What an open position would bring now."""
    first = (plain("still open", "$accent"),)
    if held is None or held.pnl is None or held.last is None:
        fee = format_amount(position.fees, 10)
        second = plain(f"fee of its entry {fee}; the last close of its run is not known", LABEL)
        return Stage("result", False, (first, (second,)))
    where = f"at the last close {format_price(held.last)}"
    costs = "after the fee of its entry and before the costs of its exit"
    return Stage(
        "result",
        False,
        (
            (*first, (("would bring ", LABEL), result(held.pnl, symbols)), plain(where, LABEL)),
            (plain(costs, LABEL),),
        ),
    )


def _result(position: PositionPart, held: OpenPosition | None, symbols: Symbols) -> Stage:
    if position.closed_ms is None:
        return _standing(position, held, symbols)
    first = (
        (result(position.pnl, symbols),),
        *labelled(("closed by", clean(position.exit_reason, symbols).replace("_", " ") or "nothing named")),
        (fraction(position.return_notional), (" of the notional", LABEL)),
        (fraction(position.return_account), (" of the account", LABEL)),
    )
    second = labelled(
        ("gross", result(position.gross, symbols)),
        ("fees", format_amount(position.fees, 10)),
        ("funding", format_amount(position.funding, 10)),
        ("slippage", format_amount(position.slippage, 10)),
    )
    return Stage("result", True, (first, second))


def _reward(reward: RewardPart, symbols: Symbols) -> Stage:
    normalized = (
        *labelled(("normalized", f"{reward.normalized:+.3f}")),
        *pairs(reward.normalized_parts, symbols),
    )
    comprehensive = (
        *labelled(("comprehensive", f"{reward.comprehensive:+.3f}")),
        *pairs(reward.comprehensive_parts, symbols),
    )
    trains, other = (
        (normalized, comprehensive) if reward.formula == "normalized" else (comprehensive, normalized)
    )
    first = (
        (result(reward.total, symbols, decimals=3),),
        plain(f"the {clean(reward.formula, symbols)} formula trains", LABEL),
        *labelled(("weight", f"{reward.weight:.2f}")),
    )
    return Stage("reward", True, (first, trains, other))
