"""What a replay refuses; every text is written for the operator."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_IDS = 5


class ReplayRefused(Exception):
    """A replay that cannot be done as it was asked for; the text says why and what to do."""


class WrongRequest(ReplayRefused):
    """What was asked for means nothing: a value out of its range, or nothing to choose from."""


class AgentWithoutReplay(ReplayRefused):
    """The agent does not learn from setups."""

    def __init__(self, agent: str, known: Sequence[str]) -> None:
        why = (
            "learns from order books, not from setups" if agent == "cob_rl" else "does not learn from setups"
        )
        super().__init__(
            f"{agent} {why}, so there is nothing to choose from; setups are replayed for {', '.join(known)}, "
            f"and a session of {agent} can be replayed with --session"
        )


class NoSetups(ReplayRefused):
    """Nothing was collected yet, or no outcome is known yet."""

    def __init__(self, stored: int) -> None:
        super().__init__(
            f"none of {stored:,} setups has an outcome yet: its horizon has not passed or candles are missing"
            if stored
            else "there are no setups yet: collect some with `cointrader collect`"
        )


class WaitingForEpisodes(ReplayRefused):
    """Fewer setups pass than the agent needs."""

    def __init__(self, got: int, need: int, what: str) -> None:
        super().__init__(f"waiting {got:,}/{need:,}: {what}")
        self.got, self.need = got, need


class UnknownSetup(ReplayRefused):
    """A setup was named that is not there."""

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(f"there is no setup {_listed(ids)}; `cointrader setups` lists those that there are")


class SetupNotValidated(ReplayRefused):
    """A setup was chosen by hand whose outcome is not known."""

    def __init__(self, ids: Sequence[int], state: str) -> None:
        why = "its horizon has not passed yet" if state == "waiting" else "candles after it are missing"
        super().__init__(f"the outcome of setup {_listed(ids)} is not known: {why}; choose validated setups")


class NothingChosen(ReplayRefused):
    """Setups pass, but the agent has none of them among the rows that it trains on."""


def _listed(ids: Sequence[int]) -> str:
    shown = ", ".join(str(setup) for setup in ids[:SHOWN_IDS])
    return shown if len(ids) <= SHOWN_IDS else f"{shown} and {len(ids) - SHOWN_IDS:,} more"
