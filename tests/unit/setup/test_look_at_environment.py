"""What `npm run bootstrap` sees of a Python environment from inside (setup/look_at_environment.py)."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "setup" / "look_at_environment.py"


def look(*arguments: object) -> list[str]:
    """Run the script as the set-up does; return its lines."""
    command = [sys.executable, "-I", "-X", "utf8", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A folder with files of two packages, and a list of them."""
    for name, text in {"a/one.py": "1", "a/deep/two.py": "22", "b/three.py": "333", "top": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "b" / "link").symlink_to("nowhere")
    lines = ["installed files 1", '{"lock":"x"}', "\ta b", "./", "top\t0", "a/", "one.py\t1", "a/deep/", "two.py\t2"]
    lines += ["\tc", "b/", "link\t7", "three.py\t3", "\t\t5", ""]
    (tmp_path / "list").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_a_whole_environment(environment: Path) -> None:
    """Nothing is wrong, links that lead nowhere among it, and with files that came later."""
    (environment / "a" / "new.py").write_text("", encoding="utf-8")
    assert look(environment / "list", environment, "json") == ["missing:", "listed: yes"]


def test_damage(environment: Path) -> None:
    """Files that are missing or have another size are told by owner; a missing folder is all of its files."""
    (environment / "a" / "one.py").write_text("", encoding="utf-8")
    (environment / "a" / "deep" / "two.py").unlink()
    (environment / "a" / "deep").rmdir()
    (environment / "b" / "link").unlink()
    assert look(environment / "list", environment) == ["missing:", "listed: yes", "damaged: 2 a b", "damaged: 1 c"]


@pytest.mark.parametrize("harm", ["missing", "cut off", "empty", "another form", "a line less", "not text"])
def test_a_list_that_cannot_be_used(environment: Path, harm: str) -> None:
    """It says nothing of the files."""
    file = environment / "list"
    text = file.read_text(encoding="utf-8")
    changed = {
        "cut off": text[:-3],
        "empty": "",
        "another form": "x" + text,
        "a line less": text.replace("top\t0\n", ""),
    }
    if harm == "missing":
        file.unlink()
    elif harm == "not text":
        file.write_bytes(b"\xff\xfe" + text.encode())
    else:
        file.write_text(changed[harm], encoding="utf-8")
    assert look(file, environment) == ["missing:"]


def test_modules(environment: Path) -> None:
    """Modules are found without being imported; an empty folder is none."""
    (Path(environment) / "hollow").mkdir()
    assert look("", "", "json", "no_such_module", "unittest", "hollow") == ["missing: no_such_module hollow"]


def test_a_package_without_its_code(tmp_path: Path) -> None:
    """What is left of a package whose files were deleted does not count as the package."""
    packages = subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "environment")], capture_output=True, check=True
    )
    assert packages.returncode == 0
    python = tmp_path / "environment" / "bin" / "python"
    site_packages = next((tmp_path / "environment" / "lib").glob("python3*/site-packages"))
    (site_packages / "hollow").mkdir()
    (site_packages / "whole.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    command = [str(python), "-I", "-X", "utf8", str(SCRIPT), "", "", "hollow", "whole"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["missing: hollow"]
