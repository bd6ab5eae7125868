"""Setups collected from stored candles, with their outcomes and experiences: one series at a time.

All of it is incremental and each part is one transaction, so that a job that is cancelled or killed leaves
what it has done, and the next one goes on from there. A series that cannot be used does not keep the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cointrader.jobs.journal import say
from cointrader.jobs.stored_backtest import stored_series
from cointrader.training.collecting.history import collect_history
from cointrader.training.outcomes.settle import Settled, settle_series
from cointrader.training.setup_source import states_at
from models.errors import BadCandles
from storage.candles import CandleFileRow, Candles, read_candles, timeframe_text
from storage.collection import collection_of, note_collection_error
from storage.errors import DiskFull, StaleAttempt, StorageError

if TYPE_CHECKING:
    from cointrader.jobs.work import WorkContext

Progress = Callable[[float, float, str], None]


@dataclass(frozen=True)
class SeriesReport:
    """What one series has brought; `error` says why it could not be used."""

    symbol: str
    timeframe: str
    bars: int = 0
    collected: int = 0
    refused: int = 0
    rapid: int = 0
    validated: int = 0
    waiting: int = 0
    incomplete: int = 0
    experiences: int = 0
    reasons: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


COUNTED = ("collected", "refused", "rapid", "validated", "waiting", "incomplete", "experiences")


@dataclass(frozen=True)
class Collected:
    """What a collection has brought, series by series."""

    series: tuple[SeriesReport, ...]

    def total(self, name: str) -> int:
        """The sum of a count over all series."""
        return sum(getattr(report, name) for report in self.series)

    def as_result(self) -> dict[str, Any]:
        """The result of the job: {text, collected, validated, ..., series: [...]}."""
        counts = {name: self.total(name) for name in COUNTED}
        text = "{collected:,} setups collected, {validated:,} outcomes validated, {waiting:,} wait".format(
            **counts
        )
        return {"text": text, **counts, "series": [asdict(report) for report in self.series]}


def collect_stored(
    context: WorkContext,
    *,
    symbols: Sequence[str] = (),
    timeframe: str | None = None,
    validate: bool = True,
    whole: bool = False,
    newest_bars: int = 0,
) -> Collected:
    """Collects from the chosen series (see `stored_series`) what has come since the last time.

    With `validate` outcomes are brought up to date. With `whole` all of the history is looked at again, for
    earlier candles and the signals of later backtests; a first time with `newest_bars` looks at so many only.
    Raises CandlesMissing for a series that is not there, JobCancelled and JobInterrupted between two parts,
    and the error of the last series when none of them could be used.
    """
    depth = _Depth(validate, whole, newest_bars)
    chosen = stored_series(context.workspace, context.connection, symbols=symbols, timeframe=timeframe)
    reports: list[SeriesReport] = []
    for place, row in enumerate(chosen):
        try:
            report = _collect(context, row, depth, _share(context, place, len(chosen)))
        except (BadCandles, StorageError) as error:
            if isinstance(error, DiskFull | StaleAttempt):
                raise
            report = _refused(context, row, error)
            if place == len(chosen) - 1 and all(earlier.error for earlier in reports):
                raise
        reports.append(report)
    return Collected(tuple(reports))


@dataclass(frozen=True)
class _Depth:
    """How far back is looked, and whether outcomes are."""

    validate: bool
    whole: bool
    newest_bars: int

    def since_ms(self, context: WorkContext, series: Candles) -> int:
        """Bars that closed later than this are looked at."""
        if self.whole:
            return -1
        known = collection_of(context.connection, series.symbol, series.timeframe_ms)
        if known is not None:
            return known.last_ts_ms
        if 0 < self.newest_bars < len(series):
            return int(series.close_ms[-self.newest_bars - 1])
        return -1


def _share(context: WorkContext, place: int, series: int) -> Progress:
    """Progress within one of several series as progress of the whole."""

    def report(done: float, total: float, message: str) -> None:
        within = done / total if total else 1.0
        context.progress(1000 * (place + min(within, 0.999)), 1000 * series, message)

    return report


def _collect(context: WorkContext, row: CandleFileRow, depth: _Depth, report: Progress) -> SeriesReport:
    workspace, connection = context.workspace, context.connection
    name = f"{row.symbol} {timeframe_text(row.timeframe_ms)}"
    report(0, 2, f"{name}: reading candles")
    # By name and not by row: an import may replace the file between the list and the read.
    series = read_candles(workspace, row.symbol, row.timeframe_ms, connection=connection)

    def collecting(done: int, total: int) -> None:
        report(done, 2 * total, f"{name}: collecting setups")

    def validating(done: int, total: int) -> None:
        report(total + done, 2 * total, f"{name}: validating outcomes")

    gathered = collect_history(
        workspace,
        connection,
        series,
        context.settings,
        since_ms=depth.since_ms(context, series),
        progress=collecting,
    )
    settled = Settled()
    if depth.validate:
        settled = settle_series(
            connection,
            series,
            context.settings,
            lambda places: states_at(workspace, connection, places),
            validating,
        )
    for text in settled.reasons.values():
        say(text)
    _forget_error(context, series)
    return SeriesReport(
        symbol=row.symbol,
        timeframe=timeframe_text(row.timeframe_ms),
        bars=len(series),
        collected=gathered.collected,
        refused=gathered.refused.total(),
        rapid=gathered.rapid,
        validated=settled.validated,
        waiting=settled.waiting,
        incomplete=settled.incomplete,
        experiences=settled.experiences,
        reasons=settled.reasons,
    )


def _refused(context: WorkContext, row: CandleFileRow, error: Exception) -> SeriesReport:
    """A series that cannot be used; why stands in its collection until it can be."""
    say(f"{row.symbol}: {error}")
    note_collection_error(context.connection, row.symbol, row.timeframe_ms, str(error))
    return SeriesReport(row.symbol, timeframe_text(row.timeframe_ms), error=str(error))


def _forget_error(context: WorkContext, series: Candles) -> None:
    known = collection_of(context.connection, series.symbol, series.timeframe_ms)
    if known is not None and known.last_error:
        note_collection_error(context.connection, series.symbol, series.timeframe_ms, "")
