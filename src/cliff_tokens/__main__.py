"""The command ``cliff-tokens``: cliffs in own counts; a run to read, and what it is made of."""

import argparse
import json
import os
import sys
from pathlib import Path

from cliff_tokens import detection, own_counts, provenance, run_reader, sources, tables
from cliff_tokens.explorer import build, pages

_SHOWN = 5
_RULE = {
    "margin": (0.1, "the drop that is no cliff yet"),
    "z": (1.645, "standard errors that a cliff falls further"),
}
_REFUSED = (
    provenance.ProvenanceError, tables.TableError, run_reader.RunError, sources.SourceError,
    pages.PagesError,
)  # fmt: skip
_BROKEN_PIPE = 141  # as a shell reports a program that wrote to a pipe nobody reads
_EXAMPLES = """\
COUNTS has a row for each prefix of each trace; t is how many tokens the prefix holds (0: the bare
prompt) and token is the one that follows it:

  trace,t,token,successes,rollouts,verdict
  a,0,Add,58,64,incorrect
  a,1, 3,60,64,incorrect
  a,2, twice,21,64,incorrect

Of 64 rollouts 60 are right from prefix 1 and 21 from prefix 2: token 2, " 3", is a cliff. So is
token 3, " twice": the trace, which ends with it, is incorrect.

  trace, t, successes, rollouts   are needed; rollouts may differ from row to row
  token                           names the cliffs
  verdict                         of the whole trace, correct or incorrect: what follows its last
                                  token, which is not tested without it
  q                               probability with which the sampler takes the token: no drop can
                                  exceed 1 - q, so that some cliffs cannot be

examples:
  cliff-tokens detect counts.csv
  cliff-tokens detect counts.csv --margin 0.2 --out cliffs.csv
  cliff-tokens detect counts.parquet --json | jq .expected_by_chance

exit status: 0 when done, cliffs or not; 2 if the counts or options cannot be used (stderr says why)
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command: 0 if all is well, 1 if a file is not what it should be, 2 for bad counts."""
    if hasattr(sys.stdout, "reconfigure"):  # a token may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(_parser().parse_args(arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Nothing more can be written, not even when the interpreter flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cliff-tokens", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    detect = commands.add_parser(
        "detect",
        help="cliffs in your own counts (csv or parquet), of any model and tool",
        description="Cliffs in your own counts: tokens at which the share of right rollouts falls.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    detect.add_argument("counts", metavar="COUNTS", help="csv or parquet, a row for each prefix")
    _add_settings(detect, _RULE | {"confidence": (0.95, "of the interval of a drop")})
    detect.add_argument("--json", action="store_true", help="print JSON")
    detect.add_argument("--out", metavar="FILE", help="write the cliffs to a csv, parquet or json")
    trace = commands.add_parser(
        "trace", help="the cliffs of a run, one on a line; with a name, a trace of it to read"
    )
    trace.add_argument("run", metavar="RUN", help="folder of the run, such as results/testbed")
    trace.add_argument("trace", metavar="TRACE", nargs="?", help="name of a trace")
    trace.add_argument(
        "--estimator", metavar="NAME", help="whose cliffs and potentials (default: the run's main)"
    )
    new = commands.add_parser(
        "new",
        help="entries and a plan for a run of your own model on your own problems",
        description="Write two catalogue entries and a plan, all checked first (docs/own_data.md).",
    )
    new.add_argument("run", metavar="RUN", help="name of the run; config/RUN.yaml is its plan")
    new.add_argument("--model", required=True, metavar="PATH_OR_HUB_ID", help="a folder, or an id")
    new.add_argument(
        "--problems", required=True, metavar="FILE", help="jsonl, json (a list), csv or parquet"
    )
    new.add_argument("--question", default="question", metavar="COLUMN", help="of the questions")
    new.add_argument("--answer", default="answer", metavar="COLUMN", help="of the gold answers")
    new.add_argument("--max-tokens", type=int, metavar="N", help="limit on a response")
    explore = commands.add_parser(
        "explore",
        help="write a folder that shows every trace of a run, or of own counts, in a browser",
    )
    explore.add_argument("of", metavar="RUN|COUNTS", help="folder of the run, or csv or parquet")
    explore.add_argument(
        "--out", metavar="DIR", help="folder to write (default: RUN/explorer, COUNTS-explorer)"
    )
    explore.add_argument(
        "--estimator", metavar="NAME", help="of a run: which is shown first (default: its main one)"
    )
    counts = {name: (value, f"of counts: {meaning}") for name, (value, meaning) in _RULE.items()}
    _add_settings(explore, counts | {"confidence": (0.95, "of all intervals")})
    explore.set_defaults(margin=None, z=None)  # a run has its own rule
    show = commands.add_parser("show", help="content, rule, params and inputs of a file")
    show.add_argument("file", help="a table (parquet), or a csv, svg, pdf or md of a run")
    verify = commands.add_parser("verify", help="check every file of a run against its manifest")
    verify.add_argument("run", help="folder of the run, such as results/testbed")
    return parser


