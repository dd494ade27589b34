"""The numbers of the paper's tables and figures: frames in, one tidy frame out.

A row is one cell and carries ``n``, the number of things its rates are about; a rate ``x`` has
its interval beside it as ``x_low`` and ``x_high``. A cell without data keeps its row, with n = 0
and NaN rates: not measured is not zero. Models and data sets stand in the order that is passed,
or else in that of first appearance; the label "all" pools.

The unit of resampling is the problem. Shares have Wilson intervals at the effective number of
rows (``statistics.share_interval``), means and ratios a bootstrap over problems.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.stages import taxonomy
from cliff_tokens.stages.cliff_test import CliffTest, FixedThreshold
from cliff_tokens.statistics import Intervals

POOLED = "all"
OUTCOMES = ("correct", "incorrect")
ARMS = ("del", "keep", "control_del", "control_keep")
PUBLISHED = "published"

Names = Sequence[str] | None


def accuracy(
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    intervals: Intervals,
    models: Names = None,
    datasets: Names = None,
) -> pd.DataFrame:
    """Verdicts and cliffs of the traces, per model and data set and over all data sets."""
    counted = _count_cliffs(traces, cliffs)

    def row(cell: pd.DataFrame) -> dict:
        return {
            "n": len(cell),
            "problems": cell["cluster"].nunique(),
            "correct": int(cell["verdict"].eq("correct").sum()),
            "unparsed": int(cell["verdict"].eq("unparsed").sum()),
            "timeouts": int(cell["verdict"].eq("timeout").sum()),
            "truncated": int(cell["finish"].eq("length").sum()),
            **share_columns("accuracy", cell["verdict"].eq("correct"), cell["cluster"], intervals),
            **share_columns("share_with_cliff", cell["cliffs"] > 0, cell["cluster"], intervals),
            "cliffs": int(cell["cliffs"].sum()),
            **mean_columns("cliffs_per_trace", cell["cliffs"], cell["cluster"], intervals),
            "tokens": int(cell["tokens"].sum()),
            **mean_columns(
                "cliffs_per_1000_tokens",
                1000 * cell["cliffs"],
                cell["cluster"],
                intervals,
                cell["tokens"],
            ),
        }

    return _cells(
        counted,
        names_or_all(models, traces["model"]),
        names_or_all(datasets, traces["dataset"]),
        row,
    )


def prevalence(
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    intervals: Intervals,
    models: Names = None,
    datasets: Names = None,
) -> pd.DataFrame:
    """How common cliffs are on correct and on incorrect traces (paper, Figures 2 and 3).

    The paper pools the data sets: its cells are those with data set "all".
    """
    counted = _count_cliffs(traces, cliffs)
    models, datasets = (
        names_or_all(models, traces["model"]),
        names_or_all(datasets, traces["dataset"]),
    )

    def row(cell: pd.DataFrame) -> dict:
        return {
            "n": len(cell),
            "problems": cell["cluster"].nunique(),
            "with_cliff": int((cell["cliffs"] > 0).sum()),
            **share_columns("share_with_cliff", cell["cliffs"] > 0, cell["cluster"], intervals),
            "cliffs": int(cell["cliffs"].sum()),
            **mean_columns("cliffs_per_trace", cell["cliffs"], cell["cluster"], intervals),
        }

    return _cells(counted, models, datasets, row, outcomes=OUTCOMES)


def taxonomy_shares(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    certain: float,
    intervals: Intervals,
    models: Names = None,
) -> pd.DataFrame:
    """The kinds among cliffs against the kinds among all tokens, per model and pooled.

    ``n`` counts the cliffs of the model and ``cliffs`` those of the kind; ``ratio`` is the share
    among cliffs over the share among all tokens.
    """
    kinds = taxonomy.kinds(tokens["entropy"], tokens["rank"], certain)
    cells = {(kind,): (cliffs["kind"].to_numpy() == kind, kinds == kind) for kind in taxonomy.KINDS}
    return _against_baseline(tokens, cliffs, ("kind",), cells, intervals, models)


def greedy_ratio(
    tokens: pd.DataFrame, cliffs: pd.DataFrame, intervals: Intervals, models: Names = None
) -> pd.DataFrame:
    """Share of greedy (rank 1) tokens among cliffs and among all tokens, per model and pooled."""
    cells = {(): (cliffs["rank"].to_numpy() == 1, tokens["rank"].to_numpy() == 1)}
    return _against_baseline(tokens, cliffs, (), cells, intervals, models)


def entropy_by_greedy(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    certain: float,
    intervals: Intervals,
    models: Names = None,
) -> pd.DataFrame:
    """Entropy (low, high) by greedy (yes, no): cliffs against all tokens, per model and pooled."""
    limit = taxonomy.entropy_threshold(certain)
    low = [frame["entropy"].to_numpy() <= limit for frame in (cliffs, tokens)]
    greedy = [frame["rank"].to_numpy() == 1 for frame in (cliffs, tokens)]
    cells = {
        (entropy, answer): tuple(
            (is_low == (entropy == "low")) & (is_greedy == (answer == "yes"))
            for is_low, is_greedy in zip(low, greedy, strict=True)
        )
        for entropy in ("low", "high")
        for answer in ("yes", "no")
    }
    return _against_baseline(tokens, cliffs, ("entropy", "greedy"), cells, intervals, models)


def entropy_shares(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    certain: float,
    intervals: Intervals,
    models: Names = None,
) -> pd.DataFrame:
    """Share of low entropy (at most h*) among all tokens and among cliffs, per model."""
    limit = taxonomy.entropy_threshold(certain)
    owners = dict(zip(("cliff", "all"), owners_of(cliffs, tokens), strict=True))
    low = {"cliff": cliffs["entropy"].le(limit), "all": tokens["entropy"].le(limit)}
    rows = []
    for model in names_or_all(models, owners["all"]["model"]):
        for group in ("all", "cliff"):
            inside = owners[group]["model"].eq(model).to_numpy()
            flags, clusters = low[group][inside], owners[group].loc[inside, "cluster"]
            share = share_columns("low_entropy", flags, clusters, intervals)
            rows.append({"model": model, "group": group, "n": len(flags), **share})
    columns = ["model", "group", "n", "low_entropy", "low_entropy_low", "low_entropy_high"]
    return pd.DataFrame(rows, columns=columns)


def by_model(frame: pd.DataFrame, column: str) -> dict[str, np.ndarray]:
    """A column of tokens or cliffs, split by the model that owns the trace."""
    (owners,) = owners_of(frame)
    values = frame[column].reset_index(drop=True)
    return {model: part.to_numpy() for model, part in values.groupby(owners["model"])}


def fixed_thresholds(
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    drops: Iterable[float],
    test: CliffTest,
    intervals: Intervals,
    models: Names = None,
) -> pd.DataFrame:
    """Traces flagged by the published rule and by fixed drops, data sets pooled."""
    drop = estimates["before"] - estimates["after"]
    rules = {(PUBLISHED, np.nan): test}
    rules |= {(f"drop >= {fixed:g}", fixed): FixedThreshold(fixed) for fixed in drops}
    models = names_or_all(models, traces["model"])

    def row(cell: pd.DataFrame) -> dict:
        return {
            "n": len(cell),
            "problems": cell["cluster"].nunique(),
            "flagged": int((cell["cliffs"] > 0).sum()),
            **share_columns("share_flagged", cell["cliffs"] > 0, cell["cluster"], intervals),
            "flags": int(cell["cliffs"].sum()),
            **mean_columns("flags_per_trace", cell["cliffs"], cell["cluster"], intervals),
        }

    parts = []
    for (name, fixed), detector in rules.items():
        flagged = estimates[detector.flags(drop, estimates["drop_se"])]
        part = _cells(_count_cliffs(traces, flagged), models, [], row, outcomes=OUTCOMES)
        part.insert(0, "rule", name)
        part.insert(1, "drop", fixed)
        parts.append(part.drop(columns="dataset"))
    return pd.concat(parts, ignore_index=True)


def pass_at_k(
    resampling: pd.DataFrame,
    cliffs: pd.DataFrame,
    outcome: str,
    intervals: Intervals,
    which: str = "all",
    ks: Sequence[int] | None = None,
    models: Names = None,
    datasets: Names = None,
) -> pd.DataFrame:
    """Mean pass@k over the cliffs on traces of one outcome, per model, data set, arm and k.

    ``which`` takes all cliffs or the first of each trace. ``ks`` defaults to the powers of two up
    to the number of rollouts. A cliff that lacks an arm (no control token was found) counts in
    the other arms only.
    """
    models, datasets = (
        names_or_all(models, cliffs["model"]),
        names_or_all(datasets, cliffs["dataset"]),
    )
    joined = _join_arms(resampling, cliffs, outcome, which)
    ks = _powers_of_two(resampling["rollouts"]) if ks is None else list(ks)
    rows = []
    for model in models:
        for dataset in datasets:
            for arm in ARMS:
                cell = joined[
                    joined["model"].eq(model)
                    & joined["dataset"].eq(dataset)
                    & joined["arm"].eq(arm)
                ]
                values = np.empty((len(cell), len(ks)))
                for column, k in enumerate(ks):
                    values[:, column] = statistics.pass_at_k(
                        cell["successes"].to_numpy(), cell["rollouts"].to_numpy(), k
                    )
                low, high = statistics.cluster_bootstrap(values, cell["problem_id"], intervals)
                mean = values.mean(axis=0) if len(cell) else np.full(len(ks), np.nan)
                rows += [
                    {
                        "model": model,
                        "dataset": dataset,
                        "arm": arm,
                        "k": k,
                        "n": len(cell),
                        "problems": cell["problem_id"].nunique(),
                        "mean": mean[i],
                        "mean_low": low[i],
                        "mean_high": high[i],
                    }
                    for i, k in enumerate(ks)
                ]
    columns = ["model", "dataset", "arm", "k", "n", "problems", "mean", "mean_low", "mean_high"]
    return pd.DataFrame(rows, columns=columns)


def boundary(
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    rollouts: int,
    intervals: Intervals,
    models: Names = None,
    datasets: Names = None,
) -> pd.DataFrame:
    """Where the claim ends: traces with potential 0 at the bare prompt, and cliffs on them.

    ``zero_high`` is the upper limit of a potential of which all ``rollouts`` failed. Cliffs per
    trace stand beside it for traces at zero and for all others.
    """
    counted = _count_cliffs(traces, cliffs)
    outset = estimates[estimates["t"].eq(1)].set_index("trace_id")["before"]
    counted["outset"] = traces["trace_id"].map(outset)
    if counted["outset"].isna().any():
        first = traces.loc[counted["outset"].isna(), "trace_id"].iloc[0]
        raise ValueError(f"{first}: has no estimate at the bare prompt; estimate it again")
    limit = float(statistics.wilson(0, rollouts, intervals.confidence)[1])

    def row(cell: pd.DataFrame) -> dict:
        zero = cell["outset"].eq(0)
        failed = cell[cell["outcome"].eq("incorrect")]
        found = {
            "n": len(cell),
            "problems": cell["cluster"].nunique(),
            **mean_columns("outset", cell["outset"], cell["cluster"], intervals),
            "at_zero": int(zero.sum()),
            **share_columns("share_at_zero", zero, cell["cluster"], intervals),
            "zero_high": limit,
        }
        for name, part in (("at_zero", cell[zero]), ("elsewhere", cell[~zero])):
            found[f"cliffs_{name}"] = int(part["cliffs"].sum())
            per_trace = f"cliffs_per_trace_{name}"
            found |= mean_columns(per_trace, part["cliffs"], part["cluster"], intervals)
        bare = failed["cliffs"].eq(0)
        found |= {"incorrect": len(failed), "without_cliff": int(bare.sum())}
        return found | share_columns("share_without_cliff", bare, failed["cluster"], intervals)

    return _cells(
        counted,
        names_or_all(models, traces["model"]),
        names_or_all(datasets, traces["dataset"]),
        row,
    )


def names_or_all(passed: Names, found: pd.Series) -> list[str]:
    return list(pd.unique(found)) if passed is None else list(passed)


def owners_of(*frames: pd.DataFrame) -> list[pd.DataFrame]:
    """Model and problem of each row of each frame, from {model}/{dataset}/{problem}/{sample}.

    Problem ids may hold slashes; names of models and data sets do not. Problems are numbered in
    the order of their names and shared between models: what is hard for one is hard for others.
    """
    codes, known = pd.factorize(pd.concat([frame["trace_id"] for frame in frames]))
    parts = pd.Series(known).str.split("/", n=1)
    model = parts.str[0].to_numpy(dtype=object)
    problem, _ = pd.factorize(parts.str[1].str.rsplit("/", n=1).str[0], sort=True)
    every = pd.DataFrame({"model": model[codes], "cluster": problem[codes]})
    ends = np.cumsum([len(frame) for frame in frames])
    return [
        every.iloc[end - len(frame) : end].reset_index(drop=True)
        for frame, end in zip(frames, ends, strict=True)
    ]


def _count_cliffs(traces: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """One row a trace, with the number of its cliffs, its length, outcome and cluster."""
    counts = cliffs["trace_id"].value_counts()
    unknown = counts.index.difference(traces["trace_id"])
    if len(unknown):
        raise ValueError(f"{unknown[0]}: has cliffs but is not among the traces")
    return pd.DataFrame(
        {
            "model": traces["model"],
            "dataset": traces["dataset"],
            "cluster": traces["dataset"] + "/" + traces["problem_id"],
            "verdict": traces["verdict"],
            "finish": traces["finish"],
            "outcome": np.where(traces["verdict"].eq("correct"), *OUTCOMES),
            "tokens": traces["token_ids"].map(len).astype("int64"),
            "cliffs": traces["trace_id"].map(counts).fillna(0).astype("int64"),
        }
    )


def _cells(
    counted: pd.DataFrame,
    models: Sequence[str],
    datasets: Sequence[str],
    row: Callable[[pd.DataFrame], dict],
    outcomes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """A row for every model, data set (pooled last) and, where given, outcome."""
    rows = []
    for model in models:
        for dataset in [*datasets, POOLED]:
            inside = counted["model"].eq(model)
            if dataset != POOLED:
                inside &= counted["dataset"].eq(dataset)
            elif datasets:
                inside &= counted["dataset"].isin(datasets)
            key = {"model": model, "dataset": dataset}
            if outcomes is None:
                rows.append(key | row(counted[inside]))
                continue
            for outcome in outcomes:
                cell = counted[inside & counted["outcome"].eq(outcome)]
                rows.append(key | {"outcome": outcome} | row(cell))
    return pd.DataFrame(rows)


def share_columns(name: str, flags: pd.Series, clusters: pd.Series, intervals: Intervals) -> dict:
    low, high = statistics.share_interval(flags, clusters, intervals.confidence)
    share = float(flags.mean()) if len(flags) else np.nan
    return {name: share, f"{name}_low": low, f"{name}_high": high}


def mean_columns(
    name: str,
    values: pd.Series,
    clusters: pd.Series,
    intervals: Intervals,
    weights: pd.Series | None = None,
) -> dict:
    low, high = statistics.cluster_bootstrap(values, clusters, intervals, weights)
    total = len(values) if weights is None else weights.sum()
    mean = float(values.sum() / total) if total else np.nan
    return {name: mean, f"{name}_low": float(low), f"{name}_high": float(high)}


def median_columns(name: str, values: pd.Series, clusters: pd.Series, intervals: Intervals) -> dict:
    low, high = statistics.median_interval(values, clusters, intervals)
    return {name: float(values.median()), f"{name}_low": low, f"{name}_high": high}


def _against_baseline(
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame,
    labels: tuple[str, ...],
    cells: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]],
    intervals: Intervals,
    models: Names,
) -> pd.DataFrame:
    """Share of every cell among cliffs and among all tokens, and the ratio of the two.

    ``cells`` maps the values of ``labels`` to the rows of ``cliffs`` and of ``tokens`` inside.
    """
    owners = owners_of(cliffs, tokens)
    models = names_or_all(models, owners[1]["model"])
    rows = []
    for model in [*models, POOLED]:
        inside = [
            owner["model"].isin(models if model == POOLED else [model]).to_numpy()
            for owner in owners
        ]
        clusters = [
            owner.loc[at, "cluster"].to_numpy() for owner, at in zip(owners, inside, strict=True)
        ]
        for key, masks in cells.items():
            flags = [mask[at] for mask, at in zip(masks, inside, strict=True)]
            shares = [float(flag.mean()) if len(flag) else np.nan for flag in flags]
            bounds = [
                statistics.share_interval(flag, cluster, intervals.confidence)
                for flag, cluster in zip(flags, clusters, strict=True)
            ]
            ratio = shares[0] / shares[1] if shares[1] else np.nan
            low, high = _ratio_interval(flags, clusters, intervals)
            rows.append(
                {
                    "model": model,
                    **dict(zip(labels, key, strict=True)),
                    "n": len(flags[0]),
                    "cliffs": int(flags[0].sum()),
                    "share": shares[0],
                    "share_low": bounds[0][0],
                    "share_high": bounds[0][1],
                    "tokens": len(flags[1]),
                    "baseline": shares[1],
                    "baseline_low": bounds[1][0],
                    "baseline_high": bounds[1][1],
                    "ratio": ratio,
                    "ratio_low": low,
                    "ratio_high": high,
                }
            )
    return pd.DataFrame(rows)


def _ratio_interval(
    flags: list[np.ndarray], clusters: list[np.ndarray], intervals: Intervals
) -> tuple[float, float]:
    """Interval of the ratio of two shares whose rows come from the same problems."""
    every = np.concatenate(clusters)
    if not len(flags[0]) or len(np.unique(every)) < 2:
        return np.nan, np.nan
    rows = np.zeros((len(every), 4))
    split = len(flags[0])
    rows[:split, 0], rows[:split, 1] = flags[0], 1
    rows[split:, 2], rows[split:, 3] = flags[1], 1
    sums = statistics.resampled_sums(rows, every, intervals.repetitions, intervals.seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = (sums[:, 0] / sums[:, 1]) / (sums[:, 2] / sums[:, 3])
    ratios[~np.isfinite(ratios)] = np.nan
    low, high = statistics.percentile_interval(ratios, intervals.confidence)
    return float(low), float(high)


def _join_arms(
    resampling: pd.DataFrame, cliffs: pd.DataFrame, outcome: str, which: str
) -> pd.DataFrame:
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome must be one of {OUTCOMES}, found {outcome!r}")
    if which not in ("all", "first"):
        raise ValueError(f"which must be 'all' or 'first', found {which!r}")
    unknown = set(resampling["cliff_id"]) - set(cliffs["cliff_id"])
    if unknown:
        raise ValueError(f"{min(unknown)}: was resampled but is not among the cliffs")
    chosen = cliffs[cliffs["outcome"].eq(outcome)]
    if which == "first":
        chosen = chosen[chosen["ordinal"].eq(1)]
    columns = ["cliff_id", "model", "dataset", "problem_id"]
    return resampling[["cliff_id", "arm", "successes", "rollouts"]].merge(
        chosen[columns], on="cliff_id"
    )


def _powers_of_two(rollouts: pd.Series) -> list[int]:
    """1, 2, 4, .. up to what every row can answer; 1 where there are no rows."""
    largest = int(rollouts.min()) if len(rollouts) else 1
    return [2**power for power in range(max(1, largest).bit_length())]
