"""`cointrader order`: buy, sell and close by hand on a paper run; a refused order says why.

cointrader order buy BTC/USDT --notional 500
cointrader order close 17
cointrader order close all
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from cointrader.cli.output import print_json
from cointrader.cli.place import Place, opened

if TYPE_CHECKING:
    from storage.order_requests import OrderRow

WAIT_SECONDS = 15.0
LOOK_SECONDS = 0.05
SIDES = {"buy": "long", "sell": "short"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", choices=("buy", "sell", "close"), help="what to do at the next open")
    parser.add_argument(
        "what", metavar="SYMBOL|POSITION|all", help="a symbol to buy or sell; to close: a position, or all"
    )
    parser.add_argument(
        "--notional",
        type=float,
        metavar="N",
        help="size in the quote currency (default: the run's size rule)",
    )
    parser.add_argument("--quantity", type=float, metavar="Q", help="size in the base currency instead")
    parser.add_argument("--run", dest="run_id", type=int, metavar="N", help="which run, where several go on")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Ask, wait for the decision, and tell it; the exit status is 1 for a refused order."""
    from storage.order_requests import REFUSED

    with opened(arguments.workspace) as place:
        order = _decided(place, _asked(place, arguments))
        told = {**asdict(order), "text": text_of(place, order)}
    if arguments.json:
        print_json(told)
    else:
        print(told["text"], file=sys.stderr if order.state == REFUSED else sys.stdout)
    return 1 if order.state == REFUSED else 0


def _asked(place: Place, arguments: argparse.Namespace) -> int:
    from cointrader.data_feeds.instrument import parse_instrument
    from storage import order_requests

    if arguments.action in SIDES:
        return order_requests.ask_open(
            place.connection,
            parse_instrument(arguments.what).symbol,
            SIDES[arguments.action],
            notional=arguments.notional,
            quantity=arguments.quantity,
            run_id=arguments.run_id,
        )
    if arguments.what == "all":
        return order_requests.ask_close_all(place.connection, arguments.run_id)
    if not arguments.what.isdigit():
        arguments.usage_error(f"`order close` needs the number of a position, or all, not {arguments.what!r}")
    return order_requests.ask_close(place.connection, int(arguments.what))


def _decided(place: Place, order_id: int) -> OrderRow:
    """The order once the run has decided on it, or as it waits."""
    from storage.order_requests import WAITING, get_order
    from storage.paper_runs import RUNNING, state_of

    deadline = time.monotonic() + WAIT_SECONDS
    order = get_order(place.connection, order_id)
    while order.state == WAITING and time.monotonic() < deadline:
        if state_of(place.connection, order.run_id) != RUNNING:
            break
        time.sleep(LOOK_SECONDS)
        order = get_order(place.connection, order_id)
    return order


def text_of(place: Place, order: OrderRow) -> str:
    """What became of an order, in a sentence."""
    from storage.order_requests import CLOSE, DONE, OPEN, REFUSED
    from storage.paper_runs import state_of

    if order.kind == OPEN:
        verb = "buy" if order.side == "long" else "sell"
        size = "" if order.notional is None else f" for {order.notional:,.2f}"
        what = f"order {order.id}: {verb} {order.symbol}{size}"
    else:
        what = f"order {order.id}: close " + (
            f"position {order.position_id}" if order.kind == CLOSE else "everything"
        )
    if order.state == REFUSED:
        return f"{what}: refused: {order.reason}"
    if order.state == DONE:
        return f"{what}: {order.reason}"
    return f"{what}: waits; run {order.run_id} is {state_of(place.connection, order.run_id)}"
