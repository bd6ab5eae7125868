"""A signal that a program brought, read into types: everything the core decides by, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from cointrader.core.reasons import Reason
from storage.core_decisions import DecidedSignal, Refusal


@dataclass(frozen=True)
class Wish:
    """A wish to trade. `price` None: the sender named none; `spread_bps` None: unknown.

    `symbol` is BTC/USDT, `side` +1 to buy and -1 to sell, `amount` in the base currency, `ts_ms` when the
    signal was made. A sender that does not say how sure it is counts as sure: `confidence` 1.
    """

    signal_id: str
    strategy: str
    symbol: str
    base: str
    side: int
    amount: float
    price: float | None
    ts_ms: int
    confidence: float = 1.0
    spread_bps: float | None = None
    warning: str = ""

    def row(self, price: float | None) -> DecidedSignal:
        """What is stored of it; `price` is the one that was decided by."""
        return DecidedSignal(
            ts_ms=self.ts_ms,
            symbol=self.symbol,
            strategy=self.strategy,
            side="long" if self.side > 0 else "short",
            confidence=self.confidence,
            price=price or 0.0,
            provenance="paper",
        )


@dataclass(frozen=True)
class Rejected:
    """Why something was refused: the reason, a sentence for the operator, and the words of the interface.

    `told` is one of the reasons that other programs know ("Invalid signal format", "Exposure limit exceeded",
    ...); `text` says the same with field, limit and value.
    """

    reason: Reason
    told: str
    text: str
    limit: float | None = None
    actual: float | None = None

    @property
    def refusal(self) -> Refusal:
        """What is stored of it."""
        return Refusal(str(self.reason.stage), self.reason.code, self.text, self.limit, self.actual)


class SignalRefused(ValueError):
    """A signal, or a command, that cannot be decided on; `rejected` says why."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(rejected.text)
        self.rejected = rejected
