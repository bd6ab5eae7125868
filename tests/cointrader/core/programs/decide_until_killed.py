"""Decides on signals one after the other and says each id once it is decided, until it is killed."""

import itertools
import sys
import time
from pathlib import Path

from cointrader.core import AgentIO, FlowManager, LogicExecutor, SignalFilter
from cointrader.core.desk import Desk
from storage.workspace import Workspace

workspace, prefix = Workspace(Path(sys.argv[1])), sys.argv[2]
flow = FlowManager(AgentIO(desk=Desk(workspace), timeout_seconds=60.0))
executor = LogicExecutor(SignalFilter(), flow)
for number in itertools.count():
    key = f"{prefix}-{number}"
    params = {"amount": 1.0, "base": ("BTC", "ETH", "SOL")[number % 3], "quote": "USDT", "price": 100.0}
    signal = {"signal_id": key, "strategy": "momentum", "params": params, "timestamp": time.time()}
    command = executor.execute_logic_tree(signal)
    if command is not None:
        flow.route_to_execution(command)
    print(key, flush=True)
