"""The Core Agent: every signal is accepted, or rejected with stage, reason, limit and actual value.

The names of the agent are loaded on first use: importing this package loads nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "AgentIO": "agent_io",
    "CoreAgentLogger": "agent_logger",
    "ExecutionPipeline": "execution_pipeline",
    "FlowManager": "flow_manager",
    "LogicExecutor": "logic_executor",
    "RecentContext": "memory.recent_context",
    "ResearchEngine": "learning_layer",
    "RetrainingLoop": "learning_layer",
    "SignalFilter": "signal_filter",
    "TradeCommand": "trade_command",
    "TrainingModule": "learning_layer",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
