"""The middle of a chain in words: the position, as it closed or as it stands, and its fills."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cointrader.cli.formats import cell, span
from cointrader.cli.output import time_text
from storage.pages.view import Kind

if TYPE_CHECKING:
    from storage.chain import Chain, FillPart, PositionPart
    from storage.paper_desk import OpenPosition


def held_now(connection: sqlite3.Connection, chain: Chain) -> OpenPosition | None:
    """The position of a chain at the last close of its run, None once it is closed."""
    from storage.paper_desk import held_position

    if chain.position is None or chain.position.closed_ms is not None:
        return None
    return held_position(connection, chain.position.id)


def price_text(price: float) -> str:
    """A price as the tables write it."""
    return cell(Kind.PRICE, price)


def position_lines(position: PositionPart, held: OpenPosition | None) -> Iterator[str]:
    """What was held, and what it came to, or stands at."""
    is_open = position.closed_ms is None
    hold_ms = (held.hold_ms if held is not None else None) if is_open else position.hold_ms
    lasted = "" if hold_ms is None else f"  held {span(hold_ms)}"
    leaves = "" if is_open and not position.exit_reason else f"  exit by {position.exit_reason or '-'}"
    yield (
        f"position #{position.id}  {position.state}  {position.side} {position.qty:.6g} {position.symbol}"
        f"  {time_text(position.opened_ms)} to {time_text(position.closed_ms) or 'now'}{lasted}{leaves}"
    )
    if is_open:
        yield from _standing(position, held)
        return
    yield (
        f"  pnl {position.pnl:+.4f} = gross {position.gross:+.4f} - fees {position.fees:.4f}"
        f" - funding {position.funding:.4f} - slippage {position.slippage:.4f}"
    )
    yield (
        f"  return {position.return_account:+.4%} of equity, {position.return_notional:+.3%} of notional"
        f"  worst {position.mae:+.3%}, best {position.mfe:+.3%}"
    )


def fill_line(fill: FillPart) -> str:
    """One execution."""
    told = (
        f"  {fill.kind}  {time_text(fill.ts_ms)}  {fill.side} {fill.qty:.6g} at {price_text(fill.price)}, "
        f"fee {fill.fee:.4g}, slippage {fill.slippage:.4g}  {fill.reason}"
    )
    return told.rstrip()


def _standing(position: PositionPart, held: OpenPosition | None) -> Iterator[str]:
    if held is not None and held.last is not None and held.pnl is not None:
        yield (
            f"  would bring {held.pnl:+.4f} at the last close {price_text(held.last)}, after the fee of its "
            f"entry {position.fees:.4f} and before the costs of its exit"
        )
    else:
        yield f"  fee of its entry {position.fees:.4f}; the last close of its run is not known"
    exits = (("stop", position.stop_price), ("target", position.target_price))
    told = [f"{name} {price_text(price)}" for name, price in exits if price]
    yield "  leaves by " + (
        ", ".join(told) + ", or as its strategy says" if told else "hand, or with its run"
    )
