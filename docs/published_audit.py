"""What the published catalogue of cliffs implies, from numbers of the authors' public release.

    PYTHONPATH=src python docs/published_audit.py [FILE ...] [--figure docs/figures/...svg]

Prints the tables of docs/audit.md and, with ``--figure``, draws its figure. FILE is one of the
release's figure/data/11_14_exp2_3_*/*_per_token.csv, which hold p_t of the cliffs of four models;
without files the table ``transfer`` shows the counts that they gave.
"""

import argparse

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import betaln, entr, expit, logit
from scipy.stats import binom

from cliff_tokens.exhibits import style
from cliff_tokens.stages.cliff_test import CliffTest, boundary
from cliff_tokens.stages.taxonomy import entropy_threshold
from cliff_tokens.statistics import unpooled_error

N, TEST = 64, CliffTest(margin=0.1, z=1.645)
# Temperature and top_p of the rollouts (src/config.py of the release).
SAMPLERS = {"Qwen3": (0.7, 0.8), "Llama": (0.6, 0.9), "gemma": (1.0, 0.95)}
# Files under figure/data of the release. Deterministic, uncertain and sampled-off cliffs, smallest
# cliff probability mass of a deterministic one: 05_06, 07 .. 10, 19, 20: boxplot_points.csv. All
# cliffs and the successes of 64 rollouts each with the token deleted and kept, summed over data
# sets and outcomes: 17_pass_at_k_all_paths/pass_at_k.csv, pass@1. Trace tokens, and the share of
# 20,000 of them with an entropy of at most .0560: 15_entropy_density/entropy_arrays.npz.
MODELS = pd.DataFrame.from_dict(
    {
        "Qwen3-8B": (46, 33, 17, 0.998533, 96, 3088, 2632, 198_590, 0.68785, 50, 73),
        "Qwen3-4B": (32, 27, 13, 0.995512, 72, 2481, 1953, 221_823, 0.73675, 56, 46),
        "Qwen3-0.6B": (37, 52, 35, 0.991626, 124, 3976, 2927, 142_156, 0.6443, 131, 93),
        "Llama-3.1-8B": (29, 37, 68, 0.994777, 134, 4990, 2976, 145_105, 0.67215, 114, 72),
        "Llama-3.2-3B": (14, 27, 49, 0.995651, 93, 3218, 1745, 159_623, 0.73425, 120, 64),
        "Llama-3.2-1B": (5, 17, 34, 0.999282, 56, 1802, 1048, 202_275, 0.7469, 177, 36),
        "gemma-3-4b": (38, 26, 17, 0.998073, 84, 3154, 2546, 191_826, 0.7769, 72, 55),
    },
    orient="index",
    columns=[
        "det",
        "unc",
        "off",
        "mass",
        "cliffs",
        "deleted",
        "kept",
        "tokens",
        "low",
        "failed",
        "seen",
    ],
)
TRACES = 230  # of each model
# Of these, the cliffs of one trace of Qwen3-8B, MATH500 test/number_theory/737.
ONE_TRACE = {"det": 26, "unc": 4, "off": 1}
# ``transfer`` of the four files.
TRANSFER = pd.DataFrame(
    {"det": (46, 37, 29, 5), "det_certain": (46, 37, 29, 5),
     "unc": (33, 52, 37, 17), "unc_certain": (15, 17, 8, 6)},
    index=["Qwen3-8B", "Qwen3-0.6B", "Llama-3.1-8B", "Llama-3.2-1B"],
)  # fmt: skip


def flag_rate(potential):
    """Exact probability of a flag where the potential is the same before and after the token."""
    before, after = np.ogrid[: N + 1, : N + 1]
    flags = TEST.flags((before - after) / N, unpooled_error(before, after, N))
    weight = binom.pmf(after, N, np.atleast_1d(potential)[:, None])
    return np.einsum("vi,ij,vj->v", weight, flags, weight)


def uniform_rate():
    """``flag_rate`` averaged over a uniform potential; exact, as its degree is 2N."""
    nodes, weights = np.polynomial.legendre.leggauss(N + 1)
    return float(weights @ flag_rate((nodes + 1) / 2)) / 2


def sufficient(model, bound):
    """The smallest p_t (>= 1/2) from which 1 - q_t <= bound follows, whatever the other tokens."""
    temperature, top_p = next(SAMPLERS[name] for name in SAMPLERS if model.startswith(name))
    return float(expit(temperature * logit(min(top_p, 1 - bound))))


