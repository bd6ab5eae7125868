"""trades.csv: no header, or the header of the bot's README; 5, 6 or 7 fields; rows that stick together.

symbol, side, amount, price, timestamp[, is_stop[, stop_price]]. The bot's controller appends `$<balance>`
without a line end when it closes a position, so that it stands before, behind or between rows. A dry run
writes a row without an amount for every raw signal: a probe. A price of 0 was never found out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cointrader.interop.cointrader2.records import BotTrade, Reading, key_of
from cointrader.interop.csv_table import RowRefused, read_number
from cointrader.interop.moments import MomentError, read_moment
from storage.quarantine import QuarantineRow

FILL, PROBE, STOP, UNRESOLVED = "fill", "probe", "stop", "unresolved"

# Two digits at most behind the point: what follows may be a symbol that begins with a digit (1INCH/USDT).
_BALANCE = re.compile(r"\$-?\d{1,3}(?:,\d{3})+\.\d{2}|\$-?\d+\.\d{2}|\$-?\d+(?:\.\d)?")
_SIDES = ("buy", "sell")


def read_trades(lines: list[tuple[int, str]], before: Callable[[str], int] | None = None) -> Reading:
    """The rows of some lines.

    Slices of one order may be equal rows: they are told apart by a count in their keys. `before` says how
    many rows with a key stood in earlier lines of the same file.
    """
    reading = Reading()
    counts: dict[str, int] = {}
    for number, line in lines:
        for text in rows_in(line):
            fields = [part.strip() for part in text.split(",")]
            if fields[0].lower() == "symbol":
                continue
            try:
                reading.rows.append(_trade(number, fields, counts, before))
            except RowRefused as error:
                reading.refused.append(QuarantineRow(number, error.field, error.reason, line))
    return reading


def rows_in(line: str) -> list[str]:
    """The rows in one physical line, without the balances between them."""
    return [text for part in _BALANCE.split(line) if (text := part.strip())]


def _trade(
    number: int, fields: list[str], counts: dict[str, int], before: Callable[[str], int] | None
) -> BotTrade:
    if not 5 <= len(fields) <= 7:
        raise RowRefused("row", f"has {len(fields)} fields; 5, 6 or 7 were expected")
    symbol, side = fields[0], fields[1].lower()
    if not symbol:
        raise RowRefused("symbol", "is empty")
    if side not in _SIDES:
        raise RowRefused("side", f"{fields[1]!r} is neither buy nor sell")
    amount, price = read_number(fields[2], "amount"), read_number(fields[3], "price")
    if amount < 0.0 or price < 0.0:
        raise RowRefused("amount" if amount < 0.0 else "price", "is below 0")
    try:
        moment = read_moment(fields[4])
    except MomentError as error:
        raise RowRefused("timestamp", str(error)) from error
    base = key_of("trade", *fields)
    if base not in counts:
        counts[base] = before(base) if before is not None else 0
    counts[base] += 1
    kind = _kind(amount, price, is_stop=len(fields) > 5 and fields[5].lower() == "true")
    return BotTrade(number, moment, symbol, side, amount, price, kind, f"{base}#{counts[base]}")


def _kind(amount: float, price: float, *, is_stop: bool) -> str:
    if is_stop:
        return STOP
    if amount == 0.0:
        return PROBE
    return FILL if price > 0.0 else UNRESOLVED
