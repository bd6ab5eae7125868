"""Collects what agents learn from: input packages at the moments that matter, whole, hashed and counted.

    collector = TrainingDataCollector(DataProvider(symbols=["ETH/USDT", "BTC/USDT"]))
    report = collector.collect("BTC/USDT")          # everything that closed since the last time
    package = collector.package("BTC/USDT")         # what is known now; nothing is stored

The first collection of a symbol takes its whole history in one go; from then on each newest bar is collected
as it closes. Both give a moment the same hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cointrader.data_feeds.data_provider import CandleProvider, DataProvider
from cointrader.settings import Settings, load_settings
from cointrader.training.collecting.columns import SeriesColumns, series_columns
from cointrader.training.collecting.completeness import CANDLE_FIELDS
from cointrader.training.collecting.history import (
    Progress,
    collect_history,
    nobody,
    noted_columns,
)
from cointrader.training.collecting.judging import standard_of
from cointrader.training.collecting.live import Occasion, Stored, package_at, store_package
from cointrader.training.collecting.moments import (
    NO_SIGNAL,
    ORIGINS,
    SHORT,
    choose_moments,
    read_signals,
)
from cointrader.training.collecting.near_feeds import NearFeeds
from cointrader.training.collecting.package import Array, ModelInputPackage
from cointrader.training.collecting.packs import packages_of
from cointrader.training.collecting.parts import CollectReport
from cointrader.training.collecting.repacking import join_live_packs
from cointrader.training.collecting.rules import FRESH_BARS
from models.candle_series import CandleSeries, truncate
from models.errors import NotEnoughRows
from storage.clock import now_ms as clock_ms
from storage.collection import Refused, collection_of, collections, pass_over, refusals
from storage.database import open_database
from storage.setups import get_setup
from storage.workspace import Workspace, resolve_workspace

__all__ = [
    "CollectionStatistics",
    "ModelInputPackage",
    "Occasion",
    "TrainingDataCollector",
    "TrainingOutcome",
]

Features = Callable[[CandleSeries], Array | None]


@dataclass(frozen=True)
class TrainingOutcome:
    """What a setup turned out to be worth; everything but the last is None until that is known.

    `actual_profit` is the return of its side over the horizon, net of cost, as a fraction;
    `profitability_score` is 1/(1 + exp(-net/unit)), `optimal_action` 0 buy, 1 sell, 2 hold.
    """

    actual_profit: float | None
    profitability_score: float | None
    optimal_action: int | None
    is_profitable: bool | None
    outcome_validated: bool = False


@dataclass(frozen=True)
class CollectionStatistics:
    """Counts over all series of a workspace; `refused_by_reason` holds the newest example of each."""

    packages_collected: int = 0
    mean_completeness: float | None = None
    refused: int = 0
    rapid_changes: int = 0
    outcomes_validated: int = 0
    last_error: str = ""
    refused_by_reason: dict[str, Refused] = field(default_factory=dict)


class TrainingDataCollector:
    """Collects setups into a workspace from a provider of candles."""

    def __init__(
        self,
        data_provider: CandleProvider | Workspace | None = None,
        settings: Settings | None = None,
        *,
        workspace: Workspace | None = None,
        needed: Sequence[str] = CANDLE_FIELDS,
        cnn_features: Features | None = None,
    ) -> None:
        """A workspace in the provider's place collects from its own candles.

        Without settings those of the workspace count. `needed` are the fields that the smallest completeness
        is asked of; `cnn_features` gives what a CNN makes of the bars so far, for packages made live.
        Raises ValueError for a field that is not known.
        """
        if isinstance(data_provider, Workspace):
            workspace, data_provider = data_provider, None
        self._workspace = workspace or resolve_workspace()
        self._provider = data_provider or DataProvider(workspace=self._workspace)
        self._settings = settings or load_settings(self._workspace.config)
        self._standard = standard_of(self._settings.training.min_data_completeness, needed)
        self._features = cnn_features
        self._connection = open_database(self._workspace)

    def close(self) -> None:
        """Let the workspace go."""
        self._connection.close()

    def collect(self, symbol: str, progress: Progress = nobody) -> CollectReport:
        """Collects what closed since the last collection of a symbol. Raises BadCandles.

        A newest bar of the last two bars' time is collected by itself, with the CNN's features where there
        are any; everything before it as history.
        """
        series = self._provider.candles(symbol)
        bars = len(series.close_ms)
        before = collection_of(self._connection, series.symbol, series.timeframe_ms)
        since_ms = -1 if before is None else before.last_ts_ms
        if not bars or int(series.close_ms[-1]) <= since_ms:
            return CollectReport(series.symbol, series.timeframe_ms, bars=bars, until_ms=since_ms)
        is_live = self._now_ms - int(series.close_ms[-1]) <= FRESH_BARS * series.timeframe_ms
        report = collect_history(
            self._workspace,
            self._connection,
            truncate(series, bars - 1) if is_live else series,
            self._settings,
            since_ms=since_ms,
            progress=progress,
            provenance=self._provider.provenance,
            needed=self._standard.needed,
            now_ms=self._now_ms,
        )
        if is_live:
            self._collect_newest(series, report)
        return report

    def package(self, symbol: str) -> ModelInputPackage:
        """What is known of a symbol at its newest closed bar. Raises NotEnoughRows where there is none."""
        series = self._provider.candles(symbol)
        if not len(series.close_ms):
            raise NotEnoughRows(0, 1, f"bars of {symbol}")
        return self._package(series, series_columns(series, self._settings.rapid))

    def add(self, package: ModelInputPackage, occasion: Occasion | None = None) -> Stored:
        """Stores a package that somebody else made, if it is whole enough; a refusal is counted.

        The place of the collection in the series does not change.
        """
        return self._store(package, occasion or Occasion())

    def packages(self, setup_ids: Sequence[int]) -> list[ModelInputPackage]:
        """Stored packages by the numbers of their setups. Raises StorageError, PackDamaged."""
        rows = [get_setup(self._connection, setup_id) for setup_id in setup_ids]
        return packages_of(self._workspace, self._connection, rows)

    def outcome(self, setup_id: int) -> TrainingOutcome:
        """What a setup turned out to be worth, as far as that is known. Raises StorageError."""
        row = get_setup(self._connection, setup_id)
        return TrainingOutcome(
            actual_profit=row.net_return,
            profitability_score=row.score,
            optimal_action=row.optimal_action,
            is_profitable=None if row.is_profitable is None else bool(row.is_profitable),
            outcome_validated=row.state == "validated",
        )

    def statistics(self) -> CollectionStatistics:
        """Counts over all series that were collected into the workspace."""
        rows = collections(self._connection)
        collected = sum(row.collected for row in rows)
        whole = sum(row.completeness_sum for row in rows)
        errors = [(row.last_error_ms, row.last_error) for row in rows if row.last_error_ms is not None]
        reasons: dict[str, Refused] = {}
        for row in rows:
            for reason, each in refusals(self._connection, row.id).items():
                n = reasons[reason].n if reason in reasons else 0
                reasons[reason] = Refused(n + each.n, each.last_ts_ms, each.example)
        return CollectionStatistics(
            packages_collected=collected,
            mean_completeness=whole / collected if collected else None,
            refused=sum(row.refused for row in rows),
            rapid_changes=sum(row.rapid for row in rows),
            outcomes_validated=sum(row.validated for row in rows),
            last_error=max(errors)[1] if errors else "",
            refused_by_reason=reasons,
        )

    @property
    def _now_ms(self) -> int:
        """The provider's clock, where it has one (a playback does), else ours."""
        return int(getattr(self._provider, "now_ms", None) or clock_ms())

    def _collect_newest(self, series: CandleSeries, report: CollectReport) -> None:
        """Collects the newest bar of a series, if it is a moment that calls for it."""
        columns = noted_columns(self._connection, series, self._settings.rapid)
        bar = len(series.close_ms) - 1
        ts_ms = int(series.close_ms[bar])
        signals = read_signals(self._connection, series.symbol, ts_ms - 1)
        moments = choose_moments(columns, signals, self._settings.training.interval_bars, bar)
        if not len(moments.bar):
            pass_over(self._connection, series.symbol, series.timeframe_ms, ts_ms)
            report.until_ms = ts_ms
            return
        signal_id = int(moments.signal_id[0])
        occasion = Occasion(
            origin=ORIGINS[int(moments.origin[0])],
            side="short" if moments.side[0] == SHORT else "long",
            taken=int(moments.taken[0]),
            signal_id=None if signal_id == NO_SIGNAL else signal_id,
            rapid=bool(columns.rapid.fired[bar]),
            extreme=int(columns.extreme[bar]),
        )
        stored = self._store(self._package(series, columns), occasion, until_ms=ts_ms)
        report.collected += stored.added
        report.known += not (stored.added or stored.refused)
        report.rapid += stored.added and occasion.rapid
        report.origins[occasion.origin] += stored.added
        report.refused.update({reason: each.n for reason, each in stored.refused.items()})
        report.bytes += stored.bytes
        report.until_ms = ts_ms
        join_live_packs(self._workspace, self._connection, series.symbol, series.timeframe_ms)

    def _package(self, series: CandleSeries, columns: SeriesColumns) -> ModelInputPackage:
        made_up = self._provider.provenance == "synthetic"
        feeds = NearFeeds(self._connection, series.symbol, series.timeframe_ms, synthetic=made_up)
        features = None if self._features is None else self._features(series)
        return package_at(columns, len(series.close_ms) - 1, feeds, features)

    def _store(self, package: ModelInputPackage, occasion: Occasion, until_ms: int = 0) -> Stored:
        return store_package(
            self._workspace,
            self._connection,
            package,
            occasion,
            self._standard,
            self._provider.provenance,
            now_ms=self._now_ms,
            until_ms=until_ms,
        )
