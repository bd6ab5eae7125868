"""Why nothing was traded: what the bot says, and two things that it does not say.

The silent gate: its execution refuses a score below the top-level `min_score_to_trade` (1.0 where it is not
set, whatever a nested section says) and tells so at DEBUG level only. A candidate that was passed to the
execution and is never evaluated in that cycle was stopped there.

The early return: with short selling off, the first short candidate ends the execution step of the cycle, and
all candidates behind it are lost.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass

from storage.bot.events import Said, in_order, newest

CYCLES = 100
MOST_EVENTS = 100_000
EARLY_RETURN = "blocked_short_selling"
_SLACK_MS = 1_000  # logs may have whole seconds
_KINDS = (
    "cycle",
    "passed",
    "evaluating",
    "reject",
    "gate",
    "trade",
    "nothing_traded",
    "reject_summary",
    "timing",
)


@dataclass(frozen=True)
class Finding:
    """One reason. `code` is silent_gate, early_return, gate:NAME or the bot's own word for it."""

    code: str
    count: int
    last_ms: int
    text: str
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True)
class WhyNothing:
    """Of the newest cycles (from `since_ms`): candidates, what became of them, and why; worst first."""

    since_ms: int | None
    cycles: int
    candidates: int
    evaluated: int
    executed: int
    findings: tuple[Finding, ...]

    @property
    def text(self) -> str:
        """The answer in one sentence."""
        if self.since_ms is None:
            return "Nothing was read of the bot's decisions yet."
        if self.executed:
            return f"{self.executed:,} trades were made in the last {self.cycles:,} cycles."
        if not self.findings:
            return f"No candidate in the last {self.cycles:,} cycles."
        return f"Nothing was traded in the last {self.cycles:,} cycles. {self.findings[0].text}"


@dataclass
class _Cycle:
    start_ms: int
    is_whole: bool
    said: list[Said]


def why_nothing_traded(connection: sqlite3.Connection, *, cycles: int = CYCLES) -> WhyNothing:
    """Looks at the newest cycles; of a bot that logs no cycles at everything."""
    starts = newest(connection, "cycle", limit=cycles)
    since = starts[-1].ts_ms if starts else 0
    said = in_order(connection, _KINDS, since, MOST_EVENTS)
    if not said:
        return WhyNothing(None, 0, 0, 0, 0, ())
    parts = _parts(said)
    hidden = _silent_gate(parts) + _early_returns(parts)
    told = _gates(said) + _reasons(said)
    kinds = Counter(each.kind for each in said)
    return WhyNothing(
        since_ms=said[0].ts_ms,
        cycles=kinds["cycle"],
        candidates=kinds["passed"] or kinds["evaluating"],
        evaluated=kinds["evaluating"],
        executed=len({(each.symbol, each.ts_ms // 1000) for each in said if each.kind == "trade"}),
        # What the bot does not say comes first: nobody finds it otherwise.
        findings=(*hidden, *sorted(told, key=lambda finding: -finding.count)),
    )


def _parts(said: list[Said]) -> list[_Cycle]:
    """The events by cycle; the last one is whole once the bot has logged its timing."""
    starts = [each.ts_ms for each in said if each.kind == "cycle"]
    parts = [_Cycle(start, number + 1 < len(starts), []) for number, start in enumerate(starts)]
    if not starts:
        parts, starts = [_Cycle(said[0].ts_ms, True, [])], [said[0].ts_ms]
    for each in said:
        part = parts[max(0, bisect_right(starts, each.ts_ms) - 1)]
        part.said.append(each)
        part.is_whole = part.is_whole or each.kind == "timing"
    return parts


def _unevaluated(part: _Cycle) -> list[Said]:
    """Candidates that were passed to the execution and never evaluated in the cycle."""
    evaluated: dict[str, int] = {}
    for each in part.said:
        if each.kind == "evaluating":
            evaluated[each.symbol] = each.ts_ms
    return [
        each
        for each in part.said
        if each.kind == "passed" and evaluated.get(each.symbol, -1) < each.ts_ms - _SLACK_MS
    ]


def _is_cut_short(part: _Cycle) -> bool:
    return any(each.kind == "reject" and EARLY_RETURN in each.reason for each in part.said)


def _silent_gate(parts: list[_Cycle]) -> list[Finding]:
    stopped = [
        each for part in parts if part.is_whole and not _is_cut_short(part) for each in _unevaluated(part)
    ]
    if not stopped:
        return []
    scores = [each.score for each in stopped if each.score is not None]
    best = f", the best with a score of {max(scores):g}" if scores else ""
    text = (
        f"{len(stopped):,} candidates were passed to the execution and dropped there without a word{best}: "
        "it wants at least min_score_to_trade, which is 1.0 unless it stands at the top level of the "
        "bot's configuration."
    )
    return [_finding("silent_gate", stopped, text)]


def _early_returns(parts: list[_Cycle]) -> list[Finding]:
    cut = [part for part in parts if _is_cut_short(part)]
    if not cut:
        return []
    lost = [each for part in cut for each in _unevaluated(part)]
    shorts = [each for part in cut for each in part.said if EARLY_RETURN in each.reason]
    text = (
        f"{len(shorts):,} times a short candidate ended the execution of a whole cycle, because short "
        f"selling is off; {len(lost):,} other candidates were lost with it."
    )
    return [Finding("early_return", len(shorts), shorts[-1].ts_ms, text, _symbols(lost))]


def _gates(said: list[Said]) -> list[Finding]:
    closed: dict[str, list[Said]] = {}
    for each in said:
        if each.kind == "gate":
            for gate in filter(None, each.reason.split(",")):
                closed.setdefault(gate, []).append(each)
    return [
        _finding(f"gate:{gate}", found, f"The gate {gate} was closed {len(found):,} times.")
        for gate, found in closed.items()
    ]


def _reasons(said: list[Said]) -> list[Finding]:
    """By the bot's own words; its counts once a cycle stand in where no single rejection was logged."""
    found: dict[str, list[Said]] = {}
    for each in said:
        if each.kind == "reject":
            for reason in filter(None, each.reason.split(",")):
                if reason != EARLY_RETURN:
                    found.setdefault(reason, []).append(each)
    if found:
        return [
            _finding(reason, rejected, f"{len(rejected):,} candidates were rejected: {reason}.")
            for reason, rejected in found.items()
        ]
    counts: Counter[str] = Counter()
    last: dict[str, int] = {}
    for each in said:
        if each.kind == "reject_summary":
            for reason, count in each.data.get("counts", {}).items():
                counts[reason] += int(count)
                last[reason] = each.ts_ms
    return [
        Finding(reason, count, last[reason], f"{count:,} candidates were rejected: {reason}.")
        for reason, count in counts.items()
    ]


def _finding(code: str, said: list[Said], text: str) -> Finding:
    return Finding(code, len(said), said[-1].ts_ms, text, _symbols(said))


def _symbols(said: list[Said]) -> tuple[str, ...]:
    """The symbols it happened to most."""
    counts = Counter(each.symbol for each in said if each.symbol)
    return tuple(symbol for symbol, _ in counts.most_common(5))
