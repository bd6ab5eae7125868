"""What an order by hand comes to, in words: pure functions of the run and of what was typed."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, format_number, format_price, format_time

if TYPE_CHECKING:
    from storage.paper_runs import PaperRunRow
    from storage.runs import RunRow
    from tui.screens.order_form import OrderWish


def setting(run: RunRow | None, section: str, name: str) -> float | None:
    """A setting that the run began with."""
    if run is None:
        return None
    value = run.settings.get("settings", {}).get(section, {}).get(name)
    return float(value) if isinstance(value, int | float) else None


def size_words(size: str, symbol: str, run: RunRow | None) -> str:
    """What the kind of size means."""
    base, _, quote = symbol.partition("/")
    if size == "notional":
        return f"so much {quote}"
    if size == "quantity":
        return f"so much {base}"
    share = setting(run, "simulation", "size_fraction")
    return "" if share is None else f"{phrases.percent(share)} of the equity"


def meaning_text(
    row: PaperRunRow, run: RunRow | None, symbol: str, wish: OrderWish | None, width: int, symbols: Symbols
) -> Content:
    """The last close, the size in both currencies, what the run allows, and when it is decided."""
    from storage.paper_desk import last_closes

    last = last_closes(row.names).get(symbol)
    lines: list[Part] = [_price_line(row, symbol, last, symbols)]
    if wish is not None and last is not None and run is not None:
        lines.append(_size_line(wish, run, last))
    share, single = setting(run, "limits", "order_fraction"), setting(run, "limits", "max_per_symbol")
    if share is not None and single is not None:
        each = "1 position" if single == 1 else f"{single:g} positions"
        lines.append(
            (f"The run allows {phrases.percent(share)} of the equity an order, {each} a symbol.", "")
        )
    lines.append((_when(row), "$warning" if row.state == "paused" else "$quiet"))
    return Content("\n").join(
        [assemble([(line, style)]) for text, style in lines for line in wrap(text, max(30, width)) or [""]]
    )


def _price_line(row: PaperRunRow, symbol: str, last: float | None, symbols: Symbols) -> Part:
    if last is None:
        return f"{clean(symbol, symbols)} has no price yet: the run waits for its first bar.", "$warning"
    until = row.until_ms.get(symbol, 0)
    at = f" at {format_time(until)}" if until else ""
    return f"{clean(symbol, symbols)} closed last{at} at {format_price(last)}.", "bold"


def _size_line(wish: OrderWish, run: RunRow, last: float) -> Part:
    base, _, quote = wish.symbol.partition("/")
    share = setting(run, "simulation", "size_fraction") or 0.0
    notional = wish.notional if wish.notional is not None else (wish.quantity or 0.0) * last
    notional = notional or share * run.end_equity
    part = notional / run.end_equity if run.end_equity else 0.0
    size, limit = format_number(notional / last, 12), setting(run, "limits", "order_fraction")
    words = f"About {size} {base} for {notional:,.2f} {quote}, {phrases.percent(part)} of the equity"
    if limit is not None and part > limit * (1.0 + 1e-9):
        return f"{words}: more than the run allows.", "$warning"
    return f"{words}.", ""


def _when(row: PaperRunRow) -> str:
    if row.state == "paused":
        return f"Run {row.run_id} is paused: the order waits until it goes on."
    return "It is decided at once by the run's limits and filled at the next open, with fee and slippage."
