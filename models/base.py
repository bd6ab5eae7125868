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

if TYPE_CHECKING:
    from models.validation.folds import Split

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class ModelError(Exception):
    """Anything an agent refuses or cannot do; the text says what was wrong and what to do."""


class NotEnoughRows(ModelError):
    """There is less to learn from than the agent needs."""

    def __init__(self, got: int, need: int, what: str = "rows") -> None:
        super().__init__(f"only {got:,} {what}, and at least {need:,} are needed")
        self.got = got
        self.need = need
        self.what = what


class Diverged(ModelError):
    """A loss or a gradient that is no longer a finite number."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"diverged at step {step:,}: {what}")
        self.step = step
        self.what = what


class Stopped(ModelError):
    """Somebody wanted an end; a loop that can be gone on with has checkpointed its last step before."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step:,}")
        self.step = step


class FeatureMismatch(ModelError):
    """A stored model expects other features than today's code computes."""


class BadCandles(ModelError):
    """A price or volume that no agent may learn from; the text names symbol, field and bar."""

    def __init__(self, symbol: str, field_name: str, bar: int, value: float) -> None:
        super().__init__(f"{symbol}: {field_name} of bar {bar:,} is {value}; import the candles again")
        self.field_name = field_name
        self.bar = bar


class ArtifactRefused(ModelError):
    """The files of a stored model are incomplete or are not what they claim to be."""


class CandleSeries(Protocol):
    """Candles of one symbol and timeframe: ordered, unique, each array of the same length n.

    `close_ms` are UTC milliseconds at the close of the bar, int64; prices and volume are float64.
    """

    @property
    def symbol(self) -> str: ...
    @property
    def timeframe_ms(self) -> int: ...
    @property
    def close_ms(self) -> IntArray: ...
    @property
    def open(self) -> FloatArray: ...
    @property
    def high(self) -> FloatArray: ...
    @property
    def low(self) -> FloatArray: ...
    @property
    def close(self) -> FloatArray: ...
    @property
    def volume(self) -> FloatArray: ...


@dataclass(frozen=True)
class PlainCandles:
    """The plainest `CandleSeries`: what an agent needs when no storage is behind it."""

    symbol: str
    timeframe_ms: int
    close_ms: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


def truncate(series: CandleSeries, bars: int) -> PlainCandles:
    """The first `bars` bars of a series: what was known when that many had closed."""
    return PlainCandles(
        symbol=series.symbol,
        timeframe_ms=series.timeframe_ms,
        close_ms=series.close_ms[:bars],
        open=series.open[:bars],
        high=series.high[:bars],
        low=series.low[:bars],
        close=series.close[:bars],
        volume=series.volume[:bars],
    )


def check_candles(series: CandleSeries) -> None:
    """Raises BadCandles unless prices are finite and above 0, and volumes finite and not below 0."""
    for name in ("open", "high", "low", "close", "volume"):
        values: FloatArray = getattr(series, name)
        bad = ~np.isfinite(values) | ((values < 0.0) if name == "volume" else (values <= 0.0))
        if bad.any():
            bar = int(np.argmax(bad))
            raise BadCandles(series.symbol, name, bar, float(values[bar]))


@dataclass(frozen=True)
class SignalRows:
    """Stored signals as columns; `ts_ms` is the close of the bar that made each."""

    ts_ms: IntArray
    symbol: tuple[str, ...]


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
    """How good a model is on rows it never saw. Higher `value` is better; `baseline` is what to beat."""

    name: str
    value: float
    baseline: float
    others: Mapping[str, float]
    per_fold: tuple[float, ...]
    note: str

    @property
    def beats_baseline(self) -> bool:
        return math.isfinite(self.value) and self.value > self.baseline


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
        """True once somebody wants an end; the loop checkpoints, if it can go on later, and raises `Stopped`."""
        ...

    def log(self, step: int, **scalars: float) -> None:
        """Numbers of one step, by the name of their curve; NaN and infinity are kept as such."""
        ...

    def progress(self, done: int, total: int, message: str = "") -> None:
        """How far the session is."""
        ...

    def record(
        self,
        step: int,
        gradients: Mapping[str, NDArray[np.float32]],
        losses: Mapping[str, float],
        batch: IntArray,
    ) -> None:
        """The gradient that the optimiser consumed at this step, its loss parts and the rows of its batch.

        Arrays are only valid during the call.
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
    def load(self, files: Mapping[str, bytes]) -> Model: ...
