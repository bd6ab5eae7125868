"""The end of a chain in words: labels, lessons, the steps that took them, and what these made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cointrader.cli.output import time_text

if TYPE_CHECKING:
    from storage.chain import Chain
    from storage.chain_learned import ArtifactPart, LabelPart, Learned, SessionPart, StepPart
    from storage.outbox import LessonRow

DIGEST = 12  # characters of a digest that are shown; --json has all of them


def learned_lines(chain: Chain) -> Iterator[str]:
    """What the close has taught, a line a fact."""
    learned = chain.learned
    if learned.labels is not None:
        yield _labels(learned.labels)
    if not learned.lessons:
        yield f"learned: {chain.learned_note}"
    for lesson in learned.lessons:
        yield from _lesson(lesson, learned)
    for session in learned.sessions:
        yield _session(session)
        yield from (_artifact(made) for made in learned.artifacts if made.session_id == session.id)


def _labels(labels: LabelPart) -> str:
    after = ((1, labels.return_1m), (5, labels.return_5m), (15, labels.return_15m))
    told = (
        f"{minutes}m unknown ({labels.why_unknown(minutes)})" if value is None else f"{minutes}m {value:+.3%}"
        for minutes, value in after
    )
    return f"labels  price after the entry: {'  '.join(told)}"


def _lesson(lesson: LessonRow, learned: Learned) -> Iterator[str]:
    where = "" if lesson.session_id is None else f" by session #{lesson.session_id} step {lesson.step}"
    reason = f": {lesson.reason}" if lesson.reason else ""
    yield (
        f"lesson #{lesson.id}  {lesson.model} {lesson.state}{where}{reason}  share {lesson.weight:.2f}, "
        f"reward {lesson.reward:+.4f}, weight {lesson.reward_weight:.2f}"
    )
    for step in learned.steps:
        if (step.session_id, step.step) == (lesson.session_id, lesson.step):
            yield _step(step)


def _step(step: StepPart) -> str:
    return (
        f"  step {step.step} of session #{step.session_id}  {time_text(step.ts_ms)}  "
        f"loss {_number(step.loss)}, gradient norm {_number(step.gradient_norm)}, "
        f"learning rate {step.learning_rate:.3g}, weights {step.weights_sha256[:DIGEST]}, "
        f"gradient {step.gradient_sha256[:DIGEST] or '-'}"
    )


def _session(session: SessionPart) -> str:
    value = f"  {session.metric} {_number(session.value)}" if session.metric else ""
    return (
        f"session #{session.id}  {session.agent} {session.state}  step {session.step} of "
        f"{session.total_steps}{value}  {time_text(session.started_ms)} to "
        f"{time_text(session.ended_ms) or 'now'}"
    )


def _artifact(made: ArtifactPart) -> str:
    return (
        f"  artefact #{made.id}  {made.agent} version {made.version}, {made.status}, {made.metric} "
        f"{_number(made.value)} (baseline {_number(made.baseline)})  {made.path}  "
        f"sha256 {made.sha256[:DIGEST]}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