def probability_floor(mass):
    """The least p_t of a greedy token with entropy <= .0560, among candidates of this mass."""
    h = entropy_threshold(0.99)
    return float(brentq(lambda p: entr(p) + entr(mass - p) - h, mass / 2, mass))


def transfer(tokens):
    """Counts as in TRANSFER from a per_token.csv, in which greedy cliff tokens have rank 1."""
    key = ["model_source", "dataset", "data_idx", "cliff_position", "taxonomy_type"]
    greedy = tokens[(tokens["source_rank"] == 1) & tokens["taxonomy_type"].isin(["DF", "AG"])]
    cliffs = greedy.groupby(key, as_index=False)["source_prob"].max()
    names = cliffs["model_source"].str.removesuffix("-Instruct")
    certain = cliffs["source_prob"] >= names.map(lambda name: sufficient(name, 0))
    det = cliffs["taxonomy_type"] == "DF"
    marks = pd.concat([det, det & certain, ~det, ~det & certain], axis=1, keys=TRANSFER.columns)
    return marks.groupby(names.to_numpy(), sort=False).sum()


def missed(successes, prior):
    """Chance that 64 fresh rollouts all fail, given the count before and a symmetric Beta prior."""
    a, b = successes + prior, N - successes + prior
    return float(np.exp(betaln(a, b + N) - betaln(a, b)))


def remeasured():
    """Fresh shares of success and drop, its standard error at most, and the deterministic share."""
    models = pd.concat([MODELS, MODELS.sum().to_frame("all").T])
    drawn = N * models["cliffs"]
    x, y = models["deleted"] / drawn, models["kept"] / drawn
    error = unpooled_error(models["deleted"], models["kept"], drawn)
    share = models["det"] / models[["det", "unc", "off"]].sum(axis=1)
    return pd.DataFrame({"deleted": x, "kept": y, "drop": x - y, "error": error, "share": share})


def prevalence():
    """Cliffs on incorrect traces, seen and expected, and the ratios of cliffs per trace.

    A trace that passes a cliff ends incorrect with probability 1 - V, V the potential after it,
    whatever a cliff means; sum V is that of the fresh rollouts with the token kept.
    """
    models = pd.concat([MODELS, MODELS.sum().to_frame("all").T])
    traces = TRACES * np.array([1] * len(MODELS) + [len(MODELS)])
    frame = models[["cliffs", "seen"]].assign(expected=models["cliffs"] - models["kept"] / N)
    for name in ("seen", "expected"):
        failed, others = frame[name] / models["failed"], frame["cliffs"] - frame[name]
        frame[f"ratio_{name}"] = failed / (others / (traces - models["failed"]))
    return frame


