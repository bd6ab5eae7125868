"""A file of candles is enough to train the classifier."""

from __future__ import annotations

from pathlib import Path

import pytest

from cointrader.data_feeds.errors import CandleFileError
from cointrader.training.from_csv import train_from_csv
from models.signal_classifier.params import SignalClassifierParams
from tests.models.walks import random_walk

PARAMS = SignalClassifierParams(sample="bars", c_points=1, l1_points=1, folds=2, inner_folds=2)


def write_csv(path: Path, bars: int) -> Path:
    walk = random_walk(bars, seed=6)
    lines = ["timestamp,open,high,low,close,volume"]
    for place in range(bars):
        opened_ms = 1_700_000_100_000 + walk.timeframe_ms * place
        values = (walk.open, walk.high, walk.low, walk.close, walk.volume)
        lines.append(",".join([str(opened_ms), *(repr(float(column[place])) for column in values)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_csv_gives_a_model_and_its_out_of_fold_metrics(tmp_path: Path) -> None:
    model, metrics = train_from_csv(write_csv(tmp_path / "walk.csv", 2_500), PARAMS, symbol="BTC/USDT")
    assert (metrics.name, metrics.baseline, len(metrics.per_fold)) == ("roc_auc", 0.5, 2)
    assert abs(metrics.value - 0.5) < 3 * metrics.others["roc_auc_standard_error"]
    assert model.predict(random_walk(200, seed=1)).shape == (200, 2)


def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "noise.csv"
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(CandleFileError, match=r"noise\.csv"):
        train_from_csv(path, PARAMS, symbol="BTC/USDT")
