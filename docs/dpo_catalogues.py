"""Gains of Cliff-DPO with the catalogue as the unit, from runs of config/dpo_study.yaml.

    PYTHONPATH=src python docs/dpo_catalogues.py results/dpo-study-* [--figure docs/figures/....svg]

Prints, as csv, the gain of every catalogue and their means with Student's t over catalogues. A
gain is a difference of accuracy in points: of a variant and base, or, in the contrasts, of two
variants, averaged over training seeds, problems and answers.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from cliff_tokens import tables
from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.gains import gains_by_seed
from cliff_tokens.statistics import holm

# The first is the question; the others and the gains are adjusted together (Holm).
CONTRASTS = [("all", "forks"), ("all", "flipped"), ("all", "random")]


def read(folder: Path) -> pd.DataFrame:
    """Gains of one run in points: decoding, and a column for every variant."""
    files = sorted(folder.glob("evaluation/*/*/seed-*.parquet"))
    evaluation = tables.read_all(files, "evaluation")
    variants = [name for name in style.VARIANT_COLORS if name in set(evaluation["variant"])]
    gains = gains_by_seed(evaluation, list(pd.unique(evaluation["model"])), variants[1:])
    gains = 100 * gains.pivot_table("gain", ["model", "decoding"], "variant")[variants[1:]]
    return gains.reset_index().assign(catalogue=folder.name)


def pool(gains: pd.DataFrame) -> pd.DataFrame:
    """Every gain and contrast of every catalogue, and the rows ``mean`` over them."""
    keys = ["model", "decoding", "catalogue"]
    variants = [name for name in gains if name not in keys]
    named = gains.set_index(keys)
    contrasts = {f"{one} - {other}": named[one] - named[other] for one, other in CONTRASTS}
    rows = (
        named[variants]
        .assign(**contrasts)
        .melt(ignore_index=False, var_name="gain_of", value_name="gain")
    )
    rows = rows.reset_index()
    means = rows.groupby(["model", "decoding", "gain_of"], sort=False)["gain"].agg(
        catalogues="size", gain="mean", sd="std"
    )
    means = means.reset_index().assign(catalogue="mean")
    error = means["sd"] / np.sqrt(means["catalogues"])
    half = stats.t.ppf(0.975, means["catalogues"] - 1) * error
    means["low"], means["high"] = means["gain"] - half, means["gain"] + half
    means["p"] = 2 * stats.t.sf(np.abs(means["gain"] / error), means["catalogues"] - 1)
    further = means["gain_of"].ne(" - ".join(CONTRASTS[0]))
    means["p_holm"] = holm(means["p"].where(further).to_numpy())
    return pd.concat([rows, means], ignore_index=True)


@style.styled
def draw(pooled: pd.DataFrame):
    """A panel for each decoding: catalogues as dots, means with their intervals."""
    decodings = list(pd.unique(pooled["decoding"]))
    names = list(pd.unique(pooled["gain_of"]))
    figure = style.figure(0.9 + 0.26 * len(names), style.PAGE)
    for axes, decoding in zip(
        np.atleast_1d(figure.subplots(1, len(decodings), sharey=True, sharex=True)), decodings,
        strict=True,
    ):  # fmt: skip
        for place, name in enumerate(names):
            rows = pooled[pooled["decoding"].eq(decoding) & pooled["gain_of"].eq(name)]
            color = style.VARIANT_COLORS.get(name, style.VARIANT_COLORS["all"])
            mean = rows[rows["catalogue"].eq("mean")].iloc[0]
            dots = rows.loc[rows["catalogue"].ne("mean"), "gain"]
            axes.plot(dots, [place + 0.18] * len(dots), "|", color=color, alpha=0.7)
            axes.plot([mean["low"], mean["high"]], [place] * 2, color=color)
            axes.plot(mean["gain"], place, style.VARIANT_MARKERS.get(name, "o"), color=color)
        axes.axvline(0, color=style.FAINT, zorder=0)
        axes.set_yticks(range(len(names)), [name.replace(" - ", " less ") for name in names])
        axes.set_title(decoding)
    axes.invert_yaxis()
    figure.supxlabel("change of accuracy, percentage points", fontsize=7)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs, each one catalogue")
    parser.add_argument("--figure", type=Path, help="where to draw the gains (svg)")
    arguments = parser.parse_args()
    pooled = pool(pd.concat([read(folder) for folder in arguments.runs], ignore_index=True))
    pooled.to_csv(sys.stdout, index=False, float_format="%.4g")
    if arguments.figure:
        style.save(draw(pooled), arguments.figure)
