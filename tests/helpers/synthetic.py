"""Consistent tables of a run that never happened, from a seeded random process.

A trace walks through a potential that mostly stays and sometimes jumps; counts are binomial draws
from it. Cliffs are found by the rule itself and arms are drawn at the two prefixes of each cliff,
so that every frame agrees with every other and with its schema.
"""

import itertools
import json

import numpy as np
import pandas as pd
import pyarrow as pa

from cliff_tokens import tables
from cliff_tokens.stages import cliffs
from cliff_tokens.stages import cut_points as cuts
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.stages.rollouts import LEAVING

CERTAIN = 0.99
TEST = CliffTest()
VOCABULARY = [" the", " 12", "\n", " =", " 7", " so", " times", " $x$", ".", " 36", " total", " +"]


def run(
    models=("small", "large"),
    datasets=("chains", "factors"),
    problems=12,
    samples=1,
    length=40,
    rollouts=64,
    jump=0.06,
    always_correct=(),
    seed=0,
):
    """Frames of all tables by name. ``jump=0``: every potential is 0 or 1, so no cliffs."""
    rng = np.random.default_rng(seed)
    traces, tokens, potential = [], [], []
    for model in models:
        for dataset in datasets:
            for problem in range(problems):
                for sample in range(samples):
                    trace_id = f"{model}/{dataset}/p{problem:03d}/{sample}"
                    size = int(rng.integers(length // 2, length + 1))
                    truth = _walk(rng, size, jump, model in always_correct)
                    correct = bool(rng.random() < truth[-1]) or model in always_correct
                    scored = _tokens(rng, trace_id, size)
                    tokens.append(scored)
                    traces.append(_trace(rng, trace_id, scored, correct))
                    counts = _counts(rng, truth[:-1], rollouts, trace_id=trace_id)
                    potential.append(counts.assign(**_none_leave(len(counts))))
    frames = {
        "problems": _problems(datasets, problems),
        "traces": pd.DataFrame(traces),
        "tokens": pd.concat(tokens, ignore_index=True),
        "potential": pd.concat(potential, ignore_index=True),
    }
    frames["estimates"] = estimate_independent(frames["potential"], frames["traces"])
    frames["cliffs"] = cliffs.detect(
        frames["estimates"], frames["traces"], frames["tokens"], TEST, CERTAIN
    )
    frames["resampling"] = _arms(rng, frames["cliffs"], rollouts)
    frames["candidates"] = _candidates(rng, frames["cliffs"], rollouts)
    frames["alternatives"] = _alternatives(frames["tokens"])
    return {name: _typed(frame, name) for name, frame in frames.items()}


def _walk(rng, size, jump, hopeful):
    """Potential of prefixes 0 .. size: constant but for jumps."""
    truth = np.empty(size + 1)
    truth[0] = rng.uniform(0.3, 1.0) if jump else float(hopeful or rng.random() < 0.5)
    for t in range(1, size + 1):
        jumps = rng.random() < jump
        truth[t] = rng.uniform(0.3 if hopeful else 0.0, 1.0) if jumps else truth[t - 1]
    return truth


def _tokens(rng, trace_id, size):
    entropy = np.where(rng.random(size) < 0.6, 0.0, rng.exponential(0.5, size))
    rank = np.where((entropy > 0.056) & (rng.random(size) < 0.5), rng.integers(2, 9, size), 1)
    ids = rng.integers(len(VOCABULARY), size=size)
    return pd.DataFrame(
        {
            "trace_id": trace_id,
            "t": np.arange(1, size + 1),
            "token_id": ids,
            "token": [VOCABULARY[i] for i in ids],
            "logprob": -rng.exponential(0.3, size),
            "rank": rank,
            "greedy_id": 0,
            "entropy": entropy,
            "support": 20,
            "tail": 0.0,
            "sampler_probability": np.where(entropy < 0.056, 1.0, rng.uniform(0.05, 1, size)),
        }
    )


def _alternatives(tokens):
    """One to three other tokens where the sampler had a choice."""
    free = tokens[tokens["sampler_probability"] < 1]
    parts = [free[free["t"] % 3 >= number] for number in range(3)]
    counts = 1 + free["t"] % 3
    return pd.concat(
        part[["trace_id", "t"]].assign(
            token_id=50 + number, probability=(1 - part["sampler_probability"]) / counts
        )
        for number, part in enumerate(parts)
    )


def _trace(rng, trace_id, scored, correct):
    model, dataset, problem, sample = trace_id.split("/")
    verdict = "correct" if correct else rng.choice(["incorrect", "unparsed"], p=[0.9, 0.1])
    return {
        "trace_id": trace_id,
        "model": model,
        "dataset": dataset,
        "problem_id": problem,
        "sample": int(sample),
        "stream": 0,
        "prompt_ids": [1, 2, 3],
        "token_ids": scored["token_id"].tolist(),
        "text": "".join(scored["token"]),
        "finish": "length" if verdict == "unparsed" else "stop",
        "max_tokens": 512,
        "answer": None if verdict == "unparsed" else "36",
        "verdict": verdict,
        "sampler": json.dumps({"temperature": 1.0, "top_k": 20, "top_p": 0.95}),
    }


def _none_leave(size):
    """Columns of rollouts that all follow their trace: where they leave is not simulated."""
    return {name: [[] for _ in range(size)] for name in LEAVING}


def _counts(rng, truth, rollouts, **key):
    size = len(truth)
    return pd.DataFrame(
        {
            **key,
            "t": np.arange(size),
            "successes": rng.binomial(rollouts, truth),
            "rollouts": rollouts,
            "unparsed": 0,
            "timeouts": 0,
            "truncated": 0,
            "generated_tokens": 10 * rollouts,
        }
    )


def _arms(rng, found, rollouts):
    """Arms of every cliff; every fifth cliff has no control token."""
    before, after = found["before"].to_numpy(), found["after"].to_numpy()
    arms = {
        "del": (before, found["t"] - 1),
        "keep": (after, found["t"]),
        "control_del": (before, found["t"]),
        "control_keep": (before, found["t"] + 1),
    }
    parts = []
    for arm, (truth, prefix) in arms.items():
        part = _counts(rng, truth, rollouts, cliff_id=found["cliff_id"].to_numpy(), arm=arm)
        part["trace_id"] = found["trace_id"].to_numpy()
        part["prefix_t"] = prefix.to_numpy()
        part = part.drop(columns="t")
        parts.append(part[np.arange(len(part)) % 5 != 4] if "control" in arm else part)
    return pd.concat(parts, ignore_index=True)


def _candidates(rng, found, rollouts):
    """Four tokens at every cliff, the cliff token at its rank; the others lead anywhere."""
    rows = []
    for cliff in found.itertuples():
        probability = np.sort(rng.dirichlet(np.ones(5)))[:0:-1]
        own = min(cliff.rank, 4) - 1
        for place, share in enumerate(probability):
            truth = cliff.after if place == own else rng.uniform(0, 1)
            rows.append(
                {
                    "cliff_id": cliff.cliff_id,
                    "token_id": cliff.token_id if place == own else 100 + place,
                    "token": VOCABULARY[place],
                    "rank": place + 1,
                    "probability": share,
                    "is_sampled": place == own,
                    "is_greedy": place == 0,
                    "reused": rollouts if place == own else 0,
                    "successes": rng.binomial(rollouts, truth),
                    "rollouts": rollouts,
                    "unparsed": 0,
                    "timeouts": 0,
                    "truncated": 0,
                    "generated_tokens": 10 * rollouts,
                }
            )
    return pd.DataFrame(rows, columns=tables.TABLES["candidates"].schema.names)


def pairs_of(run):
    """Every model asked about the cliffs of the one before it, and the other way round."""
    models = list(run["traces"]["model"].unique())
    near = itertools.pairwise(models)
    return [pair for a, b in near for pair in ((a, b), (b, a))]


def agreement(run, seed=0):
    """What evaluators think of the cliff tokens, of another candidate each, and of controls.

    Every fifth cliff has no control. Rows of the ``agreement`` table.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for source, evaluator in pairs_of(run):
        found = run["cliffs"][run["cliffs"]["model"].eq(source)]
        own = found[["cliff_id", "trace_id", "t", "token_id"]].assign(
            group="cliff", is_sampled=True, source_rank=found["rank"]
        )
        other = own.assign(token_id=own["token_id"] + 100, is_sampled=False, source_rank=9)
        control = own.assign(group="control", t=own["t"] + 1, token_id=own["token_id"] + 50)
        for part in (own, other, control[np.arange(len(control)) % 5 != 4]):
            chance = rng.uniform(0, 0.5, (2, len(part)))
            parts.append(
                part.assign(
                    evaluator=evaluator,
                    source_probability=chance[0],
                    probability=chance[1],
                    rank=part["source_rank"] + rng.choice([0, 0, 1, 3, 15], len(part)),
                )
            )
    scored = tables.TABLES["agreement"].schema.empty_table().to_pandas()
    if parts:
        scored = _typed(pd.concat(parts, ignore_index=True), "agreement")
    return scored


def cut_points(run, rollouts=64, seed=0):
    """The table ``cut_points`` of a run: binomial draws at the estimates of its prefixes."""
    rng = np.random.default_rng(seed)
    located = cuts.locate(run["estimates"], run["traces"], run["cliffs"], cuts.CutRules(), seed)
    before = run["estimates"].set_index(["trace_id", "t"])["before"]
    places = located.dropna().drop_duplicates(["trace_id", "prefix_t"])[["trace_id", "prefix_t"]]
    at = pd.MultiIndex.from_arrays([places["trace_id"], places["prefix_t"].astype(int) + 1])
    counts = _counts(rng, before.reindex(at).to_numpy(), rollouts).drop(columns="t")
    counts = pd.concat([places.reset_index(drop=True), counts.assign(reused=0)], axis=1)
    merged = located.merge(counts, on=["trace_id", "prefix_t"], how="left")
    return _typed(merged.astype(dict.fromkeys(counts.columns[2:], "Int64")), "cut_points")


def _problems(datasets, problems):
    rows = [
        {
            "dataset": dataset,
            "problem_id": f"p{problem:03d}",
            "question": "How many?",
            "answer": "36",
            "answer_from": "box",
            "until": None,
            "level": None,
            "split": "test",
            "source_row": problem,
        }
        for dataset in datasets
        for problem in range(problems)
    ]
    return pd.DataFrame(rows)


def _typed(frame, name):
    """The frame as it is after a round trip through its parquet file."""
    schema = tables.TABLES[name].schema
    frame = frame.sort_values(list(tables.TABLES[name].keys), ignore_index=True)
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False).to_pandas()
