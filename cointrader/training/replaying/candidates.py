"""Which stored setups a request may choose from, and what is wrong with it: asked of the database alone.

The same checks are made when a replay is asked for, so that nothing is queued that cannot be done, and when
it begins, because the setups may have changed in between.
"""

from __future__ import annotations

import sqlite3

from cointrader.settings import TrainingSettings
from cointrader.training.replaying.errors import (
    NoSetups,
    SetupNotValidated,
    UnknownSetup,
    WaitingForEpisodes,
)
from cointrader.training.replaying.request import OF_SETUPS, ReplayKind, ReplayRequest
from storage.filters import compile_filter
from storage.pages import get_view
from storage.sessions import get_session

AT_ONCE = 500


def least_episodes(agent: str, settings: TrainingSettings) -> int:
    """How many setups an agent needs before it trains on them."""
    if agent == "cnn":
        return settings.min_episodes_for_cnn_training
    return settings.min_experiences_for_rl_training


def check_request(connection: sqlite3.Connection, request: ReplayRequest, settings: TrainingSettings) -> None:
    """Raises what the request would meet, as far as the database knows.

    That is StorageError for a session that is not there, FilterError, NoSetups, UnknownSetup,
    SetupNotValidated and WaitingForEpisodes ("waiting n/100").
    """
    if request.kind not in OF_SETUPS:
        get_session(connection, request.session or 0)
        return
    stored, validated = connection.execute(
        "SELECT count(*), coalesce(sum(state = 'validated'), 0) FROM setup"
    ).fetchall()[0]
    allowed_setups(connection, request)
    if not validated:
        raise NoSetups(stored)
    least = least_episodes(request.agent, settings)
    of_profitable = request.kind is ReplayKind.PROFITABLE
    if of_profitable and 0 < request.top < least:
        raise WaitingForEpisodes(request.top, least, f"{request.agent} trains on no fewer; raise top")
    score = max(settings.min_profitability_for_replay, request.least_score) if of_profitable else 0.0
    ((passing,),) = connection.execute(
        "SELECT count(*) FROM setup WHERE state = 'validated' AND score >= ?", (score,)
    ).fetchall()
    if passing < least:
        what = f"a score of at least {score:g}" if of_profitable else "an outcome"
        raise WaitingForEpisodes(passing, least, f"so many setups have {what}")


def allowed_setups(connection: sqlite3.Connection, request: ReplayRequest) -> frozenset[int] | None:
    """The numbers of the setups that were named by hand and pass the filter; None where neither is used.

    Raises FilterError, UnknownSetup, SetupNotValidated.
    """
    by_hand = _named(connection, request.setups) if request.setups else None
    if not request.filter.strip():
        return by_hand
    compiled = compile_filter(request.filter, get_view("setups"))
    passes = f"AND {compiled.sql}" if compiled.sql else ""
    rows = connection.execute(
        f"SELECT t.id FROM setup t WHERE t.state = 'validated' {passes}", compiled.parameters
    ).fetchall()
    passing = frozenset(int(row[0]) for row in rows)
    return passing if by_hand is None else passing & by_hand


def _named(connection: sqlite3.Connection, ids: tuple[int, ...]) -> frozenset[int]:
    states: dict[int, str] = {}
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        marks = ", ".join("?" * len(part))
        rows = connection.execute(f"SELECT id, state FROM setup WHERE id IN ({marks})", part).fetchall()
        states.update((int(row[0]), str(row[1])) for row in rows)
    unknown = sorted(set(ids) - set(states))
    if unknown:
        raise UnknownSetup(unknown)
    open_ones = sorted(setup for setup, state in states.items() if state != "validated")
    if open_ones:
        raise SetupNotValidated(open_ones, states[open_ones[0]])
    return frozenset(states)
