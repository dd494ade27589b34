"""Gains of Cliff-DPO with the catalogue as the unit, from runs of config/dpo_study.yaml.

    PYTHONPATH=src python docs/dpo_catalogues.py [results/dpo-study-1 results/dpo-study-2 ...]

Writes the gains of these runs to docs/dpo_catalogues.csv; without runs takes those that stand
there. Draws docs/figures/dpo_catalogues.svg of them and prints the table of docs/dpo.md.

A gain is a change of accuracy in percentage points, from base to a variant, averaged over training
seeds, problems and answers of one catalogue. Intervals and p are Student's t over catalogues.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from cliff_tokens import tables
from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.gains import gains_by_seed
from cliff_tokens.statistics import holm

HERE = Path(__file__).parent
CSV, FIGURE = HERE / "dpo_catalogues.csv", HERE / "figures" / "dpo_catalogues.svg"
VARIANTS = ["all", "forks", "flipped", "random"]
# The first is the question; the others are adjusted together with the gains (Holm).
CONTRASTS = [("all", "forks"), ("all", "flipped"), ("all", "random")]


def read(folder: Path) -> pd.DataFrame:
    """Gains of one finished run: model, catalogue, decoding, and a column for every variant."""
    last = folder / "tables" / "table_dpo_accuracy.csv"
    if not last.exists():
        raise SystemExit(f"{last}: no such file, so the run is not finished; let it go on")
    files = sorted(folder.glob("evaluation/*/*/seed-*.parquet"))
    evaluation = tables.read_all(files, "evaluation")
    gains = gains_by_seed(evaluation, list(pd.unique(evaluation["model"])), VARIANTS)
    gains = 100 * gains.pivot_table("gain", ["model", "decoding"], "variant")[VARIANTS]
    gains.insert(0, "catalogue", folder.name)
    return gains.reset_index()


def compared(gains: pd.DataFrame) -> pd.DataFrame:
    """Every gain and contrast of every catalogue: decoding, of, catalogue, gain."""
    contrasts = {f"{one} less {other}": gains[one] - gains[other] for one, other in CONTRASTS}
    wide = gains[["decoding", "catalogue", *VARIANTS]].assign(**contrasts)
    return wide.melt(["decoding", "catalogue"], var_name="of", value_name="gain")


def pool(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over catalogues of the rows of ``compared``, their intervals and p."""
    means = []
    for (decoding, name), gains in rows.groupby(["decoding", "of"], sort=False)["gain"]:
        test = stats.ttest_1samp(gains, 0)
        low, high = test.confidence_interval(0.95)
        labels = {"decoding": decoding, "of": name, "catalogues": len(gains)}
        means.append(labels | {"gain": gains.mean(), "low": low, "high": high, "p": test.pvalue})
    means = pd.DataFrame(means)
    question = means["of"].eq(" less ".join(CONTRASTS[0]))
    means["p_holm"] = holm(means["p"].where(~question).to_numpy())
    return means


def table(means: pd.DataFrame) -> str:
    """The table of docs/dpo.md."""
    lines = ["| | greedy | p | sampled | p |", "|---|---|---|---|---|"]
    for name in pd.unique(means["of"]):
        cells = []
        for decoding in ("greedy", "sampled"):
            row = means[means["of"].eq(name) & means["decoding"].eq(decoding)].iloc[0]
            adjusted = not np.isnan(row["p_holm"])
            p = row["p_holm"] if adjusted else row["p"]
            cells.append(f"{row['gain']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]")
            cells.append(f"{p:.2g}" + ("" if adjusted else ", unadjusted"))
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


@style.styled
def draw(rows: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """A panel for each decoding: means with their intervals, and catalogues as strokes below."""
    names = list(pd.unique(means["of"]))
    figure = style.figure(0.7 + 0.26 * len(names))
    panels = figure.subplots(1, 2, sharey=True, sharex=True)
    for axes, decoding in zip(panels, ("greedy", "sampled"), strict=True):
        for place, name in enumerate(names):
            color = style.VARIANT_COLORS.get(name, style.VARIANT_COLORS["all"])
            row = means[means["decoding"].eq(decoding) & means["of"].eq(name)].iloc[0]
            strokes = rows.loc[rows["decoding"].eq(decoding) & rows["of"].eq(name), "gain"]
            axes.plot(strokes, [place + 0.22] * len(strokes), "|", color=color, alpha=0.7)
            axes.plot([row["low"], row["high"]], [place] * 2, color=color)
            axes.plot(row["gain"], place, style.VARIANT_MARKERS.get(name, "o"), color=color)
        axes.axvline(0, color=style.FAINT, zorder=0)
        axes.set_yticks(range(len(names)), names)
        axes.set_title(decoding)
    axes.invert_yaxis()
    figure.supxlabel("change of accuracy, percentage points", fontsize=7)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, help="folders of runs, each one catalogue")
    runs = parser.parse_args().runs
    if runs:
        pd.concat(map(read, runs), ignore_index=True).to_csv(CSV, index=False, float_format="%.6g")
    of_catalogues = compared(pd.read_csv(CSV))
    pooled = pool(of_catalogues)
    style.save(draw(of_catalogues, pooled), FIGURE)
    print(table(pooled))
