"""When a price changes rapidly: by its velocity, or by a spike of its volatility.

    velocity_t = 100 (P_t/P_{t-D} - 1)/D_minutes            percent a minute
    spike_t    = s_t / max(b_t, floor)                      s_t = std0 of the last 5 log returns
    b_t        = EWMA (half-life 60 returns) of s_u, u <= t - 5

D is a minute, or the bar where that is longer; the newest price at or before t - D counts, and D_minutes is
the time that really passed. Returns are from minute to minute, or from bar to bar where bars are longer; one
over more than 1.5 of them is left out. The floor is 1 bp times the square root of the minutes of a return.

It fires at |velocity| >= 0.5 %/min - for longer bars at the 99.9th percentile of the last 2,000 velocities
where that is higher - or at a spike >= 3, which then has to fall to 1.5 before a spike fires again. One
cooldown holds for both; nothing fires in the warm-up: for longer bars as many bars as it has minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cointrader.settings import RapidSettings
from models.candle_series import CandleSeries, FloatArray, check_candles
from models.compiled import kernel

MINUTE_MS = 60_000
RETURNS = 5
HALF_LIFE = 60.0
FLOOR = 1e-4
SPEEDS = 2_000
PERCENTILE = 0.999

# Places of the numbers that a detector remembers between two prices.
PRICES, HEAD, SLOT, SAMPLE_MS, SAMPLE_LOG, RETURN_COUNT, DEVIATIONS = range(7)
BASELINE, ARMED, EVENT_MS, FIRST_MS, SPEED_COUNT, SPIKE, STATE_SIZE = range(7, 14)
# Places of what does not change.
SPAN, ADAPTIVE, FADE, FLOOR_NOW, FIRES, MULTIPLE, RELEASE, COOLDOWN, WARM_UP, RULE_SIZE = range(10)


@dataclass(frozen=True)
class RapidReading:
    """What one price said; NaN where there is too little history."""

    velocity: float
    spike: float
    fired: bool


@dataclass(frozen=True)
class RapidColumns:
    """The same for every bar, each (n,)."""

    velocity: FloatArray
    spike: FloatArray
    fired: NDArray[np.bool_]


class RapidChangeDetector:
    """Price by price, with the same numbers as `rapid_changes`."""

    def __init__(self, settings: RapidSettings, timeframe_ms: int) -> None:
        """`timeframe_ms` is the shortest time between two prices."""
        self._memory = _fresh(settings, timeframe_ms)
        self._last_ms = -(2**62)
        self._reading = np.empty(2)

    def update(self, ts_ms: int, price: float) -> RapidReading:
        """What a price says. Raises ValueError for one that is not above 0, or not later than the last."""
        if not (math.isfinite(price) and price > 0.0):
            raise ValueError(f"a price must be a finite number above 0, not {price}")
        if ts_ms <= self._last_ms:
            raise ValueError(f"prices must come in order of time: {ts_ms} after {self._last_ms}")
        self._last_ms = ts_ms
        fired = _step(self._memory, float(ts_ms), float(price), self._reading)
        return RapidReading(float(self._reading[0]), float(self._reading[1]), bool(fired))


def rapid_changes(series: CandleSeries, settings: RapidSettings) -> RapidColumns:
    """Velocity, spike and events of a whole series, by its closes. Raises BadCandles."""
    check_candles(series)
    bars = len(series.close_ms)
    columns = np.empty((bars, 2))
    fired = np.zeros(bars, dtype=np.bool_)
    memory = _fresh(settings, series.timeframe_ms)
    _walk(memory, series.close_ms.astype(np.float64), series.close, columns, fired)
    return RapidColumns(columns[:, 0].copy(), columns[:, 1].copy(), fired)


class _Memory(NamedTuple):
    """What a detector goes by and remembers: its rules, its numbers, and what it needs of the past.

    `prices` is a ring (n, 2) of times and prices that reaches a span back; `speeds` the last velocities in
    the order they came, `ordered` the same by size.
    """

    rules: FloatArray
    state: FloatArray
    prices: FloatArray
    returns: FloatArray
    deviations: FloatArray
    speeds: FloatArray
    ordered: FloatArray


def _fresh(settings: RapidSettings, timeframe_ms: int) -> _Memory:
    if timeframe_ms <= 0:
        raise ValueError(f"a timeframe must be positive, not {timeframe_ms} ms")
    span = max(MINUTE_MS, timeframe_ms)
    minutes = span / MINUTE_MS
    rules = np.empty(RULE_SIZE)
    rules[SPAN], rules[ADAPTIVE] = span, float(span > MINUTE_MS)
    rules[FADE], rules[FLOOR_NOW] = 1.0 - 0.5 ** (1.0 / HALF_LIFE), FLOOR * math.sqrt(minutes)
    rules[FIRES], rules[MULTIPLE] = settings.velocity_percent, settings.spike_multiple
    rules[RELEASE], rules[COOLDOWN] = settings.spike_release, settings.cooldown_seconds * 1_000.0
    rules[WARM_UP] = settings.warm_up_minutes * minutes * MINUTE_MS
    state = np.zeros(STATE_SIZE)
    state[BASELINE] = state[SPIKE] = np.nan
    state[ARMED], state[EVENT_MS] = 1.0, -np.inf
    prices = np.empty((span // timeframe_ms + 2, 2))
    short, long = (np.empty(RETURNS), np.empty(RETURNS)), (np.empty(SPEEDS), np.empty(SPEEDS))
    return _Memory(rules, state, prices, *short, *long)


@kernel
def _velocity(memory: _Memory, now: float, price: float) -> float:
    """Percent a minute since the newest price at or before a span ago; the price is then remembered."""
    rules, state, prices = memory.rules, memory.state, memory.prices
    size = prices.shape[0]
    held, head = int(state[PRICES]), int(state[HEAD])
    value = np.nan
    for back in range(1, held + 1):
        place = (head - back) % size
        if prices[place, 0] <= now - rules[SPAN]:
            minutes = (now - prices[place, 0]) / MINUTE_MS
            value = 100.0 * (price / prices[place, 1] - 1.0) / minutes
            break
    prices[head, 0], prices[head, 1] = now, price
    state[HEAD] = (head + 1) % size
    state[PRICES] = min(held + 1, size)
    return value


@kernel
def _sample(memory: _Memory, now: float, price: float) -> None:
    """Takes the return of a minute (or bar) that is complete, and the spike that follows from it."""
    rules, state, returns, deviations = memory.rules, memory.state, memory.returns, memory.deviations
    slot = math.floor(now / rules[SPAN])
    log_price = math.log(price)
    first = state[FIRST_MS] == now
    if not first and slot <= state[SLOT]:
        return
    usable = not first and now - state[SAMPLE_MS] <= 1.5 * rules[SPAN]
    change = log_price - state[SAMPLE_LOG]
    state[SLOT], state[SAMPLE_MS], state[SAMPLE_LOG] = slot, now, log_price
    if not usable:
        return
    count = int(state[RETURN_COUNT])
    returns[count % RETURNS] = change
    state[RETURN_COUNT] = count + 1
    if count + 1 < RETURNS:
        return
    mean = 0.0
    for each in returns:
        mean += each / RETURNS
    squares = 0.0
    for each in returns:
        squares += (each - mean) * (each - mean) / RETURNS
    deviation = math.sqrt(squares)
    seen = int(state[DEVIATIONS])
    if seen >= RETURNS:
        left = deviations[seen % RETURNS]
        before = state[BASELINE]
        state[BASELINE] = left if seen == RETURNS else before + rules[FADE] * (left - before)
        state[SPIKE] = deviation / max(state[BASELINE], rules[FLOOR_NOW])
    deviations[seen % RETURNS] = deviation
    state[DEVIATIONS] = seen + 1


@kernel
def _limit(memory: _Memory) -> float:
    """The velocity at which it fires."""
    fixed: float = memory.rules[FIRES]
    count = min(int(memory.state[SPEED_COUNT]), SPEEDS)
    if memory.rules[ADAPTIVE] == 0.0 or count == 0:
        return fixed
    usual: float = memory.ordered[math.ceil(PERCENTILE * count) - 1]
    return max(fixed, usual)


@kernel
def _remember_speed(memory: _Memory, speed: float) -> None:
    """Puts a velocity among the last 2,000, which are also kept in order of size."""
    state, speeds, ordered = memory.state, memory.speeds, memory.ordered
    total = int(state[SPEED_COUNT])
    count = min(total, SPEEDS)
    if count == SPEEDS:
        gone = np.searchsorted(ordered, speeds[total % SPEEDS])
        for place in range(gone, SPEEDS - 1):
            ordered[place] = ordered[place + 1]
        count -= 1
    at = np.searchsorted(ordered[:count], speed)
    for place in range(count, at, -1):
        ordered[place] = ordered[place - 1]
    ordered[at] = speed
    speeds[total % SPEEDS] = speed
    state[SPEED_COUNT] = total + 1


@kernel
def _step(memory: _Memory, now: float, price: float, reading: FloatArray) -> bool:
    """One price; `reading` takes velocity and spike."""
    rules, state = memory.rules, memory.state
    if state[PRICES] == 0.0:
        state[FIRST_MS] = now
    velocity = _velocity(memory, now, price)
    _sample(memory, now, price)
    fast = abs(velocity) >= _limit(memory)
    if rules[ADAPTIVE] != 0.0 and not math.isnan(velocity):
        _remember_speed(memory, abs(velocity))
    wild = False
    if state[SPIKE] >= rules[MULTIPLE]:
        wild = state[ARMED] == 1.0
        state[ARMED] = 0.0
    elif state[SPIKE] <= rules[RELEASE]:
        state[ARMED] = 1.0
    reading[0], reading[1] = velocity, state[SPIKE]
    ready = now - state[FIRST_MS] >= rules[WARM_UP]
    rested = now - state[EVENT_MS] >= rules[COOLDOWN]
    fired = ready and rested and (fast or wild)
    if fired:
        state[EVENT_MS] = now
    return fired


@kernel
def _walk(
    memory: _Memory,
    close_ms: FloatArray,
    close: FloatArray,
    columns: FloatArray,
    fired: NDArray[np.bool_],
) -> None:
    for bar in range(close.size):
        fired[bar] = _step(memory, close_ms[bar], close[bar], columns[bar])
