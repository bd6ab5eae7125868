"""P6: what it costs to keep every gradient of a network of about a million parameters, lossless.

The limit is the plain loop: a convolutional network of two blocks, Adam with foreach, batches of 64 windows
of 64 bars. Ours is the same loop with a StepKeeper and a real session's journal: gradients, the digest of the
weights after each step, norms by layer, rows in SQLite, files that are fsynced and read back; opening it, its
first snapshot and sealing it are in the time. The peers keep less: `ring + thread` appends raw gradients to
one file by a thread, `safetensors a step` writes a file of gradients every step. Neither syncs to the disk.

Torch computes with one thread, as a session does by default; the second core is the writer's.
"""

from __future__ import annotations

import queue
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.harness import Row, interleave, row_of
from benchmarks.journal_memory import BOUND_MB, measure
from benchmarks.journal_memory import STEPS as MEMORY_STEPS
from models.backprop.keeper import StepKeeper
from storage.database import open_database
from storage.journal import JournalLimits, JournalWriter, Layout
from storage.sessions import create_session
from storage.workspace import Workspace

BARS, CHANNELS, BATCH, ROWS = 64, 16, 64, 4_096
RATE = 1e-3
TARGET = 1.05


def network() -> nn.Module:
    """Two convolutions, two dense layers: 989,273 parameters."""
    torch.manual_seed(3)
    return nn.Sequential(
        *(nn.Conv1d(CHANNELS, 64, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2)),
        *(nn.Conv1d(64, 128, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2)),
        *(nn.Flatten(), nn.Linear(128 * BARS // 4, 460), nn.ReLU(), nn.Linear(460, 1)),
    )


class Loop:
    """The training loop; a keeper is told of every step by its two methods."""

    def __init__(self, steps: int) -> None:
        draw = torch.Generator().manual_seed(5)
        self.steps = steps
        self.windows = torch.randn(ROWS, CHANNELS, BARS, generator=draw)
        self.wanted = torch.randn(ROWS, 1, generator=draw)
        self.rows = torch.randint(0, ROWS, (steps, BATCH), generator=draw)

    def run(self, keeping: Callable[[nn.Module, torch.optim.Optimizer], Any] | None = None) -> None:
        """All steps; what `keeping` makes has capture, keep and close."""
        model = network()
        optimiser = torch.optim.Adam(model.parameters(), RATE, foreach=True)
        keeper = None if keeping is None else keeping(model, optimiser)
        for number, rows in enumerate(self.rows, start=1):
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(model(self.windows[rows]), self.wanted[rows])
            loss.backward()
            total = float(loss.detach())
            if keeper is not None:
                keeper.capture()
            optimiser.step()
            if keeper is not None:
                keeper.keep(number, {"losses/total": total}, rows.numpy(), RATE)
        if keeper is not None:
            keeper.close()


class Journalled:
    """Ours: one session in the workspace a run."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self.workspace, self.connection = workspace, connection

    def __call__(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> Any:
        session_id = create_session(
            self.connection,
            agent="cnn",
            job_id=None,
            attempt=1,
            seed=3,
            params_json="{}",
            dataset_id=None,
            split_id=None,
            threads=1,
            device="cpu",
            capability="",
            total_steps=0,
        )
        opened: list[JournalWriter] = []

        def journal(layout: Any, facts: Any, snapshot: Callable[[], Any]) -> JournalWriter:
            writer = JournalWriter(
                self.workspace,
                session_id,
                1,
                Layout.from_json(layout.to_json()),
                mode="full",
                optimiser=facts,
                limits=JournalLimits(budget_bytes=1 << 40),
            )
            opened.append(writer)
            writer.snapshot(0, snapshot())
            return writer

        keeper = StepKeeper(SimpleNamespace(journal=journal), model, optimiser)  # type: ignore[arg-type]
        return SimpleNamespace(capture=keeper.capture, keep=keeper.keep, close=opened[0].close)

    def bytes_a_step(self) -> float:
        """Bytes of the shards by their steps."""
        total, steps = self.connection.execute(
            "SELECT sum(bytes), sum(last_step - first_step + 1) FROM journal_file WHERE kind = 'shard'"
        ).fetchone()
        return float(total) / float(steps)

    def forget(self) -> None:
        """Room for the next run."""
        shutil.rmtree(self.workspace.backprop)
        self.connection.execute("DELETE FROM step")
        self.connection.execute("DELETE FROM journal_file")


class RingThread:
    """Gradients copied into a ring of buffers, which a thread appends to one file."""

    BUFFERS = 8

    def __init__(self, folder: Path, model: nn.Module) -> None:
        self.parameters = list(model.parameters())
        size = sum(parameter.numel() for parameter in self.parameters)
        self.free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.filled: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.BUFFERS):
            self.free.put(np.empty(size, np.float32))
        self.path = folder / "gradients"
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def capture(self) -> None:
        flat = self.free.get()
        start = 0
        for parameter in self.parameters:
            flat[start : start + parameter.numel()] = parameter.grad.reshape(-1).numpy()  # type: ignore[union-attr]
            start += parameter.numel()
        self.filled.put(flat)

    def keep(self, *facts: object) -> None:
        """Only gradients are kept."""

    def close(self) -> None:
        self.filled.put(None)
        self.thread.join()
        self.path.unlink()

    def _write(self) -> None:
        with self.path.open("wb", buffering=0) as file:
            while (flat := self.filled.get()) is not None:
                file.write(flat.data)
                self.free.put(flat)


class SafetensorsEachStep:
    """A file of gradients every step."""

    def __init__(self, folder: Path, model: nn.Module) -> None:
        from safetensors.torch import save_file

        self.save, self.model, self.steps = save_file, model, 0
        self.folder = folder / "steps"
        self.folder.mkdir()

    def capture(self) -> None:
        self.steps += 1
        gradients = {name: parameter.grad for name, parameter in self.model.named_parameters()}
        self.save(gradients, self.folder / f"{self.steps}.safetensors")

    def keep(self, *facts: object) -> None:
        """Only gradients are kept."""

    def close(self) -> None:
        shutil.rmtree(self.folder)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def overhead(steps: int, rounds: int) -> Row:
    """The loop with its journal against the plain loop."""
    loop = Loop(steps)
    with tempfile.TemporaryDirectory() as name, one_thread():
        folder = Path(name)
        workspace = Workspace(folder / "workspace").create()
        with closing(open_database(workspace)) as connection:
            journalled = Journalled(workspace, connection)
            size = 0.0

            def ours() -> None:
                nonlocal size
                loop.run(journalled)
                size = journalled.bytes_a_step()

            def clean_ours() -> None:
                ours()
                journalled.forget()

            cases: dict[str, Callable[[], object]] = {
                "limit": loop.run,
                "ours": clean_ours,
                "ring + thread": lambda: loop.run(lambda model, _: RingThread(folder, model)),
                "safetensors a step": lambda: loop.run(lambda model, _: SafetensorsEachStep(folder, model)),
            }
            timings = interleave(cases, "limit", rounds=rounds, limit_repeats=1)
    told = ", ".join(f"{name} {timings[name].ratio:.2f}" for name in list(cases)[2:])
    print(f"P6 peers over the plain loop: {told}")
    parameters = sum(parameter.numel() for parameter in network().parameters())
    return row_of("P6", f"gradients of {parameters:,} kept, {size:,.0f} B/step", timings, target=TARGET)


def rows(steps: int = 200, rounds: int = 5) -> list[Row]:
    """Overhead of the journal, and the memory that a long session takes."""
    memory = measure()
    what = f"{MEMORY_STEPS:,} steps of 20,000: {memory.growth_mb:.0f} of {BOUND_MB:.0f} MB"
    return [
        overhead(steps, rounds),
        Row("P6 memory", what, memory.seconds, None, "", None, memory.growth_mb / BOUND_MB, 1.0),
    ]
