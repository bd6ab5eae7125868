"""Which rows of a dataset are replayed: pure functions from setups to row numbers and counts.

Only rows that the agent trains on can be chosen. Rows of the early-stopping slice and of the window that is
scored stay as they are, unfiltered, whatever their setups earned.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from cointrader.training.outcomes.score import BPS, return_of_score
from cointrader.training.replaying.errors import NothingChosen, WaitingForEpisodes
from cointrader.training.replaying.request import PROFITABLE_SCORE, ReplayKind, ReplayRequest
from models.base import Dataset
from models.candle_series import FloatArray, IntArray
from models.setup_rows import SetupRows


@dataclass(frozen=True)
class Thresholds:
    """From the score `eligible` on a setup may be replayed at all, which nearly all may.

    `unit` is the net return, as a fraction, at which a score reaches 0.73. From which score on a setup is a
    profitable episode is a matter of the request.
    """

    eligible: float
    unit: float


@dataclass(frozen=True)
class Passing:
    """How many setups reach a score: of all that are validated, and of those among the training rows."""

    name: str
    score: float
    net_bps: float
    setups: int
    validated: int
    in_training: int

    @property
    def words(self) -> str:
        share = 100.0 * self.setups / self.validated if self.validated else 0.0
        return (
            f"{self.setups:,} of {self.validated:,} setups ({share:.1f} %) are {self.name}: score >= "
            f"{self.score:g}, net return >= {self.net_bps:+.1f} bps; {self.in_training:,} of them lie in the "
            "training part"
        )


@dataclass(frozen=True)
class Selection:
    """The rows that are replayed, and what was counted on the way.

    `rows` are rows of the dataset, all of them training rows, `setups` the places of their setups in the
    columns they came from. `mean_return` is that of the chosen setups, `mean_return_of_all` that of all
    validated ones: the first is high because it was chosen to be.
    """

    rows: IntArray
    setups: IntArray
    eligible: Passing
    profitable: Passing
    mean_return: float
    mean_return_of_all: float

    @property
    def words(self) -> str:
        """For the operator: what was chosen, and why its return says nothing."""
        return (
            f"{len(self.setups):,} setups are replayed; they returned {self.mean_return / BPS:+.1f} bps on "
            f"average and all setups {self.mean_return_of_all / BPS:+.1f} bps, a difference that was made by "
            "choosing"
        )


def net_returns(setups: SetupRows) -> FloatArray:
    """What each setup returned on the side that is scored, net of cost, as a fraction."""
    chosen: FloatArray = np.where(setups.side > 0, setups.buy_return, setups.sell_return)
    return chosen


def setup_of_each_row(dataset: Dataset, setups: SetupRows) -> IntArray:
    """The place in `setups` of every row of the dataset, by symbol and close; -1 where there is none.

    Where the dataset says its timeframe, setups of another one are passed over. A dataset of experiences
    knows the place itself (`setup`).
    """
    own = dataset.arrays.get("setup")
    if own is not None and own.max() < len(setups.id) and np.array_equal(setups.ts_ms[own], dataset.t0_ms):
        return np.asarray(own, dtype=np.int64)
    timeframe_ms = int(dataset.constants.get("timeframe_ms", 0))
    found = np.full(dataset.rows, -1, dtype=np.int64)
    names = np.asarray(setups.symbol, dtype=object)
    for number, symbol in enumerate(dataset.symbols):
        fits = names == symbol
        if timeframe_ms:
            fits &= setups.timeframe_ms == timeframe_ms
        places = np.flatnonzero(fits)
        rows = np.flatnonzero(dataset.symbol == number)
        if not len(places) or not len(rows):
            continue
        places = places[np.argsort(setups.ts_ms[places], kind="stable")]
        moments = setups.ts_ms[places]
        at = np.minimum(np.searchsorted(moments, dataset.t0_ms[rows]), len(moments) - 1)
        same = moments[at] == dataset.t0_ms[rows]
        found[rows[same]] = places[at[same]]
    return found


def known_in_time(dataset: Dataset, setups: SetupRows, row_setup: IntArray, held_out: IntArray) -> IntArray:
    """`row_setup` with -1 where the outcome of a setup was not known before the first row that is held out.

    Scores and priorities come from outcomes, whose horizon may be longer than that of the labels: chosen by
    them, the last training rows would tell what happens in the window that is scored.
    """
    late = row_setup >= 0
    late[late] = setups.ends_ms[row_setup[late]] >= dataset.t0_ms[held_out].min()
    return np.where(late, -1, row_setup)


def select(
    request: ReplayRequest,
    setups: SetupRows,
    row_setup: IntArray,
    train: IntArray,
    thresholds: Thresholds,
    least: int,
    allowed: Collection[int] | None = None,
) -> Selection:
    """The rows that `request` replays.

    `row_setup` is what `setup_of_each_row` gave, `train` the rows that the agent trains on, `least` how many
    episodes it needs, `allowed` the numbers of the setups that pass the filter or were named (None: all).
    Profitable setups are taken by score, others by priority, best first, the older one first where equal.

    Raises WaitingForEpisodes ("waiting n/100") and NothingChosen.
    """
    there = np.unique(row_setup[train])
    there = there[there >= 0]
    fits = there[setups.score[there] >= max(thresholds.eligible, request.least_score)]
    if allowed is not None:
        fits = fits[np.isin(setups.id[fits], np.fromiter(allowed, np.int64, len(allowed)))]
    _check_enough(request, len(there), len(fits), least, thresholds)
    by = setups.score if request.kind is ReplayKind.PROFITABLE else setups.priority
    best = fits[np.lexsort((fits, -by[fits]))]
    best = np.sort(best[: request.top] if request.top else best)
    returns = net_returns(setups)
    return Selection(
        rows=train[np.isin(row_setup[train], best)],
        setups=best,
        eligible=_passing("eligible for a replay", thresholds.eligible, setups, there, thresholds),
        profitable=_passing("profitable episodes", _profitable_score(request), setups, there, thresholds),
        mean_return=float(returns[best].mean()),
        mean_return_of_all=float(returns.mean()),
    )


def _check_enough(
    request: ReplayRequest, there: int, fitting: int, least: int, thresholds: Thresholds
) -> None:
    """Enough episodes to train on: chosen ones where only these are drawn, else all of the training part."""
    if request.kind is ReplayKind.PROFITABLE:
        if 0 < request.top < least:
            raise WaitingForEpisodes(request.top, least, f"{request.agent} trains on no fewer; raise top")
        if fitting < least:
            score = max(thresholds.eligible, request.least_score)
            bps = return_of_score(score, thresholds.unit) / BPS
            raise WaitingForEpisodes(
                fitting,
                least,
                f"so many setups in the training part of {request.agent} have a score of at least {score:g} "
                f"(net return {bps:+.1f} bps)",
            )
        return
    if there < least:
        raise WaitingForEpisodes(
            there, least, f"so many setups with an outcome lie in the training part of {request.agent}"
        )
    if not fitting:
        raise NothingChosen(
            f"none of the setups asked for lies in the training part of {request.agent} with a score of at "
            f"least {max(thresholds.eligible, request.least_score):g}; those of the window that is scored "
            "are never trained on"
        )


def _profitable_score(request: ReplayRequest) -> float:
    return request.least_score if request.kind is ReplayKind.PROFITABLE else PROFITABLE_SCORE


def _passing(name: str, score: float, setups: SetupRows, there: IntArray, thresholds: Thresholds) -> Passing:
    reached = setups.score >= score
    return Passing(
        name=name,
        score=score,
        net_bps=return_of_score(score, thresholds.unit) / BPS if score > 0.0 else float("-inf"),
        setups=int(reached.sum()),
        validated=len(setups.id),
        in_training=int(reached[there].sum()),
    )
