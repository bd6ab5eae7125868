"""What is replayed is chosen among training rows alone, by scores whose returns and counts are said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cointrader.settings import Settings, TrainingSettings
from cointrader.training.replaying.errors import (
    AgentWithoutReplay,
    NoSetups,
    NothingChosen,
    ReplayRefused,
    WaitingForEpisodes,
)
from cointrader.training.replaying.preparation import ReplayData, replay_data
from cointrader.training.replaying.request import ReplayKind, ReplayRequest
from cointrader.training.replaying.selection import net_returns, setup_of_each_row
from models.cnn import agent
from models.cnn.params import CnnParams
from models.registry import UnknownAgent
from models.setup_rows import SetupRows
from tests.cointrader.training.replaying.made_setups import SetupWorld
from tests.models.walks import CandleSource, random_walk

PARAMS = CnnParams(steps=200, batch_size=32, window_bars=16)
WORLD = SetupWorld(random_walk(12_000, seed=3, deviation=3e-3))
SETUPS = WORLD.setups("all")
BASE = agent.dataset(WORLD, PARAMS)
FOLDS = agent.split(BASE, PARAMS).folds


def replay(
    kind: ReplayKind = ReplayKind.PROFITABLE,
    settings: Settings | None = None,
    allowed: frozenset[int] | None = None,
    **request: object,
) -> ReplayData:
    if kind is ReplayKind.SELECTED:
        request["setups"] = tuple(allowed or ())
    wanted = ReplayRequest(kind, "cnn", **request)  # type: ignore[arg-type]
    return replay_data(agent, WORLD, wanted, PARAMS, settings or Settings(), allowed)


def test_each_row_finds_the_setup_of_its_own_symbol_bar_and_timeframe() -> None:
    places = setup_of_each_row(BASE, SETUPS)
    found = places >= 0
    assert found.mean() > 0.99
    assert np.array_equal(SETUPS.ts_ms[places[found]], BASE.t0_ms[found])
    other = dataclasses.replace(SETUPS, symbol=("ETH/USDT",) * len(SETUPS.id))
    assert (setup_of_each_row(BASE, other) == -1).all()
    slower = dataclasses.replace(SETUPS, timeframe_ms=SETUPS.timeframe_ms * 3)
    assert (setup_of_each_row(BASE, slower) == -1).all()


def test_only_training_rows_are_drawn_and_the_scored_window_stays_as_it_is() -> None:
    for kind in (ReplayKind.PROFITABLE, ReplayKind.PRIORITISED):
        data = replay(kind)
        drawn = np.flatnonzero(data.replayed.arrays["replay_probability"])
        assert set(drawn) <= set(FOLDS[0].train)
        assert not set(drawn) & (set(FOLDS[0].test) | set(FOLDS[1].test))
        assert agent.split(data.replayed, data.params).sha256 == agent.split(data.control, data.params).sha256
        assert np.array_equal(data.replayed.label, data.control.label)
        assert "replay_probability" not in data.control.arrays


def test_the_best_profitable_setups_are_drawn_and_nothing_else() -> None:
    data = replay(top=150)
    chosen = data.selection.setups
    assert len(chosen) == 150 and (SETUPS.score[chosen] >= 0.7).all()
    places = setup_of_each_row(BASE, SETUPS)
    in_training = np.unique(places[FOLDS[0].train])
    in_training = in_training[in_training >= 0]
    assert SETUPS.score[chosen].min() >= np.sort(SETUPS.score[in_training])[-150]
    assert np.count_nonzero(data.replayed.arrays["replay_probability"]) == 150
    numbers = data.replayed.arrays["replay_setup"][data.replayed.arrays["replay_probability"] > 0]
    assert set(numbers) == set(SETUPS.id[chosen])


def test_a_prioritised_replay_draws_every_training_row_at_half_the_uniform_chance_at_least() -> None:
    law = replay(ReplayKind.PRIORITISED).replayed.arrays["replay_probability"][FOLDS[0].train]
    assert law.sum() == pytest.approx(1.0)
    assert law.min() >= 0.5 / len(law) * 0.9999


def test_winners_and_losers_of_one_size_have_the_same_priority_in_a_prioritised_replay() -> None:
    chosen = replay(ReplayKind.PRIORITISED, top=300).selection.setups
    returns = net_returns(SETUPS)[chosen]
    assert (returns < -50e-4).sum() > 30 and (returns > 50e-4).sum() > 30


def test_both_thresholds_are_said_in_bps_with_what_passes_them() -> None:
    selection = replay().selection
    eligible, profitable = selection.eligible, selection.profitable
    assert (eligible.score, profitable.score) == (0.1, 0.7)
    assert eligible.net_bps == pytest.approx(-109.86, abs=0.01)
    assert profitable.net_bps == pytest.approx(42.36, abs=0.01)
    returns = net_returns(SETUPS)
    assert profitable.setups == (returns >= 42.3649e-4).sum()
    assert eligible.setups == (returns >= -109.8612e-4).sum()
    assert 0 < profitable.in_training < profitable.setups < eligible.setups <= eligible.validated
    assert "score >= 0.7, net return >= +42.4 bps" in profitable.words
    assert "net return >= -109.9 bps" in eligible.words


def test_what_the_chosen_setups_returned_is_told_as_the_choice_that_it_is() -> None:
    selection = replay().selection
    assert selection.mean_return > 42e-4 > 0 > selection.mean_return_of_all
    assert "a difference that was made by choosing" in selection.words


def test_a_setup_below_the_eligible_score_is_never_chosen() -> None:
    strict = Settings(training=TrainingSettings(min_profitability_for_replay=0.5))
    chosen = replay(ReplayKind.PRIORITISED, strict, top=0).selection.setups
    assert SETUPS.score[chosen].min() >= 0.5


def test_setups_by_hand_are_drawn_more_often_and_all_others_still_are() -> None:
    places = setup_of_each_row(BASE, SETUPS)
    rows = [row for row in FOLDS[0].train if places[row] >= 0 and SETUPS.score[places[row]] > 0.2][:3]
    by_hand = frozenset(int(SETUPS.id[places[row]]) for row in rows)
    data = replay(ReplayKind.SELECTED, allowed=by_hand)
    law = data.replayed.arrays["replay_probability"]
    assert set(np.flatnonzero(law > 0.01)) == set(rows)
    assert np.count_nonzero(law) == len(FOLDS[0].train)


def test_too_few_profitable_episodes_wait_with_both_numbers() -> None:
    with pytest.raises(WaitingForEpisodes, match=r"waiting \d+/100: .* score of at least 0\.97"):
        replay(min_profitability=0.97)
    with pytest.raises(WaitingForEpisodes, match=r"waiting 40/100: cnn trains on no fewer; raise top"):
        replay(top=40)


def test_setups_of_the_scored_window_cannot_be_chosen() -> None:
    places = setup_of_each_row(BASE, SETUPS)
    scored = places[FOLDS[1].test]
    named = frozenset(int(setup) for setup in SETUPS.id[scored[scored >= 0][:5]])
    with pytest.raises(NothingChosen, match="never trained on"):
        replay(ReplayKind.SELECTED, allowed=named)


def test_setups_whose_outcome_lies_in_a_held_out_slice_are_not_chosen_by_it() -> None:
    class Slow(SetupWorld):
        def setups(self, symbols: str) -> SetupRows:
            return dataclasses.replace(SETUPS, ends_ms=SETUPS.ts_ms + 2_000 * 300_000)

    slow = Slow(WORLD.series)
    first = BASE.t0_ms[np.concatenate([FOLDS[0].test, FOLDS[1].test])].min()
    places = setup_of_each_row(BASE, SETUPS)[FOLDS[0].train]
    assert (slow.setups("all").ends_ms[places[places >= 0]] >= first).any()
    for kind in (ReplayKind.PROFITABLE, ReplayKind.PRIORITISED):
        data = replay_data(agent, slow, ReplayRequest(kind, "cnn", top=0), PARAMS, Settings(), None)
        assert slow.setups("all").ends_ms[data.selection.setups].max() < first


def test_a_prioritised_law_asks_for_no_more_rapid_rows_than_a_batch_may_hold() -> None:
    data = replay(ReplayKind.PRIORITISED, top=20)
    law, rapid = data.replayed.arrays["replay_probability"], data.replayed.arrays["replay_rapid"]
    assert 0 < law[rapid].sum() <= 6 / 32 + 1e-12
    assert data.replayed.constants["replay_rapid_share"] == 6 / 32


def test_a_source_without_setups_says_how_to_get_some() -> None:
    request = ReplayRequest(ReplayKind.PROFITABLE, "cnn")
    with pytest.raises(NoSetups, match="cointrader collect"):
        replay_data(agent, CandleSource(WORLD.series), request, PARAMS, Settings(), None)


def test_both_sessions_take_no_more_steps_than_the_cap_allows() -> None:
    data = replay(top=150)
    law = data.replayed.arrays["replay_probability"]
    assert data.params.steps == int(32 / (32 * law.max()))
    assert replay(ReplayKind.PRIORITISED).params.steps == PARAMS.steps


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (AgentWithoutReplay, "not learn from setups", {"kind": "profitable", "agent": "signal_classifier"}),
        (UnknownAgent, "no agent named 'lstmm'", {"kind": "profitable", "agent": "lstmm"}),
        (ReplayRefused, "no replay is of kind 'best'", {"kind": "best", "agent": "cnn"}),
        (ReplayRefused, "needs the number of a session", {"kind": "verify"}),
        (ReplayRefused, "no setups were selected", {"kind": "selected", "agent": "cnn"}),
        (ReplayRefused, "0 to below 1", {"kind": "profitable", "agent": "cnn", "min_profitability": 1.0}),
        (ReplayRefused, "must be 0 \\(no limit\\)", {"kind": "profitable", "agent": "cnn", "top": -1}),
        (ReplayRefused, "comes after the last", {"kind": "verify", "session": 1, "first": 9, "last": 3}),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused_in_words(
    error: type[Exception], words: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(error, match=words):
        ReplayRequest.from_arguments(arguments)


def test_a_request_survives_the_queue() -> None:
    request = ReplayRequest(
        ReplayKind.SELECTED, "cnn", top=7, filter="score>0.5", setups=(3, 1), seed=4, params={"steps": "50"}
    )
    assert ReplayRequest.from_arguments(request.arguments) == request


def test_history_that_was_not_collected_takes_no_part_in_either_session() -> None:
    class Late(SetupWorld):
        def setups(self, symbols: str) -> SetupRows:
            late = SETUPS.ts_ms >= SETUPS.ts_ms[len(SETUPS.id) * 2 // 5]
            columns = {
                name: values[late] if isinstance(values, np.ndarray) else values[: int(late.sum())]
                for name, values in vars(SETUPS).items()
            }
            return SetupRows(**columns)

    request = ReplayRequest(ReplayKind.PROFITABLE, "cnn", top=150)
    data = replay_data(agent, Late(WORLD.series), request, PARAMS, Settings(), None)
    first = Late(WORLD.series).setups("all").ts_ms[0]
    assert data.control.t0_ms[0] == data.replayed.t0_ms[0] == first
    assert data.control.rows == (BASE.t0_ms >= first).sum() == len(data.control.arrays["position_x1"])
    kept = BASE.t0_ms >= first
    for name in ("position_x12", "distance"):
        np.testing.assert_array_equal(data.control.arrays[name], BASE.arrays[name][kept])
    assert len(data.selection.setups) == 150


def test_a_dataset_that_names_its_setups_is_taken_at_its_word() -> None:
    # Two timeframes close at one moment; only the dataset knows which of both a row is of.
    slower = dataclasses.replace(SETUPS, id=SETUPS.id + 100_000, timeframe_ms=SETUPS.timeframe_ms * 3)
    both = dataclasses.replace(
        SETUPS,
        **{
            name: np.concatenate([getattr(slower, name), getattr(SETUPS, name)])
            for name in ("id", "ts_ms", "timeframe_ms")
        },
        symbol=slower.symbol + SETUPS.symbol,
    )
    own = np.flatnonzero(setup_of_each_row(BASE, SETUPS) >= 0)[:50]
    places = len(SETUPS.id) + setup_of_each_row(BASE, SETUPS)[own]
    moments, symbol = BASE.t0_ms[own], BASE.symbol[own]
    rows = dataclasses.replace(
        BASE, arrays={"setup": places}, t0_ms=moments, t1_ms=moments, symbol=symbol, constants={}
    )
    assert np.array_equal(setup_of_each_row(rows, both), places)
