"""Words of the command line that several commands take, checked before anything is done with them."""

from __future__ import annotations

import argparse


def timeframe(text: str) -> str:
    """A timeframe such as 5m, as it was written; anything else is wrong usage."""
    from storage.candles.timeframe import parse_timeframe

    try:
        parse_timeframe(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
