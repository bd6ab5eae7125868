"""The bot's logs as events: what happened, to which symbol, and why not.

A line that the bot wrote twice (once by each of its formats) is one event: same second, same message. What
has no meaning here is left out, unless it is a warning or an error. Lines without a time belong to the
line before them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cointrader.interop.cointrader2.log_line import LogClock, LogLine, read_line
from cointrader.interop.cointrader2.log_meanings import REJECT, meaning_of
from cointrader.interop.cointrader2.records import BotEvent, Reading, key_of

LOGS = ("bot.log", "symbol_filter.log", "strategy_rank.log", "pipeline.log", "execution.log", "positions.log")
"""The logs that are read; the bot's others say nothing that is asked here."""

REASONS = (
    *("skip_flag", "no_direction", "below_min_confidence", "below_min_score", "no_actionable_side"),
    *("regime_disabled", "position_guard_limit", "existing_position", "atr_too_flat"),
    *("not_enough_data_to_trade", "volume_too_low", "volatility_too_low_for_hft", "volatility_too_low"),
    *("sentiment_data_missing", "size_zero", "insufficient_capital", "symbol_not_tradable", "cooldown"),
    *("blocked_short_selling", "max_open_trades"),
)
"""The reasons that the bot counts, by its own names."""

# The longest first: volatility_too_low_for_hft is not volatility_too_low.
_REASON = re.compile(rf"(?<![a-z])({'|'.join(sorted(REASONS, key=len, reverse=True))})(?![a-z_])")


def read_log(lines: list[tuple[int, str]], clock: LogClock) -> Reading:
    """The events of some lines."""
    reading = Reading()
    for number, text in lines:
        line = read_line(text, clock)
        if line is None:
            continue
        event = event_of(number, line)
        if event is not None:
            reading.rows.append(event)
    return reading


def event_of(number: int, line: LogLine) -> BotEvent | None:
    """The event that a line tells of; None for a line that says nothing here."""
    known = meaning_of(line.message)
    if known is None and line.severity == "info":
        return None
    key = key_of("log", line.second, line.message)
    if known is None:
        return BotEvent(number, line.ts_ms, "log", line.message, key, line.severity)
    meaning, groups = known
    extra = dict(meaning.refine(groups)) if meaning.refine else {}
    reason = meaning.reason or groups.pop("reason", "")
    score = _number(groups.pop("score", ""))
    columns = {name: groups.pop(name, "") for name in ("symbol", "strategy", "side")}
    return BotEvent(
        line=number,
        ts_ms=line.ts_ms,
        kind=meaning.kind,
        text=line.message,
        key=key,
        severity=line.severity,
        symbol=columns["symbol"],
        strategy=columns["strategy"],
        side=columns["side"].lower(),
        reason=reason_code(reason) if meaning.kind == REJECT else reason,
        score=score if isinstance(score, float) else None,
        data={
            name: _number(value) if isinstance(value, str) else value
            for name, value in {**groups, **extra}.items()
        },
    )


@lru_cache(maxsize=4096)
def reason_code(text: str) -> str:
    """The reasons in a text by the bot's own names, several with commas; else the text in one word."""
    words = text.lower().replace(" ", "_").replace("-", "_")
    found = list(dict.fromkeys(match[1] for match in _REASON.finditer(words)))
    if found:
        return ",".join(found)
    return re.sub(r"[^a-z0-9]+", "_", words.split("(")[0].split("=")[0]).strip("_")[:60]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
