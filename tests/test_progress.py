"""Progress passes everything on and says now and then how far it is."""

import itertools
from types import SimpleNamespace

import pytest

from cliff_tokens import progress


@pytest.fixture
def seconds(monkeypatch, caplog):
    """Time that goes on by 10 seconds whenever it is asked for; what is said of it."""
    caplog.set_level("INFO", logger=progress.logger.name)
    clock = itertools.count(0, 10)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    return caplog


def test_items_come_through_as_they_are_and_the_sum_is_told(seconds):
    items = [object() for _ in range(3)]
    assert list(progress.track(iter(items), 3, "trace", "score")) == items
    assert seconds.messages[-1].startswith("score: 3 traces in ")


def test_a_line_comes_when_enough_time_has_passed(seconds):
    list(progress.track(range(4), 4, "rollout", "potential"))
    *lines, _ = seconds.messages
    # The clock is read twice where a line is due: after 20 s, then not at +10 s, then at +20 s.
    assert len(lines) == 2
    assert all("/4" in line for line in lines)
    assert "rollout" in lines[0]


def test_nothing_is_taken_before_it_is_asked_for():
    taken = []
    tracked = progress.track((taken.append(n) or n for n in range(5)), 5, "trace", "sample")
    assert taken == []
    assert next(tracked) == 0
    assert taken == [0]


def test_an_error_of_the_work_is_not_swallowed(seconds):
    def work():
        yield 1
        raise RuntimeError("the device is gone")

    with pytest.raises(RuntimeError, match="the device is gone"):
        list(progress.track(work(), 2, "trace", "sample"))
    assert not any("in " in line and line.startswith("sample:") for line in seconds.messages)


def test_no_work_is_done_at_once(seconds):
    assert list(progress.track([], 0, "trace", "sample")) == []
    assert seconds.messages[-1].startswith("sample: 0 traces")
