"""`snakemake --profile slurm` on a real SLURM of four nodes, and what can go wrong on a cluster.

One run of the smoke configuration meets every fault; its files are compared with those of a local
run that met none. Each fault has a shard of rollouts of its own:

1. is going on when Snakemake itself is killed and started again, as docs/cluster.md says;
2. is canceled after a batch; its next job hangs until it is out of time;
3. is out of memory in its first job;
4. loses its node to a power cut.

All but the first wait (``sbatch --hold``) until the test is ready for them, so that none can be
over before its fault. Then the controller is restarted under whatever jobs run.

What became of a fault is kept and asserted by its own test: one that could not be made, or that the
run did not survive, leaves the others as they are.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from helpers.repository import copy_to, merge

pytestmark = pytest.mark.slurm

# Names of the workflow: rules that open a model, the one that takes the faults, and where its shard
# of a number has its job (a comment of rule and wildcards), its log and its finished batches.
MODEL_RULES = ("sample_traces", "score_tokens", "roll_out", "list_candidates")
FAULTY_RULE = "roll_out"
COMMENT = "rule_roll_out_wildcards_independent_testbed-small_chains_{}"
LOG = "logs/smoke/roll_out/independent/testbed-small/chains/shard-{}.log"
PARTIAL = "results/smoke/rollouts/independent/testbed-small/chains/.shard-{}.partial"
SUMMARIES = "exhibits"  # the group of jobs
ALONE = ("table", "figure")  # how rules of that group begin, were they submitted one by one
# Everything but Cliff-DPO, whose adapters tell how long they took to train.
TARGETS = ("--", "figures", "tables")
# Where the copies' size of a batch stands, and what it is set to: a shard takes seconds then, in
# three batches at least (a trace has some 60 tokens), and can be stopped after its first.
BATCH = ("src/cliff_tokens/stages/rollouts.py", r"^BATCH = \d+$", "BATCH = 2048")
PLAN = "potential: {rollouts: 384}\nshards: {independent: 4}\n"
TAKEN = "taken from an earlier attempt"

CLUSTER = Path(__file__).parents[1] / "slurm" / "cluster.sh"
# One place, so that what an earlier test left there is found and taken down.
LAB = "/var/lib/cliff-tokens-slurm"
ENDED = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
PATIENCE = 1200  # seconds; most waits take less than 30, on a busy machine some minutes

_stopping = threading.Event()  # set when the test ends early, for the threads that wait
_asking = threading.Lock()
_answer: tuple[float, list[dict]] = (0.0, [])  # of squeue, for half a second


def shell(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def until(found: Callable, what: str, beside: subprocess.Popen | None = None):
    """What ``found`` gives as soon as it gives anything; ``beside``: who has to live until then.

    A question to SLURM that fails is asked again: the controller can be busy, or away.
    """
    end = time.monotonic() + PATIENCE
    while not _stopping.is_set():
        try:
            result = found()
            if result:
                return result
        except subprocess.SubprocessError as error:
            result = f"{error}: {error.stderr}"
        why = None
        if beside is not None and beside.poll() is not None:
            why = f"until Snakemake ended ({beside.returncode})"
        elif time.monotonic() > end:
            why = f"for {PATIENCE} s"
        if why:
            raise TimeoutError(f"awaited {why}: {what}; found: {result!r}; jobs: {table()}")
        time.sleep(0.2)
    raise KeyboardInterrupt(f"the test was ended while it awaited: {what}")


def bring(*command: str, reached: Callable, what: str) -> None:
    """Give SLURM a command until it takes it, unless what it asks for is reached by itself."""
    until(lambda: reached() or shell(*command) is not None, what)


def jobs() -> list[dict]:
    """Jobs of the cluster, ended ones included; the comment holds rule and wildcards."""
    global _answer
    names = ("jobid", "state", "partition", "nodelist", "minmemory", "tres-per-job", "comment")
    with _asking:
        if time.monotonic() > _answer[0] + 0.5:
            fields = "|,".join(f"{name}:300" for name in names)
            listed = shell("squeue", "-h", "-t", "all", "-O", fields).splitlines()
            cells = [map(str.strip, line.split("|")) for line in listed]
            rows = [dict(zip(names, row, strict=True)) for row in cells]
            _answer = time.monotonic(), sorted(rows, key=lambda row: int(row["jobid"]))
        return _answer[1]


def table() -> str:
    """All jobs as SLURM lists them, for the reader of an error."""
    command = ("squeue", "-h", "-t", "all", "-o", "%i %T %r %N %k")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return f"\n{done.stdout}{done.stderr}"


def steps() -> list[str]:
    """The steps that run: until its step does, a job has started nothing of ours."""
    return shell("squeue", "-h", "-s", "-o", "%i").split()


def state(jobid: str) -> str:
    (found,) = [job["state"] for job in jobs() if job["jobid"] == jobid]
    return found


def has_ended(*jobids: str) -> bool:
    return all(state(jobid) in ENDED for jobid in jobids)


def cancel(*jobids: str) -> None:
    if jobids:
        what = f"the end of {', '.join(jobids)}, canceled"
        bring("scancel", *jobids, reached=lambda: has_ended(*jobids), what=what)
        until(lambda: has_ended(*jobids), what)


@contextmanager
def only_test() -> Iterator[None]:
    """Hold the folder that tells SLURM's programs where they are: there is one on a machine."""
    folder = Path("/etc/slurm")
    folder.mkdir(exist_ok=True)
    held = os.open(folder, os.O_RDONLY)  # the lock ends with this process, however that ends
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.skip("another test has its cluster on this machine")
        yield
    finally:
        os.close(held)


