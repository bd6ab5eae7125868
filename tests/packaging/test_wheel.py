"""What is installed is what was built: the wheel is whole, and works where no checkout is."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-P", "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    """The names in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a clean virtual environment with this wheel.

    Its dependencies are those of the environment that runs the tests, put on the path as a plain folder:
    no `.pth` file in it is read, so the checkout that is installed there for development stays unseen.
    """
    folder = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def run(program: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    unchosen = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(program), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=unchosen)


def test_the_wheel_holds_what_is_read_as_a_file(contents: set[str]) -> None:
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tui").rglob("*.tcss")}
    there |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "cointrader" / "sample").glob("*.*")}
    there |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "storage" / "migrations").rglob("*.py")}
    for suffix in (
        ".tcss",
        "5m_2024.csv.gz",
        "lob15_1m.csv.gz",
        "SOURCE.md",
        "Apache-2.0.txt",
        "storage/migrations/__init__.py",
    ):
        assert any(name.endswith(suffix) for name in there), suffix
    assert there <= contents


def test_the_wheel_holds_nothing_but_the_four_packages(contents: set[str]) -> None:
    roots = {name.partition("/")[0] for name in contents if ".dist-info/" not in name}
    assert roots == {"cointrader", "models", "storage", "tui"}


def test_the_installed_command_works_without_a_checkout(installed: Path, tmp_path: Path) -> None:
    version = run(installed / "cointrader", "--version", cwd=tmp_path)
    assert version.returncode == 0, version.stderr
    assert version.stdout.startswith("coinTrader Console ")
    doctor = run(installed / "cointrader", "doctor", "--workspace", str(tmp_path / "empty"), cwd=tmp_path)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert str(installed.parent) in doctor.stdout
    assert str(ROOT) not in doctor.stdout.replace(sys.prefix, "")


@pytest.mark.parametrize("options", [["-m"], ["-P", "-m"]])
def test_folders_named_like_our_packages_do_not_shadow_them(
    installed: Path, tmp_path: Path, options: list[str]
) -> None:
    for name in ("models", "storage", "tui"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package')")
    done = run(installed / "python", *options, "cointrader", "settings", "--workspace", "w", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[simulation]" in done.stdout
