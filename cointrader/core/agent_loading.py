"""Agents of the operator: a callable in a Python file of the workspace, named in its settings.

    [core]
    risk_agent = "agents.py:risk"   # def risk(signal): return {"passed": signal["confidence"] > 0.3}

The file is the operator's own program, and runs in the process that decides: once, however many agents are in
it, so that they share what the file keeps.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from cointrader.core.agent_io import AgentIO
from cointrader.core.desk import Desk
from cointrader.core.own_agents import AgentCall
from cointrader.settings import CoreSettings, Settings
from storage.workspace import Workspace


class AgentNotLoaded(ValueError):
    """An agent that the settings name and that is not to be had; the text says which and why."""


def load_agents(workspace: Workspace, settings: Settings) -> AgentIO:
    """The strategy, risk and execution agents of these settings; our own where none is named.

    Raises AgentNotLoaded.
    """
    core, files = settings.core, dict[Path, ModuleType]()
    names = ("strategy_agent", "risk_agent", "execution_agent")
    return AgentIO(
        *(_agent(workspace, core, name, files) for name in names),
        timeout_seconds=core.agent_timeout_seconds,
        desk=Desk(workspace, settings=settings),
    )


def _agent(
    workspace: Workspace, core: CoreSettings, name: str, files: dict[Path, ModuleType]
) -> AgentCall | None:
    given = getattr(core, name)
    if not given:
        return None
    where = f"{workspace.config}: [core] {name} = {given!r}"
    file, colon, attribute = given.rpartition(":")
    if not colon or not attribute.isidentifier():
        raise AgentNotLoaded(f"{where}: write FILE.py:NAME, such as agents.py:risk")
    path = workspace.root / file
    if not path.is_file():
        raise AgentNotLoaded(f"{where}: there is no file {path}")
    if path not in files:
        files[path] = _module(path, f"cointrader_{name}", where)
    found = getattr(files[path], attribute, None)
    if not callable(found):
        raise AgentNotLoaded(f"{where}: {path} has no callable {attribute}")
    call: AgentCall = found
    return call


def _module(path: Path, name: str, where: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AgentNotLoaded(f"{where}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look their module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    # Whatever the operator's file raises is told to the operator.
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise AgentNotLoaded(f"{where}: {path} raised {type(error).__name__}: {error}") from error
    return module
