"""Snakemake, imported once: a program that answers each call with a fork of itself.

Most of a dry run's time is the import of Snakemake. A call is a line of json on the standard input:
folder, arguments, environment, and the file that takes what is printed. The answer is a line with
the exit status. A fork has done nothing before but that import.
"""

import json
import os
import sys

from snakemake.cli import main

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
