"""What the messages in the bot's logs mean: one entry a message, found by its first word.

Named groups of a pattern that are columns of an event (symbol, strategy, side, reason, score) go there; the
others are kept as figures of the event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

CYCLE, EVALUATING, PASSED, REJECT, GATE, TRADE = "cycle", "evaluating", "passed", "reject", "gate", "trade"
MODEL, MODEL_USE, COOLDOWN, SUMMARY, POSITION = "model", "model_use", "cooldown", "reject_summary", "position"
NOTHING_TRADED, TIMING, EQUITY, BALANCE, START = "nothing_traded", "timing", "equity", "balance", "start"

COLUMNS = ("symbol", "strategy", "side", "reason", "score")
_SYM = r"(?P<symbol>[^\s,:]+(?:/[^\s,:]+)?)"
_NUM = r"-?[\d.]+(?:[eE][+-]?\d+)?"


@dataclass(frozen=True)
class Meaning:
    """A kind of message: the kind of event it becomes, its pattern, its reason where that is fixed."""

    kind: str
    pattern: re.Pattern[str]
    reason: str = ""
    refine: Callable[[dict[str, str]], Mapping[str, object]] | None = field(default=None)


def pairs(text: str) -> dict[str, str]:
    """`a=1 b=two, c=x` as a mapping."""
    return {key: value.strip("'\",;") for key, value in re.findall(r"([\w.]+)\s*=\s*('[^']*'|[^\s,]*)", text)}


def _gate(groups: dict[str, str]) -> Mapping[str, object]:
    gates = {name: value.lower() == "true" for name, value in pairs(groups.pop("pairs")).items()}
    closed = [name for name, is_open in gates.items() if not is_open]
    groups["reason"] = ",".join(closed)
    return {"gates": gates}


def _flags(groups: dict[str, str]) -> Mapping[str, object]:
    flags: dict[str, str] = pairs(groups.pop("pairs"))
    for name in COLUMNS:
        if name in flags:
            groups[name] = flags.pop(name)
    return {"flags": flags}


def _fields(groups: dict[str, str]) -> Mapping[str, object]:
    """key=value pairs, with the bot's words for our columns."""
    found = pairs(groups.pop("pairs"))
    for theirs, ours in (("sym", "symbol"), ("dir", "side"), ("direction", "side"), ("signal", "side")):
        if theirs in found:
            found[ours] = found.pop(theirs)
    for name in COLUMNS:
        if found.get(name):
            groups[name] = found.pop(name)
    if "stage" in groups:
        # A filter says its verdict; one that does not is known by its name.
        groups.setdefault("reason", found.get("verdict") or groups["stage"].lower())
    return dict(found)


def _counts(groups: dict[str, str]) -> Mapping[str, object]:
    return {
        "counts": {key: int(value) for key, value in pairs(groups.pop("pairs")).items() if value.isdigit()}
    }


def _money(groups: dict[str, str]) -> Mapping[str, object]:
    return {name: groups.pop(name).replace(",", "") for name in ("pnl", "balance") if name in groups}


def _meaning(
    kind: str,
    pattern: str,
    reason: str = "",
    refine: Callable[[dict[str, str]], Mapping[str, object]] | None = None,
) -> Meaning:
    return Meaning(kind, re.compile(pattern), reason, refine)


