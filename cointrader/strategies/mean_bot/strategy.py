"""Mean reversion: an Ornstein-Uhlenbeck fit of the last closes, traded back towards its mean.

The log closes of the window are fitted exactly; the score is the distance below the mean in stationary
deviations. Enters where the fit is valid, |score| >= 2 and an augmented Dickey-Fuller test rejects a unit
root at 5 %; confidence = |score|/3. Leaves where the score has come back to 0.5 (or beyond the mean), after
three half-lives, at most 96 bars, or at the stop. The test is costly, so it runs on candidate bars only.
"""

from __future__ import annotations

import numpy as np

from cointrader.strategies.base import CLOSE_LONG, CLOSE_SHORT, SignalArrays, no_distance
from cointrader.strategies.mean_bot.params import MeanBotParams
from models.indicators.true_range import atr
from models.mean_reversion.adf import adf_p_values
from models.mean_reversion.ou import rolling_ou
from storage.candles import Candles


class MeanBot:
    """The strategy; it keeps nothing between two calls."""

    name = "mean_bot"
    params = MeanBotParams

    def signals(self, candles: Candles, params: MeanBotParams, *, stop_atr: float = 2.0) -> SignalArrays:
        """Every bar whose price lies far from a mean that it comes back to."""
        price = np.log(candles.close)
        fit = rolling_ou(price, params.window)
        spread = atr(candles.high, candles.low, candles.close, params.atr)
        score = fit.score
        candidates = np.flatnonzero((np.abs(score) >= params.enter) & (spread > 0.0))
        index = candidates[adf_p_values(price, candidates, params.window) < params.p_value]
        back_up = score <= params.leave
        back_down = score >= -params.leave
        exits = np.where(back_up, CLOSE_LONG, 0) | np.where(back_down, CLOSE_SHORT, 0)
        patience = np.ceil(np.minimum(params.half_lives * fit.half_life[index], params.max_bars))
        return SignalArrays(
            index=index,
            side=np.where(score[index] > 0.0, 1, -1).astype(np.int64),
            confidence=np.abs(score[index]) / 3.0,
            stop_distance=stop_atr * spread[index],
            target_distance=no_distance(index.size),
            trail_distance=no_distance(index.size),
            max_bars=np.maximum(patience, 1.0).astype(np.int64),
            exits=exits.astype(np.uint8),
        )


MEAN_BOT = MeanBot()
