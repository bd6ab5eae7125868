"""The orchestrator: how much of a decision is whose doing, and what a close teaches those it was.

Contributions come from the versions that decide; what is absent is told as absent. A close is taught through
the outbox by a job of the queue, so that it is taught once whoever asks for it and whatever dies: here it is
asked for and waited for, and no torch is loaded for that.
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.core.close_lessons import LessonsAwaited, await_lessons
from cointrader.core.opinions import Panel
from cointrader.trading.close_record import record_close, reward_line
from cointrader.trading.contributions import Contributions, contributions, weights_told
from cointrader.trading.model_id import ModelId
from cointrader.trading.position import Records
from cointrader.trading.position_columns import sides
from cointrader.training.close_training.lines import outcome_line, trained_line
from cointrader.training.integrating.components import Decision
from models.setup_rows import BUY, HOLD, SELL
from storage.candles import Candles
from storage.closes import TRAINED, ClosedPosition, closed_position
from storage.database import transaction
from storage.errors import StorageError
from storage.outbox import LessonRow, lessons_of
from storage.signal_links import link_of
from storage.workspace import Workspace

logger = logging.getLogger(__name__)

ACTION_OF_SIDE = {"buy": BUY, "long": BUY, "sell": SELL, "short": SELL, "hold": HOLD}
SAME = 1e-9
WAIT_SECONDS = 600.0

Train = Callable[[Mapping[str, Any], int, float, float], LessonRow]


class OutcomeRefused(StorageError):
    """An outcome that is not that of the stored close; nothing was taught."""


@dataclass(frozen=True)
class TradeOutcome:
    """What became of the lessons of one close, by model; `trained_all` where all that contributed learned."""

    position_id: int
    lessons: Mapping[ModelId, LessonRow]
    line: str

    @property
    def trained_all(self) -> bool:
        taking_part = [lesson for lesson in self.lessons.values() if lesson.weight > 0.0]
        return bool(taking_part) and all(lesson.state == TRAINED for lesson in taking_part)


class Orchestrator:
    """Over one workspace; use it from one thread."""

    def __init__(
        self,
        workspace: Workspace,
        connection: sqlite3.Connection,
        *,
        weights: Mapping[ModelId, float] | None = None,
        wait_seconds: float = WAIT_SECONDS,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        """`weights` are those of the champions, 1/k each by default; `say` takes the lines of the log."""
        self.workspace, self._connection = workspace, connection
        self._weights, self._wait_seconds = weights, wait_seconds
        self._panel = Panel(workspace, connection)
        self._dqn_agent: Any = None
        self._say = say

    # -- decisions --------------------------------------------------------------------------------

    def contributions(
        self, symbol: str, ts_ms: int, side: str, rule_confidence: float, *, timeframe_ms: int = 0
    ) -> Contributions:
        """The shares of models and rule in a signal for `side` (long or short) at that bar's close."""
        said = self._panel.ask(symbol, ts_ms, side, timeframe_ms)
        confidence = min(1.0, max(0.0, rule_confidence)) if math.isfinite(rule_confidence) else 0.0
        return contributions(
            {**dict.fromkeys(ModelId), **said.probability},
            confidence,
            weights=self._weights,
            reasons=said.absent,
        )

    def load_models(self) -> None:
        """Load the versions that decide; a run calls it before its first transaction."""
        self._panel.champions.load_all()

    def shares(self, record: Records, series: Candles) -> Contributions:
        """As a paper run asks: of one SIGNAL record, on the bars up to it."""
        (side,) = sides(np.atleast_1d(record)["side"])
        moment = int(series.close_ms[-1])
        return self.contributions(
            series.symbol, moment, side, float(record["confidence"]), timeframe_ms=series.timeframe_ms
        )

    def decision(self, symbol: str, ts_ms: int) -> Decision | None:
        """What was decided at the bar of a symbol that closed then; None where nothing was."""
        rows = self._connection.execute(
            "SELECT side, status FROM signal WHERE symbol = ? AND ts_ms = ? "
            "ORDER BY status = 'accepted' DESC, id DESC LIMIT 1",
            (symbol, ts_ms),
        ).fetchall()
        return Decision(rows[0][0], rows[0][1] == "accepted") if rows else None

    def absence(self, model: ModelId, symbol: str) -> str:
        """Why a model took no part in decisions on a symbol, as far as it is known now."""
        if self._panel.champions.model(model) is None:
            return self._panel.champions.reason(model)
        return f"it could not see enough of {symbol} when the entry was decided"

    def file_close(
        self, connection: sqlite3.Connection, position_id: int, series: Candles | None = None
    ) -> ClosedPosition:
        """File what a close has to teach, in the transaction that closes the position, and say its reward."""
        close = record_close(connection, position_id, series=series, absence=self.absence)
        if link_of(connection, position_id) is None:
            self._say(f"No signal found for position {position_id}")
        self._say(reward_line(connection, close))
        return close

    # -- models -----------------------------------------------------------------------------------

    @property
    def cnn_model(self) -> Any | None:
        """The CNN that decides, None while there is none."""
        return self._panel.champions.model(ModelId.CNN)

    @property
    def cob_rl_model(self) -> Any | None:
        """The COB RL that decides, None while there is none."""
        return self._panel.champions.model(ModelId.COB_RL)

    @property
    def dqn_agent(self) -> Any | None:
        """The DQN that decides as an agent with `remember`, `replay` and `memory`; None while there is none.

        It learns in memory only: versions are taught by `train_on_trade_outcome`.
        """
        model = self._panel.champions.model(ModelId.DQN)
        if model is None:
            return None
        if self._dqn_agent is None or self._dqn_agent[0] is not model:
            from models.dqn.remembering import RememberingDqn

            self._dqn_agent = (model, RememberingDqn(model))
        return self._dqn_agent[1]

    # -- outcomes ---------------------------------------------------------------------------------

    def train_on_trade_outcome(
        self, signal_data: Mapping[str, Any], trade_record: Any, reward: float
    ) -> TradeOutcome:
        """Teach every model that had a part in a trade what came of it, and wait until that is done.

        `signal_data` is what the tracker knows of the position, `trade_record` has its `pnl` and `side`,
        `reward` is the stored one. What was taught before is not taught again. Raises OutcomeRefused for
        numbers that are not those of the stored close, MissingWeight and UnknownModel.
        """
        position_id = int(signal_data["position_id"])
        told = {str(name): weight for name, weight in signal_data["models_used"].items()}
        weights = weights_told(told)
        close = self._check(position_id, signal_data, trade_record, reward)
        with transaction(self._connection):
            record_close(self._connection, position_id, close.close_number, absence=self.absence)
        action = self._action_to_index(str(signal_data["side"]))
        market_state = signal_data["market_state"]
        cob_data = signal_data.get("cob_data") or market_state
        asked: tuple[tuple[ModelId, Train, Mapping[str, Any]], ...] = (
            (ModelId.CNN, self._train_cnn_on_outcome, market_state),
            (ModelId.DQN, self._train_dqn_on_outcome, market_state),
            (ModelId.COB_RL, self._train_cob_on_outcome, cob_data),
        )
        for model, train, place in asked:
            if weights[model] > 0.0:
                lesson = train(place, action, reward, weights[model])
                if lesson.state == TRAINED:
                    self._say(trained_line(lesson))
        found = lessons_of(self._connection, position_id, close.close_number)
        line = outcome_line(found)
        if line:
            self._say(line)
        return TradeOutcome(position_id, {ModelId(lesson.model): lesson for lesson in found}, line)

    def _train_cnn_on_outcome(
        self, market_state: Mapping[str, Any], action: int, reward: float, weight: float
    ) -> LessonRow:
        """Teach the CNN the turning point that would have paid; returns its lesson as it is then."""
        return self._taught(ModelId.CNN, market_state, action, reward, weight)

    def _train_dqn_on_outcome(
        self, market_state: Mapping[str, Any], action: int, reward: float, weight: float
    ) -> LessonRow:
        """Teach the DQN that the action was worth the reward; the weight scales the loss."""
        return self._taught(ModelId.DQN, market_state, action, reward, weight)

    def _train_cob_on_outcome(
        self, cob_data: Mapping[str, Any], action: int, reward: float, weight: float
    ) -> LessonRow:
        """Teach COB RL by actor-critic what its action in that order book has earned."""
        return self._taught(ModelId.COB_RL, cob_data, action, reward, weight)

    def _action_to_index(self, side: str) -> int:
        """BUY 0, SELL 1, HOLD 2, of the side that was entered; a long is bought, a short is sold."""
        action = ACTION_OF_SIDE.get(str(side).strip().lower().rpartition(".")[2])
        if action is None:
            raise ValueError(f"{side!r} is no side; known are {', '.join(ACTION_OF_SIDE)}")
        return action

    def _extract_current_state(self, symbol: str) -> NDArray[np.float32]:
        """The state of the newest stored bar of a symbol, as the DQN sees it. Raises OutcomeRefused."""
        from models.rl_state import rl_states

        series = self._panel.bars.series(symbol)
        if series is None or not len(series):
            raise OutcomeRefused(f"no candles of {symbol} are stored")
        state: NDArray[np.float32] = rl_states(series)[-1]
        if not np.isfinite(state).all():
            raise OutcomeRefused(f"{symbol} has too few candles for a state")
        return state

    def _taught(
        self, model: ModelId, place: Mapping[str, Any], action: int, reward: float, weight: float
    ) -> LessonRow:
        position_id = int(place["position_id"])
        close = closed_position(self._connection, position_id)
        if action != self._action_to_index(close.side):
            raise OutcomeRefused(f"position {position_id} was entered {close.side}, not by action {action}")
        lesson = next(each for each in lessons_of(self._connection, position_id) if each.model == model)
        for name, mine, stored in (("reward", reward, lesson.reward), ("weight", weight, lesson.weight)):
            if not abs(mine - stored) <= SAME:
                raise OutcomeRefused(
                    f"position {position_id}: the {name} of {model} is {stored!r} there, not {mine!r}"
                )
        awaited = LessonsAwaited(position_id, model, self._wait_seconds)
        return await_lessons(self.workspace, self._connection, awaited)

    def _check(
        self, position_id: int, signal_data: Mapping[str, Any], trade_record: Any, reward: float
    ) -> ClosedPosition:
        close = closed_position(self._connection, position_id)
        mine = self._action_to_index(str(signal_data["side"]))
        if mine != self._action_to_index(close.side):
            raise OutcomeRefused(f"position {position_id} was entered {close.side}")
        for name, told, stored in (
            ("reward", reward, close.reward),
            ("PnL", float(trade_record.pnl), close.pnl),
        ):
            if not abs(told - stored) <= SAME * max(1.0, abs(stored)):
                raise OutcomeRefused(
                    f"the {name} of position {position_id} is {stored!r} in the tables, not {told!r}"
                )
        return close
