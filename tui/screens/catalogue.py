"""Which screens exist, by which key they are reached, and where each is found when it is first shown."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.screens.base import ConsoleScreen


@dataclass(frozen=True)
class ScreenEntry:
    """One screen: the key that shows it, its title in the header, and the module that is loaded for it."""

    key: str
    id: str
    title: str
    purpose: str
    module: str
    cls: str

    def load(self) -> type[ConsoleScreen]:
        """The class of the screen; imports its module when nobody has yet."""
        screen: type[ConsoleScreen] = getattr(import_module(self.module), self.cls)
        return screen


SCREENS = (
    ScreenEntry(
        "1",
        "overview",
        "Overview",
        "is everything alive, and how is the account doing",
        "tui.screens.overview",
        "OverviewScreen",
    ),
    ScreenEntry(
        "2",
        "signals",
        "Signals",
        "every wish to trade, and what became of it",
        "tui.screens.signals",
        "SignalsScreen",
    ),
    ScreenEntry(
        "3",
        "rejections",
        "Rejections",
        "why not, and was that right: rule, limit, value, what each rule saved and missed",
        "tui.screens.rejections",
        "RejectionsScreen",
    ),
    ScreenEntry(
        "4",
        "positions",
        "Positions",
        "what each trade brought and cost, and the chain behind it",
        "tui.screens.positions",
        "PositionsScreen",
    ),
    ScreenEntry(
        "5",
        "train",
        "Train",
        "every agent, its champion, and the form that trains it",
        "tui.screens.train",
        "TrainScreen",
    ),
    ScreenEntry(
        "6",
        "live",
        "Live",
        "loss and reward curves while they run",
        "tui.screens.live",
        "LiveScreen",
    ),
    ScreenEntry(
        "7",
        "replay",
        "Replay",
        "what is worth learning from again, and what that brought",
        "tui.screens.replay",
        "ReplayScreen",
    ),
    ScreenEntry(
        "P",
        "paper",
        "Paper",
        "what paper trading holds and does, and the keys that steer it",
        "tui.screens.paper",
        "PaperScreen",
    ),
    ScreenEntry(
        "0",
        "data",
        "Data",
        "candles with their gaps, files, what was refused, and the way in for more",
        "tui.screens.data",
        "DataScreen",
    ),
    ScreenEntry(
        "B",
        "bot",
        "Bot",
        "what the running bot does, why it does not trade, whether its model is loaded",
        "tui.screens.bot",
        "BotScreen",
    ),
)


def entry(id: str) -> ScreenEntry:
    """The screen of that id; raises KeyError for an unknown one."""
    for item in SCREENS:
        if item.id == id:
            return item
    raise KeyError(id)
