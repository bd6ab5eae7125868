"""`cointrader why ID` (or `position ID`): why a position was opened, what it came to, and what it taught."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from cointrader.cli.chain_learned import learned_lines
from cointrader.cli.chain_position import fill_line, held_now, position_lines, price_text
from cointrader.cli.formats import span
from cointrader.cli.output import print_json, print_wrapped, time_text
from cointrader.cli.place import Place, opened

if TYPE_CHECKING:
    from storage.agent_responses import AgentResponseRow
    from storage.chain import Chain, DecisionPart, RewardPart
    from storage.hindsight import HindsightRow
    from storage.paper_desk import OpenPosition


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("position", type=int, metavar="ID", help="as `cointrader positions` prints it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the chain of one position."""
    from storage.chain import position_chain

    with opened(arguments.workspace) as place:
        show(place, position_chain(place.connection, arguments.position), as_json=arguments.json)
    return 0


def show(place: Place, chain: Chain, *, as_json: bool) -> None:
    """Print a chain."""
    if as_json:
        print_json(asdict(chain))
    else:
        print_wrapped(story(chain, held_now(place.connection, chain)))


def story(chain: Chain, held: OpenPosition | None = None) -> Iterator[str]:
    """The chain, a line or two a link; `held` is its position at the last close while it is open."""
    if chain.signal is not None:
        signal = chain.signal
        yield (
            f"signal #{signal.id}  {time_text(signal.ts_ms)}  {signal.strategy} wants {signal.side} "
            f"{signal.symbol} at {price_text(signal.price)}, confidence {signal.confidence:.2f}"
        )
        yield "  contributions: " + ", ".join(f"{k} {v:.2f}" for k, v in signal.contributions.items())
    for answer in chain.answers:
        yield _answer(answer)
    if chain.decision is not None:
        yield _decision(chain.decision)
    if chain.decision is not None and not chain.decision.accepted:
        yield _hindsight(chain.hindsight) if chain.hindsight is not None else _no_hindsight(chain)
    if chain.position is not None:
        yield from position_lines(chain.position, held)
    for fill in chain.fills:
        yield fill_line(fill)
    for reward in chain.rewards:
        yield from _reward(reward)
    yield from _what_follows(chain)


def _what_follows(chain: Chain) -> Iterator[str]:
    """What was learned, or why there is nothing to learn from yet."""
    accepted = chain.decision is not None and chain.decision.accepted
    if chain.position is not None and chain.position.closed_ms is None:
        yield "learned: nothing yet; its close will teach"
    elif chain.position is None and accepted:
        yield "position  none yet: the order is filled at the next open"
    else:
        yield from learned_lines(chain)


def _answer(answer: AgentResponseRow) -> str:
    reason = f": {answer.reason}" if answer.reason else ""
    return f"  {answer.agent} agent {answer.answer}{reason}  ({answer.micros:,} us)"


def _hindsight(known: HindsightRow) -> str:
    entry, leave = price_text(known.entry_price), price_text(known.exit_price)
    return (
        f"  hindsight  {'missed' if known.pnl > 0 else 'saved'} {abs(known.pnl):,.4f}: in at "
        f"{entry}, out at {leave} by {known.exit_reason} after {span(known.hold_ms)}, "
        f"{known.net_return:+.3%} net of costs (never part of what was earned)"
    )


def _no_hindsight(chain: Chain) -> str:
    from cointrader.strategies import registry

    strategy = "" if chain.signal is None else chain.signal.strategy
    if strategy == "manual":
        return "  hindsight  none: an order by hand has no exits of its own that could be followed"
    if strategy not in registry.names():
        return f"  hindsight  none: no strategy {strategy} is known here whose exits could be followed"
    return "  hindsight  not known yet: a worker reckons it once candles follow that would end the trade"


def _decision(decision: DecisionPart) -> str:
    if decision.accepted:
        return "decision  accepted"
    values = "" if decision.limit_value is None else f" (limit {decision.limit_value:.6g}"
    if values and decision.actual_value is not None:
        values += f", actual {decision.actual_value:.6g}"
    return f"decision  rejected at {decision.stage}: {decision.text}{values + ')' if values else ''}"


def _reward(reward: RewardPart) -> Iterator[str]:
    yield f"reward  {reward.total:+.4f} by the {reward.formula} formula, weight {reward.weight:.2f}"
    for name, total, parts in (
        ("normalized", reward.normalized, reward.normalized_parts),
        ("comprehensive", reward.comprehensive, reward.comprehensive_parts),
    ):
        told = "  ".join(f"{part} {value:+.4f}" for part, value in parts.items())
        yield f"  {name} {total:+.4f}: {told}"
