"""What the feed agent learns: research over its records, training of `signal_quality`, and doing so again.

The names are loaded on first use, because training stands above the feeds in the layers.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ResearchEngine": "research",
    "TrainingModule": "training",
    "RetrainingLoop": "retraining",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
