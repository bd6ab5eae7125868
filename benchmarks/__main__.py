"""`python -m benchmarks [--only P1,P5]`: measure, print, and keep the rows in `benchmarks/results.json`."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path

from benchmarks.harness import Row, table

WORKLOADS = {
    "P1": ("benchmarks.p1_backtest",),
    "P2": ("benchmarks.p2_indicators",),
    "P3": ("benchmarks.p3_buffer",),
    "P4": ("benchmarks.p4_dqn",),
    "P5": ("benchmarks.p5_storage", "benchmarks.p5_import", "benchmarks.p5_depth", "benchmarks.p5_tail"),
    "P6": ("benchmarks.p6_journal", "benchmarks.p6_rebuild"),
    "P9": ("benchmarks.p9_startup",),
    "P10": ("benchmarks.p10_console",),
    "P11": ("benchmarks.p11_decision",),
}
RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    """Run the chosen workloads; rows of the others stay in the file as they were."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="ids separated by commas, for example P1,P5")
    chosen = [name for name in parser.parse_args().only.upper().split(",") if name] or list(WORKLOADS)
    unknown = [name for name in chosen if name not in WORKLOADS]
    if unknown:
        print(f"unknown workload {', '.join(unknown)}; known are {', '.join(WORKLOADS)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in chosen:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        for module in WORKLOADS[name]:
            rows += importlib.import_module(module).rows()
    print(
        f"Python {platform.python_version()} on {platform.machine()}; ratio = ours / limit, lower is better"
    )
    print("\n".join(table(rows)))
    keep(rows, chosen)
    return 0


def keep(rows: list[Row], chosen: list[str]) -> None:
    """Write the rows over those of the same workloads in the results file."""
    try:
        before = json.loads(RESULTS.read_text())
    except FileNotFoundError:
        before = []
    others = [record for record in before if str(record["id"]).split()[0] not in chosen]
    records = sorted(
        [*others, *(row.as_record() for row in rows)], key=lambda record: _order(str(record["id"]))
    )
    temporary = RESULTS.with_suffix(".tmp")
    temporary.write_text(json.dumps(records, indent=1) + "\n")
    temporary.replace(RESULTS)


def _order(id: str) -> tuple[int, str]:
    digits = "".join(letter for letter in id.split()[0] if letter.isdigit())
    return int(digits or 0), id


if __name__ == "__main__":
    sys.exit(main())
