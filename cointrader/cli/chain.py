"""`cointrader why ID` (or `position ID`): why a position was opened, what it came to, and what it taught."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from cointrader.cli.chain_learned import learned_lines
from cointrader.cli.formats import span
from cointrader.cli.output import print_json, time_text
from cointrader.cli.place import opened

if TYPE_CHECKING:
    from storage.agent_responses import AgentResponseRow
    from storage.chain import Chain, DecisionPart, PositionPart, RewardPart
    from storage.hindsight import HindsightRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("position", type=int, metavar="ID", help="as `cointrader positions` prints it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the chain of one position."""
    from storage.chain import position_chain

    with opened(arguments.workspace) as place:
        show(position_chain(place.connection, arguments.position), as_json=arguments.json)
    return 0


def show(chain: Chain, *, as_json: bool) -> None:
    """Print a chain."""
    if as_json:
        print_json(asdict(chain))
    else:
        print("\n".join(story(chain)))


def story(chain: Chain) -> Iterator[str]:
    """The chain, a line or two a link."""
    if chain.signal is not None:
        signal = chain.signal
        yield (
            f"signal #{signal.id}  {time_text(signal.ts_ms)}  {signal.strategy} wants {signal.side} "
            f"{signal.symbol} at {signal.price:,.6g}, confidence {signal.confidence:.2f}"
        )
        yield "  contributions: " + ", ".join(f"{k} {v:.2f}" for k, v in signal.contributions.items())
    for answer in chain.answers:
        yield _answer(answer)
    if chain.decision is not None:
        yield _decision(chain.decision)
    if chain.hindsight is not None:
        yield _hindsight(chain.hindsight)
    if chain.position is not None:
        yield from _position(chain.position)
    for fill in chain.fills:
        yield (
            f"  {fill.kind}  {time_text(fill.ts_ms)}  {fill.side} {fill.qty:.6g} at {fill.price:,.6g}, "
            f"fee {fill.fee:.4g}, slippage {fill.slippage:.4g}  {fill.reason}".rstrip()
        )
    for reward in chain.rewards:
        yield from _reward(reward)
    yield from learned_lines(chain)


def _answer(answer: AgentResponseRow) -> str:
    reason = f": {answer.reason}" if answer.reason else ""
    return f"  {answer.agent} agent {answer.answer}{reason}  ({answer.micros:,} us)"


def _hindsight(known: HindsightRow) -> str:
    return (
        f"  hindsight  {'missed' if known.pnl > 0 else 'saved'} {abs(known.pnl):,.4f}: in at "
        f"{known.entry_price:,.6g}, out at {known.exit_price:,.6g} by {known.exit_reason} after "
        f"{span(known.hold_ms)}, {known.net_return:+.3%} net of costs (never part of what was earned)"
    )


def _decision(decision: DecisionPart) -> str:
    if decision.accepted:
        return "decision  accepted"
    values = "" if decision.limit_value is None else f" (limit {decision.limit_value:.6g}"
    if values and decision.actual_value is not None:
        values += f", actual {decision.actual_value:.6g}"
    return f"decision  rejected at {decision.stage}: {decision.text}{values + ')' if values else ''}"


def _position(position: PositionPart) -> Iterator[str]:
    yield (
        f"position #{position.id}  {position.state}  {position.side} {position.qty:.6g} {position.symbol}"
        f"  {time_text(position.opened_ms)} to {time_text(position.closed_ms) or 'now'}"
        f"  held {span(position.hold_ms)}  exit by {position.exit_reason or '-'}"
    )
    yield (
        f"  pnl {position.pnl:+.4f} = gross {position.gross:+.4f} - fees {position.fees:.4f}"
        f" - funding {position.funding:.4f} - slippage {position.slippage:.4f}"
    )
    yield (
        f"  return {position.return_account:+.4%} of equity, {position.return_notional:+.3%} of notional"
        f"  worst {position.mae:+.3%}, best {position.mfe:+.3%}"
    )


def _reward(reward: RewardPart) -> Iterator[str]:
    yield f"reward  {reward.total:+.4f} by the {reward.formula} formula, weight {reward.weight:.2f}"
    for name, total, parts in (
        ("normalized", reward.normalized, reward.normalized_parts),
        ("comprehensive", reward.comprehensive, reward.comprehensive_parts),
    ):
        told = "  ".join(f"{part} {value:+.4f}" for part, value in parts.items())
        yield f"  {name} {total:+.4f}: {told}"
