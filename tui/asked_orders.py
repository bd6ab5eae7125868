"""Orders that were given in this console and are not decided yet: it says what became of each, on any screen.

Nobody waits for them: whenever something was committed, a thread looks whether a run has decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.pace import Pace
from tui.reader import Superseded

if TYPE_CHECKING:
    from storage.order_requests import OrderRow
    from tui.app import CoinTraderApp


class AskedOrders:
    """Follows orders by their numbers until they are done or refused."""

    def __init__(self, app: CoinTraderApp) -> None:
        self._app = app
        self._waiting: set[int] = set()
        self._pace = Pace(self._ask, app.set_timer)

    def follow(self, order_id: int) -> None:
        """Tell what becomes of this order."""
        self._waiting.add(order_id)
        self._pace.want()

    def look(self) -> None:
        """Something was committed."""
        if self._waiting:
            self._pace.want()

    def _ask(self) -> None:
        self._pace.asked()
        wanted = sorted(self._waiting)

        def work() -> None:
            try:
                decided = self._decided(wanted)
            except Superseded:
                return
            except Exception as error:
                self._app.call_later(self._failed, error)
                return
            self._app.call_later(self._answered, decided)

        self._app.run_worker(work, thread=True, exit_on_error=False, group="orders")

    def _decided(self, wanted: list[int]) -> list[OrderRow]:
        from storage.database import connect
        from storage.order_requests import WAITING, get_order

        self._app.gate.pass_through()
        connection = connect(self._app.database, readonly=True)
        try:
            found = [get_order(connection, order_id) for order_id in wanted]
        finally:
            connection.close()
        return [order for order in found if order.state != WAITING]

    def _failed(self, error: Exception) -> None:
        self._app.report_error(error, "reading what became of an order")
        self._pace.answered()

    def _answered(self, decided: list[OrderRow]) -> None:
        from tui.widgets.paged_table.formats import clean

        for order in decided:
            self._waiting.discard(order.id)
            refused = order.state == "refused"
            self._app.notify(
                clean(f"{order.words}: {order.reason}", self._app.symbols),
                title=f"Order {order.id} {'refused' if refused else 'taken'}",
                severity="error" if refused else "information",
                timeout=10 if refused else 5,
                markup=False,
            )
        self._pace.answered()
