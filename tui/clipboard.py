"""Copying: through the terminal (OSC 52) where it can, else into a file that is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

OSC52_LIMIT = 74_994
"""Bytes that the least generous of the common terminals takes in one OSC 52 sequence (xterm, tmux)."""

_WITHOUT_OSC52 = {"linux", "dumb", ""}


def copy_text(app: App[object], text: str, folder: Path) -> None:
    """Copies `text` and says where it went; what a terminal cannot take goes to `copied.txt` in `folder`."""
    if takes_osc52(os.environ.get("TERM", ""), os.environ.get("TERM_PROGRAM", ""), len(text.encode())):
        app.copy_to_clipboard(text)
        app.notify(_brief(text), title="Copied", timeout=2, markup=False)
        return
    path = folder / "copied.txt"
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        app.notify(f"{path}: {error.strerror}", title="Not copied", severity="error", markup=False)
        return
    app.notify(f"This terminal takes no copies; the text is in {path}", title="Written", markup=False)


def takes_osc52(terminal: str, program: str, size: int) -> bool:
    """Whether this terminal is known to take a copy of `size` bytes."""
    return terminal not in _WITHOUT_OSC52 and program != "Apple_Terminal" and size <= OSC52_LIMIT


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
