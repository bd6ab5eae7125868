"""What one agent says of moments that it cannot have learned from, as input of another.

An agent that reads predictions of another one, made on the rows that the other was trained on, learns that
they are always right, and is lost when they are not. So only versions count here that had learned nothing yet
of a moment: the version is taken that learned up to the latest time before it, and where there is none, the
answer is "not known", a flag beside zeros. The cut-off of every version that was asked is kept with the
dataset (Wolpert 1992, Stacked generalization, asks for the same of folds).
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import registry
from models.candle_series import CandleSeries, IntArray, PlainCandles
from models.errors import ArtifactRefused, FeatureMismatch
from models.setup_rows import SetupRows
from storage.candles import read_candles
from storage.errors import StorageError
from storage.vault import load_artifact
from storage.workspace import Workspace

NEWEST_VERSIONS = 8
CNN_HISTORY_BARS = 8_192
"""More than the longest window of the CNN, on its coarsest scale, reaches back."""

SYNTHETIC = "synthetic"
CLASSES = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """A stored model, and the end of the last label that it learned from or was chosen by."""

    number: int
    learned_until_ms: int
    provenance: str
    model: Any


@dataclass(frozen=True)
class OutOfFold:
    """(n, 4): probabilities of the three classes and 1 where they are known, else zeros.

    `cut_offs` are those of the versions that were asked, by number; `lineage` what they learned from.
    """

    features: NDArray[np.float32]
    cut_offs: dict[int, int]
    lineage: frozenset[str]


def versions_of(workspace: Workspace, connection: sqlite3.Connection, agent: str) -> list[Version]:
    """The newest versions of an agent that can be asked, the one that learned longest first.

    Versions that do not say how far they have learned may have learned from everything: they are left out,
    as are damaged ones and those of other features, with a line in the log, and all that learned from
    synthetic data.
    """
    rows = connection.execute(
        "SELECT version FROM artifact WHERE agent = ? AND provenance <> ? ORDER BY version DESC LIMIT ?",
        (agent, SYNTHETIC, NEWEST_VERSIONS),
    ).fetchall()
    found: list[Version] = []
    for (number,) in rows:
        try:
            stored = load_artifact(workspace, connection, agent, int(number))
            until = stored.manifest.get("learned_until_ms")
            if until is None:
                log.info("%s v%d does not say until when it has learned; it is not asked", agent, number)
                continue
            model = registry.load(agent).load(stored.files)
        except (ArtifactRefused, FeatureMismatch, StorageError) as error:
            log.warning("%s v%d is not asked: %s", agent, number, error)
            continue
        found.append(Version(int(number), int(until), stored.row.provenance, model))
    return sorted(found, key=lambda version: (-version.learned_until_ms, -version.number))


def ask_of(
    versions: list[Version],
    series: CandleSeries,
    moments: IntArray,
    cross: NDArray[np.float32] | None = None,
    history_bars: int | None = None,
) -> OutOfFold:
    """What versions say of the bars of `series` that closed at `moments`, each later than all it has learned.

    `cross` (bars, 4) is handed on to models that read what another agent says. Models see `history_bars`
    before the first bar that they are asked about, None: all there are.
    """
    features = np.zeros((len(moments), CLASSES + 1), np.float32)
    bars = np.searchsorted(series.close_ms, moments)
    exists = (bars < len(series.close_ms)) & (
        series.close_ms[np.minimum(bars, len(series.close_ms) - 1)] == moments
    )
    open_ones = exists.copy()
    cut_offs: dict[int, int] = {}
    lineage: set[str] = set()
    for version in versions:
        mine = np.flatnonzero(open_ones & (moments > version.learned_until_ms))
        if not len(mine):
            continue
        open_ones[mine] = False
        start, last = int(bars[mine].min()), int(bars[mine].max()) + 1
        first = 0 if history_bars is None else max(0, start - history_bars)
        part = _part(series, first, last)
        extra = {} if cross is None else {"cross": cross[first:last]}
        said = version.model.predict(part, **extra)[bars[mine] - first]
        known = np.isfinite(said).all(axis=1)
        features[mine[known], :CLASSES] = said[known]
        features[mine[known], CLASSES] = 1.0
        cut_offs[version.number] = version.learned_until_ms
        lineage.add(version.provenance)
    return OutOfFold(features, cut_offs, frozenset(lineage))


def cnn_of_setups(workspace: Workspace, connection: sqlite3.Connection, setups: SetupRows) -> OutOfFold:
    """P(no pivot), P(high), P(low) and whether they are known, of every setup, in the order of the rows."""
    return _of_setups(workspace, connection, setups, versions_of(workspace, connection, "cnn"), None)


def dqn_of_setups(workspace: Workspace, connection: sqlite3.Connection, setups: SetupRows) -> OutOfFold:
    """P(buy), P(sell), P(hold) of the DQN and whether they are known, of every setup.

    A DQN that reads what the CNN says is told only what the CNN said out of fold, too.
    """
    cnn = versions_of(workspace, connection, "cnn")
    return _of_setups(workspace, connection, setups, versions_of(workspace, connection, "dqn"), cnn)


def _of_setups(
    workspace: Workspace,
    connection: sqlite3.Connection,
    setups: SetupRows,
    versions: list[Version],
    told: list[Version] | None,
) -> OutOfFold:
    features = np.zeros((len(setups.id), CLASSES + 1), np.float32)
    cut_offs: dict[int, int] = {}
    lineage: set[str] = set()
    if not versions:
        return OutOfFold(features, cut_offs, frozenset())
    names = np.asarray(setups.symbol, dtype=object)
    for symbol, timeframe_ms in sorted(set(zip(setups.symbol, setups.timeframe_ms.tolist(), strict=True))):
        rows = np.flatnonzero((names == symbol) & (setups.timeframe_ms == timeframe_ms))
        series = read_candles(workspace, symbol, timeframe_ms, connection=connection)
        if told is None:
            parts = [ask_of(versions, series, setups.ts_ms[rows], history_bars=CNN_HISTORY_BARS)]
        else:
            cross = ask_of(told, series, series.close_ms, history_bars=CNN_HISTORY_BARS)
            parts = [ask_of(versions, series, setups.ts_ms[rows], cross.features), cross]
        features[rows] = parts[0].features
        cut_offs |= parts[0].cut_offs
        lineage |= {each for part in parts for each in part.lineage}
    return OutOfFold(features, cut_offs, frozenset(lineage))


def _part(series: CandleSeries, first: int, last: int) -> PlainCandles:
    """Bars [first, last) of a series."""
    part = slice(first, last)
    columns = (series.open, series.high, series.low, series.close, series.volume)
    return PlainCandles(
        series.symbol, series.timeframe_ms, series.close_ms[part], *(column[part] for column in columns)
    )