@pytest.fixture(scope="module")
def cluster():
    """A running cluster: a function that does to it what cluster.sh can."""
    if os.geteuid() != 0:
        pytest.skip("a cluster of its own needs root, to tell SLURM's programs where it is")
    environment = {**os.environ, "SLURM_LAB": LAB}

    def act(*what: str):
        done = subprocess.run(
            [CLUSTER, *what], env=environment, capture_output=True, text=True, timeout=900
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(what)}: {done.stdout}{done.stderr}")

    def end(*_):
        _stopping.set()
        raise KeyboardInterrupt("SIGTERM")

    with only_test():
        # A test that is terminated takes its cluster down as one that is done. One that is killed
        # cannot: the next one's start does, and ends what was left running on it.
        usual = signal.signal(signal.SIGTERM, end)
        try:
            try:
                if not all(map(shutil.which, ("slurmctld", "slurmd", "squeue", "munged"))):
                    act("install")
                act("start")
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                pytest.skip(f"SLURM cannot be installed or started here: {error}")
            yield act
        finally:
            act("stop")
            signal.signal(signal.SIGTERM, usual)


def profile(folder: Path) -> dict:
    """The profile that is shipped, changed by tests/slurm/lab.yaml and by the faults."""
    # The testbed runs on CPUs, but its jobs shall be placed as those of a GPU are.
    resources = {rule: {"gpu": 1} for rule in MODEL_RULES}
    resources[FAULTY_RULE] |= {
        # Too little for a model, once.
        "mem_mb": "200 if wildcards.shard == '3' and attempt == 1 else 2000 * attempt",
        "slurm_extra": "'--hold' if wildcards.shard in ('2', '3', '4') and attempt == 1 else ''",
    }
    shipped = yaml.safe_load((folder / "profiles/slurm/profile.yaml").read_text())
    changes = yaml.safe_load((CLUSTER.parent / "lab.yaml").read_text())
    return merge(merge(shipped, changes), {"set-resources": resources})


def repository(folder: Path) -> Path:
    """A copy with smaller batches, a plan ``faults.yaml`` and a profile ``lab``."""
    copy_to(folder)
    path, old, new = BATCH
    text, count = re.subn(old, new, (folder / path).read_text(), flags=re.M)
    assert count == 1, f"{path}: expected one line {old}, found {count}"
    (folder / path).write_text(text)
    (folder / "faults.yaml").write_text(PLAN)
    (folder / "lab").mkdir()
    (folder / "lab/profile.yaml").write_text(yaml.safe_dump(profile(folder)))
    return folder


def snakemake(folder: Path, *arguments: str, log: str) -> subprocess.Popen:
    # SIGINT, because Snakemake cancels its jobs then; with SIGTERM it would wait for them.
    command = ["timeout", "-s", "INT", "-k", "60", "7200", sys.executable, "-m", "snakemake"]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(folder / "src"),  # the copy's, as a user has it installed
        "CLUSTER_OF_TESTS": LAB,  # cluster.sh ends what bears this name with the cluster
    }
    with open(folder / log, "w") as stream:
        return subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()


@pytest.fixture(scope="module")
def local(cluster, tmp_path_factory):
    """The same configuration being run beside the cluster: its folder and its process."""
    folder = repository(tmp_path_factory.mktemp("local") / "repository")
    smoke = ("--configfile", "config/smoke.yaml", "faults.yaml")
    # One core is left to the cluster.
    process = snakemake(folder, "--cores", "1", *smoke, *TARGETS, log="out.txt")
    yield folder, process
    stop(process)


