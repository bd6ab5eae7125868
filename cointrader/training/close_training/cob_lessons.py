"""Lessons of COB RL: the order book before each entry, what was done, and what that earned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cointrader.training.close_training.entries import ACTIONS, newest_at
from cointrader.training.close_training.made import Made, Material, close_of, weakest
from models.cob_rl import agent
from models.cob_rl.feeds import BookSource
from models.cob_rl.learner import ACTION
from models.cob_rl.params import CobRlParams
from models.cob_rl.snapshots import WIDE_STEP, Features, book_features, usable_snapshots
from models.errors import NotEnoughRows
from models.lessons.rows import with_closes
from models.setup_rows import BookRows
from storage.outbox import WaitingLesson

LARGEST = ("small", "medium")
"""Sizes whose weights a dataset can pin for every session of lessons."""


def cob_lessons(material: Material, waiting: Sequence[WaitingLesson]) -> Made:
    """The dataset; raises NotEnoughRows while too few order books are recorded."""
    model = material.known.model
    params: CobRlParams = model.params
    if params.size not in LARGEST:
        reason = f"size {params.size} is taught by trainings, not close by close: its weights are too many"
        return Made(None, (), {lesson.id: reason for lesson in waiting})
    ordinary = agent.dataset(material.source, params)
    acting = np.full(ordinary.rows, -1, np.int64)
    ordinary = replace(ordinary, arrays={**ordinary.arrays, ACTION: acting})
    books: dict[str, Sequence[BookRows]] = {}
    taught: list[tuple[WaitingLesson, Features]] = []
    refused: dict[int, str] = {}
    for lesson in waiting:
        if lesson.symbol not in books:
            books[lesson.symbol] = books_of_symbol(material.source, lesson.symbol)
        window = book_before(books[lesson.symbol], lesson.signal_ms, params, model.step_ms)
        if window is None:
            refused[lesson.id] = f"no order book of {lesson.symbol} was recorded up to its entry"
        else:
            taught.append((lesson, window))
    if not taught:
        return Made(None, (), refused)
    lessons = tuple(lesson for lesson, _ in taught)
    actions = [ACTIONS[lesson.side] for lesson in lessons]
    parts = [ordinary.arrays["series_book"], *(window for _, window in taught)]
    reward = np.zeros((len(lessons), 3))
    reward[np.arange(len(lessons)), actions] = [lesson.reward for lesson in lessons]
    dataset = with_closes(
        ordinary,
        [close_of(lesson, action) for lesson, action in zip(lessons, actions, strict=True)],
        {
            "position": (np.cumsum([len(part) for part in parts])[1:] - 1).astype(np.int64),
            "reward": reward,
            ACTION: np.array(actions, np.int64),
        },
        material.known.beginning,
        provenance=weakest(ordinary, material.known, lessons),
        extra={"series_book": np.concatenate(parts)},
    )
    return Made(dataset, lessons, refused)


def books_of_symbol(source: BookSource, symbol: str) -> Sequence[BookRows]:
    """The recorded books of a symbol; empty where none is."""
    try:
        return source.books(symbol)
    except NotEnoughRows:
        return ()


def book_before(books: Sequence[BookRows], ts_ms: int, params: CobRlParams, step_ms: int) -> Features | None:
    """(window, features) of the newest snapshots at a moment; None where they are not there or too old."""
    for book in books:
        window = window_of(book, ts_ms, params, step_ms)
        if window is not None:
            return window
    return None


def window_of(book: BookRows, ts_ms: int, params: CobRlParams, step_ms: int) -> Features | None:
    """As `book_before`, of one series of snapshots."""
    last = newest_at(book.ts_ms, ts_ms)
    if last < 0 or ts_ms - int(book.ts_ms[last]) > WIDE_STEP * step_ms:
        return None
    if not usable_snapshots(book.ts_ms, params.window, step_ms)[last]:
        return None
    return book_features(book, params.levels)[last - params.window + 1 : last + 1]
