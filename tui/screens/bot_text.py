"""What the bot screen says, as text: pure functions from what storage read to lines and panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_price, format_time
from tui.widgets.record_list import Record

if TYPE_CHECKING:
    from storage.bot import Bootstrap, BotPosition, BotState, Finding, ModelState, WhyNothing
    from storage.bot.events import Said

LABEL = 11
"""Cells of the words at the left of a panel."""

SILENT_MS = 15 * 60_000
"""A bot that has said nothing for so long, or for three of its cycles, is called silent."""

MODES = {"dry_run": "dry run", "live": "live", "": "mode not stated"}
HIDDEN = frozenset({"silent_gate", "early_return"})
"""Reasons that the bot itself does not tell."""


def _row(label: str, *parts: Part) -> list[Part]:
    return [(f"{label:<{LABEL}}", "$quiet"), *parts]


def _lines(width: int, rows: Sequence[Sequence[Part]]) -> Content:
    lines = [assemble(list(row)) for row in rows]
    cut = [line.truncate(width, ellipsis=True) if line.cell_length > width else line for line in lines]
    return Content("\n").join(cut)


def ago(ms: int | None) -> str:
    """How long ago something was, "never" for what was not."""
    return "never" if ms is None else f"{phrases.span(phrases.now_ms() - ms)} ago"


def is_silent(state: BotState) -> bool:
    """Whether the bot has not been heard for longer than it should."""
    doing = state.doing
    if doing.last_ms is None:
        return True
    return phrases.now_ms() - doing.last_ms > max(SILENT_MS, 3_000 * (doing.cycle_seconds or 0.0))


def title_parts(state: BotState, folder: str, symbols: Symbols) -> list[Part]:
    """Which bot, its mode, and whether it is heard."""
    heard = ago(state.doing.last_ms)
    silent = is_silent(state)
    mode = MODES.get(state.doing.mode, state.doing.mode)
    return [
        (clean(folder, symbols), "$foreground"),
        (mode, "bold $warning" if state.doing.mode == "live" else "$foreground"),
        (
            f"{symbols.cross if silent else symbols.dot} {'silent, ' if silent else ''}last heard {heard}",
            "$warning" if silent else "$gain",
        ),
    ]


def doing_text(state: BotState, width: int, symbols: Symbols) -> Content:
    """Its cycle, its money, what it holds and what it waits for."""
    doing, results = state.doing, state.results
    took = f", took {doing.cycle_seconds:g} s" if doing.cycle_seconds is not None else ""
    rows = [
        _row("says", (clean(doing.text or "nothing yet", symbols), "")),
        _row("started", (_moment(doing.started_ms), ""), (f", cycle {ago(doing.cycle_ms)}{took}", "$quiet")),
        _row("equity", (_money(doing.equity), "bold"), (f"   balance {_money(doing.balance)}", "$quiet")),
        _row("fills", (f"{doing.trades:,}", "bold"), (f", the last {ago(doing.last_trade_ms)}", "$quiet")),
    ]
    if results.count:
        exits = f"{results.count:,} exits, {results.wins:,} won  "
        rows.append(_row("results", (exits, ""), phrases.money(results.pnl, symbols)))
    rows += [_holds(position, symbols) for position in doing.positions[:5]]
    if len(doing.positions) > 5:
        rows.append(_row("", (f"and {len(doing.positions) - 5} more", "$quiet")))
    for pause in doing.cooldowns[:3]:
        words = f"{pause.side} {clean(pause.symbol, symbols)} until {format_time(pause.until_ms)[11:]}"
        rows.append(_row("pauses", (words, "$warning"), (" (estimated)", "$quiet")))
    return _lines(width, rows)


def _holds(position: BotPosition, symbols: Symbols) -> list[Part]:
    words = (
        f"{position.side} {position.amount:g} {clean(position.symbol, symbols)} from "
        f"{format_price(position.entry_price)}, now {format_price(position.price)}  "
    )
    return _row("holds", (words, ""), phrases.money(position.pnl, symbols))


def _moment(ms: int | None) -> str:
    return "not seen" if ms is None else format_time(ms)


def _money(value: float | None) -> str:
    return "not stated" if value is None else f"{value:,.2f}"


def model_text(model: ModelState, symbols: Symbols) -> Content:
    """Whether its model is really loaded; a prediction alone is no proof of one."""
    if model.is_loaded:
        mark: Part = (f"{symbols.check} loaded\n", "bold $gain")
    elif model.is_loaded is None:
        mark = (f"{symbols.hollow} not known\n", "bold $warning")
    else:
        mark = (f"{symbols.cross} not loaded\n", "bold $loss")
    parts = [mark, (clean(model.text, symbols), "")]
    if model.predictions:
        parts.append((f"\n{model.predictions:,} predictions since it started", "$quiet"))
    return assemble(parts)


def bootstrap_text(bootstrap: Bootstrap, width: int, symbols: Symbols) -> Content:
    """Bars fetched and needed, a timeframe a line, and how long it may take yet."""
    rows: list[list[Part]] = []
    for part in bootstrap.timeframes:
        left = "" if not part.eta_ms else f"  {phrases.span(part.eta_ms)} to go"
        counts = f" {part.fetched:,} of {part.required:,}"
        wide = max(6, min(20, width - 6 - len(counts) - len(left)))
        bar = phrases.bar(part.fraction, wide, symbols)
        rows.append(
            [(f"{clean(part.timeframe, symbols):<5} ", "$accent"), *bar, (counts, ""), (left, "$quiet")]
        )
    if bootstrap.scan_percent is not None:
        rows.append([("first scan ", "$quiet"), (f"{bootstrap.scan_percent:g} %", "")])
    if not rows:
        return assemble([("nothing is said of it", "$quiet")])
    if bootstrap.is_done:
        rows.append([(f"{symbols.check} done", "$gain")])
    return _lines(width, rows)


# Why nothing was traded


def why_text(why: WhyNothing, symbols: Symbols) -> Content:
    """The answer in a sentence, and the way from candidates to trades."""
    style = "bold $gain" if why.executed else "bold $warning" if why.findings else "bold"
    parts: list[Part] = [(clean(why.text, symbols), style)]
    if why.since_ms is not None:
        arrow = f" {symbols.arrow} "
        steps = (
            f"{why.candidates:,} candidates{arrow}{why.evaluated:,} evaluated{arrow}{why.executed:,} traded"
        )
        parts += [(f"\n{steps}", ""), (f"  since {format_time(why.since_ms)}", "$quiet")]
    return assemble(parts)


def findings_head(width: int, symbols: Symbols) -> Content:
    """The names of the columns."""
    return Content.styled(f"{'times':>7}  {'reason':<26} {'last':<16}  symbols", "$quiet")


def finding_record(finding: Finding, width: int, symbols: Symbols) -> Record:
    """One reason in a line; what the bot does not tell itself is marked."""
    hidden = finding.code in HIDDEN
    code = fit(clean(finding.code.replace("_", " "), symbols), 26, right=False, ellipsis=symbols.ellipsis)
    touched = ", ".join(clean(symbol, symbols) for symbol in finding.symbols)
    text = touched if not hidden else f"not in its log: {touched}"
    parts: list[Part] = [
        (f"{finding.count:>7,}  ", "bold"),
        (f"{code} ", "bold $loss" if hidden else ""),
        (f"{format_time(finding.last_ms)}  ", "$quiet"),
        (text, "$warning" if hidden else "$quiet"),
    ]
    return Record(finding.code, assemble(parts))


def rejected_text(rejected: Sequence[Said], width: int, symbols: Symbols) -> Content:
    """The newest candidates that came to nothing, one a line, in the bot's own words."""
    if not rejected:
        return assemble([("it has written of none", "$quiet")])
    rows: list[list[Part]] = []
    for said in rejected:
        subject = fit(
            clean(f"{said.symbol} {said.side}", symbols), 16, right=False, ellipsis=symbols.ellipsis
        )
        reason = fit(clean(said.reason, symbols), 22, right=False, ellipsis=symbols.ellipsis)
        rows.append(
            [
                (f"{format_time(said.ts_ms)}  ", "$quiet"),
                (f"{subject} ", "bold"),
                (f"{reason} ", "$loss"),
                (clean(said.text, symbols), ""),
            ]
        )
    return _lines(width, rows)


