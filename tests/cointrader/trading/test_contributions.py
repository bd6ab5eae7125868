"""How much of a decision was whose doing: c_m = w_m max(0, p_m - 1/3), shares add up to 1."""

from __future__ import annotations

import math

import pytest

from cointrader.trading.contributions import (
    Contributions,
    MissingWeight,
    contributions,
    weights_told,
)
from cointrader.trading.model_id import ModelId, UnknownModel, model_id

CNN, DQN, COB = ModelId.CNN, ModelId.DQN, ModelId.COB_RL


def test_shares_worked_by_hand() -> None:
    # Two models, 1/2 each: 0.5 (0.6 - 1/3) = 0.133333, 0.5 (0.5 - 1/3) = 0.083333; the rule 0.4.
    found = contributions({CNN: 0.6, DQN: 0.5, COB: None}, 0.4, reasons={COB: "no order book"})
    whole = 0.13333333333333333 + 0.08333333333333333 + 0.4
    assert found.share(CNN) == pytest.approx(0.133333333 / whole, abs=1e-9)
    assert found.share(DQN) == pytest.approx(0.083333333 / whole, abs=1e-9)
    assert found.rule == pytest.approx(0.4 / whole)
    assert math.fsum([found.rule, *found.models.values()]) == pytest.approx(1.0, abs=1e-12)
    assert found.share(COB) == 0.0 and found.absent == {COB: "no order book"}


def test_the_weights_of_champions_count_in_the_place_of_equal_ones() -> None:
    found = contributions({CNN: 1.0, DQN: 1.0}, 0.0, weights={CNN: 0.9, DQN: 0.1})
    assert found.share(CNN) == pytest.approx(0.9) and found.share(DQN) == pytest.approx(0.1)


def test_a_model_that_knows_nothing_has_no_share_and_is_not_absent() -> None:
    found = contributions({CNN: 1 / 3, DQN: 0.1}, 0.5)
    assert found.models == {CNN: 0.0, DQN: 0.0} and found.rule == 1.0
    assert set(found.absent) == {COB}


def test_where_nobody_is_sure_of_anything_it_was_the_rule() -> None:
    assert contributions({CNN: 0.2}, 0.0).rule == 1.0


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan, math.inf])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="cnn: probability"):
        contributions({CNN: probability}, 0.5)


def test_shares_survive_being_stored_and_say_who_was_absent() -> None:
    stored = contributions({CNN: 0.6, DQN: 0.3}, 0.4).to_json()
    again = Contributions.from_json(stored)
    assert again.share(CNN) > 0.0 and again.models[DQN] == 0.0 and set(again.absent) == {COB}
    assert set(Contributions.from_json('{"rule":1.0}').absent) == set(ModelId)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("cnn", CNN),
        ("CNN_contribution", CNN),
        ("dqn", DQN),
        ("cob", COB),
        ("cob_contribution", COB),
        ("cob_rl", COB),
    ],
)
def test_one_model_has_one_name_here_and_its_others_are_understood(name: str, model: ModelId) -> None:
    assert model_id(name) is model


def test_a_name_that_is_no_model_is_refused() -> None:
    with pytest.raises(UnknownModel, match="'lstm' is no model; known are cnn, dqn, cob_rl"):
        model_id("lstm")


def test_a_missing_weight_is_an_error_and_never_nothing() -> None:
    with pytest.raises(MissingWeight, match="the weight of cob_rl is missing"):
        weights_told({"cnn": 0.5, "dqn": 0.5})


@pytest.mark.parametrize("weight", [True, "0.5", -0.1, 1.5, math.nan, None])
def test_a_weight_that_is_no_share_is_refused(weight: object) -> None:
    with pytest.raises(ValueError, match="the weight of cnn is"):
        weights_told({"cnn": weight, "dqn": 0.0, "cob_rl": 0.0})


def test_a_weight_told_under_two_names_is_refused() -> None:
    with pytest.raises(ValueError, match="cob_rl was told twice"):
        weights_told({"cnn": 0.1, "dqn": 0.1, "cob": 0.1, "cob_rl": 0.1})
