"""Gains of Cliff-DPO with the catalogue as the unit: runs of config/dpo_study.yaml, dpo_kinds.yaml.

    PYTHONPATH=src python docs/dpo_catalogues.py [results/dpo-study-1 results/dpo-study-2 ...]

Adds the gains of these runs to docs/dpo_catalogues.csv, in place of what stands there of them,
draws docs/figures/dpo_catalogues.svg of all that stand there, and prints the tables of docs/dpo.md.

A gain is a change of accuracy in percentage points, from base to a variant, averaged over training
seeds, problems and answers of one catalogue. Intervals and p are Student's t over catalogues.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from cliff_tokens.exhibits import style
from cliff_tokens.statistics import holm

HERE = Path(__file__).parent
CSV, FIGURE = HERE / "dpo_catalogues.csv", HERE / "figures" / "dpo_catalogues.svg"
DECODINGS = ("greedy", "sampled")
# Contrasts between the variants of a study. The first is its question; the others are adjusted
# together with the gains (Holm).
CONTRASTS = {
    "dpo-study": [("all", "forks"), ("all", "flipped"), ("all", "random")],
    "dpo-kinds": [("uncertain", "sampled_off")],
}


def read(folder: Path) -> pd.DataFrame:
    """Gains of one finished run: study, catalogue, decoding, variant, gain."""
    last = folder / "tables" / "table_dpo_accuracy.csv"
    if not last.exists():
        raise SystemExit(f"{last}: no such file, so the run is not finished; let it go on")
    study, _, catalogue = folder.name.rpartition("-")
    gains = pd.read_csv(last).dropna(subset="gain")
    gains = gains.assign(study=study, catalogue=catalogue, gain=100 * gains["gain"])
    return gains[["study", "catalogue", "decoding", "variant", "gain"]]


def compared(gains: pd.DataFrame, study: str) -> pd.DataFrame:
    """Gains and contrasts of every catalogue of a study: decoding, catalogue, of, gain."""
    gains = gains[gains["study"].eq(study)]
    wide = gains.pivot(index=["decoding", "catalogue"], columns="variant", values="gain")
    wide = wide[pd.unique(gains["variant"])]
    for one, other in CONTRASTS[study]:
        wide[f"{one} less {other}"] = wide[one] - wide[other]
    return wide.melt(ignore_index=False, var_name="of", value_name="gain").reset_index()


def pool(rows: pd.DataFrame, study: str) -> pd.DataFrame:
    """Means over catalogues of the rows of ``compared``, their intervals and p."""
    means = []
    for (decoding, name), gains in rows.groupby(["decoding", "of"], sort=False)["gain"]:
        test = stats.ttest_1samp(gains, 0)
        low, high = test.confidence_interval(0.95)
        labels = {"decoding": decoding, "of": name, "catalogues": len(gains)}
        means.append(labels | {"gain": gains.mean(), "low": low, "high": high, "p": test.pvalue})
    means = pd.DataFrame(means)
    question = means["of"].eq(" less ".join(CONTRASTS[study][0]))
    means["p_holm"] = holm(means["p"].where(~question).to_numpy())
    return means


def table(means: pd.DataFrame) -> str:
    """The table of a study in docs/dpo.md."""
    lines = ["| | greedy | p | sampled | p |", "|---|---|---|---|---|"]
    for name in pd.unique(means["of"]):
        cells = []
        for decoding in DECODINGS:
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
    for axes, decoding in zip(panels, DECODINGS, strict=True):
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


def shown(gains: pd.DataFrame) -> tuple[Figure, list[str]]:
    """The figure of all studies of which there are gains, and the table of each."""
    studies = list(pd.unique(gains["study"]))
    rows = {study: compared(gains, study) for study in studies}
    means = {study: pool(rows[study], study) for study in studies}
    return draw(pd.concat(rows), pd.concat(means)), [table(means[study]) for study in studies]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, help="folders of runs, each one catalogue")
    found = pd.read_csv(CSV, dtype={"catalogue": str})
    found = pd.concat([found, *map(read, parser.parse_args().runs)])
    found = found.drop_duplicates(["study", "catalogue", "decoding", "variant"], keep="last")
    found.to_csv(CSV, index=False, float_format="%.6g")
    figure, tables = shown(found)
    style.save(figure, FIGURE)
    print(*tables, sep="\n\n")
