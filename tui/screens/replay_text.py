"""What the screen of replays says, as text: pure functions of what storage read."""

from __future__ import annotations

import math
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from storage.promotion import NOISE_STANDARD_ERRORS
from tui import phrases
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_time
from tui.widgets.record_list import Record

if TYPE_CHECKING:
    from cointrader.settings import TrainingSettings
    from cointrader.training.replaying.request import ReplayRequest
    from storage.replays import ReplayRow
    from storage.sessions import SessionRow
    from storage.setup_counts import SetupCounts

CONTROL = (
    "Beside it a control is trained on as many rows drawn evenly. Both are judged on rows that neither saw; "
    "no row is taken out of those."
)

TRAINED = "those in the training part are trained on again."


def net_bps(score: float, unit_bps: float) -> float:
    """The net return in bps at which a profitability score is reached: the logistic function turned round.

    A score is 1 / (1 + exp(-net / unit)): 0.5 is nothing won, and no return reaches 0 or 1.
    """
    if not 0.0 < score < 1.0:
        return math.copysign(math.inf, score - 0.5)
    return unit_bps * math.log(score / (1.0 - score))


def bps_words(score: float, unit_bps: float) -> str:
    """A threshold of the score as a net return: +42.4 bps."""
    bps = net_bps(score, unit_bps)
    if math.isinf(bps):
        return "any net return" if bps < 0 else "more than any net return"
    return f"a net return of {bps:+.1f} bps or more"


def problem_text(problem: str, width: int, symbols: Symbols) -> Content:
    """Why the form cannot be sent."""
    return _paragraphs([(f"{symbols.cross} {clean(problem, symbols)}", "$loss")], width)


def setups_meaning(
    request: ReplayRequest,
    counts: SetupCounts | None,
    training: TrainingSettings,
    width: int,
    symbols: Symbols,
) -> Content:
    """What the fields come to: how many setups pass, what the threshold is in basis points, the control."""
    if request.setups:
        n = len(request.setups)
        head: Part = (f"{n:,} marked setup{'' if n == 1 else 's'}; {TRAINED}", "bold")
    elif counts is None:
        head = (f"counting{symbols.ellipsis}", "$quiet")
    else:
        head = _passing(request, counts, symbols)
    lines = [head]
    if request.least_score:
        lines.append((threshold_words(request.least_score, training), ""))
    return _paragraphs([*lines, (CONTROL, "$quiet")], width)


def threshold_words(score: float, training: TrainingSettings) -> str:
    """What a score means, in basis points after costs."""
    return (
        f"A score of {score:g} is {bps_words(score, training.score_unit_bps)}, {training.horizon_minutes:g} "
        f"minutes on and after {training.cost_bps:g} bps of costs."
    )


def _passing(request: ReplayRequest, counts: SetupCounts, symbols: Symbols) -> Part:
    where = f" of {counts.filtered:,} that pass the filter" if request.filter else ""
    passing = f"{counts.passing:,}{where} of {counts.validated:,} setups with an outcome pass"
    if not counts.passing:
        return f"{symbols.cross} {passing}: there is nothing to train on.", "$loss"
    by = "score" if request.kind == "profitable" else "priority"
    limited = 0 < request.top < counts.passing
    most = f"{TRAINED[:-1]}, the {request.top:,} of the highest {by} at most." if limited else TRAINED
    return f"{passing}; {most}", "bold"


def session_meaning(
    request: ReplayRequest, session: SessionRow | None, width: int, symbols: Symbols
) -> Content:
    """What session it is, and what will be compared."""
    if session is None:
        return _paragraphs([(f"looking it up{symbols.ellipsis}", "$quiet")], width)
    what = f"s.{session.id} {session.agent}, {session.state}, {session.step:,} steps, seed {session.seed}"
    return _paragraphs([(what, "bold"), (OF_SESSION[request.kind.value], "")], width)


