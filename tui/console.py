"""How the console is started: the workspace, the settings, then the application."""

from __future__ import annotations

from storage.workspace import Workspace, resolve_workspace


def run_console(
    workspace: Workspace | str | None = None,
    *,
    read_only: bool = False,
    fresh: bool = False,
    screen: str | None = None,
) -> int:
    """Opens the console over a workspace and returns its exit code when the operator leaves it.

    `workspace` is a workspace or the folder of one; None means the environment's or the platform's.
    Raises WorkspaceError when the folder cannot be made, SettingsError when config.toml cannot be used.
    """
    from cointrader.settings import load_settings
    from tui.app import CoinTraderApp

    place = workspace if isinstance(workspace, Workspace) else resolve_workspace(workspace)
    if not read_only:
        place.create()
    app = CoinTraderApp(
        place, load_settings(place.config), read_only=read_only, fresh=fresh, first_screen=screen
    )
    app.run()
    return app.return_code or 0
