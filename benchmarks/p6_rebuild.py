"""P6: how much faster weights are stepped to again than they were trained.

The limit is training itself, without a journal: batches of 64 windows of 64 bars and 16 channels through a
million parameters, once of a convolutional and once of a recurrent network, Adam with foreach, one thread.
Ours makes the last of those steps anew as an operator asks for it: the nearest snapshot and every shard read
and their SHA-256 checked (the next one by a thread of its own), each gradient stepped with, and the digest of
the weights compared. That it matches is checked every time.

A ratio of 0.25 means four times faster than training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import Row, interleave, row_of
from benchmarks.p6_journal import BARS, BATCH, CHANNELS, RATE, Journalled, network, one_thread
from cointrader.training.rebuild import rebuild
from storage.database import open_database
from storage.workspace import Workspace

ROWS = 2_048
CONVOLUTIONAL, RECURRENT = 1 / 4, 1 / 50


class Recurrent(nn.Module):
    """Two recurrent layers of 280 units and a dense one: 963,481 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(CHANNELS, 280, num_layers=2, batch_first=True)
        self.head = nn.Linear(280, 1)

    def forward(self, windows: Tensor) -> Tensor:
        seen, _ = self.layers(windows.transpose(1, 2))
        return self.head(seen[:, -1])


def recurrent() -> nn.Module:
    torch.manual_seed(3)
    return Recurrent()


class Training:
    """Steps of one network on random windows."""

    def __init__(self, make: Callable[[], nn.Module], steps: int) -> None:
        draw = torch.Generator().manual_seed(5)
        self.make, self.steps = make, steps
        self.windows = torch.randn(ROWS, CHANNELS, BARS, generator=draw)
        self.wanted = torch.randn(ROWS, 1, generator=draw)
        self.rows = torch.randint(0, ROWS, (steps, BATCH), generator=draw)

    def run(self, keeping: Callable[[nn.Module, torch.optim.Optimizer], Any] | None = None) -> None:
        """All steps; what `keeping` makes has capture, keep and close."""
        model = self.make()
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


def row(name: str, make: Callable[[], nn.Module], steps: int, rounds: int, target: float) -> Row:
    """Rebuilding `steps` steps of a network against training them."""
    training = Training(make, steps)
    with tempfile.TemporaryDirectory() as folder, one_thread():
        workspace = Workspace(Path(folder)).create()
        with closing(open_database(workspace)) as connection:
            training.run(Journalled(workspace, connection))

            def ours() -> None:
                rebuilt = rebuild(workspace, connection, 1, steps)
                if not rebuilt.match or not rebuilt.comparable:
                    raise AssertionError(f"{name}: step {steps} was not rebuilt: {rebuilt.words}")

            ours()
            timings = interleave(
                {"limit": training.run, "ours": ours}, "limit", rounds=rounds, limit_repeats=1
            )
    parameters = sum(parameter.numel() for parameter in make().parameters())
    what = f"{steps} steps rebuilt, {name} of {parameters:,}"
    return row_of("P6", what, timings, target=target)


def rows(rounds: int = 3) -> list[Row]:
    """A convolutional and a recurrent network."""
    return [
        row("CNN", network, steps=120, rounds=rounds, target=CONVOLUTIONAL),
        row("LSTM", recurrent, steps=40, rounds=rounds, target=RECURRENT),
    ]
