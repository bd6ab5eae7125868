"""What the overview says, as text: pure functions from what storage read to content of panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_bytes, format_time

if TYPE_CHECKING:
    from storage.jobs import JobRow
    from storage.overview import Champion, Closes, Overview, Trouble
    from storage.runs import RunRow

LABEL = 11  # cells of the words at the left of a panel


def _row(label: str, *parts: Part) -> list[Part]:
    return [(f"{label:<{LABEL}}", "$quiet"), *parts, ("\n", "")]


def _joined(rows: Sequence[Sequence[Part]]) -> Content:
    parts = [part for row in rows for part in row]
    if parts and parts[-1] == ("\n", ""):
        parts.pop()
    return assemble(parts)


def _cut(text: str, room: int, symbols: Symbols) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + symbols.ellipsis


def alive_text(view: Overview, device: str, symbols: Symbols) -> Content:
    """Worker, device, disk."""
    return _joined([_worker(view, symbols), _device(device), _disk(view, symbols)])


def _worker(view: Overview, symbols: Symbols) -> list[Part]:
    if not view.workers:
        needed = bool(view.waiting or view.running)
        words = "none alive, jobs are waiting" if needed else "none, starts with the first job"
        return _row("worker", (f"{symbols.hollow} ", "$warning" if needed else "$quiet"), (words, "$quiet"))
    worker = view.workers[0]
    slots = f", {worker.cpu_slots} CPU + {worker.gpu_slots} GPU slots"
    if worker.condition == "silent":
        words = f"silent for {phrases.span(worker.silent_seconds * 1000)}"
        return _row("worker", (f"{symbols.dot} {words}", "$warning"), (slots, "$quiet"))
    return _row("worker", (f"{symbols.dot} alive", "$gain"), (slots, "$quiet"))


def _device(device: str) -> list[Part]:
    return _row("device", ("CPU only", "") if device in {"", "CPU"} else (device, ""))


def _disk(view: Overview, symbols: Symbols) -> list[Part]:
    low = view.disk_free_bytes < 2_000_000_000
    words = f"{format_bytes(view.disk_free_bytes)} free"
    return _row(
        "disk",
        (f"{symbols.cross} {words}" if low else words, "bold $loss" if low else ""),
        (f", database {format_bytes(view.database_bytes)}", "$quiet"),
    )


def counts_text(view: Overview, width: int) -> Content:
    """How much there is of everything; these numbers rise while a workspace fills itself."""
    counts = view.counts
    pairs = (
        ("bars", counts.bars),
        ("signals", counts.signals),
        ("rejected", counts.rejections),
        ("open", counts.open_positions),
        ("closed", counts.closed_positions),
        ("sessions", counts.sessions),
        ("versions", counts.artifacts),
    )
    wide = sum(len(f"{count:,} {name}   ") for name, count in pairs) - 3 <= width
    parts: list[Part] = []
    for name, count in pairs:
        gap = "   " if wide else " "
        parts += [(f"{count:,}", "bold" if count else "$quiet"), (f" {name}{gap}", "$quiet")]
    return assemble(parts)


def equity_title(run: RunRow | None) -> str:
    """What the curve is of."""
    if run is None:
        return "equity"
    first, last = format_time(run.first_ms)[:10], format_time(run.last_ms)[:10]
    return f"equity of {run.kind} {run.id}, {first} to {last}"


def run_text(run: RunRow | None, symbols: Symbols) -> Content:
    """The measures of the newest run."""
    if run is None:
        return assemble([("no run yet", "$quiet")])
    figures = run.metrics
    rows = [
        _row("strategies", (clean(", ".join(run.strategies.split(",")), symbols), "")),
        _row(
            "return",
            _signed_percent(figures.get("total_return"), symbols),
            ("   drawdown ", "$quiet"),
            (phrases.percent(figures.get("max_drawdown")), ""),
        ),
        _row(
            "sharpe",
            (phrases.number(figures.get("sharpe"), 2), ""),
            ("   sortino ", "$quiet"),
            (phrases.number(figures.get("sortino"), 2), ""),
        ),
        _row(
            "profit f.",
            (phrases.number(figures.get("profit_factor"), 2), ""),
            ("   fees ", "$quiet"),
            (phrases.number(figures.get("fees"), 0), ""),
        ),
    ]
    return _joined(rows)


def _signed_percent(value: float | None, symbols: Symbols) -> Part:
    if value is None:
        return "-", "$quiet"
    arrow, style = (symbols.up, "$gain") if value > 0 else (symbols.down, "$loss") if value < 0 else ("", "")
    return f"{phrases.percent(value, sign=True)} {arrow}".rstrip(), style


def closes_text(view: Overview, symbols: Symbols) -> Content:
    """The newest day with closes, and the newest closes together."""
    if view.last_day_ms is None:
        return assemble([("no position has been closed yet", "$quiet")])
    head = _row("", (f"{'closes':>7}{'win':>7}{'reward':>9}{'PnL':>16}", "$quiet"))
    rows = [
        head,
        _closes_row(format_time(view.last_day_ms)[:10], view.last_day, symbols),
        _closes_row(f"last {view.recent.count:,}", view.recent, symbols),
    ]
    return _joined(rows)


def _closes_row(label: str, closes: Closes, symbols: Symbols) -> list[Part]:
    reward = "-" if closes.mean_reward is None else f"{closes.mean_reward:+.3f}"
    figures = f"{closes.count:>7,}{phrases.percent(closes.win_rate, digits=0):>7}{reward:>9}"
    words, style = phrases.money(closes.pnl, symbols)
    return _row(label, (figures, ""), (f"{words:>16}", style))


def jobs_text(view: Overview, width: int, symbols: Symbols, *, at_most: int = 6) -> Content:
    """Running jobs with their progress and the time they will still take, then those that wait."""
    now_ms = round(phrases.now_ms())
    rows = [_job_row(job, view, now_ms, width, symbols) for job in view.running[:at_most]]
    room = max(0, at_most - len(rows))
    for job in view.waiting[:room]:
        words = "goes on where it stopped" if job.state == "interrupted" else "waits"
        rows.append(
            [
                (f"{symbols.hollow} ", "$quiet"),
                (fit(clean(job.title, symbols), 26, right=False, ellipsis=symbols.ellipsis), ""),
                (f" {words}", "$quiet"),
                ("\n", ""),
            ]
        )
    left = len(view.running) + len(view.waiting) - len(rows)
    if left > 0:
        rows.append([(f"and {left} more", "$quiet"), ("\n", "")])
    return _joined(rows) if rows else assemble([("nothing to do", "$quiet")])


def _job_row(job: JobRow, view: Overview, now_ms: int, width: int, symbols: Symbols) -> list[Part]:
    silent = phrases.silence(job, view.workers)
    title = fit(clean(job.title, symbols), 26, right=False, ellipsis=symbols.ellipsis)
    head: list[Part] = [(f"{symbols.dot} ", "$warning" if silent else "$accent"), (f"{title} ", "")]
    if silent:
        return [*head, (_cut(silent, width - 29, symbols), "$warning"), ("\n", "")]
    eta = job.eta_ms(now_ms) if job.fraction != 1.0 else None
    share = "" if job.fraction is None else f" {job.fraction * 100:3.0f} %"
    tail = f"{share}{'' if eta is None else f'  ETA {phrases.clock(eta)}'}"
    wide = max(8, min(24, width - 28 - len(tail) - 24))
    message = clean(job.message, symbols)
    room = width - 30 - wide - len(tail)
    said: list[Part] = []
    if message and room > 8:
        said = [(f"  {_cut(message, room, symbols)}", "$quiet")]
    return [*head, *phrases.bar(job.fraction, wide, symbols), (tail, ""), *said, ("\n", "")]


def champions_text(champions: Sequence[Champion], width: int, symbols: Symbols) -> Content:
    """The version in use of each agent, against its baseline."""
    if not champions:
        return assemble([("no version has beaten its baseline yet", "$quiet")])
    now_ms = phrases.now_ms()
    return _joined([_champion_row(champion, now_ms, width, symbols) for champion in champions])


def _champion_row(champion: Champion, now_ms: float, width: int, symbols: Symbols) -> list[Part]:
    days = (now_ms - champion.created_ms) / 86_400_000
    parts: list[Part] = [
        (f"{clean(champion.agent, symbols):<18}", ""),
        (f"v{champion.version:<2} ", "$accent"),
        (f"{champion.metric} {phrases.number(champion.value, 3)} ", ""),
        phrases.edge(champion.value, champion.baseline, symbols),
    ]
    age: Part = (f"  {phrases.span(now_ms - champion.created_ms)}", "$quiet")
    if days > 30:
        age = f"{age[0]}  stale", "bold $warning"
    if sum(len(text) for text, _ in (*parts, age)) > width:
        age = ("  stale", "bold $warning") if days > 30 else ("", "")
    return [*parts, age, ("\n", "")]


def troubles_text(troubles: Sequence[Trouble], width: int, symbols: Symbols) -> Content:
    """The newest errors and warnings, one line each."""
    if not troubles:
        return assemble([(f"{symbols.check} none", "$quiet")])
    rows: list[list[Part]] = []
    for trouble in troubles:
        sign, style = (symbols.cross, "$loss") if trouble.severity == "error" else ("!", "$warning")
        head = f"{format_time(trouble.ts_ms)[5:]} "
        about = "" if trouble.text.startswith(trouble.subject) else f"{trouble.subject}: "
        words = clean(about + trouble.text, symbols)
        rows.append(
            [
                (f"{sign} ", style),
                (head, "$quiet"),
                (_cut(words, width - len(head) - 2, symbols), ""),
                ("\n", ""),
            ]
        )
    return _joined(rows)


def empty_text(inbox: str, symbols: Symbols, *, read_only: bool) -> Content:
    """What to do with a workspace that holds nothing."""
    offer: list[Part] = (
        []
        if read_only
        else [
            ("  f", "bold $accent"),
            ("  fill it with bundled real candles: BTC/USDT and ETH/USDT, 5 minutes, 2024\n\n", ""),
        ]
    )
    return assemble(
        [
            ("Nothing is stored here yet.\n\n", "bold"),
            *offer,
            ("Or bring your own candles, as CSV or freqtrade Feather:\n\n", ""),
            ("  cointrader import FILE --symbol BTC/USDT\n", "$accent"),
            ("  cointrader backtest --symbol BTC/USDT --strategy momentum\n", "$accent"),
            ("  cointrader train signal_classifier\n\n", "$accent"),
            (f"Everything stays in {inbox}", "$quiet"),
        ]
    )
