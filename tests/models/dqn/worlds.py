"""Experiences in memory: setups of a made-up market, each with buying, selling and holding."""

from dataclasses import dataclass, field

import numpy as np

from models.base import SignalRows
from models.setup_rows import BUY, HOLD, SELL, ExperienceRows, SetupRows

MINUTE_MS = 60_000
START_MS = 1_600_000_000_000


@dataclass
class World:
    """A source of experiences: `setups` a symbol, five minutes apart, outcomes known 15 minutes later.

    `planted` puts the reward of buying into the state; otherwise states say nothing of what follows.
    """

    count: int = 1_500
    names: tuple[str, ...] = ("BTC/USDT", "ETH/USDT")
    planted: bool = False
    cost: float = 0.05
    seed: int = 0
    provenance: str = "synthetic"
    rows: ExperienceRows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = _experiences(self)

    def candles(self, symbols, timeframe_minutes):
        return []

    def signals(self):
        return SignalRows(np.empty(0, np.int64), ())

    def setups(self, symbols):
        return self.rows.setups

    def experiences(self, symbols):
        return self.rows

    def books(self, symbols):
        return []


def _experiences(world: World) -> ExperienceRows:
    generator = np.random.default_rng(world.seed)
    n, names = world.count * len(world.names), world.names
    order = np.tile(np.arange(len(names)), world.count)
    step = np.repeat(np.arange(world.count), len(names))
    ts = START_MS + step * 5 * MINUTE_MS
    # Five-minute returns of each symbol; an outcome is the sum of the three that follow.
    returns = generator.normal(0.0, 0.3, (world.count + 3, len(names)))
    ahead = (returns[1:-2] + returns[2:-1] + returns[3:])[step, order]
    past = np.cumsum(returns, axis=0)
    state = np.column_stack(
        [returns[step, order], np.tanh(past[step, order]), *generator.normal(size=(6, n))]
    ).astype(np.float32)
    if world.planted:
        state[:, -1] = ahead
    buy, sell = np.tanh(ahead) - world.cost, np.tanh(-ahead) - world.cost
    setups = SetupRows(
        id=np.arange(1, n + 1),
        ts_ms=ts,
        ends_ms=ts + 15 * MINUTE_MS,
        symbol=tuple(names[place] for place in order),
        timeframe_ms=np.full(n, 5 * MINUTE_MS),
        side=np.ones(n, np.int64),
        extreme=np.zeros(n, np.int64),
        rapid=generator.random(n) < 0.05,
        buy_return=buy / 100,
        sell_return=sell / 100,
        score=1 / (1 + np.exp(-2 * buy)),
        priority=0.01 + np.abs(np.tanh(ahead)),
        value=np.zeros(n),
        state=state,
    )
    following = np.arange(n) + len(names)
    following[following >= n] = -1
    action = np.tile([BUY, SELL, HOLD], n)
    setup = np.repeat(np.arange(n), 3)
    holds = action == HOLD
    after = np.where(holds, following[setup], -1)
    return ExperienceRows(
        id=np.arange(1, 3 * n + 1),
        ts_ms=ts[setup],
        ends_ms=ts[setup] + 15 * MINUTE_MS,
        setup=setup,
        next_setup=after,
        action=action,
        reward=np.select([action == BUY, action == SELL], [buy[setup], sell[setup]], 0.0),
        terminated=~holds,
        truncated=holds & (after < 0),
        priority=np.where(holds, 0.01, setups.priority[setup]),
        from_close=np.zeros(3 * n, np.bool_),
        setups=setups,
    )
