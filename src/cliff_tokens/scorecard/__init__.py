"""The scorecard: what the paper says beside what a run measured, and whether they agree.

Two kinds of row. A *number* is a published value of a model and data sets; it is compared where the
run has them, and nowhere else. A *claim* is a direction or an inequality that the paper states; it
can be asked of any models, and is answered by the interval of our estimate:

A claim *agrees* where the interval lies inside it, *differs* where it lies outside, and is
*undecided* where the interval holds both or cannot be told; that two things are equal agrees where
the interval holds the value. A number agrees where the published value lies in our interval or its
own interval (where its n is known) overlaps ours, and differs elsewhere; without an interval of
ours it is undecided. What the run lacks the model, a data set or the table for, or has no rows of,
is *not measurable in this run*.

Every row is read from the csv of a figure or table, by the names of its columns: a value ``x`` has
its interval in ``x_low`` and ``x_high`` and its count in ``n``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from cliff_tokens import statistics

AGREES, DIFFERS, UNDECIDED = "agrees", "differs", "undecided"
UNMEASURED = "not measurable in this run"
COLUMNS = ["item", "quantity", "published", "ours", "low", "high", "n", "word", "note"]
# Problems out of reach for most models: the paper's, and the testbed's in their place.
HARD = ("aime25", "marathons")
ALL = "all"
_EXACT = 1e-6  # published values are quoted to six digits


@dataclass(frozen=True)
class Finding:
    """An estimate with its interval; ``n`` counts what it is of and ``about`` says whose it is."""

    about: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Claim:
    """A statement on one quantity: that it is above, below or equal to a bound."""

    says: str
    side: str
    bound: float
    judge: Callable[[pd.DataFrame, float], Iterable[Finding]]

    def word(self, found: Finding) -> str:
        """Whether the interval of a finding lies inside the claim."""
        if not found.n or np.isnan(found.value):
            return UNMEASURED
        if np.isnan(found.low) or np.isnan(found.high):
            return UNDECIDED
        if self.side == "equals":
            return AGREES if found.low <= self.bound <= found.high else DIFFERS
        inside, outside = found.low > self.bound, found.high < self.bound
        if self.side == "below":
            inside, outside = outside, inside
        return AGREES if inside else DIFFERS if outside else UNDECIDED


CLAIMS: dict[str, Claim] = {}


def claim(says: str, side: str, bound: float):
    """Register a function of one csv and the confidence as the claim of its own name."""
    if side not in ("above", "below", "equals"):
        raise ValueError(f"side must be above, below or equals, found {side!r}")

    def register(judge):
        CLAIMS[judge.__name__] = Claim(says, side, bound, judge)
        return judge

    return register


def score(
    index: Mapping[str, dict],
    values: Mapping[str, pd.DataFrame],
    models: Iterable[str],
    datasets: Iterable[str],
    confidence: float,
) -> pd.DataFrame:
    """The scorecard of a run in the order of the index, what was measured first: ``COLUMNS``.

    ``values`` maps the ``values`` file of index entries to its content, for those that the run
    makes. Published numbers that cannot be measured are one row for each quantity and reason.
    """
    rows = []
    needed = _named(index)
    for item, entry in index.items():
        frame = values.get(entry["values"])
        for name in entry["claims"]:
            rows += _claims(item, name, frame, confidence)
        rows += _numbers(item, entry, frame, set(models), set(datasets), needed, confidence)
    rows.sort(key=lambda row: row["word"] == UNMEASURED)
    return pd.DataFrame(rows, columns=COLUMNS)


def difference(one: Finding, other: Finding, about: str) -> Finding:
    """one - other, with an interval from the two intervals of independent estimates.

    The square-and-add method (Newcombe 1998 for shares; Zou and Donner 2008 in general), which
    keeps asymmetric intervals. For estimates that rise and fall together it is too wide.
    """
    value = one.value - other.value
    low = value - np.hypot(one.value - one.low, other.high - other.value)
    high = value + np.hypot(one.high - one.value, other.value - other.low)
    return Finding(about, value, low, high, min(one.n, other.n))


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
    inside = np.logical_and.reduce(
        [frame[column].astype(str) == str(value) for column, value in where.items()]
    )
    about = ", ".join(str(value) for value in where.values() if str(value) != ALL)
    bounds = [] if bottom else [f"{top}_low", f"{top}_high"]
    wanted = [name for name in [*columns, *bounds, "n"] if name in frame.columns]
    rows = frame.loc[inside, list(dict.fromkeys(wanted))].drop_duplicates()
    if len(rows) > 1:
        raise ValueError(f"{quantity} of {dict(where)}: expected one value, found {len(rows)}")
    if rows.empty:
        return Finding(about, np.nan, np.nan, np.nan, 0)
    row = rows.iloc[0]
    if bottom:
        n = int(row[bottom])
        low, high = statistics.wilson(row[top], n, confidence)
        return Finding(about, row[top] / n if n else np.nan, float(low), float(high), n)
    low, high = (float(row[name]) if name in row else np.nan for name in bounds)
    n = int(row["n"]) if "n" in row and not pd.isna(row["n"]) else 1
    return Finding(about, float(row[top]), low, high, n)


def compare(ours: Finding, published: float, n: int | None, confidence: float) -> str:
    """The word for a published number; ``n`` is what a published share is of, where known."""
    if not ours.n or np.isnan(ours.value):
        return UNMEASURED
    if np.isnan(ours.low) or np.isnan(ours.high):
        return UNDECIDED
    low = high = published
    if n is not None:
        low, high = statistics.wilson(published * n, n, confidence)
    return AGREES if low <= ours.high + _EXACT and ours.low - _EXACT <= high else DIFFERS


def _claims(item: str, name: str, frame: pd.DataFrame | None, confidence: float) -> list[dict]:
    known = CLAIMS[name]
    note = f"claim: {known.side.replace('equals', 'equal to')} {known.bound:g}"
    row = {"item": item, "quantity": known.says, "published": np.nan, "note": note}
    if frame is None:
        missing = {"ours": np.nan, "low": np.nan, "high": np.nan, "n": 0, "word": UNMEASURED}
        return [row | missing | {"note": f"{note}; the run does not make this table"}]
    findings = [found for found in known.judge(frame, confidence) if found.n]
    rows = []
    for found in findings or [Finding("", np.nan, np.nan, np.nan, 0)]:
        about = f" ({found.about})" if found.about else ""
        word = known.word(found)
        said = note + (
            "; no interval can be told" if word == UNDECIDED and np.isnan(found.low) else ""
        )
        said += "; nothing to measure it on" if word == UNMEASURED else ""
        rows.append(
            row | _ours(found) | {"quantity": known.says + about, "word": word, "note": said}
        )
    return rows


def _numbers(
    item: str,
    entry: dict,
    frame: pd.DataFrame | None,
    models: set[str],
    datasets: set[str],
    needed: tuple[set[str], set[str]],
    confidence: float,
) -> list[dict]:
    rows, lacking = [], {}
    for number in entry["published"]:
        reason = _lack(number["where"], models, datasets, needed)
        if reason is None and frame is None:
            reason = "the run does not make this table"
        if reason is not None:
            lacking.setdefault((number["quantity"], reason), []).append(number)
            continue
        ours = look_up(frame, number["quantity"], number["where"], confidence)
        word = compare(ours, number["value"], number.get("n"), confidence)
        rows.append(
            {
                "item": item,
                "quantity": f"{number['quantity']} ({ours.about})",
                "published": number["value"],
                **_ours(ours),
                "word": word,
                "note": f"published value: {number['source']}",
            }
        )
    for (quantity, reason), numbers in lacking.items():
        many = f"{len(numbers)} published values; " if len(numbers) > 1 else ""
        rows.append(
            {
                "item": item,
                "quantity": quantity,
                "published": numbers[0]["value"] if len(numbers) == 1 else np.nan,
                **_ours(Finding("", np.nan, np.nan, np.nan, 0)),
                "word": UNMEASURED,
                "note": many + reason,
            }
        )
    return rows


def _ours(found: Finding) -> dict:
    return {"ours": found.value, "low": found.low, "high": found.high, "n": found.n}


def _named(index: Mapping[str, dict]) -> tuple[set[str], set[str]]:
    """The models and data sets that published values are of: what "all" pools in the paper."""
    wheres = [number["where"] for entry in index.values() for number in entry["published"]]
    models = {where[key] for where in wheres for key in _MODELS if key in where}
    datasets = {where["dataset"] for where in wheres if "dataset" in where}
    return models - {ALL}, datasets - {ALL}


_MODELS = ("model", "source", "evaluator")


def _lack(
    where: dict, models: set[str], datasets: set[str], needed: tuple[set[str], set[str]]
) -> str | None:
    """Why a published value cannot be measured in a run; None if it can."""
    asked = {where[key] for key in _MODELS if key in where}
    asked = needed[0] if ALL in asked else asked
    if not asked <= models:
        return "of the paper's models, which this run does not have"
    dataset = where.get("dataset", ALL)
    if not (needed[1] if dataset == ALL else {dataset}) <= datasets:
        return "of the paper's data sets, which this run does not have"
    return None


def _groups(frame: pd.DataFrame, *columns: str) -> list[dict]:
    """The values that columns take together, in their order."""
    return frame[list(columns)].drop_duplicates().to_dict("records")


def _by_model(frame: pd.DataFrame) -> list[dict]:
    return [key for key in _groups(frame, "model") if key["model"] != ALL]


def _minus(frame, quantity, where, one, other, confidence) -> Finding:
    """quantity under ``one`` less quantity under ``other``, both within ``where``."""
    about = ", ".join(str(value) for value in where.values() if str(value) != ALL)
    return difference(
        look_up(frame, quantity, where | one, confidence),
        look_up(frame, quantity, where | other, confidence),
        about,
    )


def _by_outcome(frame, quantity, confidence):
    for key in _by_model(frame):
        yield _minus(
            frame, quantity, key | {"dataset": ALL},
            {"outcome": "incorrect"}, {"outcome": "correct"}, confidence,
        )  # fmt: skip


@claim("share of traces with a cliff, incorrect less correct", "above", 0)
def more_incorrect_traces_have_a_cliff(frame, confidence):
    return _by_outcome(frame, "share_with_cliff", confidence)


@claim("cliffs per trace, incorrect less correct", "above", 0)
def incorrect_traces_hold_more_cliffs(frame, confidence):
    return _by_outcome(frame, "cliffs_per_trace", confidence)


@claim("pass@1 of incorrect traces, cliff deleted less kept", "above", 0)
def deleting_beats_keeping(frame, confidence):
    at_one = frame[frame["k"] == 1]
    for key in _groups(at_one, "model", "dataset"):
        yield _minus(at_one, "mean", key, {"arm": "del"}, {"arm": "keep"}, confidence)


@claim("pass@k at the largest k, cliff deleted", "equals", 1)
def deletion_recovers(frame, confidence):
    return _share_at_largest_k(frame, "del", confidence)


@claim("pass@k at the largest k, cliff kept", "below", 1)
def keeping_stays_below_one(frame, confidence):
    return _share_at_largest_k(frame, "keep", confidence)


def _share_at_largest_k(frame, arm, confidence):
    # At k = rollouts pass@k is the share of cliffs with a success. Where all have one there is no
    # spread to resample, so that the interval is Wilson's, each problem counting once.
    largest = frame[(frame["k"] == frame["k"].max()) & (frame["arm"] == arm)]
    for key in _groups(largest, "model", "dataset"):
        found = look_up(largest, "mean", key, confidence)
        problems = look_up(largest, "problems", key, confidence).value
        low, high = statistics.wilson(found.value * problems, problems, confidence)
        yield replace(found, low=float(low), high=float(high))


@claim("share of low entropy, all tokens less cliff tokens", "above", 0)
def cliffs_have_higher_entropy(frame, confidence):
    for key in _by_model(frame):
        yield _minus(frame, "low_entropy", key, {"group": "all"}, {"group": "cliff"}, confidence)


@claim("share of greedy tokens, cliffs over all tokens", "below", 1)
def cliffs_are_less_often_greedy(frame, confidence):
    return [look_up(frame, "ratio", key, confidence) for key in _by_model(frame)]


@claim("deterministic cliffs among all cliffs", "above", 0)
def deterministic_cliffs_are_found(frame, confidence):
    # A Wilson interval of no cliffs starts at zero: found means that some were.
    own = frame[frame["kind"] == "deterministic"]
    return [look_up(own, "cliffs/n", key, confidence) for key in _by_model(own)]


@claim("deterministic cliffs that are impossible", "equals", 0)
def deterministic_cliffs_are_possible(frame, confidence):
    own = frame[frame["kind"] == "deterministic"]
    return [look_up(own, "impossible/n", {"model": ALL}, confidence)]


@claim("deterministic flags less those that chance makes", "above", 0)
def deterministic_flags_exceed_chance(frame, confidence):
    where = {"model": ALL, "kind": "deterministic"}
    flags = look_up(frame, "n", where, confidence)
    chance = look_up(frame, "by_chance", where, confidence)
    tail = (1 - confidence) / 2
    low = stats.chi2.ppf(tail, 2 * flags.value) / 2 if flags.value else 0.0
    high = stats.chi2.ppf(1 - tail, 2 * flags.value + 2) / 2
    yield Finding("", flags.value - chance.value, low - chance.value, high - chance.value, flags.n)


def _of_pairs(frame, quantity, kind, confidence):
    for key in _groups(frame, "source", "evaluator"):
        found = look_up(frame, quantity, key | {"kind": kind}, confidence)
        yield replace(found, about=" to ".join(key.values()))


def _against_deterministic(frame, kind, confidence):
    for key in _groups(frame, "source", "evaluator"):
        found = _minus(
            frame, "share_first", key, {"kind": "deterministic"}, {"kind": kind}, confidence
        )
        yield replace(found, about=" to ".join(key.values()))


@claim("deterministic cliffs that the other model ranks first", "above", 0.5)
def deterministic_cliffs_are_first_for_both(frame, confidence):
    return _of_pairs(frame, "share_first", "deterministic", confidence)


@claim("deterministic cliffs that the other model ranks first, less their controls", "above", 0)
def deterministic_cliffs_agree_more_than_controls(frame, confidence):
    return _of_pairs(frame, "difference", "deterministic", confidence)


@claim("ranked first by the other model, deterministic less uncertain", "above", 0)
def uncertain_cliffs_agree_less(frame, confidence):
    return _against_deterministic(frame, "uncertain", confidence)


@claim("ranked first by the other model, deterministic less sampled-off", "above", 0)
def sampled_off_cliffs_agree_least(frame, confidence):
    return _against_deterministic(frame, "sampled_off", confidence)


@claim("change of the cliff mass of deterministic cliffs in the other model", "equals", 0)
def deterministic_mass_stays(frame, confidence):
    return _of_pairs(frame, "delta", "deterministic", confidence)


@claim("change of the cliff mass of uncertain cliffs in the other model", "below", 0)
def uncertain_mass_shrinks(frame, confidence):
    return _of_pairs(frame, "delta", "uncertain", confidence)


@claim("cliff mass, uncertain less sampled-off", "above", 0)
def cliff_mass_falls_from_kind_to_kind(frame, confidence):
    # Deterministic against uncertain needs no measuring: the greedy token is in both masses.
    fresh = frame[frame["reading"] == "fresh"]
    for key in _by_model(fresh):
        yield _minus(
            fresh, "cliff_mass", key, {"kind": "uncertain"}, {"kind": "sampled_off"}, confidence
        )


@claim(
    "potential of the greedy token less that of the sampled one, at sampled-off cliffs", "above", 0
)
def greedy_token_is_better(frame, confidence):
    return [look_up(frame, "gap", key, confidence) for key in _by_model(frame)]


@claim("drop that the greedy token recovers at sampled-off cliffs, by fresh counts", "above", 0)
def greedy_replacement_recovers(frame, confidence):
    own = frame[(frame["kind"] == "sampled_off") & (frame["basis"] == "fresh")]
    return [look_up(own, "recovery", key, confidence) for key in _by_model(own)]


def _settings_won(frame, variant, confidence):
    where = {"variant": variant, "k": 1, "rival": "every rival", "model": ALL, "dataset": ALL}
    yield replace(look_up(frame, "beats/settings", where, confidence), about="")


@claim("settings in which the cliff beats every rival, as published", "above", 0.5)
def cliff_beats_rivals(frame, confidence):
    return _settings_won(frame, "published", confidence)


@claim("settings in which the cliff beats every rival, where both can cut", "above", 0.5)
def cliff_beats_rivals_fairly(frame, confidence):
    return _settings_won(frame, "fair", confidence)


@claim("distance of the first cliff from the critical token, in tokens", "below", 0)
def first_cliff_precedes_critical_token(frame, confidence):
    own = frame[frame["point"] == "first cliff"]
    return [look_up(own, "distance", key, confidence) for key in _by_model(own)]


def _on_hard(frame, quantity, confidence):
    keys = [key for key in _groups(frame, "model", "dataset") if key["dataset"] in HARD]
    return [look_up(frame, quantity, key, confidence) for key in keys]


@claim("hard traces that start at potential zero", "above", 0.5)
def hard_traces_start_at_zero(frame, confidence):
    return _on_hard(frame, "share_at_zero", confidence)


@claim("incorrect hard traces without a cliff", "above", 0.5)
def hard_traces_hold_no_cliff(frame, confidence):
    return _on_hard(frame, "share_without_cliff", confidence)


def _gains(frame, variant, confidence):
    own = frame[(frame["decoding"] == "greedy") & (frame["variant"] == variant)]
    return [look_up(own, "gain", key, confidence) for key in _groups(own, "model", "dataset")]


@claim("gain in accuracy from uncertain and sampled-off pairs", "above", 0)
def uncertain_and_sampled_off_pairs_help(frame, confidence):
    return _gains(frame, "uncertain_sampled_off", confidence)


@claim("gain in accuracy from deterministic pairs", "equals", 0)
def deterministic_pairs_do_not_help(frame, confidence):
    return _gains(frame, "deterministic", confidence)


@claim("gain in accuracy, uncertain and sampled-off pairs less deterministic ones", "above", 0)
def deterministic_pairs_help_less(frame, confidence):
    greedy = frame[frame["decoding"] == "greedy"]
    for key in _groups(greedy, "model", "dataset"):
        yield _minus(
            greedy, "gain", key,
            {"variant": "uncertain_sampled_off"}, {"variant": "deterministic"}, confidence,
        )  # fmt: skip


@claim("change of cliffs per trace after training on all pairs", "below", 0)
def training_removes_cliffs(frame, confidence):
    own = frame[frame["variant"] == "all"]
    return [look_up(own, "change", key, confidence) for key in _by_model(own)]
