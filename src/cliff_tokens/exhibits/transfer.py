"""What exhibits of agreement share: how cliffs change from the source to the evaluator.

The source owns the cliff and the evaluator is asked about it. Every cliff token stands beside its
control, which carries the same regression toward the mean (stages/agreement.py).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cliff_tokens import statistics
from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import problems_of
from cliff_tokens.tables import among, require

MASS, TOKEN = ("mass",), ("token", "control")  # measures that share a panel
VIOLIN = 10  # values below which a density would be drawn from too few


def mass_changes(agreement: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Cliff mass in source and evaluator over the source's members, and the difference.

    Members are those of the published reading. Columns: cliff_id, evaluator, source_mass,
    evaluator_mass, delta. Regression toward the mean is part of ``delta``: the candidates are those
    that the source makes probable.
    """
    agreement = agreement[agreement["group"] == "cliff"]
    published = members[members["reading"].eq("published")]
    is_member = among(agreement, published, ["cliff_id", "token_id"])
    masses = agreement[["cliff_id", "evaluator"]].assign(
        source_mass=agreement["source_probability"].where(is_member, 0.0),
        evaluator_mass=agreement["probability"].where(is_member, 0.0),
    )
    sums = masses.groupby(["cliff_id", "evaluator"], as_index=False).sum()
    return sums.assign(delta=sums["evaluator_mass"] - sums["source_mass"])


def beside_controls(agreement: pd.DataFrame, cliffs: pd.DataFrame) -> pd.DataFrame:
    """Each cliff token as every evaluator sees it, with its control beside it.

    Columns: cliff_id, source, evaluator, kind, cluster (the problem), ``source_rank``, ``rank``,
    ``first`` (1.0 where the evaluator ranks it first) and ``shift`` (probability, evaluator minus
    source). The last four are given of the control, too, as ``control_...``: NaN where a cliff has
    none.
    """
    agreement = agreement[agreement["is_sampled"]].copy()
    agreement["first"] = (agreement["rank"] == 1).astype(float)
    agreement["shift"] = agreement["probability"] - agreement["source_probability"]
    measures = ["source_rank", "rank", "first", "shift"]
    cliff, control = (agreement[agreement["group"] == name] for name in ("cliff", "control"))
    key = ["cliff_id", "evaluator"]
    joined = cliff[[*key, *measures]].merge(
        control[[*key, *measures]].rename(columns={name: f"control_{name}" for name in measures}),
        on=key,
        how="left",
        validate="1:1",
    )
    owners = cliffs[["cliff_id", "kind"]].assign(
        source=cliffs["model"], cluster=problems_of(cliffs)
    )
    joined = joined.merge(owners, on="cliff_id", how="left")
    known = joined["kind"].notna()
    require(joined, known, "{cliff_id}: was scored but is not among the cliffs; score it again")
    return joined.sort_values(key, ignore_index=True)


def changes(
    agreement: pd.DataFrame,
    cliffs: pd.DataFrame,
    members: pd.DataFrame,
    words: Mapping[str, str],
) -> pd.DataFrame:
    """What changes from source to evaluator at every cliff, one row for each measure.

    ``words`` says of each cliff whether it is confirmed. Columns: source, evaluator, kind, measure,
    cliff_id, value, confirmed, and over the rows of one source, evaluator, kind and measure, n and
    median. Measures: ``mass`` (the cliff mass), ``token`` and ``control``
    (the probability of the cliff token, and of its control).
    """
    joined = beside_controls(agreement, cliffs).merge(
        mass_changes(agreement, members), on=["cliff_id", "evaluator"], how="left", validate="1:1"
    )
    cell = ["source", "evaluator", "kind", "measure"]
    named = joined.rename(columns={"delta": "mass", "shift": "token", "control_shift": "control"})
    rows = named.melt(
        ["source", "evaluator", "kind", "cliff_id"],
        ["mass", "token", "control"],
        var_name="measure",
    ).dropna(subset="value")
    values = rows.groupby(cell)["value"]
    rows = rows.assign(n=values.transform("size"), median=values.transform("median"))
    rows = rows.sort_values([*cell, "cliff_id"], ignore_index=True)
    of_cliff = rows["measure"].ne("control")  # a control is no cliff, and nothing to confirm
    rows["confirmed"] = rows["cliff_id"].map(words).where(of_cliff)
    return rows[[*cell, "cliff_id", "value", "n", "median", "confirmed"]]


def side_by_side(pairs: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Pairs with the two directions of the same models together, in order of first appearance."""
    families: dict[frozenset, list] = {}
    for source, evaluator in pairs:
        families.setdefault(frozenset((source, evaluator)), []).append((source, evaluator))
    return [pair for family in families.values() for pair in family]


def title(source: str, evaluator: str) -> str:
    """Whose cliffs, and who is asked."""
    return f"{style.wrap(source, 22)} →\n{style.wrap(evaluator, 22)}"


def kind_handles(values: pd.DataFrame) -> list:
    """Entries of a legend for the kinds that ``change_panel`` draws."""
    return [
        style.handle(style.KIND_COLORS[kind], style.KIND_MARKERS[kind], "", style.word(kind))
        for kind in style.shown_kinds(values["kind"])
    ]


def change_panel(axes: Axes, cells: pd.DataFrame, measures: Sequence[str]) -> None:
    """The changes of one ordered pair: a place for each kind, and inside it for each measure."""
    axes.axhline(0, color=style.FAINT, linewidth=0.6, zorder=1)
    kinds = style.shown_kinds(cells["kind"])
    half = 0.42 / len(measures)
    labels = []
    for place, kind in enumerate(kinds):
        counts = []
        for number, measure in enumerate(measures):
            cell = cells[cells["kind"].eq(kind) & cells["measure"].eq(measure)]
            counts.append(str(len(cell)))
            color = style.KIND_COLORS[kind]
            if measure == "control":
                color = style.TOKEN_COLORS["control"]
            marker = "o" if measure == "control" else style.KIND_MARKERS[kind]
            x = place + (2 * number + 1 - len(measures)) * half
            _strip(axes, cell, x, 0.85 * half, color, marker)
        labels.append(" | ".join(counts))
    axes.set_xticks(range(len(kinds)), labels)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    axes.grid(axis="y")
    if cells.empty:
        style.say_empty(axes, "no cliffs")


def _strip(axes: Axes, cell: pd.DataFrame, x: float, half: float, color: str, marker: str) -> None:
    if cell.empty:
        return
    cell = cell.sort_values(["value", "cliff_id"])
    sizes = cell["value"].to_numpy()
    if len(sizes) >= VIOLIN:
        at = np.linspace(sizes[0], sizes[-1], 101)
        height = statistics.density(sizes, at)
        if np.isfinite(height).all():
            reach = half * height / height.max()
            axes.fill_betweenx(at, x - reach, x + reach, color=color, alpha=0.2, linewidth=0)
    across = x + half * style.apart(len(sizes))
    style.cliff_marks(axes, across, sizes, cell, color, marker, markersize=2.8)
    median = cell["median"].iloc[0]
    axes.plot([x - half, x + half], [median, median], color=style.INK, linewidth=1.0, zorder=2)
