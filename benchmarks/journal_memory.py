"""The memory that a long journal takes: 50,000 steps of a 20,000-parameter network, written and sealed.

`python -m benchmarks.journal_memory [STEPS]` prints one JSON object; it is a process of its own, so that the
peak of its memory is the journal's. Four fifths of each gradient are zeros, as those of a network with ReLU
often are: the files are packed, which takes memory too, and fit on the disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from storage.database import open_database
from storage.journal import JournalLimits, JournalWriter, Layout, TensorSpec
from storage.sessions import create_session
from storage.workspace import Workspace

STEPS = 50_000
BOUND_MB = 150.0
"""A shard of 64 MB, the buffers of the ring, and what packing and hashing a shard take for a moment."""

LAYOUT = Layout(
    (
        TensorSpec("hidden.weight", (160, 120), "float32", "parameter", "hidden"),
        TensorSpec("hidden.bias", (160,), "float32", "parameter", "hidden"),
        TensorSpec("out.weight", (4, 160), "float32", "parameter", "out"),
    )
)


@dataclass(frozen=True)
class Memory:
    """Megabytes by which the process grew at its peak, seconds, and bytes on the disk a step."""

    growth_mb: float
    seconds: float
    bytes_a_step: float


def measure(steps: int = STEPS) -> Memory:
    """In a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.journal_memory", str(steps)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return Memory(**json.loads(done.stdout))


def write(steps: int, folder: Path) -> Memory:
    """Write the steps and say what it took."""
    workspace = Workspace(folder).create()
    with closing(open_database(workspace)) as connection:
        session_id = create_session(
            connection, agent="cnn", job_id=None, attempt=1, seed=0, params_json="{}", dataset_id=None,
            split_id=None, threads=1, device="cpu", capability="", total_steps=steps,
        )  # fmt: skip
        optimiser = SimpleNamespace(
            name="Adam", settings={}, torch_version="", capability="", onednn_isa="", threads=1
        )
        draw = np.random.default_rng(0)
        gradients = draw.normal(size=(16, LAYOUT.gradient_size)).astype(np.float32)
        gradients[draw.random(gradients.shape) < 0.8] = 0.0
        before, start = _peak_mb(), time.perf_counter()
        limits = JournalLimits(budget_bytes=1 << 40)
        with JournalWriter(
            workspace, session_id, 1, LAYOUT, mode="full", optimiser=optimiser, limits=limits
        ) as writer:
            for number in range(1, steps + 1):
                slot = writer.slot()
                slot.gradient[:] = gradients[number % 16]
                slot.absent[:] = False
                slot.state[:] = slot.gradient.view(np.uint8)
                writer.keep(
                    slot,
                    SimpleNamespace(
                        step=number,
                        losses={"losses/total": 1.0 / number},
                        batch=np.arange(64),
                        learning_rate=1e-3,
                        priority=1.0,
                        synced=False,
                    ),
                )
                if writer.snapshot_due(number):
                    writer.snapshot(number, {"weights/all": gradients[0]})
        seconds = time.perf_counter() - start
        kept = connection.execute("SELECT bytes, last_step FROM journal").fetchone()
        assert kept[1] == steps
    return Memory(_peak_mb() - before, seconds, kept[0] / steps)


def _peak_mb() -> float:
    """The most memory that this program ever held, in MB.

    Not getrusage: its maximum is handed down from the process that started this one.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise OSError("the system does not say how much memory a process held at most")


def main() -> None:
    """The process that is measured."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(asdict(write(steps, Path(name)))))


if __name__ == "__main__":
    main()
