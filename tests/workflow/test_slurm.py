"""`snakemake --profile slurm` on a real SLURM of three nodes, and what can go wrong on a cluster.

One run of the smoke configuration meets every fault; its files are compared with those of a local
run that met none. Three shards of rollouts take the faults:

* Of the first two, one is going on when Snakemake itself is killed and started again, as
  docs/cluster.md says. The job of the other is canceled after a batch; the next hangs until it is
  out of time.
* The first job of the third runs out of memory; the node of its next one loses power.

While that one runs elsewhere, the controller is restarted.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from helpers.repository import copy_to, merge

pytestmark = pytest.mark.slurm

CLUSTER = Path(__file__).parents[1] / "slurm" / "cluster.sh"
# Two traces a shard, of some 60 tokens each: with 320 rollouts from each prefix, between two and
# three batches, so that a shard can be stopped in its second.
FAULTS = "potential: {rollouts: 320, shards: 3}\n"
# Everything but Cliff-DPO, whose adapters tell how long they took to train.
TARGETS = ("--", "figures", "tables")
PARTIAL = "results/smoke/potential/testbed-small/chains/.shard-{}.partial"
LOG = "logs/smoke/roll_out/testbed-small/chains/shard-{}.log"
TAKEN = "taken from an earlier attempt"
ENDED = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")


def shell(*command: str, check: bool = True) -> str:
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout


def until(found, seconds: float, what: str):
    """What ``found`` gives as soon as it gives anything."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = found()
        if result:
            return result
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds} s; squeue:\n" + str(jobs(".")))


def jobs(comment: str) -> list[dict]:
    """Jobs of the cluster, ended ones included, whose comment (rule, wildcards) matches."""
    names = ("jobid", "state", "partition", "nodelist", "minmemory", "tres-per-job", "comment")
    fields = "|,".join(f"{name}:300" for name in names)
    listed = shell("squeue", "-h", "-t", "all", "-O", fields).splitlines()
    rows = [dict(zip(names, map(str.strip, line.split("|")), strict=True)) for line in listed]
    found = [row for row in rows if re.search(comment, row["comment"])]
    return sorted(found, key=lambda row: int(row["jobid"]))


def shard(number: int) -> list[dict]:
    return jobs(rf"rule_roll_out_wildcards_.*_{number}$")


@pytest.fixture(scope="module")
def cluster():
    """A running cluster: a function that does to it what cluster.sh can."""
    # Not below pytest's own folder, which only its owner may enter: munge refuses that.
    home = Path(tempfile.mkdtemp(prefix="slurm-"))
    home.chmod(0o755)
    environment = {**os.environ, "SLURM_LAB": str(home)}

    def act(*what: str):
        done = subprocess.run(
            [CLUSTER, *what], env=environment, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(what)}: {done.stdout}{done.stderr}")

    if os.geteuid() != 0:
        pytest.skip("a cluster of its own needs root, to tell SLURM's programs where it is")
    try:
        if not all(map(shutil.which, ("slurmctld", "slurmd", "squeue", "munged"))):
            act("install")
        act("start")
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"SLURM cannot be installed or started here: {error}")
    yield act
    act("stop")


def repository(folder: Path) -> Path:
    """A copy with a profile ``lab``: the one that is shipped, changed by tests/slurm/lab.yaml."""
    copy_to(folder)
    (folder / "faults.yaml").write_text(FAULTS)
    shipped = yaml.safe_load((folder / "profiles/slurm/profile.yaml").read_text())
    changes = yaml.safe_load((CLUSTER.parent / "lab.yaml").read_text())
    (folder / "lab").mkdir()
    (folder / "lab/profile.yaml").write_text(yaml.safe_dump(merge(shipped, changes)))
    return folder