def correlation(frame):
    """Of the logarithms of the seen and the expected ratio, over models."""
    ratios = np.log(frame.drop(index="all")[["ratio_seen", "ratio_expected"]])
    return float(ratios.corr().iloc[0, 1])


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def tables(transferred=TRANSFER):
    """The Markdown tables of docs/audit.md by name."""
    made, fresh, pooled = {}, remeasured(), MODELS.sum().to_frame("all").T
    made["counts"] = table(
        ["model", "deterministic", "uncertain", "sampled-off", "share deterministic",
         "smallest mass", "so p_t is at least", "q_t = 1 from p_t"],
        [[name, *(int(row[kind]) for kind in ONE_TRACE), f"{fresh.loc[name, 'share']:.1%}",
          *([f"{row['mass']:.4f}", f"{probability_floor(row['mass']):.4f}",
             f"{sufficient(name, 0):.4f}"] if name != "all" else 3 * [""])]
         for name, row in pd.concat([MODELS, pooled]).iterrows()],
    )  # fmt: skip
    made["samplers"] = table(
        ["sampler", "T", "top_p", "q_t = 1", "1 - q_t <= .1", "1 - q_t <= .1875"],
        [[name, *sampler, *(f"{sufficient(name, bound):.3f}" for bound in (0, 0.1, 0.1875))]
         for name, sampler in SAMPLERS.items()],
    )  # fmt: skip
    made["transfer"] = table(
        ["source model", "deterministic", "of these q_t = 1", "uncertain", "of these q_t = 1"],
        pd.concat([transferred, transferred.sum().to_frame("all").T]).reset_index().to_numpy(),
    )
    grid, mean = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5), uniform_rate()
    made["rates"] = table(
        ["potential (or 1 minus it)", *grid, "uniform"],
        [["flags per 10,000 tokens", *(f"{1e4 * rate:.2f}" for rate in [*flag_rate(grid), mean])]],
    )
    low, top = (MODELS["tokens"] * MODELS["low"]).round(), float(flag_rate(0.5)[0])
    flags = pd.DataFrame({"low": low, "seen": MODELS["det"], "rest": MODELS["tokens"] - low,
                          "other": MODELS["unc"] + MODELS["off"]})  # fmt: skip
    flags.loc["all"] = flags.sum()
    one = [0, ONE_TRACE["det"], 0, ONE_TRACE["unc"] + ONE_TRACE["off"]]
    flags.loc["all but one trace"] = flags.loc["all"] - one
    flags["implied"] = flags["seen"] / flags["low"] * flags["rest"]
    made["false_flags"] = table(
        ["model", "low-entropy tokens", "flags at most", "if uniform", "seen", "share at .5",
         "other tokens", "other cliffs", "implied false"],
        [[name, f"{row.low:,.0f}", f"{top * row.low:,.0f}", f"{mean * row.low:,.0f}",
          int(row.seen), f"{row.seen / (top * row.low):.1%}", f"{row.rest:,.0f}", int(row.other),
          f"{row.implied:.0f} ({row.implied / row.other:.0%})"] for name, row in flags.iterrows()],
    )  # fmt: skip
    made["pass_at_64"] = table(
        ["successes before", "(1 - k/64)^64", "expected, Jeffreys", "expected, uniform"],
        [[k, f"{(1 - k / N) ** N:.1e}", *(f"{missed(k, prior):.1e}" for prior in (0.5, 1))]
         for k in (boundary(TEST, N).dropna()["successes_before"].min(), 16, 24, 32)],
    )  # fmt: skip
    made["prevalence"] = table(
        ["model", "cliffs", "on incorrect traces", "expected", "ratio per trace", "expected ratio"],
        [[name, int(row.cliffs), int(row.seen), f"{row.expected:.1f}", f"{row.ratio_seen:.2f}",
          f"{row.ratio_expected:.2f}"] for name, row in prevalence().iterrows()],
    )  # fmt: skip
    made["remeasured"] = table(
        ["model", "cliffs", "deleted", "kept", "fresh drop", "standard error at most"],
        [[name, int(n), *(f"{value:.3f}" for value in fresh.loc[name].iloc[:4])]
         for name, n in [*MODELS["cliffs"].items(), ("all", pooled["cliffs"].iloc[0])]],
    )  # fmt: skip
    return made


@style.styled
def draw():
    """Left: the rule's false flags by potential. Right: fresh drops by share of deterministic."""
    made = style.figure(2.6)
    left, right = made.subplots(1, 2)
    v, color, dash = np.linspace(0, 1, 201), style.KIND_COLORS["deterministic"], (0, (4, 2))
    left.plot(v, 1e4 * flag_rate(v), color=style.INK)
    seen = 1e4 * MODELS["det"].sum() / (MODELS["tokens"] * MODELS["low"]).sum()
    left.axhline(seen, color=color, linestyle=dash)
    left.text(0.5, seen + 0.6, "deterministic cliffs seen", color=color, ha="center")
    left.set(xlim=(0, 1), ylim=(0, 32), title="false flags of the rule (N = 64)")
    left.set(xlabel="potential, the same before and after", ylabel="flags per 10,000 tokens")
    for height, words in ((0.1875, "least drop that is flagged"), (TEST.margin, "margin")):
        right.axhline(height, color=style.FAINT, linestyle=dash, linewidth=0.8)
        right.text(0.3, height + 0.004, words, color=style.FAINT)
    places = {"Qwen3-4B": (-5, 3, "right"), "Llama-3.2-1B": (5, -8, "left")}
    for name, row in remeasured().drop(index="all").iterrows():
        at, (x, y, ha) = (row["share"], row["drop"]), places.get(name, (5, 3, "left"))
        right.errorbar(*at, 1.96 * row["error"], fmt="o", color=style.INK, elinewidth=0.8)
        right.annotate(name, at, (x, y), textcoords="offset points", ha=ha, fontsize=6)
    right.set(xlim=(0, 0.6), ylim=(0, 0.3), title="published cliffs, drawn again")
    right.set(xlabel="share of deterministic cliffs", ylabel="fresh drop, deleted minus kept")
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="per_token.csv files of the release")
    parser.add_argument("--figure", help="where to draw the figure (svg, pdf or png)")
    options = parser.parse_args()
    counted = [transfer(pd.read_csv(path)) for path in options.files] or [TRANSFER]
    for name, text in tables(pd.concat(counted)).items():
        print(f"{name}\n\n{text}\n")
    if options.figure:
        style.save(draw(), options.figure)
