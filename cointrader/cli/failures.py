"""What the operator reads when a command fails: one line for what this package knows, else nothing.

Errors of our packages carry a text written for the operator (file, line, field, reason). Errors of the
operating system name their file. Anything else is a fault of the program and keeps its traceback.
"""

from __future__ import annotations

import sqlite3

OUR_PACKAGES = frozenset({"cointrader", "models", "storage", "tui"})
FAILED = 1
WRONG_USAGE = 2
# The words are at fault, not what was done with them. By name: importing these would load their packages.
_USAGE_ERRORS = frozenset(
    {
        "AgentWithoutReplay",
        "FilterError",
        "OverflowError",
        "ParameterError",
        "PlanRefused",
        "UnknownAgent",
        "UnknownSetup",
        "UnknownStrategy",
        "WrongRequest",
    }
)


def explain(error: BaseException) -> str | None:
    """The text for standard error, or None when the error is not one that an operator can act on."""
    if type(error).__module__.partition(".")[0] in OUR_PACKAGES:
        return "\n".join([f"cointrader: {error}", *getattr(error, "__notes__", ())])
    if isinstance(error, sqlite3.Error):
        return f"cointrader: the database refused: {error}"
    if isinstance(error, OverflowError) and "SQLite" in str(error):
        return "cointrader: a number is larger than any that is stored"
    if isinstance(error, OSError) and error.filename is not None:
        return f"cointrader: {error.filename}: {error.strerror}"
    return None


def exit_status(error: BaseException) -> int:
    """2 where the words of the command are at fault (a value out of its range, an unknown name), else 1."""
    return WRONG_USAGE if type(error).__name__ in _USAGE_ERRORS else FAILED