def snakemake(folder: Path, *arguments: str, log: str) -> subprocess.Popen:
    # SIGINT, because Snakemake cancels its jobs then; with SIGTERM it would wait for them.
    command = ["timeout", "-s", "INT", "-k", "60", "1800", sys.executable, "-m", "snakemake"]
    with open(folder / log, "w") as stream:
        return subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The same configuration being run without a cluster: its folder and its process."""
    folder = repository(tmp_path_factory.mktemp("local") / "repository")
    smoke = ("--configfile", "config/smoke.yaml", "faults.yaml")
    # One core is left to the cluster, which is run beside it.
    process = snakemake(folder, "--cores", "1", *smoke, *TARGETS, log="out.txt")
    yield folder, process
    stop(process)


@pytest.fixture(scope="module")
def faulty(cluster, local, tmp_path_factory):
    """A finished run that met the faults, and what was seen of them."""
    folder = repository(tmp_path_factory.mktemp("faulty") / "repository")
    seen = {}

    def stored(number: int) -> int:
        return len(list((folder / PARTIAL.format(number)).glob("[!.]*.parquet")))

    def went_on(number: int) -> bool:
        """Whether the last attempt is at work, and not at its first batch."""
        log = folder / LOG.format(number)
        return log.exists() and TAKEN in log.read_text()

    def running(number: int, attempt: int) -> dict | None:
        """The job of a shard's attempt, once it runs; attempts are counted over both starts."""
        found = shard(number)
        return found[attempt - 1] if len(found) >= attempt and found[-1]["nodelist"] else None

    # Snakemake dies, as on a login node that kills long processes. Its jobs go on; they have to
    # be canceled, or they would write beside those of the next start.
    first = snakemake(folder, "--profile", "lab", *TARGETS, log="first.txt")
    until(lambda: stored(1) or stored(2) or first.poll() is not None, 400, "a batch")
    assert first.poll() is None, (folder / "first.txt").read_text()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    shell("scancel", *(job["jobid"] for job in jobs(".") if job["state"] not in ENDED))
    until(lambda: all(job["state"] in ENDED for job in jobs(".")), 60, "canceled jobs")
    # Which of the two was first is up to SLURM; the other is the one to be canceled.
    going_on, stopped = (1, 2) if stored(1) else (2, 1)
    seen["shards"] = {"going on": going_on, "stopped": stopped}
    seen["stored"] = {number: stored(number) for number in (1, 2)}
    before = {number: len(shard(number)) for number in (1, 2, 3)}
    unlock = snakemake(folder, "--profile", "lab", "--unlock", log="unlock.txt")
    assert unlock.wait() == 0, (folder / "unlock.txt").read_text()

    second = snakemake(folder, "--profile", "lab", *TARGETS, log="second.txt")
    try:
        canceled = until(lambda: running(stopped, before[stopped] + 1), 240, "the shard to stop")
        new = seen["stored"][stopped] == 0
        until(lambda: stored(stopped) if new else went_on(stopped), 240, "a batch of it")
        shell("scancel", canceled["jobid"])
        until(lambda: shard(stopped)[before[stopped]]["state"] in ENDED, 60, "its end")
        seen["stored"][stopped] = stored(stopped)

        late = until(lambda: running(stopped, before[stopped] + 2), 240, "the same shard again")
        # At work again, for a job that ends before its step begins fails in another way.
        # Its log is not there until then: Snakemake clears away what the last attempt wrote.
        until(lambda: went_on(stopped), 240, "its batches")
        # SLURM looks at limits twice a minute; a job at work could be done before it does.
        shell("scancel", "--signal=STOP", late["jobid"])
        shell("scontrol", "update", f"jobid={late['jobid']}", "EndTime=now+1")

        held = until(lambda: shard(3)[before[3] + 1 :], 240, "shard 3 with more memory")
        shell("scontrol", "release", held[0]["jobid"])
        struck = until(lambda: running(3, before[3] + 2), 240, "its release")
        cluster("power-cut", struck["nodelist"])
        seen["struck"] = struck
        elsewhere = until(
            lambda: shard(3)[-1]["nodelist"] not in ("", struck["nodelist"]) and shard(3)[-1],
            120,
            "shard 3 on another node",
        )
        cluster("power-on", struck["nodelist"])

        # A step that had yet to start would wait a minute for the controller, which is away for as
        # long as a restart takes; docs/cluster.md says what becomes of more than ten seconds.
        step = f"{elsewhere['jobid']}.0"
        until(lambda: step in shell("squeue", "-h", "-s", "-o", "%i").split(), 60, "its step")
        cluster("controller-down")
        time.sleep(3)
        cluster("controller-up")
        seen["survivor"] = elsewhere["jobid"]
        code = second.wait()
        seen["before"] = before
        assert code == 0, (folder / "second.txt").read_text()[-20000:]
        seen["jobs"] = jobs(".")
        yield folder, seen
    finally:
        stop(second)


