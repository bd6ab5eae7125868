"""The entry point: finds the command, runs it, turns what went wrong into one line and an exit status.

Exit status 0: done. 1: failed, with one line on standard error. 2: wrong usage. 130: interrupted by the
operator. Without a command `cointrader` opens the console. Nothing heavy is imported here: each command
imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["job-child"]:
        from cointrader.jobs.child import main as run_child

        return run_child(given[1:])
    if given[:1] == ["job-watch"]:
        from cointrader.jobs.watcher import main as run_watcher

        return run_watcher(given[1:])
    if not given:
        from cointrader.cli.console import open_console

        return _guarded(lambda: open_console(None))

    from cointrader.cli.arguments import parse

    parsed = parse(given)
    return _guarded(lambda: int(parsed.run(parsed)))


def _guarded(command: Callable[[], int]) -> int:
    """The exit status of `command`, with package errors told in one line and a closed pipe kept quiet."""
    try:
        status = command()
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("interrupted; what was stored is kept", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. The interpreter would flush into the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from cointrader.cli.failures import exit_status, explain

        text = explain(error)
        if text is None:
            raise
        print(text, file=sys.stderr)
        return exit_status(error)
