"""What a replay buffer refuses; every text is written for the operator."""

from __future__ import annotations

from models.errors import ModelError


class BufferError(ModelError):
    """Anything that a replay buffer refuses."""


class BufferEmpty(BufferError):
    """There is nothing to draw from."""

    def __init__(self) -> None:
        super().__init__("the replay buffer is empty; add experiences before drawing a batch")


class DrawsSpent(BufferError):
    """The rows may not be drawn as often as a batch needs: each has a cap a session."""

    def __init__(self, wanted: int, left: int, most_draws: int) -> None:
        super().__init__(
            f"a batch of {wanted:,} was asked for, and {left:,} draws are left: each experience is drawn at "
            f"most {most_draws} times a session; add experiences, or call reset_counts to begin a new session"
        )
        self.wanted = wanted
        self.left = left


class BadExperience(BufferError):
    """An experience whose numbers cannot be learned from, or a priority that is no priority."""


class BufferRefused(BufferError):
    """A file that is not what a buffer saved, or is damaged."""