def attempts(seen: dict, number: int) -> list[dict]:
    """Jobs of a shard from the second start of Snakemake on."""
    own = re.compile(rf"rule_roll_out_wildcards_.*_{number}$")
    found = [job for job in seen["jobs"] if own.match(job["comment"])]
    return found[seen["before"][number] :]


def test_the_run_gives_the_files_of_a_local_run_byte_by_byte(faulty, local):
    (folder, _), (beside, process) = faulty, local
    assert process.wait() == 0, (beside / "out.txt").read_text()
    found = {
        name: {
            str(path.relative_to(root)): path.read_bytes()
            for path in (root / "results/smoke").rglob("*")
            if path.is_file()
        }
        for name, root in (("cluster", folder), ("local", beside))
    }
    assert len(found["local"]) > 40
    assert sorted(found["cluster"]) == sorted(found["local"])  # so nothing partial is left
    assert [
        path for path, content in found["local"].items() if found["cluster"][path] != content
    ] == []


def test_jobs_of_models_have_a_gpu_and_summaries_share_a_job(faulty):
    _, seen = faulty
    models = (
        "rule_(sample_traces|score_tokens|roll_out|roll_out_branches|resample_cliffs|"
        "estimate_candidates|resample_cut_points)_"
    )
    for job in seen["jobs"]:
        is_model = re.match(models, job["comment"]) is not None
        assert (job["partition"], "gpu" in job["tres-per-job"]) == (
            ("gpu", True) if is_model else ("cpu", False)
        ), job
    assert len([job for job in seen["jobs"] if "summaries" in job["comment"]]) == 1
    assert not [job for job in seen["jobs"] if re.match("rule_(table|figure)_", job["comment"])]


def test_a_killed_snakemake_goes_on_with_what_was_finished(faulty):
    folder, seen = faulty
    number = seen["shards"]["going on"]
    assert seen["stored"][number] >= 1
    assert (folder / LOG.format(number)).read_text().count(TAKEN) == seen["stored"][number]


def test_a_canceled_job_loses_a_batch_at_most_and_one_out_of_time_is_tried_again(faulty):
    folder, seen = faulty
    number = seen["shards"]["stopped"]
    states = [job["state"] for job in attempts(seen, number)]
    assert states == ["CANCELLED", "TIMEOUT", "COMPLETED"]
    text = (folder / LOG.format(number)).read_text()
    assert text.count(TAKEN) >= seen["stored"][number] >= 1
    assert "batch 1 of" not in text


def test_a_job_out_of_memory_asks_for_more(faulty):
    _, seen = faulty
    killed, *later = attempts(seen, 3)
    assert killed["state"] in ("FAILED", "OUT_OF_MEMORY")
    assert (killed["minmemory"], later[0]["minmemory"]) == ("200M", "4000M")


def test_a_job_whose_node_fails_runs_elsewhere(faulty):
    _, seen = faulty
    last = attempts(seen, 3)[-1]
    assert last["state"] == "COMPLETED"
    assert last["nodelist"] != seen["struck"]["nodelist"]


def test_a_job_survives_the_controller(faulty):
    _, seen = faulty
    (state,) = [job["state"] for job in seen["jobs"] if job["jobid"] == seen["survivor"]]
    assert state == "COMPLETED"
