"""`cointrader order`: buy, sell and close by hand on a paper run; a refused order says why.

cointrader order buy BTC/USDT --notional 500
cointrader order close 17
cointrader order close all
"""

from __future__ import annotations

import argparse
import math
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
ALL = "all"
SIDES = {"buy": "long", "sell": "short"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "action",
        choices=("buy", "sell", "close"),
        help="at the next open: buy opens a long position, sell a short one, close ends what is open",
    )
    parser.add_argument(
        "what",
        metavar="SYMBOL|POSITION|all",
        help="what to buy or sell, such as BTC/USDT; to close: the number of a position as "
        "`cointrader positions --filter state:open` prints it, or all",
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

    _refuse_nonsense(arguments)
    with opened(arguments.workspace) as place:
        order = _decided(place, _asked(place, arguments))
        told = {**asdict(order), "text": text_of(place, order)}
    if arguments.json:
        print_json(told)
    else:
        print(told["text"], file=sys.stderr if order.state == REFUSED else sys.stdout)
    return 1 if order.state == REFUSED else 0


def _refuse_nonsense(arguments: argparse.Namespace) -> None:
    """Words that no run could understand are wrong usage, and nobody is asked."""
    sizes = {"--notional": arguments.notional, "--quantity": arguments.quantity}
    given = {name: value for name, value in sizes.items() if value is not None}
    if arguments.action == "close":
        if given:
            arguments.usage_error(f"{', '.join(given)}: a position is closed as a whole")
        if arguments.what.lower() != ALL and not (arguments.what.isascii() and arguments.what.isdigit()):
            arguments.usage_error(
                f"`order close` needs the number of a position, or all, not {arguments.what!r}"
            )
    if len(given) > 1:
        arguments.usage_error("give --notional or --quantity, not both")
    for name, value in given.items():
        if not (math.isfinite(value) and value > 0.0):
            arguments.usage_error(f"{name} must be a finite number above 0, not {value:g}")


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
    if arguments.what.lower() == ALL:
        return order_requests.ask_close_all(place.connection, arguments.run_id)
    return order_requests.ask_close(place.connection, int(arguments.what), arguments.run_id)


def _decided(place: Place, order_id: int) -> OrderRow:
    """The order once the run has decided on it, or as it waits."""
    from storage.order_requests import WAITING, get_order

    deadline = time.monotonic() + WAIT_SECONDS
    order = get_order(place.connection, order_id)
    while order.state == WAITING and time.monotonic() < deadline:
        if _hindrance(place, order.run_id):
            return get_order(place.connection, order_id)
        time.sleep(LOOK_SECONDS)
        order = get_order(place.connection, order_id)
    return order


def _hindrance(place: Place, run_id: int) -> str:
    """Why a run takes no orders now; empty where it does."""
    from cointrader.jobs.ensure import living_workers
    from storage.paper_runs import PAUSED, STOPPED, job_of, state_of

    state = state_of(place.connection, run_id)
    if state in (PAUSED, STOPPED):
        return f"run {run_id} is {state}"
    if job_of(place.connection, run_id) is None or not living_workers(place.connection):
        return f"nobody goes on with run {run_id}; `cointrader paper resume --run {run_id}` does"
    return ""


def text_of(place: Place, order: OrderRow) -> str:
    """What became of an order, in a sentence."""
    from storage.order_requests import DONE, REFUSED

    what = f"order {order.id}: {order.words}"
    if order.state == REFUSED:
        more = "" if order.signal_id is None else f" (`cointrader why-not {order.signal_id}`)"
        return f"{what}: refused: {order.reason}{more}"
    if order.state == DONE:
        more = "" if order.signal_id is None else f" (signal {order.signal_id})"
        return f"{what}: {order.reason}{more}"
    hindrance = _hindrance(place, order.run_id) or f"run {order.run_id} has not looked at it yet"
    return f"{what}: waits; {hindrance}"
