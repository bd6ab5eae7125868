"""The words every agent shares: what a training loop talks to, what it trains on, what it answers.

An agent never sees the database. It gets a `TrainingSource`, returns a `Dataset`, and reports to a `Run`;
`cointrader.training` implements both over the workspace, and tests use `models.memory_run`. That keeps
each agent a pure function of (data, parameters, seed), which is what makes a session repeatable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.candle_series import CandleSeries, FloatArray, IntArray
from models.step_journal import JournalLayout, OptimiserFacts, StepJournal

if TYPE_CHECKING:
    from models.validation.folds import Split


@dataclass(frozen=True)
class SignalRows:
    """Stored signals as columns; `ts_ms` is the close of the bar that made each."""

    ts_ms: IntArray
    symbol: tuple[str, ...]


@dataclass(frozen=True)
class FeedRows:
    """Records of one type as columns, oldest first; `values` is (n, fields), NaN where a record has none."""

    ts_ms: IntArray
    symbol: tuple[str, ...]
    values: FloatArray


class TrainingSource(Protocol):
    """Where an agent's raw material comes from."""

    @property
    def provenance(self) -> str:
        """The weakest lineage of what was read so far; `synthetic` stays `synthetic`."""
        ...

    def candles(self, symbols: str, timeframe_minutes: int) -> Sequence[CandleSeries]:
        """Candles of the named symbols ("all" or a comma list); timeframe 0 = the one with most bars."""
        ...

    def signals(self) -> SignalRows:
        """Every stored signal, oldest first."""
        ...


def no_constants() -> Mapping[str, float]:
    """An empty mapping that nobody can fill."""
    return MappingProxyType({})


@dataclass(frozen=True)
class Dataset:
    """What one session trains and is judged on; stored by its hash, so that row numbers mean something.

    Row i was knowable at `t0_ms[i]` and its label at `t1_ms[i]`; rows are ordered by `t0_ms`.
    `arrays` holds the inputs by name; arrays whose name starts with `series_` are shared by the rows,
    all others have one entry a row. `symbol` indexes `symbols`.
    """

    agent: str
    arrays: Mapping[str, NDArray[Any]]
    label: NDArray[Any]
    t0_ms: IntArray
    t1_ms: IntArray
    symbol: NDArray[np.int16]
    symbols: tuple[str, ...]
    feature_names: tuple[str, ...]
    label_order: tuple[str, ...]
    horizon_bars: int
    provenance: str
    description: str
    constants: Mapping[str, float] = field(default_factory=no_constants)

    @property
    def rows(self) -> int:
        return len(self.t0_ms)


@dataclass(frozen=True)
class Metrics:
    """How good a model is on rows it never saw. Higher `value` is better; `baseline` is what to beat.

    `standard_error` is that of `value` around the baseline where chance alone decides; NaN where unknown.
    """

    name: str
    value: float
    baseline: float
    others: Mapping[str, float]
    per_fold: tuple[float, ...]
    note: str
    standard_error: float = math.nan

    @property
    def beats_baseline(self) -> bool:
        return math.isfinite(self.value) and self.value > self.baseline


@dataclass(frozen=True)
class Duel:
    """Two models by the primary metric on the same `rows` of the `scored` rows of a session.

    A value is NaN where the metric is not defined on these rows.
    """

    value: float
    incumbent: float
    rows: int
    scored: int


@dataclass(frozen=True)
class CheckpointState:
    """Everything a training loop needs to go on after step `step` as if nothing had happened.

    `arrays` are weights and optimiser state; `counters` are JSON values (best loss, history, ...).
    """

    step: int
    arrays: Mapping[str, NDArray[Any]]
    counters: Mapping[str, Any]
    weights_sha256: str


class Run(Protocol):
    """The only thing a training loop talks to."""

    @property
    def seed(self) -> int:
        """Seed of the session: with the step's number the only source of randomness."""
        ...

    @property
    def stop_requested(self) -> bool:
        """True once somebody wants an end; a loop that can go on later checkpoints, and raises `Stopped`."""
        ...

    def log(self, step: int, **scalars: float) -> None:
        """Numbers of one step, by the name of their curve; NaN and infinity are kept as such."""
        ...

    def progress(self, done: int, total: int, message: str = "") -> None:
        """How far the session is."""
        ...

    def journal(
        self,
        layout: JournalLayout,
        optimiser: OptimiserFacts,
        snapshot: Callable[[], Mapping[str, NDArray[Any]]],
    ) -> StepJournal:
        """Where the steps go; asked for once, before the first step and after `resume_state` was applied.

        `snapshot` gives weights and optimiser state as they are now. Raises JournalRefused where steps have
        to be kept whole and those of this network could not be made again.
        """
        ...

    def checkpoint(self, state: Callable[[], CheckpointState], *, now: bool = False) -> None:
        """Offered after every step; the run decides when one is due, `now` asks for one in any case."""
        ...

    def resume_state(self) -> CheckpointState | None:
        """Where an interrupted attempt of this session left off, if it did."""
        ...


@dataclass(frozen=True)
class TriedPoint:
    """One point of a search: its parameters as JSON and the score it reached on held-out rows."""

    params_json: str
    value: float


class Model(Protocol):
    """A trained agent; `save` returns plain files (JSON, .npy, safetensors), never a pickle."""

    @property
    def trials(self) -> tuple[TriedPoint, ...]:
        """Everything that was tried to get here; a good score of many trials is worth less."""
        ...

    @property
    def convergence(self) -> str:
        """How training ended, in words."""
        ...

    @property
    def feature_names(self) -> tuple[str, ...]: ...

    @property
    def label_order(self) -> tuple[str, ...]: ...

    def predict(self, candles: CandleSeries) -> FloatArray:
        """Class probabilities a bar, (n, classes); NaN where history is too short."""
        ...

    def save(self) -> dict[str, bytes]: ...
    def weights_sha256(self) -> str: ...


class AgentModule(Protocol):
    """The shape of every `models/<agent>/agent.py`."""

    def dataset(self, source: TrainingSource, params: Any) -> Dataset: ...
    def split(self, dataset: Dataset, params: Any) -> Split: ...
    def total_steps(self, dataset: Dataset, params: Any) -> int: ...
    def fit(self, dataset: Dataset, params: Any, run: Run) -> Model: ...
    def evaluate(self, model: Any, dataset: Dataset) -> Metrics: ...

    def learned_until_ms(self, dataset: Dataset, params: Any) -> int:
        """When the last label ended that the stored model has learned from, or was chosen by."""
        ...

    def compare(self, model: Any, incumbent: Any, dataset: Dataset, after_ms: int) -> Duel:
        """Both on those scored rows of `model`'s session that begin after `after_ms`.

        Raises FeatureMismatch when the rows do not hold what `incumbent` has to see.
        """
        ...

    def load(self, files: Mapping[str, bytes]) -> Model: ...
