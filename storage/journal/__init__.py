"""The backprop journal: every optimiser step of a session, whole, in files that the database vouches for.

With `storage.candles` this is the part of storage that knows arrays. Files are written by a thread beside the
training loop; a step is trusted when its row is committed, and a file when its SHA-256 is the recorded one.
"""

from storage.journal.audit import Damage, audit
from storage.journal.budget import JournalLimits
from storage.journal.digests import gradient_digest
from storage.journal.errors import JournalDamaged, JournalError, JournalMissing
from storage.journal.layout import Layout, TensorSpec
from storage.journal.reader import StoredStep, snapshot_at_or_before, stored_steps
from storage.journal.ring import Slot
from storage.journal.rows import Optimiser, rate_session
from storage.journal.writer import JournalWriter

__all__ = [
    "Damage",
    "JournalDamaged",
    "JournalError",
    "JournalLimits",
    "JournalMissing",
    "JournalWriter",
    "Layout",
    "Optimiser",
    "Slot",
    "StoredStep",
    "TensorSpec",
    "audit",
    "gradient_digest",
    "rate_session",
    "snapshot_at_or_before",
    "stored_steps",
]