_P = r"(?P<pairs>.*)"
_TABLE: dict[str, tuple[Meaning, ...]] = {
    "Starting": (
        _meaning(START, r"Starting bot\b.*"),
        _meaning(CYCLE, r"Starting evaluation cycle\b.*"),
    ),
    "[EVAL]": (
        _meaning(EVALUATING, rf"\[EVAL\] evaluating {_SYM}"),
        _meaning(TRADE, rf"\[EVAL\] {_SYM} -> executed (?P<side>\w+) (?P<amount>{_NUM}).*"),
        _meaning(REJECT, rf"\[EVAL\] {_SYM} -> (?P<reason>.+)"),
    ),
    "Trade": (
        _meaning(REJECT, r"Trade BLOCKED \((?P<reason>.+)\).*"),
        _meaning(TRADE, r"Trade EXECUTED\b.*"),
    ),
    "Gate": (_meaning(GATE, rf"Gate summary for {_SYM}: {_P}", refine=_gate),),
    "skip_trade": (_meaning("flags", rf"skip_trade reason flags \| {_P}", refine=_flags),),
    "TRADE": (
        _meaning(
            TRADE,
            rf"TRADE \((?P<mode>\w+)\) (?P<side>\w+) {_SYM} qty=(?P<amount>{_NUM}) price=(?P<price>{_NUM}).*",
        ),
    ),
    "DRY-RUN:": (
        _meaning(
            TRADE, rf"DRY-RUN: simulated (?P<side>\w+) {_SYM} x(?P<amount>{_NUM}) @\s*(?P<price>{_NUM}).*"
        ),
    ),
    "No": (_meaning(NOTHING_TRADED, r"No trades executed from (?P<candidates>\d+) candidate signals.*"),),
    "Raw": (_meaning("result", rf"Raw result: {_P}", refine=_fields),),
    "Skipping": (_meaning(REJECT, rf"Skipping {_SYM}: (?P<reason>.+)"),),
    "Max": (
        _meaning(REJECT, r"Max open trades reached \((?P<open>\d+)/(?P<limit>\d+)\).*", "max_open_trades"),
    ),
    "Regime": (
        _meaning("regime", rf"Regime for {_SYM}: (?P<regime>[\w-]+), confidence (?P<confidence>{_NUM}).*"),
        _meaning("regime", rf"Regime for {_SYM} \[(?P<timeframes>[^\]]+)\]: (?P<regime>[\w-]+).*"),
        _meaning("regime", rf"Regime for {_SYM}: (?P<regime>[\w-]+).*"),
    ),
    "ML": (
        _meaning(MODEL_USE, rf"ML predict {_P}", refine=_fields),
        _meaning(MODEL, r"ML unavailable: (?P<reason>.+)"),
        _meaning(MODEL, r"ML disabled: (?P<reason>.+)"),
    ),
    "Loaded": (
        _meaning(
            MODEL,
            r"Loaded regime model from (?P<origin>Supabase|fallback URL|explicit local path|heuristic path)"
            r":?\s*(?P<path>.*)",
        ),
        _meaning(MODEL, rf"Loaded global regime model for {_SYM} from (?P<origin>[^:]+): (?P<path>.+)"),
    ),
    "RL": (_meaning("selector", r"RL selector chose (?P<strategy>\w+) for (?P<regime>[\w-]+).*"),),
    "Bandit": (_meaning("selector", r"Bandit selected (?P<strategy>\w+).*"),),
    "Marked": (_meaning(COOLDOWN, rf"Marked cooldown for (?P<side>\w+) on {_SYM}.*"),),
    "Equity": (
        _meaning(EQUITY, rf"Equity updated to \$?(?P<equity>{_NUM}) \(drawdown (?P<drawdown>{_NUM}).*\).*"),
    ),
    "Calculated": (_meaning("size", r"Calculated position size\b.*"),),
    "Liquidated": (_meaning(TRADE, rf"Liquidated {_SYM} (?P<amount>{_NUM}) @ (?P<price>{_NUM}).*"),),
    "Initial": (_meaning("scan", rf"Initial scan (?P<percent>{_NUM})% complete.*"),),
    "Passing": (_meaning(PASSED, rf"Passing to execute: {_P}", refine=_fields),),
    "STRAT": (_meaning("strategy", rf"STRAT (?P<strategy>\w+) on {_SYM}: {_P}", refine=_fields),),
    "Signal": (_meaning("signal", rf"Signal for {_SYM}\b.*"),),
    "Reject": (_meaning(SUMMARY, rf"Reject reasons \(top\): {_P}", refine=_counts),),
    "Logged": (_meaning("order", r"Logged trade: .*"),),
    "Stop": (_meaning("order", r"Stop order placed: .*"),),
    "Active": (
        _meaning(
            POSITION,
            rf"Active {_SYM} (?P<side>\w+) (?P<amount>{_NUM}) entry (?P<entry>{_NUM}) "
            rf"current (?P<current>{_NUM}) pnl \$(?P<pnl>-?[\d.,]+) \(\w+\) balance \$(?P<balance>-?[\d.,]+)",
            refine=_money,
        ),
    ),
    "Wallet": (_meaning(BALANCE, r"Wallet balance \$(?P<balance>-?[\d.,]+).*", refine=_money),),
}
_BY_ANY_WORD = (
    # Behind a sign; the first word is not what it is known by.
    _meaning(
        TIMING,
        rf".*Cycle timing - Symbols: (?P<symbols>{_NUM})s, OHLCV: (?P<ohlcv>{_NUM})s, "
        rf"Analyze: (?P<analyze>{_NUM})s, Total: (?P<total>{_NUM})s.*",
    ),
    _meaning(REJECT, rf"\[REJECT\]\[(?P<stage>\w+)\] {_P}", refine=_fields),
    _meaning(REJECT, r"(?:.*\W)?blocked_short_selling\b.*", "blocked_short_selling"),
    _meaning(REJECT, rf"(?P<side>buy|sell|long|short|BUY|SELL) in cooldown for {_SYM}.*", "cooldown"),
)
_MARKS = ("Cycle timing", "[REJECT]", "blocked_short_selling", "in cooldown for")


def meaning_of(message: str) -> tuple[Meaning, dict[str, str]] | None:
    """The meaning of a message and what its pattern found; None for one that says nothing here."""
    candidates = _TABLE.get(message.split(" ", 1)[0])
    if candidates is None:
        # Most lines of a log end here, so the marks are looked for before any pattern is tried.
        candidates = tuple(
            meaning for mark, meaning in zip(_MARKS, _BY_ANY_WORD, strict=True) if mark in message
        )
    for meaning in candidates:
        found = meaning.pattern.fullmatch(message)
        if found is not None:
            return meaning, {name: value for name, value in found.groupdict().items() if value is not None}
    return None
