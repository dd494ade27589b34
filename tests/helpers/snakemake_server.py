"""Snakemake, imported once: a program that answers each call with a fork of itself.

Most of a dry run's time is the import of Snakemake, and most of a short job's that of what its
script imports. A call is a line of json on the standard input: folder, arguments, environment, and
the file that takes what is printed. The answer is a line with the exit status. A fork has done
nothing before but that import. Scripts of its jobs are forks of another process, which has imported
the libraries that they import and nothing of this repository. ``test_equal_bytes`` starts Snakemake
and every script anew, and finds the same bytes.
"""

import importlib
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

# What libraries read of the environment when they are imported: of a call that says otherwise every
# script is started anew.
READ = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
LIBRARIES = (
    "pandas", "pyarrow.parquet", "jsonschema", "yaml", "scipy.stats", "matplotlib.figure", "PIL",
    "torch", "transformers.modeling_utils", "peft",
)  # fmt: skip


def run_scripts(server: socket.socket, owner: int) -> None:
    """Run the script of each call in a fork, until the owner of this process has ended.

    A call is what its output goes to, and a line of json with file, folder and environment; the
    answer is the exit status.
    """
    os.environ |= READ
    for name in LIBRARIES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # answers are the children's: none is waited for
    server.settimeout(1)
    while os.getppid() == owner:
        try:
            connection, _ = server.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(connection)
            os._exit(0)
        connection.close()


def _answer(connection: socket.socket) -> None:
    """Run the script of a call, and say how it ended."""
    connection.setblocking(True)
    _, printed, *_ = socket.recv_fds(connection, 1, 2)
    call = json.loads(connection.makefile().readline())
    if child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(f"{status}\n".encode())
        return
    connection.close()
    for place, file in enumerate(printed, start=1):
        os.dup2(file, place)
    os.environ.clear()
    os.environ.update(call["environment"])
    os.chdir(call["folder"])
    paths = call["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [str(Path(call["file"]).parent), *filter(None, paths)]
    sys.argv = [call["file"]]
    status = 1
    try:
        runpy.run_path(call["file"], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # as the interpreter would
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def ask(path: str, start):
    """What takes the place of ``start``, by which Snakemake starts a script."""

    def execute_script(script, file, edit=False):
        read = {name: os.environ[name] for name in os.environ if name.startswith("HF_")}
        if read | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")} != READ:
            return start(script, file, edit)
        began = time.perf_counter()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            socket.send_fds(connection, [b" "], [1, 2])
            call = {"file": str(file), "folder": os.getcwd(), "environment": dict(os.environ)}
            connection.sendall((json.dumps(call) + "\n").encode())
            status = int(connection.makefile().readline())
        if script.bench_record is not None:
            script.bench_record.running_time = time.perf_counter() - began
        if status:
            raise subprocess.CalledProcessError(status, str(file))
        return None

    return execute_script


def main() -> None:
    folder = tempfile.mkdtemp()  # which no fork removes when it ends
    path = str(Path(folder, "scripts"))
    server, owner = socket.socket(socket.AF_UNIX), os.getpid()
    server.bind(path)
    server.listen(64)
    if os.fork() == 0:
        run_scripts(server, owner)
        shutil.rmtree(folder)
        os._exit(0)
    server.close()

    from snakemake.cli import main
    from snakemake.script import PythonScript

    PythonScript.execute_script = ask(path, PythonScript.execute_script)
    for line in sys.stdin:
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        call = json.loads(line)
        printed = os.open(call["printed"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for place, file in enumerate((os.open(os.devnull, os.O_RDONLY), printed, printed)):
            os.dup2(file, place)
        os.environ.clear()
        os.environ.update(call["environment"])
        os.chdir(call["folder"])
        main(call["arguments"])  # ends the fork


if __name__ == "__main__":
    main()
