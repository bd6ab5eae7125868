"""What the core asks the execution agent to do."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from cointrader.core.signal_filter import SignalFilter
from cointrader.core.wish import SignalRefused, Wish

CARRIED = ("side", "confidence", "spread_bps")
"""What a signal may say beside its params, and a command keeps in its metadata."""


@dataclass
class TradeCommand:
    """A decided signal on its way to the execution agent; `metadata` holds at least its `timestamp` (s)."""

    signal_id: str
    strategy: str
    params: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """A copy of its four parts: whoever gets it cannot change the command."""
        return {
            "signal_id": self.signal_id,
            "strategy": self.strategy,
            "params": copy.deepcopy(self.params),
            "metadata": copy.deepcopy(self.metadata),
        }

    def validate(self) -> bool:
        """Whether it can be executed: named, for a pair, a positive amount, a time, and no bad price."""
        try:
            self.read()
        except SignalRefused:
            return False
        return True

    def read(self) -> Wish:
        """The command in types; raises SignalRefused. Any strategy is taken: the filter asked about that."""
        metadata = self.metadata if isinstance(self.metadata, dict) else {}
        judge = SignalFilter()
        if isinstance(self.strategy, str):
            judge.valid_strategies.add(self.strategy)
        carried = {name: metadata[name] for name in CARRIED if name in metadata}
        return judge.read(
            {
                **carried,
                "signal_id": self.signal_id,
                "strategy": self.strategy,
                "params": self.params,
                "timestamp": metadata.get("timestamp"),
            }
        )
