"""A job that rolls out is killed, and goes on where it was."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.rolling import PREFIXES, PROVENANCE, ROLLOUTS, CountingEngine, count, roll_out

from cliff_tokens.policies import sampling
from cliff_tokens.stages import rollouts

BATCHES = [f"potential-{run}" for run in ("0-32", "32-60")]


def partial(folder: Path) -> list[Path]:
    return sorted((folder / ".shard-1.partial").glob("*.parquet"))


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    """The counts of a job that nothing stopped and nothing was stored of."""
    return count(CountingEngine())


@pytest.fixture
def killed(tmp_path) -> Path:
    """The folder of a job that was killed in its second batch."""
    after = str(rollouts.BATCH + 5000)
    done = subprocess.run(
        [sys.executable, "-m", "helpers.rolling", str(tmp_path), after],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL
    return tmp_path


def test_a_killed_job_loses_the_batch_it_was_in_and_nothing_else(killed, whole):
    assert [path.stem.partition("-")[2] for path in partial(killed)] == BATCHES[:1]
    engine = CountingEngine()
    pd.testing.assert_frame_equal(roll_out(killed, engine), whole)
    assert engine.drawn == PREFIXES * ROLLOUTS - rollouts.BATCH
    assert list(killed.iterdir()) == []  # what was stored is gone once the job is done


def test_what_another_job_left_is_not_taken(killed, whole):
    engine = CountingEngine()
    other = {**PROVENANCE, "params": {"seed": 8}}
    pd.testing.assert_frame_equal(roll_out(killed, engine, other), whole)
    assert engine.drawn == PREFIXES * ROLLOUTS


def test_a_stored_batch_that_cannot_be_read_is_drawn_again(killed, whole):
    (path,) = partial(killed)
    path.write_bytes(path.read_bytes()[:100])
    engine = CountingEngine()
    pd.testing.assert_frame_equal(roll_out(killed, engine), whole)
    assert engine.drawn == PREFIXES * ROLLOUTS


def test_a_job_that_fails_keeps_what_it_finished(tmp_path):
    engine = CountingEngine()

    def fail():
        if engine.drawn == rollouts.BATCH + 1:
            raise RuntimeError("the device is gone")

    engine.after = fail
    with pytest.raises(RuntimeError, match="the device is gone"):
        roll_out(tmp_path, engine)
    assert len(partial(tmp_path)) == 1


def test_a_slow_engine_loses_less(tmp_path):
    engine = CountingEngine()
    engine.slow = True

    def fail():
        if engine.drawn == 5 * rollouts.SLOW_BATCH + 1:
            raise RuntimeError("the device is gone")

    engine.after = fail
    with pytest.raises(RuntimeError, match="the device is gone"):
        roll_out(tmp_path, engine)
    assert len(partial(tmp_path)) == 5


@pytest.mark.parametrize("sizes", [[], [1], [64] * 256, [64] * 257, [20000, 20000, 1]])
def test_batches_cover_every_prefix_once_and_reach_their_size(sizes):
    some = [
        rollouts.Prefix(None, None, None, sampling.streams(1, "size", count=size), 1, False, "1")
        for size in sizes
    ]
    runs = list(rollouts._batches(some, rollouts.BATCH))
    assert [place for start, end in runs for place in range(start, end)] == list(range(len(sizes)))
    assert all(sum(sizes[start:end]) >= rollouts.BATCH for start, end in runs[:-1])
    assert runs  # also of nothing: the columns are needed


def test_shards_hold_every_row_of_a_plan_once_and_whole_traces():
    plan = pd.DataFrame({"trace_id": list("bbacca"), "prefix_t": range(6)})
    shards = [rollouts.shard(plan, number, 2) for number in (1, 2)]
    assert [sorted(set(part["trace_id"])) for part in shards] == [["a", "c"], ["b"]]
    assert sorted(pd.concat(shards)["prefix_t"]) == list(range(6))
    with pytest.raises(ValueError, match=r"expected 1 \.\. 2, found 3"):
        rollouts.shard(plan, 3, 2)


def planned(**changed) -> pd.DataFrame:
    row = {"trace_id": "a", "prefix_t": 2, "token_id": 5, "rollouts": 4} | changed
    return rollouts.make_plan(pd.DataFrame([row]), [("test", row["trace_id"])])


def drawn(plan: pd.DataFrame, rollouts_drawn: int = 4) -> pd.DataFrame:
    counts = dict.fromkeys(rollouts.COUNTS, 1) | {"rollouts": rollouts_drawn}
    return plan[["key"]].assign(**counts)


@pytest.mark.parametrize(
    ("change", "taken"), [({}, 1), ({"prefix_t": 3}, 0), ({"token_id": 6}, 0), ({"rollouts": 5}, 0)]
)
def test_rollouts_of_a_base_are_taken_for_the_same_row_only(change, taken):
    base = planned()
    assert len(rollouts.reuse(planned(**change), base, drawn(base))) == taken


@pytest.mark.parametrize("counts", [drawn(planned(), 3), drawn(planned()).assign(key="other")])
def test_rollouts_of_another_plan_are_refused(counts):
    assert rollouts.join(planned(), drawn(planned()))["successes"].tolist() == [1]
    with pytest.raises(ValueError, match="roll the plan out again"):
        rollouts.join(planned(), counts)


@pytest.mark.parametrize(
    ("response", "position"),
    [([5, 6, 7], 0), ([5, 6, 8], 3), ([9], 1), ([5, 8, 7, 1, 1], 2)],
)
def test_a_rollout_leaves_at_the_first_token_that_is_not_the_traces(response, position):
    assert rollouts.leaves_at(np.array(response), np.array([5, 6, 7])) == position


def test_where_rollouts_leave_adds_up_to_what_they_came_to(whole):
    # The trace of these prefixes is right, and of one token.
    left, right = (whole[name].map(sum) for name in ("leavers", "leaver_successes"))
    assert (whole["successes"] == right + whole["rollouts"] - left).all()
    assert (left > 0).all()
    assert {at for row in whole["left_at"] for at in row} == {1}
