"""Parts of a chain in words: what agents said, what a rejected signal would have earned, what was learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.chain_stage import LABEL, VALUE, Chunk, Part, Stage, fraction, labelled, plain, result
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_amount, format_duration, format_price
from tui.widgets.record_list import Record

if TYPE_CHECKING:
    from storage.agent_responses import AgentResponseRow
    from storage.chain import Chain, SignalPart
    from storage.chain_learned import ArtifactPart, LabelPart, Learned, SessionPart, StepPart
    from storage.hindsight import HindsightRow
    from storage.outbox import LessonRow

ANSWER_STYLES = {"approved": "$gain", "vetoed": "bold $loss"}
LESSON_STYLES = {"trained": "bold $gain", "failed": "bold $loss", "waiting": "$warning"}
AFTER = (1, 5, 15)
"""Minutes after an entry at which labels are taken."""


def answers_stage(answers: Sequence[AgentResponseRow], symbols: Symbols) -> Stage:
    """All answers in a line, then the reasons that were given."""
    lines = [tuple(_answer(answer, symbols) for answer in answers)]
    lines += [
        (((f"{answer.agent}:", LABEL),), plain(clean(answer.reason, symbols)))
        for answer in answers
        if answer.reason
    ]
    return Stage("agents", True, tuple(lines))


def _answer(answer: AgentResponseRow, symbols: Symbols) -> Chunk:
    style = ANSWER_STYLES.get(answer.answer, "bold $warning")
    took = f" {answer.micros / 1000:,.3g} ms"
    return (
        (f"{clean(answer.agent, symbols)} ", LABEL),
        (clean(answer.answer, symbols), style),
        (took, LABEL),
    )


def hindsight_stage(signal: SignalPart, known: HindsightRow | None, symbols: Symbols) -> Stage:
    """What the trade would have brought that was not made."""
    if known is None:
        words = "not yet computed: a worker reckons it once candles follow that would have ended the trade"
        if signal.strategy == "manual":
            words = "none: an order by hand has no exits of its own that could be followed"
        return Stage("hindsight", False, ((plain(words, LABEL),),))
    quote = clean(signal.symbol.rpartition("/")[2] if "/" in signal.symbol else "", symbols)
    word, style = ("missed", "bold $loss") if known.pnl > 0 else ("saved", "bold $gain")
    first = (
        plain(f"{word} {format_amount(abs(known.pnl), 14)} {quote}".rstrip(), style),
        (("would have earned ", LABEL), result(known.pnl, symbols)),
        (fraction(known.net_return), (" net of costs", LABEL)),
    )
    second = labelled(
        ("in at", format_price(known.entry_price)),
        ("out at", format_price(known.exit_price)),
        ("closed by", clean(known.exit_reason, symbols).replace("_", " ")),
        ("after", format_duration(known.hold_ms)),
    )
    return Stage("hindsight", True, (first, (*second, plain("never part of what was earned", LABEL))))


def labels_stage(labels: LabelPart) -> Stage:
    """Where the price stood after the entry."""
    known = dict(zip(AFTER, (labels.return_1m, labels.return_5m, labels.return_15m), strict=True))
    chunks = [
        ((f"{minutes} min ", LABEL), *_label(value, labels.why_unknown(minutes)))
        for minutes, value in known.items()
    ]
    reached = any(value is not None for value in known.values())
    return Stage("labels", reached, ((plain("price after the entry", LABEL), *chunks),))


def _label(value: float | None, why_unknown: str) -> Chunk:
    return ((f"unknown ({why_unknown})", LABEL),) if value is None else (fraction(value),)


def learned_stages(chain: Chain, symbols: Symbols) -> Iterator[Stage]:
    """What became of each lesson, and the versions that its sessions made."""
    learned = chain.learned
    if chain.position is not None and chain.position.closed_ms is None:
        yield Stage("learned", False, ((plain("nothing yet; its close will teach", LABEL),),))
        return
    if not learned.lessons:
        yield Stage("learned", False, ((plain(clean(chain.learned_note, symbols), LABEL),),))
        return
    lines = tuple(tuple(_lesson(lesson, learned, symbols)) for lesson in learned.lessons)
    yield Stage("learned", bool(chain.learned_from), lines)
    if learned.sessions:
        made = tuple(_session(session, learned.artifacts, symbols) for session in learned.sessions)
        yield Stage("artefacts", bool(learned.artifacts), made)


def lessons_in_short(learned: Learned, symbols: Symbols) -> tuple[Chunk, ...]:
    """The lessons in one line, a word or two a model."""
    return tuple(
        ((f"{clean(lesson.model, symbols)} ", VALUE), _state(lesson, symbols)) for lesson in learned.lessons
    )


def _state(lesson: LessonRow, symbols: Symbols) -> Part:
    style = LESSON_STYLES.get(lesson.state, LABEL)
    if lesson.session_id is not None:
        word = lesson.state if lesson.state == "trained" else "is being taught"
        return f"{word} in session {lesson.session_id}, step {lesson.step}", style
    reason = clean(lesson.reason, symbols)
    if lesson.state == "waiting" and reason.startswith("waiting"):
        return reason, style
    return lesson.state, style


def _lesson(lesson: LessonRow, learned: Learned, symbols: Symbols) -> Iterator[Chunk]:
    word, style = _state(lesson, symbols)
    yield ((f"{clean(lesson.model, symbols)} ", VALUE), (word, style))
    if lesson.reason and not word.endswith(clean(lesson.reason, symbols)):
        yield plain(clean(lesson.reason, symbols), LABEL)
    step = _step_of(lesson, learned)
    loss = _loss(lesson, learned)
    if loss is not None:
        yield from labelled(("loss", f"{loss:.6g}"))
    if step is not None and step.gradient_norm is not None:
        yield from labelled(("gradient norm", f"{step.gradient_norm:.4g}"))
    if lesson.state != "absent":
        yield from labelled(("share", f"{lesson.weight:.0%}"), ("weight", f"{lesson.reward_weight:.2f}"))


def _step_of(lesson: LessonRow, learned: Learned) -> StepPart | None:
    return next(
        (step for step in learned.steps if (step.session_id, step.step) == (lesson.session_id, lesson.step)),
        None,
    )


def _session(session: SessionPart, artifacts: Sequence[ArtifactPart], symbols: Symbols) -> tuple[Chunk, ...]:
    head: Chunk = ((f"session {session.id} ", VALUE), (f"{session.agent} {session.state}", LABEL))
    made = [_artifact(one, symbols) for one in artifacts if one.session_id == session.id]
    return (head, *(made or [plain("made no version", LABEL)]))


def _artifact(made: ArtifactPart, symbols: Symbols) -> Chunk:
    style = "bold $gain" if made.status == "champion" else LABEL
    value = "-" if made.value is None else f"{made.value:.4g}"
    baseline = "-" if made.baseline is None else f"{made.baseline:.4g}"
    return (
        (f"{symbols.arrow} v{made.version} ", VALUE),
        (clean(made.status, symbols), style),
        (f" {clean(made.metric, symbols)} {value}, baseline {baseline}", LABEL),
    )


def steps_head(symbols: Symbols) -> Content:
    """The names of the columns of the steps."""
    return Content.styled(_step_cells(("model", "session", "step", "loss", "state"), symbols), LABEL)


def steps_of(learned: Learned, symbols: Symbols) -> list[Record]:
    """The steps that were taken from a close; each is known by its session and its number."""
    return [_step_record(lesson, learned, symbols) for lesson in learned.taken]


def _step_record(lesson: LessonRow, learned: Learned, symbols: Symbols) -> Record:
    loss = _loss(lesson, learned)
    texts = (lesson.model, f"s.{lesson.session_id}", str(lesson.step), "-" if loss is None else f"{loss:.6g}")
    words = "trained" if lesson.state == "trained" else "is being taught"
    return Record((lesson.session_id, lesson.step), Content(_step_cells((*texts, words), symbols)))


def _step_cells(texts: Sequence[str], symbols: Symbols) -> str:
    widths = (8, 9, 7, 11, 15)
    cells = [
        fit(clean(text, symbols), width, right=number in (2, 3), ellipsis=symbols.ellipsis)
        for number, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]
    return "  ".join(cells)


def _loss(lesson: LessonRow, learned: Learned) -> float | None:
    step = _step_of(lesson, learned)
    return lesson.loss if lesson.loss is not None else step.loss if step is not None else None
