"""What the screen of agents says, as text: pure functions of what storage read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_time
from tui.widgets.record_list import Record

if TYPE_CHECKING:
    from models.registry import AgentEntry
    from storage.lessons_overview import ModelLessons
    from storage.sessions import SessionRow
    from storage.training_overview import AgentAtAGlance, Material

ABOUT_LABEL = 11  # cells of the words at the left of what is said about an agent

Cell = tuple[str, int, bool, str]
"""Text, width, whether to the right, style."""


def _line(cells: Sequence[Cell], symbols: Symbols) -> Content:
    parts = [
        (fit(text, width, right=right, ellipsis=symbols.ellipsis) + "  ", style)
        for text, width, right, style in cells
    ]
    return assemble(parts)


def agents_head(width: int, symbols: Symbols) -> Content:
    """The names of the columns of the list of agents."""
    return _line([(name, cells, right, "$quiet") for name, cells, right in _agent_columns(width)], symbols)


def _agent_columns(width: int) -> list[tuple[str, int, bool]]:
    columns = [
        ("agent", 18, False),
        ("version", 12, False),
        *([("metric", 10, False)] if width >= 96 else []),
        ("value", 6, True),
        ("baseline", 8, True),
        ("edge", 9, True),
    ]
    if width >= 130:
        columns += [("age", 8, True)]
    if width >= 106:
        columns += [("to learn from", 15, True)]
    return [*columns, ("now", max(10, width - 2 - sum(cells + 2 for _, cells, _ in columns)), False)]


def agent_record(
    entry: AgentEntry,
    glance: AgentAtAGlance,
    material: Material,
    lessons: ModelLessons | None,
    heard: bool,
    width: int,
    symbols: Symbols,
) -> Record:
    """One agent in a line; `lessons` are those of closes; `heard` is whether its worker answers."""
    version = glance.champion or glance.newest
    word, style = ("none yet", "$quiet")
    if version is not None:
        word, style = f"v{version.version} {version.status}", phrases.STATE_STYLES.get(version.status, "")
    value = version.value if version else None
    baseline = version.baseline if version else None
    difference, tone = phrases.edge(value, baseline, symbols)
    texts: dict[str, Part] = {
        "agent": (entry.title, "bold"),
        "version": (word, style),
        "metric": (version.metric if version and version.metric else entry.primary_metric, "$quiet"),
        "value": (phrases.number(value, 3), ""),
        "baseline": (phrases.number(baseline, 3), ""),
        "edge": (difference, tone),
        "age": (
            "-" if version is None else phrases.span(phrases.now_ms() - version.created_ms),
            "$quiet",
        ),
        "to learn from": _rows_available(entry, material, symbols),
        "now": _now(glance, lessons, heard, _agent_columns(width)[-1][1], symbols),
    }
    cells = [(texts[name][0], cells, right, texts[name][1]) for name, cells, right in _agent_columns(width)]
    return Record(entry.name, _line(cells, symbols))


def _rows_available(entry: AgentEntry, material: Material, symbols: Symbols) -> Part:
    count, unit = material.bars, "bars"
    if entry.name == "cob_rl":
        count, unit = material.books, "books"
    elif entry.name == "dqn":
        count, unit = material.experiences, "exper."
    elif entry.name == "decision":
        count, unit = material.closed_positions, "closes"
    elif entry.kind == "tabular" and material.signals >= entry.least_rows:
        count, unit = material.signals, "signals"
    enough = count >= entry.least_rows
    return f"{count:,} {unit}", "" if enough else "$warning"


def _now(
    glance: AgentAtAGlance, lessons: ModelLessons | None, heard: bool, room: int, symbols: Symbols
) -> Part:
    session = glance.last_session
    if glance.running_jobs and not heard:
        return f"{symbols.hollow} no answer from worker", "$warning"
    if glance.running_jobs and session is not None and session.state == "running":
        of = f" of {session.total_steps:,}" if session.total_steps else ""
        return f"{symbols.dot} running, step {session.step:,}{of}", "$accent"
    if glance.running_jobs:
        return f"{symbols.dot} running", "$accent"
    if glance.waiting_jobs:
        return f"{symbols.hollow} waits", "$quiet"
    if lessons is not None and lessons.waiting:
        return closes_that_wait(lessons, room), "$warning"
    if session is None:
        return "never trained", "$quiet"
    ago = phrases.span(phrases.now_ms() - (session.ended_ms or session.started_ms))
    mark = phrases.state_mark(session.state, symbols)
    return f"{mark} {session.state} {ago} ago", phrases.STATE_STYLES.get(session.state, "")


UNITS = {"cnn": "episodes", "dqn": "experiences", "cob_rl": "order books"}
"""What a model must have enough of before single closes teach it."""


def closes_that_wait(lessons: ModelLessons, room: int = 1_000) -> str:
    """How many closes wait to be learned from, and for what; in fewer words where there is little room."""
    reason = lessons.why_waiting.removeprefix("waiting").removeprefix(":").strip()
    count = f"{lessons.waiting:,} {'close waits' if lessons.waiting == 1 else 'closes wait'}"
    short = f"{lessons.waiting:,} wait"
    choices = [f"{count} for a worker", count, short]
    if reason:
        choices = [f"{count}: {reason}", f"{short} {reason}", short]
    if "/" in reason and lessons.model in UNITS:
        choices.insert(0, f"{choices[0]} {UNITS[lessons.model]}")
    return next((words for words in choices if len(words) <= room), choices[-1])


def _from_closes(lessons: ModelLessons) -> list[tuple[str, str, str]]:
    """What became of the closes that the agent was told of, what waits, and the last that trained it."""
    others = [
        (name, count) for name in ("skipped", "failed", "absent") if (count := int(getattr(lessons, name)))
    ]
    words = ", ".join([f"{lessons.trained:,} trained it", *(f"{count:,} {name}" for name, count in others)])
    rows = [("closes", words, "")]
    if lessons.waiting:
        rows.append(("", closes_that_wait(lessons), "$warning"))
    if lessons.last_session is not None and lessons.last_ms is not None:
        ago = phrases.span(phrases.now_ms() - lessons.last_ms)
        loss = f", loss {lessons.losses[-1]:.4g} ({lessons.trend})" if lessons.losses else ""
        words = f"last: position {lessons.last_position:,}, s.{lessons.last_session} step {lessons.last_step}"
        rows.append(("", f"{words}{loss}, {ago} ago", ""))
    return rows


def sessions_head(width: int, symbols: Symbols) -> Content:
    """The names of the columns of the list of sessions."""
    return _line([(name, cells, right, "$quiet") for name, cells, right in _session_columns(width)], symbols)


def _session_columns(width: int) -> list[tuple[str, int, bool]]:
    columns = [("session", 7, False), ("state", 13, False), ("steps", 13, True), ("value", 7, True)]
    columns += [("edge", 9, True), ("took", 8, True)]
    if width >= 82:
        columns += [("seed", 6, True)]
    if width >= 100:
        columns += [("began", 16, False)]
    return columns


def session_record(session: SessionRow, heard: bool, width: int, symbols: Symbols) -> Record:
    """One session in a line; `heard` is whether the worker of a running one answers."""
    ended = session.ended_ms or round(phrases.now_ms())
    state, style = phrases.state_word(session.state, heard=heard)
    of = f"/{session.total_steps:,}" if session.total_steps else ""
    texts: dict[str, Part] = {
        "session": (f"s.{session.id}", "bold"),
        "state": (f"{phrases.state_mark(state, symbols)} {state}", style),
        "steps": (f"{session.step:,}{of}", ""),
        "value": (phrases.number(session.value, 4), ""),
        "edge": phrases.edge(session.value, session.baseline, symbols),
        "seed": (str(session.seed), "$quiet"),
        "took": (phrases.span(ended - session.started_ms), "$quiet"),
        "began": (format_time(session.started_ms), "$quiet"),
    }
    cells = [(texts[name][0], cells, right, texts[name][1]) for name, cells, right in _session_columns(width)]
    return Record(session.id, _line(cells, symbols))


def about_text(
    entry: AgentEntry,
    glance: AgentAtAGlance,
    material: Material,
    lessons: ModelLessons | None,
    width: int,
    symbols: Symbols,
) -> Content:
    """What the agent is, what it must beat, and why its newest version is or is not the champion."""
    rows: list[tuple[str, str, str]] = [
        *([] if lessons is None else _from_closes(lessons)),
        ("must beat", f"{entry.baseline}, on rows it never saw", ""),
        ("needs", f"at least {entry.least_rows:,} rows", ""),
        ("has", _has(entry, material), ""),
    ]
    newest, session = glance.newest, glance.last_session
    if newest is not None:
        style = phrases.STATE_STYLES.get(newest.status, "")
        rows.append(("newest", f"v{newest.version} {newest.status}", style))
        rows.append(("", newest.reason, ""))
    if session is not None:
        rows.append(
            ("session", f"s.{session.id} {session.state}", phrases.STATE_STYLES.get(session.state, ""))
        )
        rows.append(("", session.note, ""))
        rows.append(("with", _parameters(session.params_json), "$quiet"))
    parts: list[Part] = [(line + "\n", "") for line in wrap(entry.purpose, width)]
    parts.append(("\n", ""))
    for label, text, style in rows:
        parts += _labelled(label, clean(text, symbols), style, width)
    return assemble(parts[:-1] if parts[-1][0] == "\n" else parts)


def _has(entry: AgentEntry, material: Material) -> str:
    if entry.name == "cob_rl":
        return f"{material.books:,} order books"
    if entry.name == "dqn":
        return f"{material.experiences:,} experiences of {material.setups:,} setups"
    if entry.name == "decision":
        return f"{material.closed_positions:,} closed positions"
    return f"{material.bars:,} bars, {material.signals:,} signals"


def _labelled(label: str, text: str, style: str, width: int) -> list[Part]:
    """A label with text beside it; what does not fit goes on below the text, not below the label."""
    parts: list[Part] = []
    for number, line in enumerate(wrap(text, max(16, width - ABOUT_LABEL))):
        parts.append((f"{label if number == 0 else '':<{ABOUT_LABEL}}", "$quiet"))
        parts.append((line + "\n", style))
    return parts


def _parameters(text: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(json.loads(text).items()))
