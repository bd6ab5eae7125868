"""What the bot says of itself, as answers: what it does, why it does not trade, its model, its bootstrap.

Everything is read from the events that were taken from its files; nothing here opens one of them.
"""

from storage.bot.doing import BotPosition, Cooldown, Doing, what_it_does
from storage.bot.model import ModelState, is_model_loaded
from storage.bot.progress import Bootstrap, TimeframeProgress, how_far_is_the_bootstrap
from storage.bot.state import BotFiles, BotState, bot_state
from storage.bot.why import Finding, WhyNothing, why_nothing_traded

__all__ = [
    "Bootstrap",
    "BotFiles",
    "BotPosition",
    "BotState",
    "Cooldown",
    "Doing",
    "Finding",
    "ModelState",
    "TimeframeProgress",
    "WhyNothing",
    "bot_state",
    "how_far_is_the_bootstrap",
    "is_model_loaded",
    "what_it_does",
    "why_nothing_traded",
]
