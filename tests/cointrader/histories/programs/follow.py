"""Follows a bot's folder until it is killed; says `looked` after its first look."""

import sys
from pathlib import Path
from zoneinfo import ZoneInfo

from cointrader.histories.bot_follower import BotFollower
from cointrader.settings import Settings
from storage.database import open_database
from storage.workspace import Workspace

connection = open_database(Workspace(Path(sys.argv[1])))
follower = BotFollower(connection, Settings(), ZoneInfo("UTC"))
follower.look(Path(sys.argv[2]))
print("looked", flush=True)
while True:
    follower.look(Path(sys.argv[2]))
