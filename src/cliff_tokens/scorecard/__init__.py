"""The scorecard: what the paper says beside what a run measured, and whether they agree.

A *number* is a published value of a model and data sets; it is compared where the run has them, and
nowhere else. A *claim* is a direction or an inequality that the paper states; it can be asked of
any models, and is answered by the interval of our estimate. The outcome (column ``word``):

A claim *agrees* where the interval lies inside it, *differs* where it lies outside, and is
*undecided* where the interval holds both or there is none. That two things are equal can be
excluded and never shown: it is *not excluded* where the interval holds the value, and so is a
number where the published value lies in our interval or its own interval (where its n is known)
overlaps ours. What the run lacks the model, a data set or the table for, or has no rows of, is *not
measurable in this run*.

What could not have come out otherwise is no evidence, whatever its interval: the index says which
claims hold *by construction*, and which measure again what the rule selected (*selection*), each
with its reason. ``totals`` counts neither of them as decided.

Every row is read from the csv of a figure or table, by the names of its columns: a value ``x`` has
its interval in ``x_low`` and ``x_high`` and its count in ``n``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy

from cliff_tokens import statistics

AGREES, DIFFERS, UNDECIDED = "agrees", "differs", "undecided"
NOT_EXCLUDED, BY_CONSTRUCTION, SELECTION = "not excluded", "by construction", "selection"
UNMEASURED = "not measurable in this run"
OPEN = (AGREES, DIFFERS, UNDECIDED)  # what could have come out otherwise
WORDS = (*OPEN, NOT_EXCLUDED, SELECTION, BY_CONSTRUCTION, UNMEASURED)
COLUMNS = [
    "item", "quantity", "published", "ours", "low", "high", "n", "word", "p_holm", "revision",
    "became", "note",
]  # fmt: skip
ALL = "all"
_EXACT = 1e-6  # published values are quoted to six digits
_MARKS = {BY_CONSTRUCTION: "by_construction", SELECTION: "selection"}  # keys of the index
_MODELS = ("model", "source", "evaluator")  # columns that name a model


@dataclass(frozen=True)
class Finding:
    """An estimate with its interval.

    Args:
        about: whose it is, in words; empty where there is nothing to tell apart.
        value: the estimate; NaN: nothing to measure it on.
        low: lower end of its interval; NaN: there is none.
        high: upper end.
        n: number of things that it is of.
    """

    about: str
    value: float
    low: float
    high: float
    n: int


_NOTHING = Finding("", np.nan, np.nan, np.nan, 0)


@dataclass(frozen=True)
class Claim:
    """A statement on one quantity, and how it is read off a csv.

    Args:
        says: the quantity, in words.
        side: whether it is ``above``, ``below`` or equal to (``equals``) the bound.
        bound: in the quantity's unit.
        judge: gives the findings of a csv's rows, at a confidence.
        hard: whether it is about hard data sets alone; ``judge`` then sees no other rows.
    """

    says: str
    side: str
    bound: float
    judge: Callable[[pd.DataFrame, float], Iterable[Finding]]
    hard: bool = False

    def __post_init__(self) -> None:
        if self.side not in ("above", "below", "equals"):
            raise ValueError(f"side must be above, below or equals, found {self.side!r}")

    def outcome(self, finding: Finding) -> str:
        """Whether the interval of a finding lies inside the claim."""
        if not finding.n or np.isnan(finding.value):
            return UNMEASURED
        if np.isnan(finding.low) or np.isnan(finding.high):
            return UNDECIDED
        if self.side == "equals":
            return NOT_EXCLUDED if finding.low <= self.bound <= finding.high else DIFFERS
        inside, outside = finding.low > self.bound, finding.high < self.bound
        if self.side == "below":
            inside, outside = outside, inside
        return AGREES if inside else DIFFERS if outside else UNDECIDED


@dataclass(frozen=True)
class Run:
    """What a run has that the paper can be held against.

    Args:
        models: names of its models.
        datasets: names of its data sets.
        hard: those of them whose problems are out of reach for most models.
        confidence: of all intervals.
    """

    models: Collection[str]
    datasets: Collection[str]
    hard: Collection[str]
    confidence: float


def score(
    index: Mapping[str, dict],
    claims: Mapping[str, Claim],
    values: Mapping[str, pd.DataFrame],
    run: Run,
) -> pd.DataFrame:
    """The scorecard of a run in the order of the index, what was measured first: ``COLUMNS``.

    ``values`` maps the ``values`` file of index entries to its content, for those that the run
    makes. ``revision`` and ``became`` say which revision of the paper speaks and what the revised
    one made of it. Published numbers that cannot be measured are one row for each quantity and
    reason.
    """
    rows = []
    needed = _named(index)
    for item, entry in index.items():
        frame = values.get(entry["values"])
        found = []
        for name in entry["claims"]:
            why = {word: entry[key][name] for word, key in _MARKS.items() if name in entry[key]}
            found += _claim(item, claims[name], frame, run, why)
        found += _numbers(item, entry, frame, run, needed)
        said = {name: entry[name] or "" for name in ("revision", "became")}
        rows += [row | said for row in found]
    rows.sort(key=lambda row: row["word"] == UNMEASURED)
    card = pd.DataFrame(rows, columns=[*COLUMNS, "p"])
    card["p_holm"] = statistics.holm(card.pop("p").where(card["word"].isin(OPEN)))
    return card


def totals(card: pd.DataFrame) -> pd.DataFrame:
    """How many rows of the card have each word: word, rows, ``open`` (could differ), ``decided``.

    A row is open where it could have come out otherwise, and decided if it agrees or differs.
    """
    counted = pd.DataFrame({"word": WORDS, "rows": [int(card["word"].eq(w).sum()) for w in WORDS]})
    return counted.assign(
        open=counted["word"].isin(OPEN), decided=counted["word"].isin([AGREES, DIFFERS])
    )


def summarize(card: pd.DataFrame, confidence: float) -> str:
    """The totals in a line, above the card."""
    rows = totals(card).set_index("word")["rows"]
    held = card["p_holm"].le(1 - confidence)
    return (
        f"Of {sum(rows[list(OPEN)])} rows that could have come out otherwise {rows[AGREES]} agree, "
        f"{rows[DIFFERS]} differ and {rows[UNDECIDED]} are undecided, by unadjusted intervals at "
        f"the level {confidence:g}; {int(held.sum())} are decided after Holm's adjustment too. "
        f"Beside them stand {rows[BY_CONSTRUCTION]} by construction, {rows[SELECTION]} that "
        f"measure again what was selected, {rows[NOT_EXCLUDED]} of an equality that the interval "
        f"holds, and {rows[UNMEASURED]} not measurable in this run."
    )


def tail(finding: Finding, bound: float, confidence: float) -> float:
    """Two-sided p that the quantity is the bound, from the interval; NaN without one.

    The interval is taken for a normal one on the side of the bound, where it has the half-width
    that its level says.
    """
    half = finding.value - finding.low if finding.value > bound else finding.high - finding.value
    if not half > 0:
        return np.nan
    z = abs(finding.value - bound) / half * statistics.critical_value(confidence)
    return float(2 * scipy.special.ndtr(-z))


def difference(one: Finding, other: Finding, about: str) -> Finding:
    """one - other, with an interval from the two intervals of independent estimates.

    The square-and-add method (Newcombe 1998 for shares; Zou and Donner 2008 in general), which
    keeps asymmetric intervals. For estimates that rise and fall together it is too wide.
    """
    low, high = statistics.difference_interval(
        (one.value, one.low, one.high), (other.value, other.low, other.high)
    )
    value = one.value - other.value
    return Finding(about, value, float(low), float(high), min(one.n, other.n))


def look_up(frame: pd.DataFrame, quantity: str, where: Mapping, confidence: float) -> Finding:
    """One quantity of the rows that ``where`` selects, which must agree on it.

    ``a/b`` is the share of two counts with its Wilson interval. Nothing found is a NaN with n = 0;
    a column that is not there, or rows that differ, are errors that name it.
    """
    top, _, bottom = quantity.partition("/")
    columns = [top, bottom] if bottom else [top]
    for column in [*where, *columns]:
        if column not in frame.columns:
            raise ValueError(
                f"{quantity}: there is no column {column!r}; found {', '.join(frame.columns)}"
            )
    selected = np.logical_and.reduce(
        [frame[column].astype(str) == str(value) for column, value in where.items()]
    )
    about = ", ".join(str(value) for value in where.values() if str(value) != ALL)
    bounds = [] if bottom else [f"{top}_low", f"{top}_high"]
    wanted = [name for name in [*columns, *bounds, "n"] if name in frame.columns]
    rows = frame.loc[selected, list(dict.fromkeys(wanted))].drop_duplicates()
    if len(rows) > 1:
        raise ValueError(f"{quantity} of {dict(where)}: expected one value, found {len(rows)}")
    if rows.empty:
        return replace(_NOTHING, about=about)
    row = rows.iloc[0]
    if bottom:
        n = int(row[bottom])
        low, high = statistics.wilson(row[top], n, confidence)
        return Finding(about, row[top] / n if n else np.nan, float(low), float(high), n)
    low, high = (float(row[name]) if name in row else np.nan for name in bounds)
    n = int(row["n"]) if "n" in row and not pd.isna(row["n"]) else 1
    return Finding(about, float(row[top]), low, high, n)


def compare(ours: Finding, published: float, n: int | None, confidence: float) -> str:
    """The outcome for a published number; ``n`` is what a published share is of, where known."""
    if not ours.n or np.isnan(ours.value):
        return UNMEASURED
    if np.isnan(ours.low) or np.isnan(ours.high):
        return UNDECIDED
    low = high = published
    if n is not None:
        low, high = statistics.wilson(published * n, n, confidence)
    overlap = low <= ours.high + _EXACT and ours.low - _EXACT <= high
    return NOT_EXCLUDED if overlap else DIFFERS


def _claim(
    item: str, claim: Claim, frame: pd.DataFrame | None, run: Run, why: Mapping[str, str]
) -> list[dict]:
    """Rows of a claim; ``why`` is empty, or the word that its mark in the index gives: reason."""
    note = f"claim: {claim.side.replace('equals', 'equal to')} {claim.bound:g}"
    row = {"item": item, "quantity": claim.says, "published": np.nan, "note": note}
    if frame is None:
        missing = _ours(_NOTHING) | {"word": UNMEASURED}
        return [row | missing | {"note": f"{note}; the run does not make this table"}]
    if claim.hard:
        frame = frame[frame["dataset"].isin(list(run.hard))]
    findings = [one for one in claim.judge(frame, run.confidence) if one.n]
    rows = []
    for finding in findings or [_NOTHING]:
        about = f" ({finding.about})" if finding.about else ""
        outcome = claim.outcome(finding)
        remark = note
        if outcome == UNMEASURED:
            remark += "; nothing to measure it on"
        elif np.isnan(finding.low):
            remark += "; no interval can be told"
        for word, reason in why.items():
            if outcome != UNMEASURED:
                remark += f"; {reason} (the interval alone: {outcome})"
                outcome = word
        values = {"quantity": claim.says + about, "word": outcome, "note": remark}
        values["p"] = tail(finding, claim.bound, run.confidence)
        rows.append(row | _ours(finding) | values)
    return rows


def _numbers(
    item: str,
    entry: dict,
    frame: pd.DataFrame | None,
    run: Run,
    needed: tuple[set[str], set[str]],
) -> list[dict]:
    rows, lacking = [], {}
    for number in entry["published"]:
        reason = _lack(number["where"], run, needed)
        if reason is None and frame is None:
            reason = "the run does not make this table"
        if reason is not None:
            lacking.setdefault((number["quantity"], reason), []).append(number)
            continue
        ours = look_up(frame, number["quantity"], number["where"], run.confidence)
        outcome = compare(ours, number["value"], number["n"], run.confidence)
        rows.append(
            {
                "item": item,
                "quantity": f"{number['quantity']} ({ours.about})",
                "published": number["value"],
                **_ours(ours),
                "word": outcome,
                "note": f"published value: {number['quoted_from']}",
            }
        )
    for (quantity, reason), numbers in lacking.items():
        many = f"{len(numbers)} published values; " if len(numbers) > 1 else ""
        rows.append(
            {
                "item": item,
                "quantity": quantity,
                "published": numbers[0]["value"] if len(numbers) == 1 else np.nan,
                **_ours(_NOTHING),
                "word": UNMEASURED,
                "note": many + reason,
            }
        )
    return rows


def _ours(finding: Finding) -> dict:
    return {"ours": finding.value, "low": finding.low, "high": finding.high, "n": finding.n}


def _named(index: Mapping[str, dict]) -> tuple[set[str], set[str]]:
    """The models and data sets that published values are of: what "all" pools in the paper."""
    wheres = [number["where"] for entry in index.values() for number in entry["published"]]
    models = {where[key] for where in wheres for key in _MODELS if key in where}
    datasets = {where["dataset"] for where in wheres if "dataset" in where}
    return models - {ALL}, datasets - {ALL}


def _lack(where: dict, run: Run, needed: tuple[set[str], set[str]]) -> str | None:
    """Why a published value cannot be measured in a run; None if it can."""
    models = {where[key] for key in _MODELS if key in where}
    models = needed[0] if ALL in models else models
    if not models <= set(run.models):
        return "of the paper's models, which this run does not have"
    dataset = where.get("dataset", ALL)
    if not (needed[1] if dataset == ALL else {dataset}) <= set(run.datasets):
        return "of the paper's data sets, which this run does not have"
    return None
