"""What the screen of paper trading says, as text: pure functions of what storage read."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.screens.order_text import setting
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_price, format_time

if TYPE_CHECKING:
    from storage.order_requests import OrderRow
    from storage.paper_desk import Decision, PaperDesk
    from storage.paper_runs import PaperRunRow
    from storage.runs import RunRow

STATE_STYLES = {
    "running": "$gain",
    "paused": "$warning",
    "stopping": "$warning",
    "stopped": "$quiet",
}
ORDER_STYLES = {"waiting": "$warning", "done": "$gain", "refused": "bold $loss"}
TROUBLE_LINES = 4  # of the account; what is left of an error after them is in the job's log
LABEL = 9  # cells of the words at the left of the account


def source_words(row: PaperRunRow, symbols: Symbols) -> str:
    """Where the bars come from, and how fast."""
    if row.source == "inbox":
        return "bars as they are imported"
    if row.speed <= 0:
        return "playback, as fast as possible"
    times = "x" if symbols.name == "ascii" else "×"
    return f"playback {times}{row.speed:g}"


def trouble(desk: PaperDesk) -> str:
    """Why the run does not do what its state says; "" where it does."""
    row, job = desk.row, desk.job
    if row is None:
        return ""
    if row.error:
        return f"{row.error}; p goes on with it"
    if row.state not in ("running", "stopping"):
        return ""
    if job is None:
        again = "p goes on with it" if row.state == "running" else "X stops it"
        return f"nobody goes on with it; {again}"
    if job.state != "running":
        lone = needs_worker(desk)
        return f"job {job.id} waits{': no worker is alive, p starts one' if lone else ' for a free worker'}"
    return phrases.silence(job, desk.workers)


def needs_worker(desk: PaperDesk) -> bool:
    """Whether the job of the run waits and no worker is there that could take it."""
    waits = desk.job is not None and desk.job.state != "running"
    return waits and not any(worker.condition in ("alive", "silent") for worker in desk.workers)


def is_heard(desk: PaperDesk) -> bool:
    """Whether somebody who answers is at work on the run."""
    return (
        desk.job is not None and desk.job.state == "running" and not phrases.silence(desk.job, desk.workers)
    )


def state_part(desk: PaperDesk, symbols: Symbols) -> Part:
    """The state in a word with its sign; what runs on a worker that is not heard is not called running."""
    row = desk.row
    if row is None:
        return "", ""
    if row.state in ("running", "stopping") and not is_heard(desk):
        job = desk.job
        word = "not running" if job is None else "no answer" if job.state == "running" else "waits"
        return f"{symbols.hollow} {word}", "bold $warning"
    mark = symbols.dot if row.state == "running" else symbols.hollow
    return f"{mark} {row.state}", f"bold {STATE_STYLES.get(row.state, '')}".strip()


def account_text(desk: PaperDesk, width: int, symbols: Symbols, *, whole: bool = True) -> Content:
    """The account in a few lines, trouble first; without `whole` only what matters most."""
    row, run = desk.row, desk.run
    if row is None or run is None:
        return Content("")
    lines: list[list[Part]] = []
    said = trouble(desk)
    if said:
        told = wrap(clean(said, symbols), max(20, width - 2), break_on_hyphens=False)
        marks = [symbols.cross, *[" "] * (TROUBLE_LINES - 1)]
        lines += [[(f"{mark} {words}", "bold $warning")] for mark, words in zip(marks, told, strict=False)]
    gained = run.end_equity - run.start_equity
    share = gained / run.start_equity if run.start_equity else 0.0
    tone = phrases.money(gained, symbols)[1]
    lines.append(
        [
            (f"{'equity':<{LABEL}}", "$quiet"),
            (f"{run.end_equity:,.2f}", "bold"),
            (f"  {phrases.percent(share, sign=True, digits=2)}", tone),
            (f"  of {run.start_equity:,.0f}", "$quiet"),
        ]
    )
    used = desk.exposure / run.end_equity if run.end_equity else 0.0
    lines.append(
        [
            (f"{'exposure':<{LABEL}}", "$quiet"),
            (f"{desk.exposure:,.2f}", ""),
            (f"  {phrases.percent(used)}", "$quiet"),
            (f"   cash {run.end_equity - desk.exposure:,.2f}", "$quiet"),
        ]
    )
    lines.append(_day(desk, symbols))
    lines.append(_result(run) if run.metrics else _limits(desk, run))
    if whole:
        counts = f"{run.signals:,} signals, {run.rejections:,} rejected, {run.positions:,} positions"
        if len(counts) > width - LABEL:
            counts = counts.replace(" positions", " trades")
        what = _cut(_what(row, symbols), width - LABEL, symbols)
        lines.append([(f"{'so far':<{LABEL}}", "$quiet"), (_cut(counts, width - LABEL, symbols), "")])
        lines.append([(f"{'trades':<{LABEL}}", "$quiet"), (what, "")])
    return Content("\n").join([assemble(line) for line in lines])


def _day(desk: PaperDesk, symbols: Symbols) -> list[Part]:
    day = desk.day
    if day is None:
        return [(f"{'today':<{LABEL}}", "$quiet"), ("no bar yet", "$quiet")]
    parts: list[Part] = [(f"{'today':<{LABEL}}", "$quiet"), phrases.money(day.pnl, symbols)]
    closes = f"{day.closed} closed, {day.won} won" if day.closed else "nothing closed"
    parts.append((f"   {closes}", ""))
    return parts


def _limits(desk: PaperDesk, run: RunRow) -> list[Part]:
    """How much of its limits the run has used."""
    most, share = setting(run, "limits", "max_open_positions"), setting(run, "limits", "portfolio_fraction")
    loss = setting(run, "limits", "daily_loss_fraction")
    if most is None or share is None or loss is None or not run.end_equity:
        return [("", "")]
    used = desk.exposure / run.end_equity
    lost = _lost_today(desk, run)
    return [
        (f"{'limits':<{LABEL}}", "$quiet"),
        (f"open {len(desk.positions)}/{most:g}, exposed {used * 100:.0f}/{share * 100:g} %, ", ""),
        (f"lost {lost * 100:.1f}/{loss * 100:g} %", "bold $loss" if lost >= loss else ""),
    ]


def _lost_today(desk: PaperDesk, run: RunRow) -> float:
    """The loss of the day as its limit counts it: a share of the equity that the day began with."""
    pnl = 0.0 if desk.day is None else desk.day.pnl
    began = run.end_equity - pnl
    return max(0.0, -pnl / began) if began > 0.0 else 0.0


def _result(run: RunRow) -> list[Part]:
    """The measures of a run that has ended."""
    figures = run.metrics
    return [
        (f"{'result':<{LABEL}}", "$quiet"),
        (f"drawdown {phrases.percent(figures.get('max_drawdown'))}", ""),
        (f", profit factor {phrases.number(figures.get('profit_factor'), 2)}", ""),
        (f", fees {phrases.number(figures.get('fees'), 0)}", ""),
    ]


def _what(row: PaperRunRow, symbols: Symbols) -> str:
    by = ", ".join(row.strategies)
    return clean(f"{', '.join(row.symbols)} by {by}", symbols)


def until_words(desk: PaperDesk) -> str:
    """The close of the last bar that was decided on; nothing where there is no run."""
    if desk.row is None:
        return ""
    return f"last bar {format_time(desk.now_ms)}" if desk.now_ms else "no bar yet"


def runs_words(desk: PaperDesk) -> str:
    """Which of several runs this is."""
    if desk.row is None or len(desk.runs) < 2:
        return ""
    return f"{len(desk.runs)} runs go on: [ ]"


def start_words(desk: PaperDesk, symbols: Symbols) -> Part:
    """What became of the newest wish to begin a run; nothing where it has begun."""
    job = desk.start
    if job is None:
        return "", ""
    if job.state == "failed":
        return (
            f"{symbols.cross} job {job.id} could not begin a run: {clean(job.error, symbols)}",
            "bold $loss",
        )
    alive = any(worker.condition in ("alive", "silent") for worker in desk.workers)
    waits = "begins" if alive else "waits for a worker; none is alive"
    return f"{symbols.hollow} job {job.id}: {clean(job.title, symbols)} {waits}", "$warning"


def empty_text(desk: PaperDesk, symbols: Symbols, *, read_only: bool) -> Content:
    """How paper trading begins."""
    said, style = start_words(desk, symbols)
    parts: list[Part] = [("No paper run yet.\n\n", "bold")]
    if said:
        parts += [(f"{said}\n\n", style)]
    if not read_only:
        parts += [
            ("  s", "bold $accent"),
            ("  starts one: bars as imported, or stored bars played at any speed\n\n", ""),
        ]
    parts += [
        (
            "Signals of the strategies are decided by the same limits as in a backtest, filled at the next "
            "open with fees and slippage, and every close teaches. Nothing leaves this machine.\n\n",
            "",
        ),
        ("  cointrader paper start --source playback --speed 600\n", "$accent"),
        ("  cointrader order buy BTC/USDT --notional 500\n", "$accent"),
    ]
    return assemble(parts)


def orders_text(orders: Sequence[OrderRow], width: int, symbols: Symbols) -> Content:
    """Orders by hand: those that wait first, then the newest."""
    if not orders:
        return assemble([("none yet: b orders by hand", "$quiet")])
    ranked = sorted(orders, key=lambda order: (order.state != "waiting", -order.id))
    return Content("\n").join([_order_line(order, width, symbols) for order in ranked])


def orders_title(orders: Sequence[OrderRow]) -> str:
    """How many of them wait."""
    waiting = sum(order.state == "waiting" for order in orders)
    return f"orders by hand, {waiting} waiting" if waiting else "orders by hand"


def _order_line(order: OrderRow, width: int, symbols: Symbols) -> Content:
    word = {"waiting": "waits", "done": "done", "refused": "refused"}.get(order.state, order.state)
    what, reason = clean(order.words, symbols), clean(order.reason, symbols)
    when = format_time(order.done_ms or order.created_ms)[11:]
    said = f"{what}: {reason}" if reason else what
    return assemble(
        [
            (f"{word:<8}", ORDER_STYLES.get(order.state, "")),
            (f"{when} ", "$quiet"),
            (_cut(said, width - 14, symbols), ""),
        ]
    )


def decisions_text(desk: PaperDesk, width: int, symbols: Symbols) -> Content:
    """The newest signals, each accepted or rejected with its reason."""
    if not desk.decisions:
        return assemble([("no signal yet", "$quiet")])
    return Content("\n").join(
        [
            _decision_line(decision, decision.signal_id in desk.ordered, width, symbols)
            for decision in desk.decisions
        ]
    )


def _decision_line(decision: Decision, ordered: bool, width: int, symbols: Symbols) -> Content:
    accepted = decision.status == "accepted"
    mark, style = (symbols.check, "$gain") if accepted else (symbols.cross, "$loss")
    side_style = "$long" if decision.side == "long" else "$short"
    who = "by hand" if decision.strategy == "manual" else clean(decision.strategy, symbols)
    parts: list[Part] = [
        (f"{mark} ", style),
        (f"{format_time(decision.ts_ms)[5:]} ", "$quiet"),
        (fit(clean(decision.symbol, symbols), 9, right=False, ellipsis=symbols.ellipsis) + " ", ""),
        (f"{decision.side.upper():<5} ", side_style),
    ]
    if width >= 70:
        parts.append((fit(who, 9, right=False, ellipsis=symbols.ellipsis) + " ", "$quiet"))
    used = sum(len(text) for text, _ in parts)
    words = f"accepted at {format_price(decision.price)}" if accepted else clean(decision.text, symbols)
    if ordered:
        words += ", filled at the next open"
    return assemble([*parts, (_cut(words, width - used, symbols), "" if accepted else "$quiet")])


def _cut(text: str, room: int, symbols: Symbols) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + symbols.ellipsis
