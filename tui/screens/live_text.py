"""What Live says of its sessions, as text: pure functions of what storage read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.journal_text import live_parts
from tui.phrases import Part, assemble
from tui.screens.live_groups import letter_of
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit
from tui.widgets.record_list import Record

if TYPE_CHECKING:
    from storage.curves import Curve
    from storage.jobs import JobRow, WorkerRow
    from storage.sessions import SessionRow
    from tui.screens.live_read import LiveView, RunView

PACE = "charts/steps_per_second"


def progress_text(view: LiveView, width: int, symbols: Symbols, *, at_most: int) -> Content:
    """A line a session that is shown, a line a job that runs beside them, then how the steps are kept of one
    that runs or is shown alone."""
    lines = [
        run_line(run, letter_of(number, len(view.shown)), view.workers, width, symbols)
        for number, run in enumerate(view.shown)
    ]
    lines += [job_line(job, view.workers, width, symbols) for job in view.other_jobs]
    lines += [
        journal_line(run, letter_of(number, len(view.shown)), symbols)
        for number, run in enumerate(view.shown)
        if run.session.state == "running" or len(view.shown) == 1
    ]
    if not lines:
        lines = [[("no training yet: t on the screen of agents starts one", "$quiet")]]
    contents = [assemble(line).truncate(width, ellipsis=True) for line in lines[:at_most]]
    return Content("\n").join(contents)


def run_line(
    run: RunView, letter: str, workers: Sequence[WorkerRow], width: int, symbols: Symbols
) -> list[Part]:
    """A session: while it runs how far it is and how long it will take, afterwards what came of it."""
    session = run.session
    silent = phrases.silence(run.job, workers) if session.state == "running" else ""
    if session.state == "running" and run.job is not None and run.job.state != "running" and not silent:
        silent = f"its job is {run.job.state}"
    style = "$warning" if silent else phrases.STATE_STYLES.get(session.state, "")
    head: list[Part] = [
        (f"{phrases.state_mark(session.state, symbols)} ", style),
        (f"{letter} " if letter else "", "bold"),
        (f"{session.agent} s.{session.id}", "bold"),
        ("  ", ""),
    ]
    if silent:
        return [*head, (f"step {session.step:,}, {silent}", "$warning")]
    if session.state == "running":
        return [*head, *_running(run, width, symbols)]
    return [*head, (session.state, style), *_outcome(run, symbols)]


def _running(run: RunView, width: int, symbols: Symbols) -> list[Part]:
    step, total = steps_done(run), run.session.total_steps
    fraction = step / total if total else None
    pace = steps_per_second(run)
    parts = phrases.bar(fraction, max(8, min(24, width // 6)), symbols)
    words = f" {fraction * 100:3.0f} %" if fraction is not None else ""
    words += f"  step {step:,}" + (f" of {total:,}" if total else "")
    if pace:
        words += f" {symbols.middle} {pace:,.1f} steps/s"
        if total:
            words += f" {symbols.middle} ETA {phrases.clock(1000 * max(0, total - step) / pace)}"
    parts.append((words, ""))
    if run.job is not None and run.job.message:
        parts.append((f" {symbols.middle} {clean(run.job.message, symbols)}", "$quiet"))
    return parts


def _outcome(run: RunView, symbols: Symbols) -> list[Part]:
    session = run.session
    parts: list[Part] = [(f" at step {session.step:,}", "$quiet")]
    broken = first_nonfinite(run)
    if session.state == "diverged" and broken is not None:
        parts = [(f": {broken[2]} is {broken[1]} at step {broken[0]:,}", "$loss")]
    elif session.value is not None:
        parts += [
            (f"  {session.metric} {phrases.number(session.value)} ", ""),
            phrases.edge(session.value, session.baseline, symbols),
            (" against the baseline", "$quiet"),
        ]
    if run.version is not None:
        status = run.version.status
        parts += [("  became ", "$quiet"), (f"v{run.version.version} {status}", phrases.STATE_STYLES[status])]
    if session.note:
        parts.append((f"  {clean(session.note, symbols)}", "$quiet"))
    return parts


def journal_line(run: RunView, letter: str, symbols: Symbols) -> list[Part]:
    """How the steps of a session are kept: whole, in digests or not at all, and how much room they take."""
    return [("  ", ""), (f"{letter} " if letter else "", "bold"), *live_parts(run.journal, symbols)]


def job_line(job: JobRow, workers: Sequence[WorkerRow], width: int, symbols: Symbols) -> list[Part]:
    """A job that has no session yet, or never has one."""
    silent = phrases.silence(job, workers)
    head: list[Part] = [
        (f"{symbols.dot} ", "$warning" if silent else "$accent"),
        (clean(job.title, symbols), "bold"),
        ("  ", ""),
    ]
    if silent:
        return [*head, (silent, "$warning")]
    parts = phrases.bar(job.fraction, max(8, min(24, width // 6)), symbols)
    share = "" if job.fraction is None else f" {job.fraction * 100:3.0f} %"
    message = f"  {clean(job.message, symbols)}" if job.message else ""
    return [*head, *parts, (share, ""), (message, "$quiet")]


def steps_done(run: RunView) -> int:
    """The newest step that anything was logged for; the session's own count is written less often."""
    logged = [curve.last_step for curve in run.curves.values() if curve.last_step is not None]
    return max([run.session.step, *logged])


