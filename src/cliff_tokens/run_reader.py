"""A run to read on a terminal: its cliffs, one on a line, and a trace as text.

What belongs to a cliff is found by the records of files (``provenance``), so that traces of a base
run are found, too, and a file that has changed since then is an error.
"""

import difflib
import textwrap
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cliff_tokens import provenance, tables
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.terminal import align, printable

_BEFORE, _AFTER = 36, 16  # letters of the text around a cliff
_WIDTH = 88  # letters of a line of text


class RunError(ValueError):
    """A folder that is not a run, or a name that the run does not have."""


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
        row |= {"text": _around(texts[cliff.trace_id].tolist(), cliff.t), **_measures(cliff)}
        rows.append(row | {"trace is": cliff.outcome})
    return "\n".join([*align(rows, left={"trace", "kind", "text", "trace is"}), "", summary])


def show_trace(run: str | Path, trace_id: str, estimator: str | None = None) -> str:
    """A trace to read: question, gold answer, text with its cliffs marked, and the cliffs."""
    found = _Run(run, estimator)
    trace, problem = found.trace(trace_id)
    cliffs = found.cliffs[found.cliffs["trace_id"].eq(trace_id)].sort_values("t")
    tokens = found.tokens[found.tokens["trace_id"].eq(trace_id)].sort_values("t")
    estimates = found.estimates[found.estimates["trace_id"].eq(trace_id)].sort_values("t")
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
    """The tables of a run that cliffs of one estimator were found in.

    ``audit``, where the run has one, says which cliffs fresh rollouts confirm.
    """

    def __init__(self, folder: str | Path, estimator: str | None):
        self.folder = Path(folder)
        self.estimator = self._chosen(estimator)
        paths = sorted((self.folder / "cliffs" / self.estimator).glob("*/*.parquet"))
        self._root = provenance.root_of(paths[0])
        records = {path: tables.read_metadata(path) for path in paths}
        self.test = CliffTest(**records[paths[0]]["params"]["test"])
        read = sorted(
            {name for path, making in records.items() for name in self._checked(path, making)}
        )
        self.tokens, self.estimates = (
            tables.read_all(self._of_table(read, name), name) for name in ("tokens", "estimates")
        )
        self._traces = {
            path: tables.read(path, "traces") for path in self._of_table(read, "traces")
        }
        self.cliffs = self._with_audit(tables.read_all(paths, "cliffs"), paths)

    def trace(self, trace_id: str) -> tuple[pd.Series, pd.Series]:
        """The trace of this name, and its problem."""
        for path, traces in self._traces.items():
            rows = traces[traces["trace_id"].eq(trace_id)]
            if len(rows):
                (file,) = self._of_table(
                    self._checked(path, tables.read_metadata(path)), "problems"
                )
                problems = tables.read(file, "problems").set_index("problem_id")
                return rows.iloc[0], problems.loc[rows["problem_id"].iloc[0]]
        names = [name for traces in self._traces.values() for name in traces["trace_id"]]
        near = difflib.get_close_matches(trace_id, names, cutoff=0)
        raise RunError(
            f"{self.folder}: has no trace {trace_id!r}; expected one of its {len(names)}, such as "
            f"{', '.join(near)}"
        )

    def _checked(self, path: Path, making: dict) -> list[str]:
        """What a table was made from, if that has not changed since."""
        return list(provenance.check(path, making, self._root))

    def _of_table(self, names: Iterable[str], table: str) -> list[Path]:
        """The files of this table, results/RUN/TABLE/..., among those of the names."""
        return [self._root / name for name in names if name.split("/")[2:3] == [table]]

    def _with_audit(self, cliffs: pd.DataFrame, paths: list[Path]) -> pd.DataFrame:
        """The cliffs with what the audit says of them, null where the run has none of these."""
        own = {str(path.absolute().relative_to(self._root.absolute())) for path in paths}
        audits = [
            path
            for path in sorted(self.folder.glob("audit/*/*.parquet"))
            if own & tables.read_metadata(path)["inputs"].keys()
        ]
        audit = tables.read_all(audits, "audit")[["cliff_id", "possible", "confirmed"]]
        return cliffs.merge(audit, on="cliff_id", how="left")

    def _chosen(self, estimator: str | None) -> str:
        """The estimator that was asked for, the run's main one, or the only one that it has."""
        there = sorted({path.parts[-3] for path in self.folder.glob("cliffs/*/*/*.parquet")})
        if not there:
            raise RunError(
                f"{self.folder}: no cliffs there; expected the folder of a run that has detected "
                "some, such as results/testbed after `snakemake --cores 2`"
            )
        config = self.folder / "provenance/config.yaml"
        if estimator is None and config.is_file():
            import yaml

            estimator = yaml.safe_load(config.read_text(encoding="utf-8"))["potential"]["main"]
        if estimator is None:
            estimator = there[0] if len(there) == 1 else None
        if estimator not in there:
            found = "no estimator is named" if estimator is None else f"found {estimator!r}"
            raise RunError(
                f"{self.folder}: {found}; expected --estimator with one of {', '.join(there)}"
            )
        return estimator


def _measures(cliff) -> dict[str, str]:
    """The columns of a cliff that both views have."""
    shown = {"before": f"{cliff.before:.3f}", "after": f"{cliff.after:.3f}"}
    shown["q"] = f"{cliff.sampler_probability:.3f}"
    if pd.isna(cliff.confirmed):
        return shown | {"confirmed": "-"}
    words = "yes" if cliff.confirmed else "no" if cliff.possible else "cannot be"
    return shown | {"confirmed": words}


def _around(tokens: list[str], t: int) -> str:
    before, after = "".join(tokens[: t - 1]), "".join(tokens[t:])
    parts = (before[-_BEFORE:], f"»{tokens[t - 1]}«", after[:_AFTER])
    return printable("".join(parts))


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
