"""Rivals of deletion at a cliff: what cutting there gains over cutting elsewhere (paper, RQ1).

Two readings of a trace without a cut point stand side by side. *Published*: the method scores zero
there, so that in a population of traces with a cliff the cliff alone never misses. *Fair*: the
trace is left out, and two methods are compared on the traces where both have a cut point.

Rows follow the rules of ``summaries``; only incorrect traces are looked at.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.exhibits.summaries import POOLED, Names, mean_columns, names_or_all, share_columns
from cliff_tokens.stages import cut_points as points
from cliff_tokens.stages import taxonomy
from cliff_tokens.stages.cut_points import METHODS, CutRules
from cliff_tokens.statistics import Intervals

RIVALS = ("critical", "tangent", "random")  # the paper's; "restart" is ours
EVERY = "every rival"
# Which incorrect traces are compared, and which cliff stands for deletion at a cliff.
POPULATIONS = {
    "population_tangent": "cliff_first",
    "cliff_first": "cliff_first",
    "cliff_random": "cliff_random",
    "all_failure": "cliff_first",
}
VARIANTS = ("published", "fair")
POINTS = (
    "first cliff", "cliff", *taxonomy.KINDS, "critical token", "tangent", "random token",
)  # fmt: skip


def pass_at_k(
    cut_points: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    intervals: Intervals,
    ks: Sequence[int] | None = None,
    models: Names = None,
) -> pd.DataFrame:
    """pass@k of every method in the four populations, per model and over all models.

    ``n`` counts the traces of the population and ``with_cut`` those where the method has a cut
    point; their share bounds ``published``. ``fair`` is the mean over those, and ``potential`` the
    mean of what was estimated at their cut points before: it is what pass@1 measures anew.
    ``difference`` is that of the cliff less the method, over the ``pairs`` of traces where both
    have a cut point. ``ks`` defaults to 1 and the largest k that every row can answer.
    """
    models = names_or_all(models, traces["model"])
    ks = extremes(cut_points) if ks is None else list(ks)
    owners, values = _wide(cut_points, traces, ks)
    seen = _estimated(cut_points, estimates, owners["trace_id"])
    rows = []
    for population, cliff in POPULATIONS.items():
        member = _members(values, population)
        for model in [*models, POOLED]:
            inside = member & owners["model"].isin(models if model == POOLED else [model])
            cluster = owners.loc[inside, "cluster"]
            for method in (cliff, *RIVALS, "restart"):
                for k in ks:
                    own, best = values[method, k][inside], values[cliff, k][inside]
                    has, both = own.notna(), own.notna() & best.notna()
                    both &= method != cliff  # a method is no rival of itself
                    gain, before = (best - own)[both], seen[method][inside][has]
                    rows.append(
                        {
                            "population": population,
                            "model": model,
                            "method": method,
                            "k": k,
                            "n": len(own),
                            "with_cut": int(has.sum()),
                            **share_columns("share_with_cut", has, cluster, intervals),
                            **mean_columns("potential", before, cluster[has], intervals),
                            **mean_columns("published", own.fillna(0.0), cluster, intervals),
                            **mean_columns("fair", own[has], cluster[has], intervals),
                            "pairs": int(both.sum()),
                            **mean_columns("difference", gain, cluster[both], intervals),
                        }
                    )
    return pd.DataFrame(rows)


def settings(
    cut_points: pd.DataFrame,
    traces: pd.DataFrame,
    intervals: Intervals,
    models: Names = None,
    datasets: Names = None,
) -> pd.DataFrame:
    """In how many settings deletion at the first cliff beats its rivals.

    A setting is a model and data set with a cliff on an incorrect trace; n counts those traces, of
    the fair variant those where both methods have a cut point. Means tie where they are equal to
    1e-9; *clearly* means that the interval of the difference is on one side of zero. The difference
    from "every rival" is the smallest of the three: the cliff beats every rival, loses to one or
    more, or else ties. Rows of the model "all" count the settings in which there was a comparison.
    """
    models, datasets = (
        names_or_all(models, traces["model"]),
        names_or_all(datasets, traces["dataset"]),
    )
    ks = extremes(cut_points)
    owners, values = _wide(cut_points, traces, ks)
    member = _members(values, "cliff_first")
    cells = [
        (model, dataset, member & owners["model"].eq(model) & owners["dataset"].eq(dataset))
        for model in models
        for dataset in datasets
    ]
    cells = [cell for cell in cells if cell[2].any()]
    rows = []
    for variant in VARIANTS:
        for k in ks:
            for model, dataset, inside in cells:
                key = {"variant": variant, "k": k, "model": model, "dataset": dataset}
                cluster, cliff = owners.loc[inside, "cluster"], values["cliff_first", k][inside]
                duels = []
                for rival in RIVALS:
                    other = values[rival, k][inside]
                    if variant == "published":
                        other = other.fillna(0.0)
                    duels.append(key | {"rival": rival} | _duel(cliff, other, cluster, intervals))
                rows += [*duels, key | {"rival": EVERY} | _worst(duels)]
    columns = [
        "variant", "k", "rival", "model", "dataset", "settings", "n", "cliff", "other",
        "difference", "difference_low", "difference_high", "beats", "ties", "loses",
        "beats_clearly", "loses_clearly",
    ]  # fmt: skip
    found = pd.DataFrame(rows, columns=columns)
    counted = ["settings", "n", "beats", "ties", "loses", "beats_clearly", "loses_clearly"]
    lines = []
    for variant in VARIANTS:
        for k in ks:
            for rival in (*RIVALS, EVERY):
                same = found["variant"].eq(variant) & found["k"].eq(k) & found["rival"].eq(rival)
                key = {"variant": variant, "k": k, "rival": rival, "model": POOLED}
                lines.append(key | {"dataset": POOLED} | found.loc[same, counted].sum().to_dict())
    every = pd.concat([pd.DataFrame(lines, columns=columns), found], ignore_index=True)
    return every.astype(dict.fromkeys(["k", *counted], "int64"))


def greedy_replacement(
    candidates: pd.DataFrame,
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    shortfall: float,
    intervals: Intervals,
    models: Names = None,
) -> pd.DataFrame:
    """The greedy token in the cliff token's place, on incorrect traces, by kind.

    ``basis`` says which potentials before and after the cliff the greedy one is compared with:
    those that selected the cliff, as published, or those of the fresh arms del and keep. Case A
    falls short of the potential before by less than ``shortfall``. ``recovery`` is the summed gain
    over the kept cliff to the summed drop, NaN where that is none; ``mean_ratio``, the published
    mean of each cliff's own quotient, needs drops that cannot be zero.
    """
    chosen = cliffs[cliffs["outcome"].eq("incorrect")]
    greedy = candidates[candidates["is_greedy"]].set_index("cliff_id")
    chosen = chosen.join(greedy[["successes", "rollouts"]].add_suffix("_greedy"), on="cliff_id")
    for arm in ("del", "keep"):
        counts = resampling[resampling["arm"].eq(arm)].set_index("cliff_id")
        chosen = chosen.join(counts[["successes", "rollouts"]].add_suffix(f"_{arm}"), on="cliff_id")
    for column, said in (
        ("successes_greedy", "has no greedy candidate; estimate the candidates again"),
        ("successes_del", "has no fresh rollouts; resample the cliffs again"),
    ):
        if chosen[column].isna().any():
            first = chosen.loc[chosen[column].isna(), "cliff_id"].iloc[0]
            raise ValueError(f"{first}: {said}")
    chosen["cluster"] = chosen["dataset"] + "/" + chosen["problem_id"]
    rate = {
        name: chosen[f"successes_{name}"] / chosen[f"rollouts_{name}"]
        for name in ("greedy", "del", "keep")
    }
    bases = {
        "selected": (chosen["before"], chosen["after"]),
        "fresh": (rate["del"], rate["keep"]),
    }
    models = names_or_all(models, cliffs["model"])
    rows = []
    for model in [*models, POOLED]:
        own = chosen["model"].isin(models if model == POOLED else [model])
        for kind in [*taxonomy.KINDS, POOLED]:
            inside = own if kind == POOLED else own & chosen["kind"].eq(kind)
            cluster = chosen.loc[inside, "cluster"]
            for basis, (before, after) in bases.items():
                drop, gain = (before - after)[inside], (rate["greedy"] - after)[inside]
                short = (before - rate["greedy"])[inside]
                ratio = gain / drop if basis == "selected" else pd.Series(dtype=float)
                ratio_cluster = cluster if basis == "selected" else ratio
                case_a = short < shortfall
                # Without a drop in all there is nothing to recover.
                fell = np.full(len(drop), drop.sum() > 0)
                rows.append(
                    {
                        "model": model,
                        "kind": kind,
                        "basis": basis,
                        "n": len(short),
                        "case_a": int(case_a.sum()),
                        "case_b": int((~case_a).sum()),
                        **share_columns("share_a", case_a, cluster, intervals),
                        **mean_columns("shortfall", short, cluster, intervals),
                        **mean_columns(
                            "recovery", gain[fell], cluster[fell], intervals, weights=drop[fell]
                        ),
                        **mean_columns("mean_ratio", ratio, ratio_cluster, intervals),
                    }
                )
    return pd.DataFrame(rows)


def positions(
    cut_points: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    rules: CutRules,
    intervals: Intervals,
    models: Names = None,
) -> pd.DataFrame:
    """Where cliffs, critical tokens and tangents lie on incorrect traces, per model and pooled.

    ``n`` counts points; a tangent stands for its first token. ``before``, ``at`` and ``after``
    count them against the critical token of their trace, where it has one, and ``distance`` is
    signed, in tokens. ``in_tangent`` is the share that lies inside a tangent, ``with_cliff`` of
    tangents that hold a cliff. ``relative`` is t/T, with its quartiles.
    """
    every = point_positions(cut_points, estimates, traces, cliffs, rules)
    models = names_or_all(models, traces["model"])
    rows = []
    for model in [*models, POOLED]:
        own = every[every["model"].isin(models if model == POOLED else [model])]
        for point in POINTS:
            cell = own[own["point"].eq(point)]
            told = cell[cell["distance"].notna()]
            distance, cluster = told["distance"].astype(float), told["cluster"]
            is_tangent = cell["point"].eq("tangent")
            row = {"model": model, "point": point, "n": len(cell)}
            for name, flags in (
                ("before", distance < 0), ("at", distance == 0), ("after", distance > 0),
            ):  # fmt: skip
                row |= {name: int(flags.sum())}
                row |= share_columns(f"share_{name}", flags, cluster, intervals)
            row |= mean_columns("distance", distance, cluster, intervals)
            for name, part in (("in_tangent", cell[~is_tangent]), ("with_cliff", cell[is_tangent])):
                row |= share_columns(name, part[name], part["cluster"], intervals)
            row |= mean_columns("relative", cell["relative"], cell["cluster"], intervals)
            for name, share in (
                ("lower_quartile", 0.25),
                ("median", 0.5),
                ("upper_quartile", 0.75),
            ):
                row[name] = float(cell["relative"].quantile(share)) if len(cell) else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def point_positions(
    cut_points: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    rules: CutRules,
) -> pd.DataFrame:
    """One row for every point of every incorrect trace.

    Columns: trace_id, model, cluster, point, t, relative, distance (null without a critical
    token, and for it), in_tangent, with_cliff. A cliff is a point of its kind too, and the first
    of a trace one more.
    """
    failed = _failed(traces).set_index("trace_id")
    cuts = cut_points.dropna(subset="prefix_t").set_index(["trace_id", "method"])["prefix_t"]
    potentials = points.series(estimates)
    tokens = cliffs.sort_values("t").groupby("trace_id")[["t", "kind"]]
    kinds = {trace_id: list(rows.itertuples(index=False)) for trace_id, rows in tokens}
    rows = []
    for trace in failed.itertuples():
        trace_id = trace.Index
        tangents = rules.tangents(potentials[trace_id])
        own = kinds.get(trace_id, [])
        found = [("cliff", cliff.t) for cliff in own] + [(cliff.kind, cliff.t) for cliff in own]
        found += [("first cliff", cliff.t) for cliff in own[:1]]
        found += [("tangent", start + 1) for start, _ in tangents]
        for point, method in (("critical token", "critical"), ("random token", "random")):
            if (trace_id, method) in cuts.index:
                found.append((point, int(cuts[trace_id, method]) + 1))
        critical = cuts.get((trace_id, "critical"), np.nan) + 1
        ends = dict(tangents)
        for point, t in found:
            inside = any(start < t <= end for start, end in tangents)
            held = point == "tangent" and any(t <= cliff.t <= ends[t - 1] for cliff in own)
            rows.append(
                {
                    "trace_id": trace_id,
                    "model": trace.model,
                    "cluster": trace.cluster,
                    "point": point,
                    "t": int(t),
                    "relative": t / (len(potentials[trace_id]) - 1),
                    "distance": np.nan if point == "critical token" else t - critical,
                    "in_tangent": inside,
                    "with_cliff": held,
                }
            )
    columns = [
        "trace_id", "model", "cluster", "point", "t", "relative", "distance", "in_tangent",
        "with_cliff",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def extremes(cut_points: pd.DataFrame) -> list[int]:
    """1 and the largest k of which every row can tell pass@k."""
    drawn = cut_points["rollouts"].dropna()
    return sorted({1, int(drawn.min())}) if len(drawn) else [1]


def powers_of_two(cut_points: pd.DataFrame) -> list[int]:
    """1, 2, 4, .. up to what every row can answer."""
    return [2**power for power in range(extremes(cut_points)[-1].bit_length())]


def _failed(traces: pd.DataFrame) -> pd.DataFrame:
    failed = traces.loc[
        traces["verdict"].ne("correct"), ["trace_id", "model", "dataset", "problem_id"]
    ].sort_values("trace_id", ignore_index=True)
    failed["cluster"] = failed["dataset"] + "/" + failed["problem_id"]
    return failed


def _wide(
    cut_points: pd.DataFrame, traces: pd.DataFrame, ks: Sequence[int]
) -> tuple[pd.DataFrame, dict[tuple[str, int], pd.Series]]:
    """The incorrect traces, and their pass@k by method and k: NaN where there is no cut point."""
    owners = _failed(traces)
    keys = pd.MultiIndex.from_frame(cut_points[["trace_id", "method"]])
    wanted = pd.MultiIndex.from_product([owners["trace_id"], METHODS])
    if not keys.sort_values().equals(wanted.sort_values()):
        odd = keys.symmetric_difference(wanted)
        raise ValueError(
            f"cut_points: expected one row for each incorrect trace and method, found otherwise "
            f"for {odd[0] if len(odd) else 'a row that is repeated'}; resample the cut points again"
        )
    values = {}
    for method in METHODS:
        own = cut_points[cut_points["method"].eq(method)].set_index("trace_id")
        own = own.loc[owners["trace_id"], ["successes", "rollouts"]]
        drawn = own["rollouts"].notna().to_numpy()
        measured = own[drawn].astype("int64")
        for k in ks:
            column = np.full(len(own), np.nan)
            column[drawn] = statistics.pass_at_k(
                measured["successes"].to_numpy(), measured["rollouts"].to_numpy(), k
            )
            values[method, k] = pd.Series(column)
    return owners, values


def _estimated(
    cut_points: pd.DataFrame, estimates: pd.DataFrame, trace_ids: pd.Series
) -> dict[str, pd.Series]:
    """The potential estimated at each trace's cut point, by method."""
    before = estimates.set_index(["trace_id", "t"])["before"]
    found = {}
    for method in METHODS:
        own = cut_points[cut_points["method"].eq(method)].set_index("trace_id")["prefix_t"]
        # The prefix t is the one before the token t + 1.
        own = own.loc[trace_ids].astype(float) + 1
        at = pd.MultiIndex.from_arrays([trace_ids, own])
        found[method] = pd.Series(before.reindex(at).to_numpy())
    return found