OF_SESSION = {
    "session": "The same rows, parameters and seed once more; the digests of the weights are compared.",
    "verify": "The gradient of each step is computed again from its weights, its batch and the seed, and "
    "compared with the one that is kept.",
    "reapply": "The kept gradients are applied to the weights that they belong to; another base is refused.",
}


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _paragraphs(parts: list[Part], width: int) -> Content:
    lines = [(line + "\n", style) for text, style in parts for line in wrap(text, max(30, width))]
    return assemble([*lines[:-1], (lines[-1][0].rstrip("\n"), lines[-1][1])])


# Replays


def replays_head(width: int, symbols: Symbols) -> Content:
    """The names of the columns of the list of replays."""
    return assemble([(fit(name, cells, right=right, ellipsis=symbols.ellipsis) + "  ", "$quiet")
                     for name, cells, right in _columns(width)])  # fmt: skip


def _columns(width: int) -> list[tuple[str, int, bool]]:
    columns = [("replay", 6, False), ("kind", 11, False), ("agent", 7, False), ("replayed", 8, True)]
    columns += [("control", 7, True), ("gain", 9, True)]
    if width >= 74:
        columns += [("baseline", 8, True)]
    if width >= 92:
        columns += [("began", 16, False)]
    return columns


def replay_record(replay: ReplayRow, width: int, symbols: Symbols) -> Record:
    """One replay in a line; a running or failed one says so in the place of its gain."""
    gain = gain_part(replay, symbols)
    if replay.state != "succeeded":
        gain = (replay.state, phrases.STATE_STYLES.get(replay.state, ""))
    texts: dict[str, Part] = {
        "replay": (f"r.{replay.id}", "bold"),
        "kind": (replay.kind, ""),
        "agent": (clean(replay.agent, symbols), "$quiet"),
        "replayed": (phrases.number(replay.value, 4), ""),
        "control": (phrases.number(replay.control_value, 4), ""),
        "gain": gain,
        "baseline": (phrases.number(replay.baseline, 4), "$quiet"),
        "began": (format_time(replay.started_ms), "$quiet"),
    }
    parts = [
        (fit(texts[name][0], cells, right=right, ellipsis=symbols.ellipsis) + "  ", texts[name][1])
        for name, cells, right in _columns(width)
    ]
    return Record(replay.id, assemble(parts))


def gain_part(replay: ReplayRow, symbols: Symbols) -> Part:
    """How far the replayed version is above its control; within three standard errors that is nothing."""
    value, control, error = replay.value, replay.control_value, replay.standard_error
    if (
        value is not None
        and control is not None
        and error
        and abs(value - control) <= NOISE_STANDARD_ERRORS * error
    ):
        return f"{value - control:+.3f} {symbols.flat}", "$quiet"
    return phrases.edge(value, control, symbols)


def verdict_text(replay: ReplayRow | None, width: int, symbols: Symbols) -> Content:
    """A replay in a few lines: the three values beside each other, and the sentence."""
    if replay is None:
        return assemble([("p trains on setups again and shows here what it brought", "$quiet")])
    parts: list[Part] = []
    if replay.value is not None:
        error = f" ± {phrases.number(replay.standard_error, 4)}" if replay.standard_error is not None else ""
        if symbols.name == "ascii":
            error = error.replace("±", "+-")
        parts += [
            (f"{clean(replay.metric, symbols) or 'value'}  ", "$quiet"),
            (f"replayed {phrases.number(replay.value)}{error}", "bold"),
            (f"  control {phrases.number(replay.control_value)}", ""),
            (f"  baseline {phrases.number(replay.baseline)}\n", "$quiet"),
        ]
    said = replay.words or _state_words(replay, symbols)
    style = phrases.STATE_STYLES.get(replay.state, "") if replay.state != "succeeded" else ""
    parts += [(line + "\n", style) for line in wrap(clean(said, symbols), max(30, width))]
    return assemble([*parts[:-1], (parts[-1][0].rstrip("\n"), parts[-1][1])])


def _state_words(replay: ReplayRow, symbols: Symbols) -> str:
    if replay.state == "running":
        return f"it is being trained{symbols.ellipsis} 6 shows its curves"
    return f"it {replay.state}" if replay.state != "succeeded" else "it has ended and said nothing"
