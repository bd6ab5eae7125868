"""The command `cointrader` as an operator runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = (sys.executable, "-P", "-m", "cointrader")


def cointrader(
    *arguments: str,
    workspace: Path | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; never with a terminal."""
    chosen = [] if workspace is None else ["--workspace", str(workspace)]
    return subprocess.run(
        [*PROGRAM, *arguments, *chosen],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