class Run:
    """A run on the cluster, the faults it meets and what became of each."""

    def __init__(self, folder: Path, cluster: Callable):
        self.folder, self.cluster = folder, cluster
        self.process: subprocess.Popen | None = None  # of the second start
        self.started = 0  # the last job before it
        self.code: int | None = None  # how it ended
        self.jobs: list[dict] = []  # all, once it has
        self._outcomes: dict[str, object] = {}

    def meet(self, fault: Callable) -> None:
        """Keep what a fault's steps gave, or the error that ended them."""
        try:
            self._outcomes[fault.__name__] = fault()
        except Exception as error:
            self._outcomes[fault.__name__] = error

    def met(self, fault: Callable):
        """What a fault's steps gave; their error is one of the test that asks, and of no other."""
        found = self._outcomes[fault.__name__]
        if isinstance(found, Exception):
            raise found
        return found

    def attempts(self, number: int) -> list[dict]:
        """Jobs of a shard from the second start of Snakemake on."""
        own = re.compile(COMMENT.format(number))
        found = [job for job in self.jobs or jobs() if own.fullmatch(job["comment"])]
        return [job for job in found if int(job["jobid"]) > self.started]

    def stored(self, number: int) -> int:
        """Finished batches of a shard."""
        return len(list((self.folder / PARTIAL.format(number)).glob("[!.]*.parquet")))

    def log(self, number: int) -> str:
        """What a shard's last job wrote; Snakemake clears away what those before it did."""
        path = self.folder / LOG.format(number)
        return path.read_text() if path.exists() else ""

    def _await(self, found: Callable, what: str):
        return until(found, what, beside=self.process)

    def _release(self, number: int) -> str:
        """Let a shard go to its fault: its job."""
        job = self._await(lambda: self.attempts(number), f"a job of shard {number}")[0]["jobid"]
        asked = ("scontrol", "release", job)
        bring(*asked, reached=lambda: state(job) != "PENDING", what=f"the release of {job}")
        return job

    def killed(self) -> int:
        """Snakemake dies, as on a login node that kills long processes: batches stored by then."""
        first = snakemake(self.folder, "--profile", "lab", *TARGETS, log="first.txt")
        try:
            until(lambda: self.stored(1), "a batch of shard 1", beside=first)
        finally:
            if first.poll() is None:
                os.killpg(first.pid, signal.SIGKILL)
                first.wait()
            # Its jobs go on; they have to be canceled, or they would write beside the next ones.
            cancel(*(job["jobid"] for job in until(jobs, "jobs") if job["state"] not in ENDED))
            unlock = snakemake(self.folder, "--profile", "lab", "--unlock", log="unlock.txt")
            assert unlock.wait() == 0, (self.folder / "unlock.txt").read_text()
        return self.stored(1)

    def canceled_and_hung(self) -> int:
        """A job is canceled, the next hangs: batches stored by the first."""
        job = self._release(2)
        self._await(lambda: self.stored(2), "a batch of shard 2")
        cancel(job)
        stored = self.stored(2)
        late = self._await(lambda: self.attempts(2)[1:], "shard 2 again")[0]["jobid"]
        # At work again, for a job that ends before its step begins fails in another way.
        self._await(lambda: TAKEN in self.log(2), "shard 2 at work again")
        bring("scancel", "--signal=STOP", late, reached=lambda: has_ended(late), what="its stop")
        # SLURM looks at limits twice a minute; a job at work could be done before it does.
        asked = ("scontrol", "update", f"jobid={late}", "EndTime=now+1")
        bring(*asked, reached=lambda: has_ended(late), what=f"another limit of {late}")
        until(lambda: has_ended(late), f"the end of {late}, out of time")
        return stored

    def out_of_memory(self) -> None:
        """What the first job of this shard asks for is too little; nothing else is done to it."""
        job = self._release(3)
        until(lambda: has_ended(job), f"the end of {job}, out of memory")

    def node_lost(self) -> str:
        """The node of a job loses power until the job runs elsewhere: the node."""
        self._release(4)
        # Not before: a job that SLURM has just begun to start is left held if its node is gone.
        self._await(lambda: self.stored(4), "a batch of shard 4")
        node = until(lambda: self.attempts(4)[0]["nodelist"], "the node of shard 4")
        others = ("", node)
        try:
            self.cluster("power-cut", node)
            elsewhere = f"shard 4 on another node than {node}"
            self._await(lambda: self.attempts(4)[-1]["nodelist"] not in others, elsewhere)
        finally:
            self.cluster("power-on", node)
        return node

    def controller_restarted(self) -> list[str]:
        """The controller is away for a moment: the jobs that ran before, and run after it."""

        def at_work() -> list[str]:
            running = set(steps())
            models = re.compile(f"rule_({'|'.join(MODEL_RULES)})_wildcards_")
            found = [job["jobid"] for job in jobs() if models.match(job["comment"])]
            # A step that had yet to start would wait for the controller for a minute.
            return [job for job in found if f"{job}.0" in running]

        def survivors() -> list[str]:
            before = self._await(at_work, "a model's job at work")
            # docs/cluster.md says what becomes of an absence of more than ten seconds.
            self.cluster("controller-down")
            self.cluster("controller-up")
            return [job for job in before if not has_ended(job)]

        return self._await(survivors, "a job that the restart finds and leaves at work")

    def go_on(self) -> None:
        """Start Snakemake again, let it meet its faults, and wait until it ends."""
        self.started = max(int(job["jobid"]) for job in until(jobs, "jobs"))
        self.process = snakemake(self.folder, "--profile", "lab", *TARGETS, log="second.txt")
        try:
            self._meet_beside(self.canceled_and_hung, self.out_of_memory, self.node_lost)
            self.meet(self.controller_restarted)
            self._wait()
        finally:
            stop(self.process)
        self.code = self.process.wait()
        self.jobs = until(jobs, "jobs")

    def _meet_beside(self, *faults: Callable) -> None:
        with ThreadPoolExecutor() as pool:
            try:
                wait([pool.submit(self.meet, fault) for fault in faults])
            except BaseException:
                _stopping.set()  # or the pool would wait for those that wait
                raise

    def _wait(self) -> None:
        """Until Snakemake ends, or waits although it has had no job for a long time."""
        last = time.monotonic()
        while self.process.poll() is None and time.monotonic() < last + PATIENCE:
            time.sleep(1)
            if any(job["state"] not in ENDED for job in until(jobs, "jobs")):
                last = time.monotonic()