def _run(chosen: argparse.Namespace) -> int:
    try:
        if chosen.command == "detect":
            return _detect(chosen)
        if chosen.command == "explore":
            return _explore(chosen)
        if chosen.command == "show":
            print(provenance.describe(chosen.file))
            return 0
        if chosen.command == "trace":
            asked = (chosen.run, chosen.trace) if chosen.trace else (chosen.run,)
            view = run_reader.show_trace if chosen.trace else run_reader.list_cliffs
            print(view(*asked, chosen.estimator))
            return 0
        if chosen.command == "new":
            return _new(chosen)
        return _verify(chosen.run)
    except own_counts.CountsError as error:
        print(f"cliff-tokens {chosen.command}: error: {error}", file=sys.stderr)
        return 2
    except _REFUSED as error:
        print(error, file=sys.stderr)
        return 1


def _detect(chosen: argparse.Namespace) -> int:
    settings = {name: getattr(chosen, name) for name in ("margin", "z", "confidence")}
    detection.check_settings(**settings)
    counts = own_counts.read_counts(chosen.counts)
    if chosen.out:
        detection.check_output(chosen.out, chosen.counts)
    if counts.attrs["ignored"]:
        print(f"columns not read: {', '.join(counts.attrs['ignored'])}", file=sys.stderr)
    if "verdict" not in counts:
        print(
            "no column verdict: the last token of each trace is not tested, for lack of a "
            "potential after it",
            file=sys.stderr,
        )
    drops = detection.measure_drops(counts, **settings)
    if drops.empty:
        names = ", ".join(map(repr, counts["trace"].unique()[:3].tolist()))
        raise own_counts.CountsError(
            f"{chosen.counts}: no token can be tested, as no trace ({names} ...) has a second "
            "prefix or a verdict; expected prefixes 0, 1, ... of a trace under one name"
        )
    summary = detection.summarize(drops, settings)
    if chosen.out:
        detection.write_cliffs(summary, detection.keep_cliffs(drops), chosen.out)
    print(json.dumps(summary, indent=1) if chosen.json else detection.describe(summary))
    return 0


def _new(chosen: argparse.Namespace) -> int:
    from cliff_tokens import new_run  # which needs what the workflow needs

    given = {name: value for name, value in vars(chosen).items() if name != "command"}
    try:
        said = new_run.write_run(new_run.Wish(**given))
    except (ValueError, OSError, NotImplementedError) as error:  # the last: no engine for a model
        print(f"cliff-tokens new: error: {error}", file=sys.stderr)
        return 2
    print(said)  # out here: a reader that stops early is no fault of the run's
    return 0


def _explore(chosen: argparse.Namespace) -> int:
    of, rule = Path(chosen.of), {name: getattr(chosen, name) for name in _RULE}
    given = {name: value for name, value in rule.items() if value is not None}
    settings = {name: default for name, (default, _) in _RULE.items()} | given
    detection.check_settings(**settings, confidence=chosen.confidence)
    is_run = of.is_dir()
    folder = Path(
        chosen.out or (of / "explorer" if is_run else of.with_name(f"{of.stem}-explorer"))
    )
    pages.check_folder(folder)
    if not is_run and chosen.estimator:
        raise own_counts.CountsError(
            f"--estimator: found {chosen.estimator!r}; expected none, counts are read in one way"
        )
    if not is_run:
        count = build.of_counts(of, folder, **settings, confidence=chosen.confidence)
    elif given:
        raise sources.SourceError(
            f"{of}: a run was detected with its own margin and z; expected no --margin and no --z "
            "(README.md, Change something, says how a run is detected anew)"
        )
    else:
        found = sources.find_run(of)
        count = build.of_run(found, folder, of.absolute().name, chosen.confidence, chosen.estimator)
    print(f"{count} trace{'' if count == 1 else 's'}: open {folder / 'index.html'} in a browser")
    return 0


def _add_settings(parser: argparse.ArgumentParser, settings: dict[str, tuple[float, str]]) -> None:
    for name, (value, meaning) in settings.items():
        parser.add_argument(
            f"--{name}", type=float, default=value, metavar="X", help=f"{meaning} (default {value})"
        )


def _verify(run: str) -> int:
    checked, wrong = provenance.verify(run)
    for line in wrong[:_SHOWN]:
        print(line, file=sys.stderr)
    print(f"{run}: {checked - len(wrong)} of {checked} files are as the manifest has them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
