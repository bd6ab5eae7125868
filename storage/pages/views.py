"""The tables that can be browsed, by name."""

from __future__ import annotations

from storage.pages.data_views import BOT_EVENTS, CANDLES, FILES, QUARANTINE
from storage.pages.setup_views import SETUPS
from storage.pages.trading_views import POSITIONS, REJECTIONS, SIGNALS
from storage.pages.view import TableView
from storage.pages.work_views import ARTIFACTS, EVENTS, JOBS, SESSIONS

VIEWS: dict[str, TableView] = {
    view.name: view
    for view in (
        *(SIGNALS, REJECTIONS, POSITIONS),
        *(JOBS, SESSIONS, ARTIFACTS, EVENTS),
        *(CANDLES, FILES, QUARANTINE, BOT_EVENTS),
        SETUPS,
    )
}


def get_view(name: str) -> TableView:
    """The view of that name. Raises KeyError naming the known ones."""
    try:
        return VIEWS[name]
    except KeyError:
        raise KeyError(f"no table is called {name!r}; there are {', '.join(VIEWS)}") from None
