"""A replay in full, as text: pure functions of what storage read."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from textual.content import Content

from cointrader.training.replaying.request import OF_SETUPS, OF_STEPS, ReplayKind
from tui import phrases
from tui.phrases import Part, assemble
from tui.screens.replay_text import gain_part
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, format_time

if TYPE_CHECKING:
    from storage.replays import ReplayRow

LABEL = 12  # cells of the words at the left


def result_text(replay: ReplayRow, width: int, symbols: Symbols) -> Content:
    """The sentence, the three values as bars, what was chosen, and everything else that was noted."""
    lines: list[list[Part]] = []
    if replay.words:
        lines += [[(line, "bold")] for line in wrap(clean(replay.words, symbols), width)]
        lines.append([])
    if replay.value is not None:
        lines += [*_bars(replay, width, symbols), []]
    lines += _labelled("chosen", selection_words(replay), width, symbols)
    if replay.kind not in OF_STEPS:
        lines += _labelled("sessions", _sessions(replay), width, symbols)
    ended = f", ended {format_time(replay.ended_ms)}" if replay.ended_ms else ""
    lines += _labelled("began", f"{format_time(replay.started_ms)}{ended}", width, symbols)
    if replay.job_id is not None:
        lines += _labelled("job", str(replay.job_id), width, symbols)
    noted = _plain(replay.result_json)
    for name, value in noted.items():
        if name == "words" and value == replay.words:
            continue
        lines += _labelled(name.replace("_", " "), _said(value), width, symbols)
    return Content("\n").join([assemble(line) for line in lines])


def _bars(replay: ReplayRow, width: int, symbols: Symbols) -> list[list[Part]]:
    """The three values, each a bar from the lowest of them; the gain with its error below."""
    values = [("replayed", replay.value), ("control", replay.control_value), ("baseline", replay.baseline)]
    known = [value for _, value in values if value is not None]
    low, high = min(known), max(known)
    room = max(10, min(48, width - LABEL - 12))
    lines: list[list[Part]] = [[(f"{clean(replay.metric, symbols)}, out of sample", "$quiet")]]
    for name, value in values:
        if value is None:
            lines.append([(f"{name:<{LABEL}}", "$quiet"), ("-", "$quiet")])
            continue
        share = (value - low) / (high - low) if high > low else 1.0
        style = "bold" if name == "replayed" else ""
        lines.append(
            [
                (f"{name:<{LABEL}}", "$quiet"),
                (f"{phrases.number(value):>9}  ", style),
                *phrases.bar(share, room, symbols),
            ]
        )
    gain = gain_part(replay, symbols)
    plus_minus = "+-" if symbols.name == "ascii" else "±"
    error = "" if replay.standard_error is None else f" {plus_minus} {phrases.number(replay.standard_error)}"
    lines.append(
        [(f"{'gain':<{LABEL}}", "$quiet"), gain, (f"{error} standard error" if error else "", "$quiet")]
    )
    return lines


def selection_words(replay: ReplayRow) -> str:
    """What was chosen to be trained on again, from the arguments of the replay."""
    chosen = _plain(replay.selection_json)
    if replay.kind not in OF_SETUPS:
        return _steps_of(chosen, replay.source_session_id)
    parts = []
    if chosen.get("setups"):
        parts.append(f"{len(chosen['setups']):,} marked setups")
    if chosen.get("top"):
        by = "score" if replay.kind == ReplayKind.PROFITABLE else "priority"
        parts.append(f"up to {int(chosen['top']):,} setups of the highest {by}")
    if chosen.get("min_profitability"):
        parts.append(f"score at least {chosen['min_profitability']:g}")
    if chosen.get("filter"):
        parts.append(f"filter {chosen['filter']}")
    return ", ".join(parts) or "everything"


def _steps_of(chosen: dict[str, Any], session_id: int | None) -> str:
    """Which steps of which session were replayed; an end that was left open is not named."""
    first, last = chosen.get("first"), chosen.get("last")
    ends = [f"from step {first:,}"] if first is not None else []
    ends += [f"to step {last:,}"] if last is not None else []
    which = " ".join(ends) or "every step"
    return which if session_id is None else f"{which} of session s.{session_id}"


def _sessions(replay: ReplayRow) -> str:
    parts = []
    if replay.session_id is not None:
        parts.append(f"s.{replay.session_id} replayed")
    if replay.control_session_id is not None:
        parts.append(f"s.{replay.control_session_id} control")
    return ", ".join(parts) or "none yet"


def _plain(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {"note": text}
    return value if isinstance(value, dict) else {}


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return phrases.number(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and len(value) > 8:
        return f"{len(value):,} of them"
    return value if isinstance(value, str) else json.dumps(value)


def _labelled(label: str, text: str, width: int, symbols: Symbols) -> list[list[Part]]:
    lines = wrap(clean(text, symbols), max(20, width - LABEL)) or ["-"]
    return [
        [(f"{label if number == 0 else '':<{LABEL}}"[:LABEL], "$quiet"), (line, "")]
        for number, line in enumerate(lines)
    ]
