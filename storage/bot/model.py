"""Is the bot's model really loaded, and from where: by its words since it was last started.

The bot writes `source=registry` for its predictions even where its placeholder answered (the price rose:
trending). So a prediction is no proof of a model; only a line that says what was loaded is.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.bot.events import Said, newest

_FALLBACKS = ("fallback", "heuristic", "placeholder", "default", "rule")


@dataclass(frozen=True)
class ModelState:
    """`is_loaded` is None where the bot has not said so. `origin` and `path` are of what was loaded."""

    is_loaded: bool | None
    origin: str
    path: str
    reason: str
    since_ms: int | None
    predictions: int
    last_source: str
    text: str


def is_model_loaded(connection: sqlite3.Connection) -> ModelState:
    """Reads the newest word of the bot on it, and what its predictions say they came from."""
    started = newest(connection, "start")
    since = started[0].ts_ms if started else 0
    words = newest(connection, "model", since_ms=since)
    uses = newest(connection, "model_use", since_ms=since)
    count = connection.execute(
        "SELECT count(*) FROM bot_event WHERE kind = 'model_use' AND ts_ms >= ?", (since,)
    ).fetchall()[0][0]
    source = str(uses[0].data.get("source", "")) if uses else ""
    if not words:
        return ModelState(None, "", "", "", None, count, source, _unsaid(uses, source))
    word = words[0]
    if not word.text.startswith("Loaded"):
        text = f"No model is loaded: {word.reason}."
        if uses and uses[0].ts_ms >= word.ts_ms:
            named = source or "not stated"
            text += f" Its predictions since then (source={named}) come from a rule, not from a model."
        return ModelState(False, "", "", word.reason, word.ts_ms, count, source, text)
    origin, path = str(word.data.get("origin", "")), str(word.data.get("path", ""))
    text = f"A model is loaded from {origin}: {path}." if path else f"A model is loaded from {origin}."
    if any(name in source.lower() for name in _FALLBACKS):
        text += f" But its last prediction came from elsewhere: source={source}."
    return ModelState(True, origin, path, "", word.ts_ms, count, source, text)


def _unsaid(uses: list[Said], source: str) -> str:
    if not uses:
        return "The bot has said nothing of a model since it was started."
    return (
        f"The bot predicts (source={source or 'not stated'}), but has not said that it loaded a model; its "
        "placeholder writes the same words, so this is no proof of one."
    )
