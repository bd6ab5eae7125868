"""Every default of the system, one frozen dataclass a subject, read from `config.toml` of a workspace.

The module is stdlib only: the console reads it before its first paint. Unknown sections, unknown names
and values out of range are refused with file, section and name; nothing is half-applied.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.parameters import ParameterError, build, parameter


class SettingsError(ValueError):
    """A `config.toml` that cannot be used; the text names file, section and name."""


@dataclass(frozen=True)
class SimulationSettings:
    """How a simulated order is filled and what it costs."""

    start_equity: float = parameter(
        10_000.0, low=1.0, high=1e12, unit="quote", help="Equity at the start of a run."
    )
    fee_bps: float = parameter(10.0, low=0.0, high=500.0, unit="bps", help="Fee a side, of the notional.")
    slippage_bps: float = parameter(
        2.0, low=0.0, high=500.0, unit="bps", help="Slippage a side, against the trader; targets have none."
    )
    size_fraction: float = parameter(
        0.10, low=0.0001, high=1.0, help="Notional of an order as a fraction of equity at the signal."
    )
    stop_atr: float = parameter(
        2.0, low=0.1, high=50.0, unit="ATR", help="Distance of the stop from the entry."
    )


@dataclass(frozen=True)
class LimitSettings:
    """The limits of the Core Agent; fractions are of equity, each is a reason code of a rejection."""

    order_fraction: float = parameter(0.10, low=0.0, high=10.0, help="Largest notional of one order.")
    asset_fraction: float = parameter(0.10, low=0.0, high=10.0, help="Largest exposure to one asset.")
    strategy_fraction: float = parameter(0.20, low=0.0, high=10.0, help="Largest exposure of one strategy.")
    portfolio_fraction: float = parameter(0.50, low=0.0, high=10.0, help="Largest exposure in all.")
    max_exposure: float = parameter(
        100_000.0, low=0.0, high=1e15, unit="quote", help="Largest exposure in money."
    )
    max_open_positions: int = parameter(5, low=1, high=10_000, help="Open positions at the same time.")
    max_per_symbol: int = parameter(1, low=1, high=100, help="Open positions in one symbol.")
    daily_loss_fraction: float = parameter(
        0.05, low=0.0, high=1.0, help="Loss of a UTC day that stops new orders."
    )
    max_daily_trades: int = parameter(100, low=1, high=1_000_000, help="Entries a UTC day.")
    cooldown_minutes: float = parameter(
        5.0, low=0.0, high=10_080.0, unit="min", help="Pause a symbol and side."
    )
    stale_bars: int = parameter(2, low=1, high=1_000, unit="bars", help="A price older than this is stale.")
    min_notional: float = parameter(10.0, low=0.0, high=1e9, unit="quote", help="Smallest order.")
    max_spread_bps: float = parameter(
        50.0, low=0.0, high=10_000.0, unit="bps", help="Widest spread, where one is known."
    )
    min_confidence: float = parameter(0.05, low=0.0, high=1.0, help="Smallest confidence of a signal.")


@dataclass(frozen=True)
class CoreSettings:
    """Who is asked about a signal before the limits are; they can only say no."""

    decision_gate: str = parameter(
        "off",
        choices=("off", "shadow", "on"),
        help="Whether signals that the agent decision holds for unlikely to pay are rejected; shadow only "
        "stores what it says.",
    )
    decision_threshold: float = parameter(
        0.25,
        low=0.0,
        high=1.0,
        help="Smallest chance to pay, net of costs, that passes the gate; `cointrader report accuracy` "
        "prints how often signals pay.",
    )
    retrain_minutes: float = parameter(
        0.0,
        low=0.0,
        high=525_600.0,
        unit="min",
        help="Time after which a worker trains decision again, if more has closed; 0: never by itself.",
    )
    strategy_agent: str = parameter(
        "", help="FILE.py:NAME of a callable that may veto a signal, in the workspace; empty: our own."
    )
    risk_agent: str = parameter("", help="The same, asked second.")
    execution_agent: str = parameter("", help="The same, asked last, about the order.")
    agent_timeout_seconds: float = parameter(
        1.0, low=0.001, high=3_600.0, unit="s", help="Time an agent has; its silence is a veto."
    )


@dataclass(frozen=True)
class RewardSettings:
    """The reward of a closed position."""

    formula: str = parameter(
        "normalized",
        choices=("normalized", "comprehensive"),
        help="The formula that trains; both are stored.",
    )
    streak_weight: float = parameter(0.0, low=0.0, high=1.0, help="Weight of winning and losing streaks.")


@dataclass(frozen=True)
class WorkerSettings:
    """The supervisor and its children."""

    cpu_slots: int = parameter(2, low=1, high=256, help="Jobs on the CPU at the same time.")
    gpu_slots: int = parameter(1, low=0, high=64, help="Jobs on the GPU at the same time.")
    threads_per_job: int = parameter(
        1, low=1, high=256, help="Torch threads of a job; part of what makes it repeatable."
    )
    checkpoint_seconds: float = parameter(
        5.0, low=0.1, high=3600.0, unit="s", help="Time between two checkpoints."
    )
    metric_seconds: float = parameter(
        0.25, low=0.01, high=60.0, unit="s", help="Time between two batches of metrics."
    )


ORIGINS = ("signal", "manual", "adopted", "import")
"""Who brought a position about: a strategy, the operator, or somebody elsewhere whose it was before."""


@dataclass(frozen=True)
class TrainingSettings:
    """What is collected to learn from, what its outcome is measured by, and when agents have enough of it."""

    collection_interval: float = parameter(
        1.0, low=0.05, high=86_400.0, unit="s", help="Shortest time between two looks for new data."
    )
    min_data_completeness: float = parameter(
        0.8, low=0.0, high=1.0, help="Share of the fields an agent needs that a setup must hold."
    )
    min_episodes_for_cnn_training: int = parameter(
        100, low=1, high=10_000_000, help="Episodes before the CNN trains."
    )
    min_experiences_for_rl_training: int = parameter(
        200, low=1, high=10_000_000, help="Experiences before an RL agent trains."
    )
    min_profitability_for_replay: float = parameter(
        0.1, low=0.0, high=1.0, help="Profitability score from which a setup may be replayed."
    )
    enable_background_validation: bool = parameter(
        True, help="Whether outcomes are validated as soon as their horizon has passed."
    )
    horizon_minutes: float = parameter(
        15.0, low=1.0, high=10_080.0, unit="min", help="Time after which a setup has its outcome."
    )
    cost_bps: float = parameter(
        20.0, low=0.0, high=1_000.0, unit="bps", help="Cost of the round trip that an outcome has to pay."
    )
    score_unit_bps: float = parameter(
        50.0, low=0.1, high=10_000.0, unit="bps", help="Net return at which the score reaches 0.73."
    )
    interval_bars: int = parameter(
        12, low=1, high=100_000, unit="bars", help="Bars between two setups that nothing else calls for."
    )
    close_origins: str = parameter(
        "signal,manual",
        help="Origins of positions whose closes teach: a comma list of signal, manual, adopted and import.",
    )

    def __post_init__(self) -> None:
        unknown = sorted(self.teaching_origins - set(ORIGINS))
        if unknown:
            reason = f"{unknown[0]!r} is no origin of positions; known are {', '.join(ORIGINS)}"
            raise ParameterError("close_origins", self.close_origins, reason)

    @property
    def teaching_origins(self) -> frozenset[str]:
        """The origins of `close_origins`; without any, no close teaches."""
        return frozenset(filter(None, (origin.strip() for origin in self.close_origins.split(","))))


@dataclass(frozen=True)
class RapidSettings:
    """When a price change is rapid: setups around it are kept apart as rare examples."""

    velocity_percent: float = parameter(
        0.5, low=0.001, high=100.0, unit="%/min", help="Velocity at which it fires."
    )
    spike_multiple: float = parameter(
        3.0, low=1.0, high=1_000.0, help="Multiple of the usual volatility at which it fires."
    )
    spike_release: float = parameter(1.5, low=0.1, high=1_000.0, help="Multiple at which it is ready again.")
    cooldown_seconds: float = parameter(
        60.0, low=0.0, high=86_400.0, unit="s", help="Shortest time between two events."
    )
    warm_up_minutes: float = parameter(
        30.0, low=0.0, high=10_080.0, unit="min", help="Time before the first event."
    )
    batch_share: float = parameter(0.2, low=0.0, high=1.0, help="Largest share of a batch.")


@dataclass(frozen=True)
class JournalSettings:
    """How whole the steps of a training are kept."""

    mode: str = parameter(
        "auto",
        choices=("auto", "full", "digest", "off"),
        help="full keeps every gradient, digest only norms and digests; auto is full up to the size below.",
    )
    full_parameters: int = parameter(
        5_000_000, low=0, high=100_000_000_000, help="Largest network whose gradients auto keeps."
    )
    budget_mb: int = parameter(
        -1,
        low=-1,
        high=100_000_000,
        unit="MB",
        help="Most that journals take in all; -1 is the lesser of 10 GB and a tenth of the free disk.",
    )
    shard_mb: int = parameter(64, low=1, high=4_096, unit="MB", help="Size at which a shard is closed.")
    shard_seconds: float = parameter(
        10.0, low=0.1, high=3_600.0, unit="s", help="Age at which a shard is closed."
    )
    snapshot_steps: int = parameter(
        500, low=1, high=1_000_000, unit="steps", help="Steps between two snapshots of everything."
    )
    compress: str = parameter(
        "auto", choices=("auto", "always", "never"), help="Whether shards are compressed; auto tries a piece."
    )


@dataclass(frozen=True)
class ConsoleSettings:
    """How the console looks and behaves."""

    theme: str = parameter(
        "cointrader-dark",
        choices=("cointrader-dark", "cointrader-light", "cointrader-colourblind"),
        help="Colours of the console.",
    )
    symbols: str = parameter(
        "auto", choices=("auto", "braille", "block", "ascii"), help="Characters of charts."
    )
    refresh_ms: int = parameter(
        250, low=50, high=60_000, unit="ms", help="Time between two looks for new data."
    )
    offer_seconds: int = parameter(
        8,
        low=0,
        high=600,
        unit="s",
        help="How long an empty workspace waits before it fills itself with the sample.",
    )


@dataclass(frozen=True)
class BotSettings:
    """The bot whose own files are read while it runs; nothing is ever written in its folder."""

    folder: str = parameter("", help="Folder of coinTrader2.0, or its folder of logs; empty: there is none.")
    timezone: str = parameter(
        "", help="Zone of the times in its logs, such as Europe/Zurich; empty: the zone of this machine."
    )
    watch: bool = parameter(True, help="Whether a worker follows the inbox and the bot's folder.")
    min_cooldown: float = parameter(
        0.0,
        low=0.0,
        high=604_800.0,
        unit="s",
        help="The bot's own pause a symbol and side, as it is set there.",
    )
    fee_bps: float = parameter(
        26.0, low=0.0, high=500.0, unit="bps", help="Fee a side; its list of trades has none."
    )
    candle_minutes: float = parameter(
        15.0,
        low=0.1,
        high=1_440.0,
        unit="min",
        help="Time between two imports of the candles that it caches.",
    )


@dataclass(frozen=True)
class Settings:
    """All sections; `keymap` maps ids of bindings to keys."""

    simulation: SimulationSettings = field(default_factory=SimulationSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    core: CoreSettings = field(default_factory=CoreSettings)
    reward: RewardSettings = field(default_factory=RewardSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    bot: BotSettings = field(default_factory=BotSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    rapid: RapidSettings = field(default_factory=RapidSettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    keymap: dict[str, str] = field(default_factory=dict)


SECTIONS: dict[str, type[Any]] = {
    "simulation": SimulationSettings,
    "limits": LimitSettings,
    "core": CoreSettings,
    "reward": RewardSettings,
    "worker": WorkerSettings,
    "console": ConsoleSettings,
    "bot": BotSettings,
    "training": TrainingSettings,
    "rapid": RapidSettings,
    "journal": JournalSettings,
}


def load_settings(path: Path) -> Settings:
    """The settings of a workspace; a missing file gives the defaults.

    Raises SettingsError naming file, section and name for what cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    values: dict[str, Any] = {}
    for section, content in document.items():
        if section == "keymap":
            values["keymap"] = _keymap(path, content)
        elif section in SECTIONS:
            values[section] = _section(path, section, content)
        else:
            known = ", ".join([*SECTIONS, "keymap"])
            raise SettingsError(f"{path}: unknown section [{section}]; known are {known}")
    return dataclasses.replace(Settings(), **values)


def kept_settings(kept: Mapping[str, Any]) -> Settings:
    """The settings as a run has kept them; what did not exist then has its default.

    Raises ParameterError for a value out of range.
    """
    return Settings(**{name: build(cls, kept[name]) for name, cls in SECTIONS.items() if name in kept})


def _section(path: Path, section: str, content: object) -> Any:
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: [{section}] must be a table")
    try:
        return build(SECTIONS[section], content)
    except ParameterError as error:
        raise SettingsError(f"{path}: [{section}] {error}") from error


def _keymap(path: Path, content: object) -> dict[str, str]:
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content.values()):
        raise SettingsError(f"{path}: [keymap] must map ids of bindings to keys, both texts")
    return dict(content)
