"""One thread for a forward pass of a single row: it is over before a second thread has woken up.

With more of them each pass waits for all, which on a busy machine takes a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes with one thread inside, and afterwards with as many as before."""
    import torch

    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