@pytest.fixture(scope="module")
def run(cluster, local, tmp_path_factory):
    """A run that has met the faults and ended, well or not."""
    found = Run(repository(tmp_path_factory.mktemp("faulty") / "repository"), cluster)
    found.meet(found.killed)
    found.go_on()
    return found


def test_the_run_gives_the_files_of_a_local_run_byte_by_byte(run, local):
    beside, process = local
    assert run.code == 0, (run.folder / "second.txt").read_text()[-20000:]
    assert process.wait() == 0, (beside / "out.txt").read_text()
    found = {
        name: {
            str(path.relative_to(root)): path.read_bytes()
            for path in (root / "results/smoke").rglob("*")
            if path.is_file()
        }
        for name, root in (("cluster", run.folder), ("local", beside))
    }
    assert len(found["local"]) > 40
    assert sorted(found["cluster"]) == sorted(found["local"])  # so nothing partial is left
    assert [
        path for path, content in found["local"].items() if found["cluster"][path] != content
    ] == []


def test_jobs_of_models_have_a_gpu_and_summaries_share_a_job(run):
    models = re.compile(f"rule_({'|'.join(MODEL_RULES)})_wildcards_")
    for job in run.jobs:
        is_model = models.match(job["comment"]) is not None
        assert (job["partition"], "gpu" in job["tres-per-job"]) == (
            ("gpu", True) if is_model else ("cpu", False)
        ), job
    assert len([job for job in run.jobs if SUMMARIES in job["comment"]]) == 1
    alone = re.compile(f"rule_({'|'.join(ALONE)})_")
    assert not [job for job in run.jobs if alone.match(job["comment"])]


def test_a_killed_snakemake_goes_on_with_what_was_finished(run):
    stored = run.met(run.killed)
    assert stored >= 1
    assert run.log(1).count(TAKEN) == stored


def test_a_canceled_job_loses_a_batch_at_most_and_one_out_of_time_is_tried_again(run):
    stored = run.met(run.canceled_and_hung)
    states = [job["state"] for job in run.attempts(2)]
    assert states == ["CANCELLED", "TIMEOUT", "COMPLETED"]
    assert run.log(2).count(TAKEN) >= stored >= 1
    assert "batch 1 of" not in run.log(2)


def test_a_job_out_of_memory_asks_for_more(run):
    run.met(run.out_of_memory)
    killed, *later = run.attempts(3)
    assert killed["state"] in ("FAILED", "OUT_OF_MEMORY")
    assert (killed["minmemory"], later[0]["minmemory"]) == ("200M", "4000M")
    assert later[-1]["state"] == "COMPLETED"


def test_a_job_whose_node_fails_runs_elsewhere(run):
    node = run.met(run.node_lost)
    last = run.attempts(4)[-1]
    assert last["state"] == "COMPLETED"
    assert last["nodelist"] != node


def test_a_job_survives_the_controller(run):
    survivors = run.met(run.controller_restarted)
    states = {job["jobid"]: job["state"] for job in run.jobs if job["jobid"] in survivors}
    assert set(states.values()) == {"COMPLETED"}, states


def test_what_is_asked_of_the_cluster_may_be_so_already(cluster):
    for what in (
        *[("power-on", "g3")] * 2,
        *[("power-cut", "g3")] * 2,
        *[("power-on", "g3")] * 2,
        *[("controller-down",)] * 2,
        *[("controller-up",)] * 2,
        ("start",),
    ):
        cluster(*what)
