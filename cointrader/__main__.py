"""`python -m cointrader`: the same as the command `cointrader`."""

from __future__ import annotations

import os
import sys


def _leave_the_current_folder() -> None:
    """Take the current folder off the import path, unless it is where this package lives.

    `python -m` puts it first, and a folder named `models` or `storage` there would shadow ours.
    """
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if (
        not sys.flags.safe_path
        and sys.path
        and os.path.realpath(sys.path[0] or ".") != os.path.realpath(home)
    ):
        del sys.path[0]


if __name__ == "__main__":
    _leave_the_current_folder()
    from cointrader.cli.main import main

    sys.exit(main())
