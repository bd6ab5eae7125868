"""Open positions as lines of a list: what each would bring now; pure functions of what storage read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import (
    clean,
    fit,
    format_duration,
    format_number,
    format_price,
    format_time,
)
from tui.widgets.record_list import Record

if TYPE_CHECKING:
    from storage.paper_desk import OpenPosition

Column = tuple[str, int, bool]
"""Name, cells, and whether it is set to the right."""

ALWAYS: tuple[Column, ...] = (
    ("symbol", 9, False),
    ("side", 5, False),
    ("quantity", 9, True),
    ("entry", 10, True),
    ("last", 10, True),
    ("PnL", 11, True),
    ("%", 7, True),
    ("hold", 6, True),
)
WHERE_THERE_IS_ROOM: tuple[Column, ...] = (
    ("stop", 10, True),
    ("target", 10, True),
    ("strategy", 9, False),
    ("entered", 16, False),
    ("signal", 9, True),
    ("#", 7, True),
    ("run", 4, True),
)
"""In the order in which they are added."""


def gap_for(width: int) -> str:
    """What stands between two columns."""
    return "  " if width >= 96 else " "


def columns_for(width: int) -> tuple[Column, ...]:
    """The columns that fit into a width."""
    gap = len(gap_for(width))
    found, room = list(ALWAYS), width - sum(cells + gap for _, cells, _ in ALWAYS)
    for column in WHERE_THERE_IS_ROOM:
        room -= column[1] + gap
        if room < 0:
            break
        found.append(column)
    return tuple(found)


def positions_head(width: int, symbols: Symbols) -> Content:
    """The names of the columns."""
    return assemble(
        [
            (fit(name, cells, right=right, ellipsis=symbols.ellipsis) + gap_for(width), "$quiet")
            for name, cells, right in columns_for(width)
        ]
    )


def position_record(position: OpenPosition, width: int, symbols: Symbols) -> Record:
    """One position in a line; what leaves at the next open says so in place of its age."""
    cells, gap = _cells(position, symbols), gap_for(width)
    return Record(
        position.id,
        assemble(
            [
                (fit(cells[name][0], room, right=right, ellipsis=symbols.ellipsis) + gap, cells[name][1])
                for name, room, right in columns_for(width)
            ]
        ),
    )


def _cells(position: OpenPosition, symbols: Symbols) -> dict[str, Part]:
    pnl, share = position.pnl, position.pnl_fraction
    leaves = position.state == "closing"
    result = ("-", "$quiet") if pnl is None else phrases.money(pnl, symbols)
    return {
        "symbol": (clean(position.symbol, symbols), "bold"),
        "side": (position.side.upper(), "$long" if position.side == "long" else "$short"),
        "quantity": (format_number(position.quantity, 9), ""),
        "entry": (format_price(position.entry_price), ""),
        "last": ("-" if position.last is None else format_price(position.last), ""),
        "PnL": result,
        "%": ("-" if share is None else f"{share * 100:+.2f}", result[1]),
        "hold": ("leaves", "$warning") if leaves else (_hold(position), "$quiet"),
        "stop": (_level(position.stop_price), "$quiet"),
        "target": (_level(position.target_price), "$quiet"),
        "strategy": (
            ("by hand", "$accent") if position.by_hand else (clean(position.strategy, symbols), "$quiet")
        ),
        "entered": (format_time(position.opened_ms), "$quiet"),
        "signal": ("" if position.signal_id is None else f"s.{position.signal_id:,}", "$quiet"),
        "#": (f"{position.id:,}", "$quiet"),
        "run": (str(position.run_id), "$quiet"),
    }


def _hold(position: OpenPosition) -> str:
    return format_duration(position.hold_ms) if position.now_ms else "-"


def _level(price: float | None) -> str:
    return "-" if price is None else format_price(price)


def positions_title(positions: Sequence[OpenPosition], symbols: Symbols, *, ordered: int = 0) -> str:
    """How many, what they would bring together, and how many are ordered and not filled yet."""
    waiting = f", {ordered} ordered" if ordered else ""
    if not positions:
        return f"open positions{waiting}"
    known = [position.pnl for position in positions if position.pnl is not None]
    together = f", {phrases.money(sum(known), symbols)[0]} unrealised" if known else ""
    return f"{len(positions)} open{together}{waiting}"


def position_words(position: OpenPosition, symbols: Symbols) -> str:
    """One position in a phrase that names it: position 17, BTC/USDT long 0.0089 at 56,120.5."""
    size = format_number(position.quantity, 9)
    price = format_price(position.entry_price)
    return f"position {position.id}, {clean(position.symbol, symbols)} {position.side} {size} at {price}"


def result_words(position: OpenPosition, symbols: Symbols) -> str:
    """What it would bring at the last close, in words; "" where that is not known."""
    if position.pnl is None or position.last is None:
        return ""
    share = phrases.percent(position.pnl_fraction, sign=True, digits=2)
    return f"At the last close of {format_price(position.last)} it stands at {position.pnl:+,.2f} ({share})."


def held_words(held: Sequence[OpenPosition], symbols: Symbols) -> str:
    """What is held, one a line, with what each would bring."""
    lines = []
    for position in held[:8]:
        result = "" if position.pnl is None else f"  {position.pnl:+,.2f}"
        lines.append(f"{clean(position.symbol, symbols)} {position.side}{result}")
    if len(held) > len(lines):
        lines.append(f"and {len(held) - len(lines)} more")
    return "\n".join(lines)


def stop_words(held: Sequence[OpenPosition], symbols: Symbols) -> str:
    """What the end of a run means for what it holds."""
    end = "Orders that wait are refused. A stopped run does not go on; its trades stay and teach."
    if not held:
        return f"Nothing is open. {end}"
    count = "Its open position is" if len(held) == 1 else f"Its {len(held)} open positions are"
    return f"{count} closed at the last close:\n{held_words(held, symbols)}\n\n{end}"


def close_all_words(
    run_id: int, held: Sequence[OpenPosition], ordered: int, symbols: Symbols
) -> tuple[str, str]:
    """The question before everything of a run is closed, and what follows."""
    orders = f"{ordered} order{'' if ordered == 1 else 's'} not filled yet"
    if not held:
        return f"Withdraw what is ordered in run {run_id}: {orders}?", "Nothing is open. The run goes on."
    count = f"{len(held)} open position{'' if len(held) == 1 else 's'}"
    leave = "It leaves" if len(held) == 1 else "They leave"
    withdrawn = f" {orders} {'is' if ordered == 1 else 'are'} withdrawn." if ordered else ""
    after = f"{leave} at the next open.{withdrawn} The run goes on and may open others; X stops it."
    return f"Close all of run {run_id}: {count}?", f"{held_words(held, symbols)}\n\n{after}"
