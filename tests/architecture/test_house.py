"""What the house looks like: short files, names that say something, nothing of one machine."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("storage", "models", "cointrader", "tui", "tests", "benchmarks", "examples")


def tracked(*suffixes: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    return [ROOT / name for name in listed if name.endswith(suffixes) and (ROOT / name).is_file()]


def test_no_file_of_code_is_over_four_hundred_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in tracked(".py", ".tcss")}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_no_file_name_says_nothing() -> None:
    empty = re.compile(r"^(utils?|helpers?|common|misc|managers?)\.py$")
    assert [str(path) for path in tracked(".py") if empty.match(path.name)] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked(".py")
        if path.relative_to(ROOT).parts[0] in PACKAGES[:4]
        and (text := path.read_text()).strip()
        and not text.lstrip().startswith(('"""', "#!"))
    ]
    assert silent == []
