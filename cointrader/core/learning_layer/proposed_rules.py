"""Which rules can be judged by hindsight signal by signal, which cannot, and why not."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass, replace
from typing import Any

from cointrader.core.learning_layer.prediction_report import LearnedUntil
from cointrader.core.learning_layer.proposals import NumberRule, Proposal, propose
from cointrader.core.reasons import Reason
from cointrader.settings import Settings
from storage.decision_answers import read_predictions
from storage.proposal_rows import Ruled, once_each, read_refused, read_taken
from storage.runs import rejection_counts
from storage.workspace import Workspace

CONFIDENCE = NumberRule("low_confidence", "limits", "min_confidence")
CHANCE = NumberRule("decision_vetoed", "core", "decision_threshold")
SPREAD = NumberRule("wide_spread", "limits", "max_spread_bps", is_ceiling=True)
COOLDOWN = NumberRule("cooldown", "limits", "cooldown_minutes", scale=1 / 60_000, pauses=True)
RULES = (CONFIDENCE, CHANCE, SPREAD, COOLDOWN)

ONLY_LOOSER = "only a looser limit can be judged: of accepted signals this value is not kept"
_ACCOUNT = (
    "it looks at what else the account holds, so another limit changes every decision after it; compare "
    "two backtests instead"
)
_WHY_NOT = {
    **dict.fromkeys(
        (
            "symbol_open",
            "open_positions",
            "asset_exposure",
            "strategy_exposure",
            "portfolio_exposure",
            "total_exposure",
            "daily_loss",
            "daily_trades",
        ),
        _ACCOUNT,
    ),
    **dict.fromkeys(
        ("order_size", "min_notional"), "it looks at the size of the order, not at whether it pays"
    ),
    **dict.fromkeys(
        ("stale_signal", "stale_fill", "stale_price"),
        "there was no fresh price, so what it would have filled at is not known",
    ),
}
_AGENTS = "an agent said no, not a number; its answers stand with the signals"
_NO_NUMBER = "it has no number that could be another"


@dataclass(frozen=True)
class NotJudged:
    """A rule that rejected n signals and for which nothing is proposed."""

    rule: str
    n: int
    why: str


@dataclass(frozen=True)
class Proposed:
    """Every rule with a number of its own, and those that cannot be judged."""

    proposals: tuple[Proposal, ...]
    notes: dict[str, str]
    not_judged: tuple[NotJudged, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "proposals": [asdict(item) | {"note": self.notes.get(item.rule, "")} for item in self.proposals],
            "not_judged": [vars(item) for item in self.not_judged],
        }


def propose_thresholds(
    workspace: Workspace, connection: sqlite3.Connection, settings: Settings, run_id: int | None = None
) -> Proposed:
    """Proposals from the signals of a run, or of all runs, against the settings in force."""
    notional = settings.simulation.size_fraction * settings.simulation.start_equity
    counts = {item.code: item.count for item in rejection_counts(connection, run_id)}
    proposals, notes = [], {}
    for rule in RULES:
        rows = _rows(workspace, connection, rule, run_id)
        if not rows and rule.code not in counts:
            continue
        now = float(getattr(getattr(settings, rule.section), rule.setting))
        proposals.append(propose(rule, rows, now, notional))
        if rule in (SPREAD, COOLDOWN):
            notes[rule.code] = ONLY_LOOSER
    judged = {rule.code for rule in RULES}
    rest = [NotJudged(code, n, why_not(code)) for code, n in counts.items() if code not in judged]
    return Proposed(tuple(proposals), notes, tuple(sorted(rest, key=lambda item: (-item.n, item.rule))))


def why_not(code: str) -> str:
    """Why nothing can be proposed for a rule."""
    if code in _WHY_NOT:
        return _WHY_NOT[code]
    known = {reason.code: reason for reason in Reason}.get(code)
    is_agent = known is not None and Reason.STRATEGY_VETOED <= known <= Reason.DECISION_FAILED
    return _AGENTS if is_agent else _NO_NUMBER


def _rows(
    workspace: Workspace, connection: sqlite3.Connection, rule: NumberRule, run_id: int | None
) -> list[Ruled]:
    rows = read_refused(connection, rule.code, run_id)
    if rule is CONFIDENCE:
        rows += read_taken(connection, run_id)
    if rule is CHANCE:
        return _unknown_chances(workspace, connection, rows + read_taken(connection, run_id), run_id)
    return once_each(rows)


def _unknown_chances(
    workspace: Workspace, connection: sqlite3.Connection, rows: list[Ruled], run_id: int | None
) -> list[Ruled]:
    """Signals that the gate was asked about by a version that had not learned from their time."""
    until = LearnedUntil(workspace, connection)
    said = {one.signal_id: one for one in read_predictions(connection, 0, run_id)}
    kept = []
    for row in rows:
        one = said.get(row.signal_id)
        if one is not None and one.ts_ms > until.of(one.said.version):
            kept.append(replace(row, actual=one.said.probability))
    return once_each(kept)
