"""Thresholds from hindsight: chosen on an earlier window, shown on a later one, never applied from here.

A rule can be judged signal by signal where its number belongs to the signal itself. Of each candidate the
signals are counted on which it would have decided otherwise: `saved` is the money better off (losses avoided,
or profits no longer missed), `missed` the money worse off, `net` = saved - missed, all at the default size.
Signals of the earlier window whose trade reaches into the later one are left out of both. What a signal
that is let in would do to those after it (the account is fuller then) is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from storage.proposal_rows import Ruled

EARLIER_SHARE = 0.6
CANDIDATES = 20
LEAST = 30
LEAST_DAYS = 10
LEAST_KEPT = 0.5
"""A stricter limit must let pass so much of what passes now: one that stops all trading proposes nothing."""

Z95 = 1.959964
DAY_MS = 86_400_000
DIGITS = 3


@dataclass(frozen=True)
class NumberRule:
    """A rule whose number belongs to the signal. `scale` turns a stored value into the setting's unit.

    A signal passes from the limit on, or up to it where `is_ceiling`. `pauses` says that every signal that is
    let in begins a pause of the limit's length for its symbol and side.
    """

    code: str
    section: str
    setting: str
    scale: float = 1.0
    is_ceiling: bool = False
    pauses: bool = False


@dataclass(frozen=True)
class Effect:
    """What a limit would have changed in one window: n signals, and money at the default size."""

    first_ms: int
    last_ms: int
    n: int
    saved: float
    missed: float
    net: float


@dataclass(frozen=True)
class Proposal:
    """A limit for a rule; `low` and `high` are a 95 % interval of `later.net`, days taken as independent.

    `verdict` is holds up, within noise, does not hold up, keep (no candidate was better), or too few.
    `purged` counts the signals that reach from the earlier window into the later one. The means are net
    returns in the later window: of the signals decided otherwise, and of those that pass either way. Where
    both lose alike, a stricter limit gains by trading less and not by choosing better.
    """

    rule: str
    section: str
    setting: str
    now: float
    proposed: float
    verdict: str
    earlier: Effect
    later: Effect
    low: float | None
    high: float | None
    days: int
    purged: int
    line: str
    mean_changed: float | None = None
    mean_rest: float | None = None
    mean_difference_error: float | None = None


def propose(rule: NumberRule, rows: Sequence[Ruled], now: float, notional: float) -> Proposal:
    """The best other limit of the earlier window, and how it did in the later one.

    `now` is the limit in force, in the setting's unit, `notional` the default size of an order.
    """
    if not rows:
        nothing = Effect(0, 0, 0, 0.0, 0.0, 0.0)
        return _told(rule, now, now, "too few", nothing, nothing, None, 0)
    starts = np.array([row.ts_ms for row in rows], np.int64)
    cut_ms = int(np.sort(starts)[int(EARLIER_SHARE * len(rows))])
    earlier = [row for row in rows if row.ts_ms < cut_ms and row.ends_ms < cut_ms]
    later = [row for row in rows if row.ts_ms >= cut_ms]
    purged = len(rows) - len(earlier) - len(later)
    effects = [(limit, _effect(rule, earlier, now, limit, notional)) for limit in _limits(rule, earlier, now)]
    enough = [(limit, effect) for limit, effect in effects if effect.n >= LEAST]
    if not enough:
        shown = _effect(rule, earlier, now, now, notional), _effect(rule, later, now, now, notional)
        return _told(rule, now, now, "too few", *shown, None, purged)
    best, chosen = max(enough, key=lambda item: item[1].net)
    if chosen.net <= 0.0:
        return _told(rule, now, now, "keep", chosen, _effect(rule, later, now, best, notional), None, purged)
    shown_later = _effect(rule, later, now, best, notional)
    interval = _interval(_changes(rule, later, now, best, notional), cut_ms, int(starts.max()))
    verdict = _verdict(shown_later, interval)
    told = _told(rule, now, best, verdict, chosen, shown_later, interval, purged)
    return _with_means(told, rule, later)


def _with_means(told: Proposal, rule: NumberRule, rows: Sequence[Ruled]) -> Proposal:
    """What signals returned on average: those decided otherwise, and those that pass either way."""
    values = _values(rule, rows)
    net = np.array([row.net_return for row in rows], np.float64)
    before, after = _passes(rule, values, told.now), _passes(rule, values, told.proposed)
    changed, rest = net[before != after], net[before & after]
    if min(changed.size, rest.size) < 2:
        return told
    return replace(
        told,
        mean_changed=float(changed.mean()),
        mean_rest=float(rest.mean()),
        mean_difference_error=math.sqrt(
            float(changed.var(ddof=1)) / changed.size + float(rest.var(ddof=1)) / rest.size
        ),
    )


def _limits(rule: NumberRule, rows: Sequence[Ruled], now: float) -> list[float]:
    """Candidates: quantiles of the values seen, rounded, without the limit in force."""
    if not rows:
        return []
    values = _values(rule, rows)
    passes_now = int(_passes(rule, values, now).sum())
    shares = np.linspace(0.0, 1.0, CANDIDATES + 1)
    found = {_rounded(float(value)) for value in np.quantile(values, shares, method="higher")} - {
        _rounded(now)
    }
    return [
        limit for limit in sorted(found) if int(_passes(rule, values, limit).sum()) >= LEAST_KEPT * passes_now
    ]


def _values(rule: NumberRule, rows: Sequence[Ruled]) -> NDArray[np.float64]:
    return np.array([row.actual * rule.scale for row in rows], np.float64)


def _passes(rule: NumberRule, values: NDArray[np.float64], limit: float) -> NDArray[np.bool_]:
    passed: NDArray[np.bool_] = values <= limit if rule.is_ceiling else values >= limit
    return passed


def _changes(
    rule: NumberRule, rows: Sequence[Ruled], now: float, limit: float, notional: float
) -> list[tuple[int, float]]:
    """(when, money better off) of the signals on which the limit decides otherwise than the one in force."""
    values = _values(rule, rows)
    before, after = _passes(rule, values, now), _passes(rule, values, limit)
    changed = []
    last: dict[tuple[int, str, str], int] = {}
    for row, passed_before, passes in zip(rows, before.tolist(), after.tolist(), strict=True):
        if passed_before == passes:
            continue
        stream = (row.run_id, row.symbol, row.side)
        if rule.pauses and passes:
            if row.ts_ms - last.get(stream, -math.inf) < limit / rule.scale:
                continue
            last[stream] = row.ts_ms
        money = row.net_return * notional
        changed.append((row.ts_ms, money if passes else -money))
    return changed


def _effect(rule: NumberRule, rows: Sequence[Ruled], now: float, limit: float, notional: float) -> Effect:
    changed = _changes(rule, rows, now, limit, notional)
    saved = math.fsum(money for _, money in changed if money > 0.0)
    missed = math.fsum(-money for _, money in changed if money < 0.0)
    first, last = (rows[0].ts_ms, rows[-1].ts_ms) if rows else (0, 0)
    return Effect(first, last, len(changed), saved, missed, saved - missed)


def _interval(changed: Sequence[tuple[int, float]], first_ms: int, last_ms: int) -> tuple[float, float, int]:
    """(low, high, days): net -+ 1.96 sqrt(D) s, s the deviation of the D sums of a UTC day."""
    first_day = first_ms // DAY_MS
    sums = np.zeros(last_ms // DAY_MS - first_day + 1)
    for ts_ms, money in changed:
        sums[ts_ms // DAY_MS - first_day] += money
    days, net = int(sums.size), float(sums.sum())
    half = Z95 * math.sqrt(days) * float(sums.std(ddof=1)) if days > 1 else math.inf
    return net - half, net + half, days


def _verdict(later: Effect, interval: tuple[float, float, int]) -> str:
    low, _, days = interval
    if later.n < LEAST or days < LEAST_DAYS:
        return "too few"
    if later.net <= 0.0:
        return "does not hold up"
    return "holds up" if low > 0.0 else "within noise"


def _told(
    rule: NumberRule,
    now: float,
    proposed: float,
    verdict: str,
    earlier: Effect,
    later: Effect,
    interval: tuple[float, float, int] | None,
    purged: int,
) -> Proposal:
    low, high, days = interval or (None, None, 0)
    return Proposal(
        rule=rule.code,
        section=rule.section,
        setting=rule.setting,
        now=now,
        proposed=proposed,
        verdict=verdict,
        earlier=earlier,
        later=later,
        low=low if low is not None and math.isfinite(low) else None,
        high=high if high is not None and math.isfinite(high) else None,
        days=days,
        purged=purged,
        line=f"{rule.setting} = {proposed:g}",
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