def _members(values: dict[tuple[str, int], pd.Series], population: str) -> pd.Series:
    """Which incorrect traces belong to a population."""
    has = {method: value.notna() for (method, _), value in values.items()}
    if population == "all_failure":
        return pd.Series(True, index=has["random"].index)
    if population == "population_tangent":
        return has["cliff_first"] & has["critical"] & has["tangent"]
    return has[population]


def _duel(cliff: pd.Series, other: pd.Series, cluster: pd.Series, intervals: Intervals) -> dict:
    """The cliff against one rival on the traces where both have a value."""
    both = other.notna()
    gain = (cliff - other)[both]
    row = {
        "n": int(both.sum()),
        "cliff": cliff[both].mean(),
        "other": other[both].mean(),
        **mean_columns("difference", gain, cluster[both], intervals),
    }
    clearly = {
        "beats_clearly": int(row["difference_low"] > 0),
        "loses_clearly": int(row["difference_high"] < 0),
    }
    return row | _result(row["difference"]) | clearly


def _worst(duels: list[dict]) -> dict:
    """The cliff against all rivals at once; no interval, since the rival is chosen by the data."""
    fought = [duel for duel in duels if duel["n"]]
    if not fought:
        return {"n": 0, "difference": np.nan, **_result(np.nan), **dict.fromkeys(_CLEARLY, 0)}
    return {
        "n": min(duel["n"] for duel in fought),
        "difference": min(duel["difference"] for duel in fought),
        **_result(min(duel["difference"] for duel in fought)),
        "beats_clearly": int(all(duel["beats_clearly"] for duel in fought)),
        "loses_clearly": int(any(duel["loses_clearly"] for duel in fought)),
    }


_CLEARLY = ("beats_clearly", "loses_clearly")
_EQUAL = 1e-9  # means of the same pass@k may differ by rounding


def _result(difference: float) -> dict:
    return {
        "settings": int(not np.isnan(difference)),
        "beats": int(difference > _EQUAL),
        "ties": int(abs(difference) <= _EQUAL),
        "loses": int(difference < -_EQUAL),
    }
