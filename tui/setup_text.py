"""One setup in words: pure functions of what storage read."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, format_duration, format_price, format_time

if TYPE_CHECKING:
    from storage.outcomes import OutcomeRow
    from storage.setup_story import SetupStory
    from storage.setups import SetupRow

LABEL = 12  # cells of the words at the left
ACTIONS = ("buy", "sell", "hold")
FIELDS = (
    *("timestamp", "symbol", "ohlcv", "ticks", "order_book"),
    *("indicators", "pivots", "cnn_features", "rl_state", "context"),
)
"""The fields of a package, in the order of their flags."""

CALLED_FOR = {
    "signal": "a signal of a strategy",
    "rapid": "a rapid change of the price",
    "extreme": "an extreme of the last closes",
    "interval": "nothing but the time that had passed",
}


def story_text(story: SetupStory, width: int, symbols: Symbols) -> Content:
    """What was known, what it was worth, what was learned from it, and where its arrays lie."""
    setup = story.setup
    lines = [*_known(setup, width, symbols), []]
    lines += _outcome(story.outcome, setup, width, symbols)
    if story.experiences:
        lines.append([])
        for number, one in enumerate(story.experiences):
            met = "not met yet" if one.td_error is None else f"TD error {one.td_error:+.3f}"
            text = f"{ACTIONS[one.action]:<5} {one.reward:+.4f}  {met}, drawn {one.training_count:,} times"
            text += "" if one.source == "setup" else f"  ({clean(one.source, symbols)})"
            lines += _labelled("learned" if number == 0 else "", text, width)
    lines.append([])
    lines += _labelled(
        "arrays", f"{clean(story.pack, symbols) or '-'}, row {setup.pack_row:,}", width, "$quiet"
    )
    lines += _labelled("sha256", setup.sha256, width, "$quiet")
    return Content("\n").join([assemble(line) for line in lines])


def _known(setup: SetupRow, width: int, symbols: Symbols) -> list[list[Part]]:
    series = f"{clean(setup.symbol, symbols)}  {format_duration(setup.timeframe_ms)} bars"
    head = f"{format_time(setup.ts_ms)}  {series}"
    lines: list[list[Part]] = [[(head, "bold"), (f"  {format_price(setup.price)}", "")]]
    side = "$long" if setup.side == "long" else "$short"
    lines.append(
        [
            (f"{'side':<{LABEL}}", "$quiet"),
            (setup.side, side),
            (f", what was done: {ACTIONS[setup.taken]}, {clean(setup.provenance, symbols)} data", ""),
        ]
    )
    lines += _labelled("called by", CALLED_FOR.get(setup.origin, setup.origin), width)
    if setup.velocity is not None or setup.spike is not None:
        rapid = "a rapid change: " if setup.rapid else ""
        velocity = "-" if setup.velocity is None else f"{setup.velocity:+.3f} %/min"
        spike = "-" if setup.spike is None else f"{setup.spike:.2f} times the usual volatility"
        lines += _labelled("movement", f"{rapid}{velocity}, {spike}", width)
    missing = [name for bit, name in enumerate(FIELDS) if not setup.flags >> bit & 1]
    words = f"{setup.completeness:.0%}" + (f", without {', '.join(missing)}" if missing else "")
    return [*lines, *_labelled("complete", words, width)]


def _outcome(outcome: OutcomeRow | None, setup: SetupRow, width: int, symbols: Symbols) -> list[list[Part]]:
    if outcome is None:
        words = {
            "waiting": "its horizon has not passed yet",
            "incomplete": "candles after it are missing, so it has no outcome",
        }.get(setup.state, setup.state)
        return _labelled("outcome", words, width, "$warning")
    bps = outcome.net_return * 10_000
    sign, style = (symbols.up, "$gain") if bps > 0 else (symbols.down, "$loss")
    lines: list[list[Part]] = [
        [
            (f"{'outcome':<{LABEL}}", "$quiet"),
            (f"{bps:+.1f} bps {sign}", style),
            (f" net of {outcome.cost_bps:g} bps of costs, {format_duration(outcome.horizon_ms)} later", ""),
        ]
    ]
    best = ACTIONS[outcome.optimal_action]
    lines += _labelled(
        "score", f"{outcome.score:.3f}; best would have been to {best}, known afterwards", width
    )
    steps = ((1, outcome.return_1m), (5, outcome.return_5m), (15, outcome.return_15m))
    after = ", ".join(f"{minutes} min {value * 1e4:+.1f}" for minutes, value in steps if value is not None)
    if after:
        lines += _labelled("returns", f"{after} bps", width)
    lines += _labelled(
        "run", f"worst {outcome.mae * 1e4:+.1f} bps, best {outcome.mfe * 1e4:+.1f} bps on the way", width
    )
    parts = f"regret {outcome.regret * 1e4:.1f} bps, novelty {outcome.novelty:.2f}"
    lines += _labelled("value", f"{phrases.number(outcome.value, 3)}, {parts}", width)
    drawn = f"{setup.priority:.3f}, trained on {setup.training_count:,} times"
    return [*lines, *_labelled("priority", drawn, width)]


def _labelled(label: str, text: str, width: int, style: str = "") -> list[list[Part]]:
    lines = wrap(text, max(20, width - LABEL)) or [""]
    return [
        [(f"{label if number == 0 else '':<{LABEL}}", "$quiet"), (line, style)]
        for number, line in enumerate(lines)
    ]
