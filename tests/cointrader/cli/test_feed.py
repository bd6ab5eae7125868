"""`cointrader feed`: recorded files played through the pipeline, with figures for people and for scripts."""

import json

from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader
from tests.cointrader.data_feeds.feed_files import NEWS, PART_1


def test_a_file_is_played_and_every_stage_told(workspace: Workspace) -> None:
    done = cointrader("feed", str(PART_1), str(NEWS), "--json", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [(each["kind"], each["rows"]) for each in told["files"]] == [("depth_stream", 300), ("news", 8)]
    stages = {(each["stage"], each["type"]): each for each in told["latency"]}
    assert stages["end_to_end", "trade_tape"]["target_ms"] == 100.0
    assert stages["end_to_end", "news_sentiment"]["count"] == 8
    assert all(0 <= each["p50_ms"] <= each["p95_ms"] <= each["p99_ms"] for each in told["latency"])


def test_people_get_a_table(workspace: Workspace) -> None:
    done = cointrader("feed", str(PART_1), workspace=workspace.root)
    assert done.returncode == 0 and "300 rows" in done.stdout and "records/s" in done.stdout
    assert any(line.split()[:2] == ["end_to_end", "microstructure"] for line in done.stdout.splitlines())


def test_what_cannot_be_played_is_one_line(workspace: Workspace) -> None:
    done = cointrader("feed", __file__, workspace=workspace.root)
    assert done.returncode == 1 and "no known kind" in done.stderr and "Traceback" not in done.stderr
