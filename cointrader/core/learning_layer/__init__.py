"""What the core learns: research over its decisions, training of `decision`, and doing so again.

The names are loaded on first use: importing this package loads nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ResearchEngine": "research",
    "RetrainingLoop": "retraining",
    "TrainingModule": "training",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