def files_text(state: BotState) -> str:
    """What was read of it."""
    files = state.files
    noun = "file" if files.count == 1 else "files"
    return f"{files.count:,} {noun}, {files.rows:,} rows, {files.refused:,} refused"


def empty_text(config: str, symbols: Symbols, *, folder: str, watch: bool) -> Content:
    """How a bot gets onto this screen."""
    if folder:
        follows = (
            "A worker follows it; it starts with the next job, or now with\n\n"
            if watch
            else "Nobody follows it, for watch is false in [bot]. Read it once with\n\n"
        )
        command = "  cointrader worker --ensure\n" if watch else "  cointrader bot\n"
        return assemble(
            [
                ("Nothing was read of the bot yet.\n\n", "bold"),
                (f"Its folder is {clean(folder, symbols)}.\n", ""),
                (follows, ""),
                (command, "$accent"),
            ]
        )
    return assemble(
        [
            ("No bot is known to this workspace.\n\n", "bold"),
            (
                "This screen reads coinTrader2.0's own folder while it runs: what it is doing, why nothing\n",
                "",
            ),
            ("was traded, and whether its model is really loaded. Name the folder in\n", ""),
            (f"{clean(config, symbols)}:\n\n", "bold"),
            ("  [bot]\n", "$accent"),
            ('  folder = "/path/to/coinTrader2.0"\n', "$accent"),
            ('  timezone = "Europe/Zurich"   ', "$accent"),
            ("of the times in its logs; without it the zone of this machine\n\n", "$quiet"),
            ("or read it once: ", ""),
            ("cointrader bot --folder /path/to/coinTrader2.0\n\n", "$accent"),
            ("Nothing is ever written there; its .env and user_config.yaml are never opened.", "$quiet"),
        ]
    )
