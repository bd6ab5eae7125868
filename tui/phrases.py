"""Numbers and states in the words that an operator would use; nothing here touches a widget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.content import Content

from tui.symbols import Symbols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.jobs import JobRow, WorkerRow

Part = tuple[str, str]
"""Text and a style of the theme, "" for none."""

STATE_STYLES = {
    "running": "$accent",
    "queued": "$quiet",
    "succeeded": "$gain",
    "failed": "bold $loss",
    "diverged": "bold $loss",
    "cancelled": "$quiet",
    "interrupted": "$warning",
    "champion": "$gain",
    "candidate": "$foreground",
    "retired": "$quiet",
}


def now_ms() -> float:
    """The wall clock, for ages and times that are left."""
    return time.time() * 1000


def number(value: float | None, digits: int = 4) -> str:
    """A figure to `digits` decimals at most, "-" for none."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}"


def percent(value: float | None, *, sign: bool = False, digits: int = 1) -> str:
    """A share as a percentage."""
    if value is None:
        return "-"
    return f"{value * 100:{'+' if sign else ''}.{digits}f} %"


def edge(value: float | None, baseline: float | None, symbols: Symbols) -> Part:
    """How far a metric is above or below its baseline, with sign, arrow and colour."""
    if value is None or baseline is None:
        return "-", "$quiet"
    difference = value - baseline
    if difference > 0:
        return f"+{difference:.3f} {symbols.up}", "$gain"
    if difference < 0:
        return f"{difference:.3f} {symbols.down}", "$loss"
    return f"{difference:.3f} {symbols.flat}", "$quiet"


def money(value: float, symbols: Symbols) -> Part:
    """A result in money, with sign, arrow and colour."""
    if value > 0:
        return f"+{value:,.2f} {symbols.up}", "$gain"
    if value < 0:
        return f"{value:,.2f} {symbols.down}", "$loss"
    return f"{value:,.2f}", "$quiet"


def span(ms: float) -> str:
    """A length of time: 45 s, 3 min, 2 h 05, 4 days."""
    seconds = max(0, round(ms / 1000))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d}"
    return f"{round(minutes / 1440)} days"


def clock(ms: float) -> str:
    """A remaining time as minutes and seconds, 0:23, or hours, 1:05:00."""
    seconds = max(0, round(ms / 1000))
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def bar(fraction: float | None, width: int, symbols: Symbols) -> list[Part]:
    """A bar of progress; an empty one while the total is not known."""
    done = 0 if fraction is None else round(width * min(max(fraction, 0.0), 1.0))
    return [(symbols.full * done, "$accent"), (symbols.empty * (width - done), "$rule")]


def state_mark(state: str, symbols: Symbols) -> str:
    """A sign beside the word of a state, so that a glance down a list is enough."""
    return {
        "running": symbols.dot,
        "succeeded": symbols.check,
        "failed": symbols.cross,
        "diverged": symbols.cross,
    }.get(state, symbols.hollow)


def state_word(state: str, *, heard: bool) -> Part:
    """A state in a word and its style; what runs on a worker that is not heard is not called running."""
    if state == "running" and not heard:
        return "no answer", "$warning"
    return state, STATE_STYLES.get(state, "")


def silence(job: JobRow | None, workers: Sequence[WorkerRow]) -> str:
    """Why a running job is not to be believed; "" while its worker answers.

    A heartbeat that is late is called silent, then presumed dead; it is never called running.
    """
    if job is None or job.state != "running":
        return ""
    worker = next((one for one in workers if one.id == job.worker_id), None)
    if worker is not None and worker.condition == "silent":
        return f"its worker has been silent for {span(worker.silent_seconds * 1000)}"
    if worker is None or worker.condition in {"dead", "stopped"}:
        return "its worker is presumed dead; the next one takes the job up"
    return ""


def assemble(parts: Sequence[Part]) -> Content:
    """Parts as content; text is never markup."""
    return Content.assemble(*[(text, style) if style else text for text, style in parts])
