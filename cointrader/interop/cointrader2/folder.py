"""Which files of the bot's folder are read: those named here and no others.

The bot's secrets (`.env`, `crypto_bot/user_config.yaml`) are not among them, so nothing can open them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cointrader.interop.cointrader2.logs import LOGS
from cointrader.interop.cointrader2.snapshots import KINDS as SNAPSHOTS


class BotFileKind(StrEnum):
    """A format; the value is the kind of the file in the list of files."""

    LOG = "bot.log"
    TRADES = "bot.trades"
    STRATEGY_PNL = "bot.strategy_pnl"
    REGIME_PNL = "bot.regime_pnl"
    PERFORMANCE = "bot.performance"
    SNAPSHOT = "bot.snapshot"

    @property
    def grows(self) -> bool:
        """Whether lines are added to the file; the others are written anew."""
        return self not in (BotFileKind.PERFORMANCE, BotFileKind.SNAPSHOT)


@dataclass(frozen=True)
class BotFile:
    """A file that the bot has, or may have later."""

    path: Path
    kind: BotFileKind


NAMES: dict[str, BotFileKind] = {
    **dict.fromkeys(LOGS, BotFileKind.LOG),
    "trades.csv": BotFileKind.TRADES,
    "strategy_pnl.csv": BotFileKind.STRATEGY_PNL,
    "regime_pnl.csv": BotFileKind.REGIME_PNL,
    "strategy_performance.json": BotFileKind.PERFORMANCE,
    **dict.fromkeys(SNAPSHOTS, BotFileKind.SNAPSHOT),
}
"""The names that are read."""

FOLDERS = ("crypto_bot/logs", "logs", ".", "cache", "crypto_bot/state")
"""Where they lie in a checkout of the bot, or beside each other in its folder of logs."""


def bot_files(folder: Path) -> list[BotFile]:
    """The files of a bot that are there now (of a log that was rotated, any part), in a fixed order."""
    found: dict[Path, BotFile] = {}
    for place in FOLDERS:
        for name, kind in NAMES.items():
            path = folder / place / name
            if path.is_file() or (kind.grows and path.with_name(f"{name}.1").is_file()):
                found.setdefault(path, BotFile(path, kind))
    return list(found.values())


def bot_folders(folder: Path) -> list[Path]:
    """The folders of a bot in which its files lie, those that exist."""
    places = [folder / place for place in FOLDERS]
    return [place for place in places if place.is_dir()]
