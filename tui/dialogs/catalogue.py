"""All dialogs, for the key reference and the check of keymaps."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from tui.dialogs.cell import CellDialog
from tui.dialogs.columns import ColumnsDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.error import ErrorDialog
from tui.dialogs.export import ExportDialog
from tui.dialogs.help import HelpDialog
from tui.dialogs.jump import JumpOverlay
from tui.screens.refused import RefusedScreen

DIALOGS: tuple[type[Screen[Any]], ...] = (
    ConfirmDialog,
    ErrorDialog,
    HelpDialog,
    JumpOverlay,
    CellDialog,
    ColumnsDialog,
    ExportDialog,
    RefusedScreen,
)
