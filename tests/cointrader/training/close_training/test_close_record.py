"""What a close leaves: a lesson for every model, with the reason where it is none, and labels."""

from __future__ import annotations

import math
import sqlite3

import pytest

from cointrader.trading.close_record import labels_of, record_close, reward_line
from cointrader.trading.contributions import contributions
from cointrader.trading.model_id import ModelId
from storage.candles import Candles
from storage.closes import CloseMissing, closed_position
from storage.database import transaction
from storage.opinions import keep_opinion
from storage.outbox import lessons_of
from storage.workspace import Workspace
from tests.cointrader.market import by_hand
from tests.cointrader.training.close_training.taught_world import close_trade, close_trades, series_of
from tests.cointrader.training.stored_candles import store_candles
from tests.models.walks import random_walk
from tests.storage.rows import add_run


@pytest.fixture
def walked(workspace: Workspace, connection: sqlite3.Connection) -> Candles:
    store_candles(workspace, connection, random_walk(2_200, seed=3))
    return series_of(workspace, connection)


def closed(connection: sqlite3.Connection, series: Candles, shares: dict[str, float]) -> int:
    with transaction(connection):
        run_id = add_run(connection)
    return close_trade(connection, series, run_id, 0, 6, shares, "paper")


def test_every_model_gets_a_row_that_says_where_it_stands(
    connection: sqlite3.Connection, walked: Candles
) -> None:
    position_id = closed(connection, walked, {"rule": 0.6, "cnn": 0.4, "dqn": 0.0})
    told = {
        each.model: (each.state, each.weight, each.reason) for each in lessons_of(connection, position_id)
    }
    assert told == {
        "cnn": ("waiting", 0.4, ""),
        "dqn": ("skipped", 0.0, "took no part: it gave the entered side no more than a third"),
        "cob_rl": ("absent", 0.0, "COB RL was not there when BTC/USDT was decided on"),
    }
    ((reward, weight),) = connection.execute("SELECT total, weight FROM reward").fetchall()
    rows = connection.execute("SELECT DISTINCT reward, reward_weight FROM outbox").fetchall()
    assert rows == [(reward, weight)]


def test_who_knows_why_a_model_is_absent_is_asked(connection: sqlite3.Connection, walked: Candles) -> None:
    position_id = closed(connection, walked, {"rule": 1.0})
    with transaction(connection):
        connection.execute("DELETE FROM outbox")

        def why(model: ModelId, symbol: str) -> str:
            return f"no {model} of {symbol}"

        record_close(connection, position_id, absence=why)
    reasons = {each.model: each.reason for each in lessons_of(connection, position_id)}
    assert reasons["cob_rl"] == "no cob_rl of BTC/USDT" and reasons["cnn"] == "no cnn of BTC/USDT"


@pytest.mark.parametrize(
    ("probability", "reason"),
    [
        (0.21, "took no part: it gave the entered side 0.21, below a third"),
        (0.5, "took no part: it gave the entered side 0.50, but its weight in decisions is 0"),
    ],
)
def test_what_was_said_at_the_entry_is_told_at_the_close(
    connection: sqlite3.Connection, walked: Candles, probability: float, reason: str
) -> None:
    position_id = closed(connection, walked, {"rule": 1.0, "cnn": 0.0})
    said = contributions(
        {ModelId.CNN: probability, ModelId.DQN: None, ModelId.COB_RL: None},
        0.5,
        weights={ModelId.CNN: 0.0},
        reasons={ModelId.DQN: "no version of dqn decides yet"},
    )
    with transaction(connection):
        connection.execute("DELETE FROM outbox")
        (signal_id,) = connection.execute("SELECT signal_id FROM signal_position").fetchone()
        keep_opinion(connection, signal_id, 0, said.opinion_json())
        # Whatever is known by now, a model was absent for the reason that there was then.
        record_close(connection, position_id, absence=lambda model, symbol: "something else, today")
    told = {each.model: (each.state, each.reason) for each in lessons_of(connection, position_id)}
    assert told["cnn"] == ("skipped", reason)
    assert told["dqn"] == ("absent", "no version of dqn decides yet")
    assert told["cob_rl"] == ("absent", "something else, today")


def test_a_close_that_is_recorded_again_changes_nothing(
    connection: sqlite3.Connection, walked: Candles
) -> None:
    position_id = closed(connection, walked, {"rule": 0.6, "cnn": 0.4})
    before = connection.execute("SELECT * FROM outbox ORDER BY id").fetchall()
    with transaction(connection):
        record_close(connection, position_id, series=walked)
    assert connection.execute("SELECT * FROM outbox ORDER BY id").fetchall() == before


def test_a_position_without_a_reward_has_nothing_to_teach(connection: sqlite3.Connection) -> None:
    with pytest.raises(CloseMissing, match="position 7 has no close number 1 with a reward"):
        record_close(connection, 7)


def test_labels_are_the_signed_log_returns_from_the_entry_price_at_closes_that_exist(
    connection: sqlite3.Connection, walked: Candles
) -> None:
    long_id = closed(connection, walked, {"rule": 1.0})
    close = closed_position(connection, long_id)
    bar = 2_000
    after_5 = math.log(float(walked.close[bar + 1]) / close.entry_price)
    after_15 = math.log(float(walked.close[bar + 3]) / close.entry_price)
    assert labels_of(close, walked) == (None, pytest.approx(after_5), pytest.approx(after_15))
    stored = connection.execute("SELECT return_1m, return_5m, return_15m FROM outcome_label").fetchall()
    assert stored == [(None, pytest.approx(after_5), pytest.approx(after_15))]


def test_a_short_gains_where_the_price_falls(workspace: Workspace, connection: sqlite3.Connection) -> None:
    series = by_hand([(100.0, 101.0, 95.0, 100.0 - place) for place in range(5)])
    store_candles(workspace, connection, random_walk(2_200, seed=3))
    ids = close_trades(workspace, connection, 2)
    short = closed_position(connection, ids[1])
    assert short.side == "short"
    told = labels_of(
        type(short)(**{**vars(short), "opened_ms": int(series.close_ms[0]), "entry_price": 100.0}), series
    )
    assert told == (None, pytest.approx(-math.log(0.99)), pytest.approx(-math.log(0.97)))


def test_the_reward_line_shows_the_parts_in_money_and_the_total_that_trains(
    connection: sqlite3.Connection, walked: Candles
) -> None:
    position_id = closed(connection, walked, {"rule": 1.0})
    connection.execute("UPDATE reward SET c_pnl = 23.5, c_time = -0.002, c_risk = 9.215686, total = 0.065897")
    line = reward_line(connection, closed_position(connection, position_id))
    assert line == "REWARD CALC: PnL=2.3500, Time=-0.0020, Risk=4.6078, Final=0.0659"
