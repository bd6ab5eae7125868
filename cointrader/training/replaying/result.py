"""What came of a replay of setups: both models by one metric on the same rows, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cointrader.training.replaying.comparison import Verdict
from cointrader.training.replaying.preparation import Prepared
from cointrader.training.session import TrainingResult
from storage.replays import ReplayRow

PROMOTION = "a replay promotes nothing by itself"
RULE = "both versions were judged by the rule that judges every version"


@dataclass(frozen=True)
class ReplayResult:
    """What came of a replay of setups, as it is printed and kept."""

    replay: int
    kind: str
    agent: str
    setups: int
    selection: Mapping[str, Any]
    replayed: TrainingResult
    control: TrainingResult
    metric: str
    value: float | None
    control_value: float | None
    baseline: float | None
    difference: float | None
    standard_error: float | None
    rows: int
    verdict: str
    words: str
    promotion: str

    @property
    def record(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @property
    def noted(self) -> dict[str, Any]:
        """What the row of the replay keeps beyond its columns."""
        eligible, profitable, chosen, steps = self.selection["words"]
        return {
            "verdict": self.verdict,
            "difference": self.difference,
            "rows": self.rows,
            "eligible": eligible,
            "profitable": profitable,
            "chosen": chosen,
            "training": steps,
            "promotion": self.promotion,
        }


def replay_result(
    row: ReplayRow,
    prepared: Prepared,
    replayed: TrainingResult,
    control: TrainingResult,
    verdict: Verdict,
    rows: int,
) -> ReplayResult:
    """The result of two trained sessions and the verdict on them, over `rows` rows."""
    told = f"{_version(replayed)}; its control {_version(control)}"
    judged = f"{PROMOTION}: {RULE}" if control.version else PROMOTION
    return ReplayResult(
        replay=row.id,
        kind=row.kind,
        agent=row.agent,
        setups=prepared.setups,
        selection={**prepared.counts, "words": list(prepared.words)},
        replayed=replayed,
        control=control,
        metric=control.metric,
        value=_finite(verdict.value),
        control_value=_finite(verdict.control),
        baseline=control.baseline,
        difference=_finite(verdict.difference),
        standard_error=_finite(verdict.standard_error),
        rows=rows,
        verdict=verdict.word,
        words=verdict.words,
        promotion=f"{judged}; {told}",
    )


def _version(trained: TrainingResult) -> str:
    name = f"v{trained.version}" if trained.version else "session " + str(trained.session_id)
    return f"{name} is {trained.status} ({trained.reason})"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
