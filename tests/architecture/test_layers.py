"""The written contracts of imports hold, and a planted breach of them is found."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lint_imports(config: Path, search_path: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from importlinter.cli import lint_imports; "
    code += "sys.exit(lint_imports(config_filename=sys.argv[2], cache_dir=None))"
    arguments = [sys.executable, "-P", "-c", code, str(search_path), str(config)]
    return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT)


def test_the_contracts_hold() -> None:
    done = lint_imports(ROOT / ".importlinter", ROOT)
    assert done.returncode == 0, done.stdout


def test_a_planted_breach_inside_a_function_is_found(tmp_path: Path) -> None:
    for name in ("storage_twin", "tui_twin"):
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").write_text("")
    (tmp_path / "storage_twin" / "page.py").write_text("def late():\n    import tui_twin.app\n")
    (tmp_path / "tui_twin" / "app.py").write_text("")
    config = tmp_path / "contracts.ini"
    config.write_text(
        "[importlinter]\nroot_packages =\n    storage_twin\n    tui_twin\n\n"
        "[importlinter:contract:1]\nname = storage stands alone\ntype = forbidden\n"
        "source_modules =\n    storage_twin\nforbidden_modules =\n    tui_twin\n"
    )
    done = lint_imports(config, tmp_path)
    assert done.returncode == 1
    assert "storage_twin.page -> tui_twin.app" in done.stdout
