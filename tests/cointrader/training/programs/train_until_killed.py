"""Trains a small CNN as attempt 1 of a job and says each line of its log; the test kills it."""

import json
import sys
from pathlib import Path

from cointrader.settings import Settings, WorkerSettings
from cointrader.training.session import train_agent
from storage.workspace import Workspace

folder, job_id, params = sys.argv[1:]
train_agent(
    Workspace(Path(folder)),
    "cnn",
    json.loads(params),
    job_id=int(job_id),
    attempt=1,
    seed=11,
    settings=Settings(worker=WorkerSettings(metric_seconds=0.01, checkpoint_seconds=0.1)),
    say=lambda line: print(line, flush=True),
)
