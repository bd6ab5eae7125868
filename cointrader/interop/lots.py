"""Fills become positions: first in, first out, a symbol at a time, longs and shorts alike.

Each fill that opens is a lot, and each lot a position. A fill against open lots closes the oldest first;
what is left of it opens a lot the other way round. So the n-th lot is the same lot however the list of
fills grows: later fills only close it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from cointrader.interop.trade_history import (
    BUY,
    ENTRY,
    EXIT,
    LONG,
    SHORT,
    UNSAID,
    ImportedFill,
    ImportedTrade,
    booked_gross,
    mean_price,
)

DUST = 1e-9
"""A remainder below this part of a lot is an error of rounding, not a position."""


@dataclass(frozen=True)
class Execution:
    """One fill as a bot lists it, in the order of its list; `fee` in the quote currency."""

    line: int
    ts_ms: int
    pair: str
    side: str  # buy, sell
    qty: float
    price: float
    fee: float = 0.0
    strategy: str = ""


@dataclass
class _Lot:
    first: Execution
    qty: float
    fills: list[ImportedFill] = field(default_factory=list)
    left: float = 0.0

    @property
    def side(self) -> str:
        return LONG if self.first.side == BUY else SHORT


def pair_first_in_first_out(executions: Iterable[Execution]) -> tuple[ImportedTrade, ...]:
    """The positions behind a list of fills, in the order in which they were opened.

    Fees of a fill that closes several lots are shared by quantity. A lot that was closed in part stays
    open, with what it has earned so far.
    """
    lots: list[_Lot] = []
    waiting: dict[str, deque[_Lot]] = defaultdict(deque)
    for execution in executions:
        left = _close(waiting[execution.pair], execution)
        if left > DUST * execution.qty:
            fee = execution.fee * left / execution.qty
            entry = ImportedFill(execution.ts_ms, ENTRY, execution.side, left, execution.price, fee, "fill")
            lot = _Lot(execution, left, [entry], left)
            lots.append(lot)
            waiting[execution.pair].append(lot)
    return tuple(_trade(lot) for lot in lots)


def _close(waiting: deque[_Lot], execution: Execution) -> float:
    """Closes what the fill closes, the oldest lot first; returns what is left of the fill."""
    left = execution.qty
    while waiting and waiting[0].first.side != execution.side and left > DUST * execution.qty:
        lot = waiting[0]
        part = lot.left if abs(lot.left - left) <= DUST * lot.qty else min(lot.left, left)
        fee = execution.fee * part / execution.qty
        lot.fills.append(
            ImportedFill(execution.ts_ms, EXIT, execution.side, part, execution.price, fee, "fill")
        )
        lot.left -= part
        left -= part
        if lot.left <= DUST * lot.qty:
            waiting.popleft()
    return max(left, 0.0)


def _trade(lot: _Lot) -> ImportedTrade:
    fills = tuple(lot.fills)
    is_closed = lot.left <= DUST * lot.qty
    return ImportedTrade(
        line=lot.first.line,
        pair=lot.first.pair,
        strategy=lot.first.strategy,
        side=lot.side,
        opened_ms=lot.first.ts_ms,
        closed_ms=fills[-1].ts_ms if is_closed else None,
        qty=lot.qty,
        entry_price=lot.first.price,
        exit_price=mean_price(fill for fill in fills if fill.kind == EXIT),
        exit_reason=UNSAID if is_closed else "",
        gross=booked_gross(lot.side, fills),
        fees=sum(fill.fee for fill in fills),
        funding=0.0,
        fills=fills,
    )
