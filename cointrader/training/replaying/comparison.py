"""A replay beside its control: both asked about the same rows, which neither was trained on.

A model that was trained on what paid looks good on what it was trained on, whatever the market is like. So
the only question is what it knows that its unfiltered control does not, on rows nobody chose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.base import Duel
from storage.promotion import NOISE_STANDARD_ERRORS

BETTER, NO_BETTER, WORSE, UNDEFINED = "better", "no better", "worse", "not defined"


@dataclass(frozen=True)
class Verdict:
    """`word` is better, no better, worse or not defined; `words` is the sentence for the operator.

    `standard_error` is that of `value - control`; NaN where it is not known.
    """

    word: str
    words: str
    value: float
    control: float
    difference: float
    standard_error: float


def judge_replay(metric: str, duel: Duel, baseline: float, standard_error: float, provenance: str) -> Verdict:
    """Better or worse beyond 3 standard errors of the difference, as versions are promoted; else no better.

    `duel` holds the replayed model's value and, as the incumbent, its control's.
    """
    difference = duel.value - duel.incumbent
    word, size = _word(difference, standard_error)
    where = f"on the same {duel.rows:,} rows that neither was trained on"
    numbers = f"{metric} {duel.value:.4f} after the replay, {duel.incumbent:.4f} in its unfiltered control"
    words = f"{_sentence(word, size)}; {numbers}, baseline {baseline:.4f}, {where}"
    if word == BETTER and duel.value <= baseline:
        words += "; neither is above the baseline" if duel.incumbent <= baseline else ""
    if provenance == "synthetic":
        words += "; learned from synthetic data, which says nothing of a market and is never promoted"
    return Verdict(word, words, duel.value, duel.incumbent, difference, standard_error)


def independent_error(one: float | None, other: float | None) -> float:
    """sqrt(a^2 + b^2): of two models as if they had been asked about different rows.

    Too wide for models that are right and wrong together, so it calls nothing better that is not.
    """
    if one is None or other is None:
        return math.nan
    return math.hypot(one, other)


def _word(difference: float, standard_error: float) -> tuple[str, str]:
    """The word, and the size of the difference as it stands in the sentence."""
    if not math.isfinite(difference):
        return UNDEFINED, ""
    if not math.isfinite(standard_error):
        return NO_BETTER, f"{difference:+.4f}, of unknown standard error"
    if difference == 0.0 and standard_error == 0.0:
        return NO_BETTER, "+0.0000, for both answer alike"
    if abs(difference) <= NOISE_STANDARD_ERRORS * standard_error:
        within = f"within {NOISE_STANDARD_ERRORS:g} standard errors of {standard_error:.4f}"
        return NO_BETTER, f"{difference:+.4f}, {within}"
    if standard_error == 0.0:
        return (BETTER if difference > 0 else WORSE), f"{difference:+.4f}, without noise"
    size = (
        f"{difference:+.4f}, {abs(difference) / standard_error:.1f} standard errors of {standard_error:.4f}"
    )
    return (BETTER if difference > 0 else WORSE), size


def _sentence(word: str, size: str) -> str:
    if word == UNDEFINED:
        return "not defined: the window that is scored has no metric"
    than = "no better than" if word == NO_BETTER else f"{word} than"
    return f"{than} its control out of sample ({size})"
