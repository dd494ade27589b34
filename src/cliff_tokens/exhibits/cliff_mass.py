"""What Figures 4 and 5 share: the cliff mass by kind, in two readings.

The published reading counts the cliff token as a member whatever its own rollouts say, so that its
probability is in the mass by definition. A tick beside each point shows the mass without that, and
against a potential before the cliff that was measured afresh.
"""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from cliff_tokens.exhibits import style

_QUARTILES = {"lower": 0.25, "median": 0.5, "upper": 0.75}


def by_kind(masses: pd.DataFrame, words: Mapping[str, str]) -> pd.DataFrame:
    """The cliff mass of every cliff in every reading, and the quartiles of its cell.

    ``words`` says of each cliff whether it is confirmed.
    """
    rows = masses.assign(confirmed=masses["cliff_id"].map(words))
    cell = rows.groupby(["model", "kind", "reading"])["cliff_mass"]
    for name, share in _QUARTILES.items():
        rows[name] = cell.transform("quantile", share)
    columns = ["model", "kind", "reading", "cliff_id", "cliff_mass"]
    return rows[[*columns, *_QUARTILES, "confirmed"]].sort_values(columns[:4], ignore_index=True)


def mass_handles() -> list:
    """Entries of a legend for what ``mass_panel`` draws."""
    return [
        style.handle(style.INK, "o", "", "as published"),
        style.unconfirmed(),
        style.handle(style.INK, "_", "", "by fresh counts"),
        style.handle(style.INK, "", "-", "median, in quartiles"),
    ]


def mass_panel(axes: Axes, values: pd.DataFrame) -> None:
    """One model: a box of the published reading by kind, and every cliff in two readings."""
    kinds = style.shown_kinds(values["kind"])
    labels = []
    for place, kind in enumerate(kinds):
        cell = values[values["kind"].eq(kind)]
        published = cell[cell["reading"].eq("published")].sort_values(["cliff_mass", "cliff_id"])
        fresh = cell[cell["reading"].eq("fresh")].set_index("cliff_id")["cliff_mass"]
        labels.append(f"{style.word(kind)}\nn = {len(published)}")
        if published.empty:
            axes.text(place, 0.5, "none", color=style.FAINT, ha="center", va="center", fontsize=6.5)
            continue
        color, marker = style.KIND_COLORS[kind], style.KIND_MARKERS[kind]
        if len(published) >= style.FEW:
            low, middle, high = published[list(_QUARTILES)].iloc[0]
            axes.fill_between(
                [place - 0.38, place + 0.38], low, high, color=color, alpha=0.15, linewidth=0
            )
            axes.plot([place - 0.38, place + 0.38], [middle, middle], color=style.INK, linewidth=1)
        x = place + 0.56 * style.apart(len(published))
        masses = fresh.loc[published["cliff_id"]].to_numpy()
        axes.vlines(x, masses, published["cliff_mass"], color=color, linewidth=0.4, alpha=0.5)
        axes.plot(x, masses, "_", color=color, markersize=3.5, markeredgewidth=0.9)
        style.cliff_marks(axes, x, published["cliff_mass"], published, color, marker, markersize=3)
    axes.set_xticks(range(len(kinds)), labels)
    axes.tick_params(axis="x", length=0)
    axes.set(xlim=(-0.5, len(kinds) - 0.5), ylim=(-0.03, 1.03))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.grid(axis="y")
