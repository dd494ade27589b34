"""A run to read on a terminal: its cliffs, one on a line, and a trace as text.

What belongs to a cliff is found by the records of files (``sources``), so that traces of a base run
are found, too, and a file that has changed since then is an error.
"""

import difflib
import textwrap
from pathlib import Path

import pandas as pd

from cliff_tokens import sources, tables
from cliff_tokens.stages.arms import confirm, say
from cliff_tokens.terminal import align, around, printable

_WIDTH = 88  # letters of a line of text


class RunError(ValueError):
    """A name that a run does not have."""


def list_cliffs(run: str | Path, estimator: str | None = None) -> str:
    """Every cliff of a run that an estimator found, by trace; None: the run's main estimator."""
    found = _Run(run, estimator)
    cliffs = found.cliffs.sort_values(["trace_id", "t"])
    traces = cliffs["trace_id"].nunique()
    summary = f"{len(cliffs)} cliffs on {traces} traces by the estimator {found.estimator}"
    if cliffs.empty:
        return summary
    texts = dict(iter(found.tokens.sort_values("t").groupby("trace_id")["token"]))
    rows = []
    for cliff in cliffs.itertuples():
        row = {"trace": cliff.trace_id, "t": str(cliff.t), "kind": cliff.kind}
        row |= {"text": around(texts[cliff.trace_id].tolist(), cliff.t), **_measures(cliff)}
        rows.append(row | {"trace is": cliff.outcome})
    return "\n".join([*align(rows, left={"trace", "kind", "text", "trace is"}), "", summary])


def show_trace(run: str | Path, trace_id: str, estimator: str | None = None) -> str:
    """A trace to read: question, gold answer, text with its cliffs marked, and the cliffs."""
    found = _Run(run, estimator)
    trace, problem = found.trace(trace_id)
    cliffs = found.cliffs[found.cliffs["trace_id"].eq(trace_id)].sort_values("t")
    tokens = found.tokens[found.tokens["trace_id"].eq(trace_id)].sort_values("t")
    estimates = found.estimates[found.estimates["trace_id"].eq(trace_id)].sort_values("t")
    if estimates.empty:
        raise RunError(
            f"{trace_id}: {found.estimator} measured the first problems of each data set only "
            "(potential.subset); name one of these, or another --estimator"
        )
    read = "no answer" if trace["answer"] is None else f"the answer {printable(trace['answer'])}"
    golds = " or ".join(printable(gold) for gold in problem["answer"].split("\n"))
    start, end = estimates["before"].iloc[0], estimates["after"].iloc[-1]
    lines = [
        trace_id,
        "",
        "question",
        _wrapped(problem["question"]),
        "",
        f"{trace['verdict']}: {read} where {golds} is right",
        f"{len(tokens)} tokens; potential ({found.estimator}) {start:.3f} at the bare prompt, "
        f"{end:.0f} at the end",
        "",
        "text, with every cliff marked: »token« [potential before it, after it]",
        _wrapped(_marked(tokens, cliffs)),
        "",
    ]
    if cliffs.empty:
        return "\n".join([*lines, "no cliff"])
    test = found.test
    rows = [
        {"t": str(cliff.t), "token": repr(cliff.token), "kind": cliff.kind}
        | _measures(cliff)
        | {"drop": f"{cliff.before - cliff.after:.3f}"}
        | {"threshold": f"{test.threshold(cliff.drop_se):.3f}", "rank": str(cliff.rank)}
        for cliff in cliffs.itertuples()
    ]
    return "\n".join([*lines, *align(rows, left={"token", "kind"})])


class _Run:
    """The tables of a run that one estimator found cliffs in, and which of them are confirmed."""

    def __init__(self, folder: str | Path, estimator: str | None):
        self.folder = Path(folder)
        found = sources.find_run(folder)
        there = dict.fromkeys(reading.estimator for one in found for reading in one.readings)
        self.estimator = self._chosen(estimator, list(there))
        chosen = [
            (one, reading)
            for one in found
            for reading in one.readings
            if reading.estimator == self.estimator
        ]
        self._sources = [one for one, _ in chosen]
        readings = [reading for _, reading in chosen]
        self.test = readings[0].test
        self.tokens = tables.read_all([one.tokens for one in self._sources], "tokens")
        self.estimates = tables.read_all([reading.estimates for reading in readings], "estimates")
        self.cliffs = pd.concat(map(_confirmed, readings), ignore_index=True)

    def trace(self, trace_id: str) -> tuple[pd.Series, pd.Series]:
        """The trace of this name, and its problem."""
        names = []
        for one in self._sources:
            traces = tables.read(one.traces, "traces").set_index("trace_id")
            if trace_id in traces.index:
                problems = tables.read(one.problems, "problems").set_index("problem_id")
                return traces.loc[trace_id], problems.loc[traces.loc[trace_id, "problem_id"]]
            names += traces.index.tolist()
        near = difflib.get_close_matches(trace_id, names, cutoff=0)
        raise RunError(
            f"{self.folder}: has no trace {trace_id!r}; expected one of its {len(names)}, such as "
            f"{', '.join(near)}"
        )

    def _chosen(self, estimator: str | None, there: list[str]) -> str:
        """The estimator that was asked for, the run's main one, or the only one that it has."""
        config = self.folder / "provenance/config.yaml"
        if estimator is None and config.is_file():
            import yaml

            estimator = yaml.safe_load(config.read_text(encoding="utf-8"))["potential"]["main"]
        if estimator is None and len(there) == 1:
            (estimator,) = there
        if estimator not in there:
            found = "no estimator is named" if estimator is None else f"found {estimator!r}"
            raise RunError(
                f"{self.folder}: {found}; expected --estimator with one of {', '.join(there)}"
            )
        return estimator


def _confirmed(reading: sources.Reading) -> pd.DataFrame:
    """The cliffs of a reading; ``confirmed`` is null where no fresh rollouts were drawn."""
    cliffs = tables.read(reading.cliffs, "cliffs")
    if "resampling" not in reading.followed:
        return cliffs.assign(confirmed=None)
    resampling = tables.read(reading.followed["resampling"], "resampling")
    found = confirm(cliffs, resampling, reading.test)
    return found.assign(confirmed=say(found["possible"], found["confirmed"]))


def _measures(cliff) -> dict[str, str]:
    """The columns of a cliff that both views have."""
    shown = {"before": f"{cliff.before:.3f}", "after": f"{cliff.after:.3f}"}
    shown["q"] = f"{cliff.sampler_probability:.3f}"
    return shown | {"confirmed": "-" if pd.isna(cliff.confirmed) else cliff.confirmed}


def _marked(tokens: pd.DataFrame, cliffs: pd.DataFrame) -> str:
    at = {cliff.t: cliff for cliff in cliffs.itertuples()}
    return "".join(
        f"»{token}« [{at[t].before:.2f}, {at[t].after:.2f}] " if t in at else token
        for t, token in zip(tokens["t"], tokens["token"], strict=True)
    )


def _wrapped(text: str) -> str:
    """The text, indented, its own line breaks kept."""
    indent = {"initial_indent": "  ", "subsequent_indent": "  "}
    lines = printable(text, kept="\n").split("\n")
    return "\n".join(textwrap.fill(line, _WIDTH, **indent) for line in lines)