def steps_per_second(run: RunView) -> float | None:
    """The pace as logged, else the mean over the whole session so far."""
    curve = run.curves.get(PACE)
    if curve is not None and curve.last_value:
        return curve.last_value
    seconds = (phrases.now_ms() - run.session.started_ms) / 1000
    return steps_done(run) / seconds if seconds > 1 and steps_done(run) else None


def first_nonfinite(run: RunView) -> tuple[int, str, str] | None:
    """(step, nan or inf, metric) of the first value that was not a finite number."""
    broken = [(*curve.first_nonfinite, name) for name, curve in run.curves.items() if curve.first_nonfinite]
    return min(broken, default=None)


def session_records(view: LiveView, width: int, symbols: Symbols) -> list[Record]:
    """The sessions to choose from; those that are shown carry their letter or a check."""
    shown = {run.session.id: number for number, run in enumerate(view.shown)}
    unheard = {run.session.id for run in view.shown if phrases.silence(run.job, view.workers)}
    return [
        _session_record(
            session, shown.get(session.id), len(shown), width, symbols, heard=session.id not in unheard
        )
        for session in view.sessions
    ]


def _session_record(
    session: SessionRow, number: int | None, count: int, width: int, symbols: Symbols, *, heard: bool
) -> Record:
    mark = " " if number is None else letter_of(number, count) or symbols.dot
    state, style = phrases.state_word(session.state, heard=heard)
    tail = (
        f"{phrases.number(session.value, 3)}"
        if session.value is not None
        else f"{session.step:,}" + (f"/{session.total_steps:,}" if session.total_steps else "")
    )
    room = max(6, min(20, width - 34))
    return Record(
        session.id,
        assemble(
            [
                (f"{mark} ", "bold $accent"),
                (f"{f's.{session.id}':<5}", "bold"),
                (fit(session.agent, room, right=False, ellipsis=symbols.ellipsis) + " ", ""),
                (f"{state:<11} ", style),
                (f"{tail:>11}", "$quiet"),
            ]
        ),
    )


def norms_text(runs: Sequence[RunView], width: int, symbols: Symbols, bars: str) -> Content:
    """Gradient norms a layer as small multiples, each from its own least to its own greatest."""
    rows: list[list[Part]] = []
    for number, run in enumerate(runs):
        letter = letter_of(number, len(runs))
        for name, curve in sorted(run.curves.items()):
            prefix, _, layer = name.rpartition("/")
            if prefix == "gradient_norm" and curve.steps:
                rows.append(_norm_row(f"{letter} {layer}".strip(), curve, width, symbols, bars))
    return Content("\n").join([assemble(row) for row in rows])


def _norm_row(label: str, curve: Curve, width: int, symbols: Symbols, bars: str) -> list[Part]:
    words = max(6, min(18, width // 3))
    room = max(4, width - words - 9)
    return [
        (fit(label, words, right=False, ellipsis=symbols.ellipsis) + " ", "$quiet"),
        (sparkline(curve.high, room, bars), "$accent"),
        (f" {phrases.number(curve.last_value, 3):>7}", ""),
    ]


def sparkline(values: Sequence[float | None], width: int, bars: str) -> str:
    """The greatest value of each column as a bar; a gap is a blank."""
    if not values:
        return " " * width
    columns: list[float | None] = []
    for number in range(width):
        start = number * len(values) // width
        part = values[start : max(start + 1, (number + 1) * len(values) // width)]
        finite = [value for value in part if value is not None and math.isfinite(value)]
        columns.append(max(finite) if finite else None)
    known = [value for value in columns if value is not None]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    steps = len(bars) - 2
    return "".join(
        " " if value is None else bars[1 + (round((value - low) / (high - low) * steps) if high > low else 0)]
        for value in columns
    )
