"""The traces of a run for the explorer: all that its tables say of each, by model and data set."""

import json
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from cliff_tokens import tables
from cliff_tokens.explorer import alternatives, readings
from cliff_tokens.explorer.rounding import short, shorts
from cliff_tokens.sources import Reading, Source
from cliff_tokens.stages.arms import confirm
from cliff_tokens.stages.estimators import ESTIMATORS
from cliff_tokens.tables import PLACE


def traces_of(sources: Iterable[Source], confidence: float) -> Iterator[tuple[dict, str]]:
    """Every trace of the sources for ``pages.write``, and the text that is searched.

    ``confidence`` is that of all intervals. One source is in memory at a time.
    """
    sources, problems = list(sources), {}
    known = {model: _vocabulary(sources, model) for model in {one.model for one in sources}}
    for source in sources:
        yield from _of_source(source, known[source.model], confidence, problems)


def _vocabulary(sources: list[Source], model: str) -> dict[int, str]:
    """The text of each token of a model that some table of its runs has."""
    known: dict[int, str] = {}
    for source in (one for one in sources if one.model == model):
        paths = [(source.tokens, "tokens")]
        for reading in source.readings:
            if "candidates" in reading.followed:
                paths.append((reading.followed["candidates"], "candidates"))
        for path, table in paths:
            rows = tables.read(path, table)[["token_id", "token"]].drop_duplicates("token_id")
            known |= dict(zip(rows["token_id"].tolist(), rows["token"], strict=True))
    return known


def _of_source(
    source: Source, vocabulary: dict[int, str], confidence: float, numbers: dict[tuple, int]
) -> Iterator[tuple[dict, str]]:
    problems = tables.read(source.problems, "problems").set_index("problem_id")
    tokens = _by_trace(tables.read(source.tokens, "tokens"))
    # Once each: the rounds of adaptive begin with those of recursive.
    branches = dict.fromkeys(
        path
        for reading in source.readings
        if ESTIMATORS[reading.estimator].counts == "branches"
        for path in reading.counts
    )
    offered = [] if source.alternatives is None else [source.alternatives]
    others = alternatives.Offered(
        tables.read_all(offered, "alternatives"),
        tables.read_all(branches, "branches"),
        vocabulary,
        confidence,
    )
    read = [_Read(reading, confidence) for reading in source.readings]
    for trace in tables.read(source.traces, "traces").itertuples():
        problem, scored = problems.loc[trace.problem_id], tokens[trace.trace_id]
        number = numbers.setdefault((trace.dataset, trace.problem_id), len(numbers))
        made = {
            "id": trace.trace_id,
            "model": trace.model,
            "dataset": trace.dataset,
            "problem": number,
            "question": problem["question"],
            "gold": problem["answer"].split("\n"),
            "answer": trace.answer,
            "verdict": trace.verdict,
            "finish": trace.finish,
            "sampler": json.loads(trace.sampler),
            "length": len(scored),
            "tokens": scored["token"].tolist(),
            "bound": shorts(1 - scored["sampler_probability"]),
            "entropy": shorts(scored["entropy"], 3),
            "rank": scored["rank"].tolist(),
            "tail": shorts(scored["tail"], 2),
            "support": int(scored["support"].iloc[0]),
            "others": others.of_trace(trace.trace_id),
            "readings": {
                one.estimator: made for one in read if (made := one.of_trace(scored, others))
            },
        }
        yield made, f"{problem['question']}\n{trace.text}"


class _Read:
    """The tables of a reading, by trace."""

    def __init__(self, reading: Reading, confidence: float):
        self.estimator, self.test, self.confidence = reading.estimator, reading.test, confidence
        self._estimates = _by_trace(tables.read(reading.estimates, "estimates"))
        self._counts = {}
        if ESTIMATORS[self.estimator].shares:
            self._counts = _by_trace(tables.read_all(reading.counts, "potential"))
        cliffs = tables.read(reading.cliffs, "cliffs")
        followed = {name: tables.read(path, name) for name, path in reading.followed.items()}
        if "resampling" in followed:
            cliffs = confirm(cliffs, followed["resampling"], self.test)
        if "audit" in followed:
            audit = followed["audit"].set_index("cliff_id")
            cliffs = cliffs.join(audit[["p_exact", "q_fdr"]], on="cliff_id")
        self._cliffs = _by_trace(cliffs)
        self._arms, self._candidates = (
            dict(iter(followed[name].groupby("cliff_id"))) if name in followed else {}
            for name in ("resampling", "candidates")
        )

    def of_trace(self, scored: pd.DataFrame, others: alternatives.Offered) -> dict | None:
        """The reading of the trace with these tokens; None where the estimator has none of it."""
        trace_id = scored["trace_id"].iloc[0]
        if trace_id not in self._estimates:
            return None
        rows, counts = self._estimates[trace_id], self._counts.get(trace_id)
        potential = np.append(rows["before"], rows["after"].iloc[-1])
        if counts is None:
            ends = readings.normal_ends(potential, rows["before_se"].to_numpy(), self.confidence)
        else:
            ends = readings.counted_ends(counts, self.confidence)
        made = readings.curve(potential, ends, self.test.threshold(rows["drop_se"]), counts)
        found = self._cliffs.get(trace_id, pd.DataFrame())
        q = dict(zip(scored["t"], scored["sampler_probability"], strict=True))
        made["cliffs"] = [self._cliff(row, q[row.t], others) for row in found.itertuples()]
        return made

    def _cliff(self, row, q: float, others: alternatives.Offered) -> dict:
        possible, confirmed = None, None
        made = {"t": int(row.t), "kind": row.kind}
        if hasattr(row, "possible") and not pd.isna(row.possible):
            possible, confirmed = bool(row.possible), bool(row.confirmed)
            for name in ("p_exact", "q_fdr", "fresh_drop", "fresh_se"):
                if hasattr(row, name):
                    made[name] = short(getattr(row, name))
        made["audit"] = readings.verdict_of_audit(possible, confirmed)
        if row.cliff_id in self._arms:
            made["arms"] = readings.arms(self._arms[row.cliff_id], self.confidence)
        if row.cliff_id in self._candidates:
            made["candidates"] = others.with_candidates(
                row.trace_id, row.t, q, self._candidates[row.cliff_id]
            )
        return made


def _by_trace(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    order = [name for name in PLACE if name in frame]
    return dict(iter(frame.sort_values(order, kind="stable").groupby("trace_id")))
