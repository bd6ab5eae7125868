"""The account that single signals are judged against: names outside, the one kernel's book inside.

Every judgement is a moment of the kernel with one signal and no bar: the code that a backtest and a paper
run decide with. An accepted signal is an order that counts against the limits; `fill` makes it a position
once the execution agent took it, `close` books its profit, and an order that nobody fills lapses after
`stale_bars`. Nothing leaves without `close`: there is no bar to leave at, so a signal to the other side meets
a position that counts like any other.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cointrader.core import decide
from cointrader.core.book import ACCOUNT, SIGNAL, SYMBOL, Book
from cointrader.core.book_symbols import NEW, carry_over, fresh_book, places_in_use
from cointrader.core.limits import Rules, rules_of
from cointrader.core.reasons import Reason
from cointrader.core.single_moves import close_slot_at, meet_order_at, no_market, take_signal_at
from cointrader.core.wish import Wish
from cointrader.settings import Settings
from cointrader.trading.position import SLOT, ExitReason, Phase

MOST_IDLE = 64
"""So many symbols are kept as they come; more cost every decision time."""


@dataclass(frozen=True)
class Verdict:
    """What the kernel said of one signal; `reason` ACCEPTED means that nothing stood against it."""

    reason: Reason
    limit: float
    actual: float


@dataclass(frozen=True)
class Held:
    """An order or a position of the account; `row_id` is its signal in the tables."""

    signal_id: str
    row_id: int
    phase: Phase


class Portfolio:
    """One account over any number of symbols and strategies, which are numbered as they come."""

    def __init__(self, settings: Settings, *, bar_ms: int) -> None:
        """`bar_ms` is the bar that staleness is counted in, where signals come without bars."""
        self.rules: Rules = rules_of(settings)
        self.start_equity = float(settings.simulation.start_equity)
        self.bar_ms = bar_ms
        self.forget()

    def forget(self) -> None:
        """Begins with the start equity and nothing held."""
        self._symbols: list[str] = []
        self._strategies: list[str] = []
        self._keys: dict[int, tuple[str, int]] = {}
        self._next = 0
        self._book = self._fresh([])

    @property
    def equity(self) -> float:
        """At the last prices told."""
        return float(self._book.account[0]["equity"])

    @property
    def exposure(self) -> float:
        """The notional of orders and positions, as they were accepted, as a share of equity."""
        held = float(self._book.slots[: self._active]["notional"].sum())
        return held / self.equity if self.equity > 0.0 else math.nan

    @property
    def held(self) -> list[Held]:
        """Orders and positions in the order they were accepted."""
        slots = self._book.slots[: self._active]
        return [Held(*self._keys[int(slot["signal"])], Phase(int(slot["phase"]))) for slot in slots]

    def find(self, signal_id: str) -> Held | None:
        """The order or position of a signal, None without one."""
        return next((item for item in self.held if item.signal_id == signal_id), None)

    def differs(self, signal_id: str, wish: Wish) -> str:
        """What `wish` asks for that is not what was accepted under this id, in words; '' where nothing is.

        Raises KeyError where nothing is held under that id.
        """
        slot = self._book.slots[self._place(signal_id)]
        quantity, price = float(slot["quantity"]), float(slot["notional"] / slot["quantity"])
        pairs = (
            ("symbol", wish.symbol, self._symbols[int(slot["symbol"])]),
            ("strategy", wish.strategy, self._strategies[int(slot["strategy"])]),
            ("side", wish.side, int(slot["side"])),
            ("amount", wish.amount, quantity),
            ("price", price if wish.price is None else wish.price, price),
        )
        return next((f"{name} {told}, not {kept}" for name, told, kept in pairs if not _same(told, kept)), "")

    def judge(self, wish: Wish, price: float, now_ms: int) -> Verdict:
        """What `take` would say now; nothing changes."""
        kept = self._state()
        try:
            return self._decide(wish, price, now_ms)
        finally:
            self._restore(kept)

    def take(self, wish: Wish, price: float, now_ms: int) -> Verdict:
        """Decides on a signal; where it is accepted, its order counts from now on, else nothing changes."""
        kept = self._state()
        verdict = self._decide(wish, price, now_ms)
        if verdict.reason is not Reason.ACCEPTED:
            self._restore(kept)
        return verdict

    def name_row(self, signal_id: str, row_id: int) -> None:
        """Says which row of the tables an accepted signal became."""
        for number, (known, _) in self._keys.items():
            if known == signal_id:
                self._keys[number] = (known, row_id)

    def judge_fill(self, signal_id: str, now_ms: int) -> Verdict:
        """What `fill` would say now; nothing changes."""
        kept = self._state()
        try:
            return self.fill(signal_id, now_ms)
        finally:
            self._restore(kept)

    def fill(self, signal_id: str, now_ms: int) -> Verdict:
        """Makes an order a position at the price it was decided by, if that is not stale by now.

        Raises KeyError where nothing is ordered under that id.
        """
        at = self._place(signal_id)
        slot = self._book.slots[at]
        if slot["phase"] != Phase.ORDERED:
            raise KeyError(signal_id)
        self._begin(now_ms)
        price = float(slot["notional"] / slot["quantity"])
        meet_order_at(self.rules, self._book, at, price, now_ms)
        self._mark()
        return self._verdict()

    def close(self, signal_id: str, price: float, now_ms: int) -> float:
        """Closes a position at `price` and returns its net profit. Raises KeyError where none is open."""
        at = self._place(signal_id)
        if self._book.slots[at]["phase"] != Phase.OPEN:
            raise KeyError(signal_id)
        self._begin(now_ms)
        self._book.symbols[self._book.slots[at]["symbol"]]["close"] = price
        close_slot_at(self.rules, self._book, at, price, int(ExitReason.MANUAL), now_ms)
        net = float(self._book.trades[0]["net"])
        self._book.account["trades"] = 0
        self._free(at)
        self._mark()
        return net

    def drop(self, signal_id: str) -> None:
        """Takes an order back: it was vetoed after it had been accepted."""
        self._free(self._place(signal_id))

    def has_lapsed(self, now_ms: int) -> bool:
        """Whether an order waits that nobody filled in time."""
        return any(self._lateness(item, now_ms) is not None for item in self.held)

    def lapsed(self, now_ms: int) -> list[tuple[Held, Verdict]]:
        """Frees the orders that nobody filled in time, and returns them with what the kernel says of them."""
        late = [(item, self._lateness(item, now_ms)) for item in self.held]
        gone = [(item, verdict) for item, verdict in late if verdict is not None]
        for item, _ in gone:
            self.drop(item.signal_id)
        return gone

    def dump(self) -> dict[str, Any]:
        """The account as values of JSON; `load` reads it back bit for bit."""
        return {
            "symbols": list(self._symbols),
            "strategies": list(self._strategies),
            "keys": [[number, *self._keys[number]] for number in sorted(self._keys)],
            "next": self._next,
            "bar_ms": self.bar_ms,
            "account": _text(self._book.account),
            "records": _text(self._book.symbols),
            "slots": _text(self._book.slots[: self._active]),
        }

    def load(self, kept: Mapping[str, Any]) -> None:
        """The account as it was dumped; an empty mapping begins anew."""
        self.forget()
        if not kept:
            return
        self._symbols, self._strategies = list(kept["symbols"]), list(kept["strategies"])
        self._keys = {int(number): (str(key), int(row)) for number, key, row in kept["keys"]}
        self._next = int(kept["next"])
        slots = _records(kept["slots"], SLOT)
        book = self._fresh(self._symbols, room=slots.size)
        book.account[:] = _records(kept["account"], ACCOUNT)
        book.symbols[:] = _records(kept["records"], SYMBOL)
        book.slots[: slots.size] = slots
        self._book = book

    @property
    def _active(self) -> int:
        return int(self._book.account[0]["active"])

    def _decide(self, wish: Wish, price: float, now_ms: int) -> Verdict:
        number = self._next
        symbol, strategy = self._symbol(wish.symbol, now_ms), self._strategy(wish.strategy)
        self._book.symbols[symbol]["close"] = price
        signal = np.zeros(1, SIGNAL)
        for name in ("stop_distance", "target_distance", "trail_distance"):
            signal[name] = math.nan
        signal["ts_ms"], signal["row"], signal["symbol"], signal["strategy"] = (
            wish.ts_ms,
            -1,
            symbol,
            strategy,
        )
        signal["side"], signal["confidence"], signal["price"] = wish.side, wish.confidence, price
        signal["spread_bps"] = math.nan if wish.spread_bps is None else wish.spread_bps
        signal["quantity"] = wish.amount
        self._begin(now_ms)
        take_signal_at(self.rules, self._book, signal, number, now_ms)
        verdict = self._verdict()
        if verdict.reason is Reason.ACCEPTED:
            self._next += 1
            self._keys[number] = (wish.signal_id, 0)
        return verdict

    def _fresh(self, symbols: list[str], room: int = 0) -> Book:
        per_symbol = max(self.rules.max_per_symbol, room)
        return fresh_book(symbols, self.bar_ms, self.start_equity, per_symbol)

    def _symbol(self, symbol: str, now_ms: int) -> int:
        """Its number; a symbol that is new finds room among those that are still in use."""
        if symbol in self._symbols:
            return self._symbols.index(symbol)
        places = list(range(len(self._symbols)))
        if len(places) >= MOST_IDLE:
            places = places_in_use(self._book, now_ms, self.rules.cooldown_ms)
        self._symbols = [*(self._symbols[place] for place in places), symbol]
        book = self._fresh(self._symbols, room=self._active)
        self._book = carry_over(self._book, book, [*places, NEW])
        return len(places)

    def _strategy(self, strategy: str) -> int:
        if strategy not in self._strategies:
            self._strategies.append(strategy)
        return self._strategies.index(strategy)

    def _lateness(self, item: Held, now_ms: int) -> Verdict | None:
        if item.phase is not Phase.ORDERED:
            return None
        verdict = self.judge_fill(item.signal_id, now_ms)
        return None if verdict.reason is Reason.ACCEPTED else verdict

    def _verdict(self) -> Verdict:
        """The verdict in the outbox; without one the signal became an order."""
        account = self._book.account[0]
        count = int(account["verdicts"])
        account["verdicts"] = account["accepted"] = 0
        if count == 0:
            return Verdict(Reason.ACCEPTED, 0.0, 0.0)
        found = self._book.verdicts[0]
        return Verdict(Reason(int(found["reason"])), float(found["limit"]), float(found["actual"]))

    def _place(self, signal_id: str) -> int:
        for at, item in enumerate(self.held):
            if item.signal_id == signal_id:
                return at
        raise KeyError(signal_id)

    def _free(self, at: int) -> None:
        active, slots = self._active, self._book.slots
        del self._keys[int(slots[at]["signal"])]
        slots[at : active - 1] = slots[at + 1 : active].copy()
        self._book.account[0]["active"] = active - 1

    def _begin(self, now_ms: int) -> None:
        """Whatever happens next happens now: another day begins, and everything is marked."""
        rows = np.full(len(self._symbols), -1, np.int64)
        decide.begin(self.rules, self._book, no_market(), rows, now_ms)

    def _mark(self) -> None:
        decide.mark(self._book)

    def _state(self) -> tuple[Any, ...]:
        book = Book(*(part.copy() for part in self._book))
        return book, list(self._symbols), list(self._strategies), dict(self._keys), self._next

    def _restore(self, kept: tuple[Any, ...]) -> None:
        self._book, self._symbols, self._strategies, self._keys, self._next = kept


def _same(told: str | float, kept: str | float) -> bool:
    """Whether both are the same text, or the same number but for its last bits."""
    if isinstance(told, str) or isinstance(kept, str):
        return told == kept
    return math.isclose(told, kept, rel_tol=1e-9)


def _text(records: Any) -> str:
    return base64.b64encode(records.tobytes()).decode("ascii")


def _records(text: str, dtype: np.dtype[Any]) -> Any:
    return np.frombuffer(base64.b64decode(text), dtype)
