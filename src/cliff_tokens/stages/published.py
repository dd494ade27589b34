"""Published rollouts: the authors' own traces and counts, read as they stand (docs/audit.md).

A file is a JSON list, a record a trace, with the share of 64 continuations that were right from
each prefix. Its conventions are not those of a run, so that its tables are others:

* Prefixes 1 .. n-1 of n tokens were measured: not the bare prompt, nor the verdict after token n.
  The first and the last token have no drop.
* Shares are floats; one that is no whole number of rollouts is refused.
* After twenty zeros in a row the released code stops and writes zeros to the end of the trace
  (``EARLY_TERMINATION_K`` of its ``src/config.py``). Those were not measured: null.
* Token ids are the response encoded again, without an end of sequence. Whether they still are what
  this tokenizer makes of the text is a flag of each trace.
* Traces were drawn at temperature 0.6, rollouts by each model's own sampler: the potential is that
  of the latter. How a trace ended and what drew it is not in the files, and has no column.
"""

import gzip
import json
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from cliff_tokens.stages.drops import ESTIMATED, estimate_drops, pair_counts
from cliff_tokens.stages.extraction import BOX

logger = logging.getLogger(__name__)

STOP_AFTER = 20  # successive zeros after which the released code measures no more of a trace
FIELDS = {
    "id": str,
    "problem_id": str,
    "question": str,
    "golden_answer": list,
    "full_prompt": str,
    "response": str,
    "response_tokens": list,
    "response_token_ids": list,
    "total_tokens": int,
    "is_correct": bool,
    "all_position_scores": list,
}
_ROUNDING = 1e-6  # of a count, what its share may be off as a float


class PublishedError(ValueError):
    """A file that is not what the release documents; says where, what and what would do."""


def read(path: str | Path, rollouts: int) -> list[dict]:
    """The records of a file (.json or .json.gz), if every one of them is as documented.

    ``rollouts`` is what the scores are shares of. A field that is not known is left out, which
    the log says.
    """
    opened = gzip.open if str(path).endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            records = json.load(file)
    except (OSError, EOFError, ValueError) as error:  # not there, not gzip, cut off, not JSON
        raise PublishedError(f"{path}: not readable as JSON: {error}; fetch it again") from error
    if not isinstance(records, list) or not records:
        raise PublishedError(
            f"{path}: expected a list of records, one a trace; found {_shown(records)}"
        )
    for number, record in enumerate(records):
        _check(record, f"{path}: record {number}", rollouts)
    other = [record["id"] for record in records if not _asks(record)]
    if 2 * len(other) > len(records):
        raise PublishedError(
            f"{path}: full_prompt of {other[0]!r} does not hold its question, nor does that of "
            f"{len(other)} of {len(records)} records; expected the prompt that asks it"
        )
    if other:
        logger.warning("%s: full_prompt does not hold the question: %s", path, ", ".join(other))
    names = Counter(record["id"] for record in records)
    if repeated := [name for name, count in names.items() if count > 1]:
        raise PublishedError(
            f"{path}: two records have the id {repeated[0]!r}; expected each trace once"
        )
    if unread := sorted({key for record in records for key in record} - set(FIELDS)):
        logger.warning("%s: fields that are not read: %s", path, ", ".join(unread))
    return records


def _asks(record: dict) -> bool:
    """Whether the prompt holds the question, whatever blanks a template has changed."""
    question, prompt = ("".join(record[name].split()) for name in ("question", "full_prompt"))
    return question in prompt


def problems_of(records: list[dict], dataset: str) -> pd.DataFrame:
    """Rows of the ``problems`` table: each problem once, in the order of the records.

    A problem whose question or answers differ between its traces is an error.
    """
    problems = pd.DataFrame(
        {
            "dataset": dataset,
            "problem_id": [record["problem_id"] for record in records],
            "question": [record["question"] for record in records],
            "answer": ["\n".join(record["golden_answer"]) for record in records],
            "answer_from": BOX,
            "until": None,
            "level": pd.array([None] * len(records), "Int8"),
            "split": "published",
            "source_row": range(len(records)),
        }
    )
    one = problems.drop_duplicates(["problem_id", "question", "answer"])
    if one["problem_id"].duplicated().any():
        name = one.loc[one["problem_id"].duplicated(), "problem_id"].iloc[0]
        raise PublishedError(
            f"{dataset}: the problem {name!r} has another question or answer in another record; "
            "expected the same in all"
        )
    return one.reset_index(drop=True)


def traces_of(
    records: list[dict], model: str, dataset: str, encode: Callable[[str], np.ndarray]
) -> pd.DataFrame:
    """Rows of the ``published_traces`` table.

    ``encode`` gives the int32 ids of a text as it stands: no special token is added, and those
    that are written out in it count as such. Fewer than half of the traces that are encoded as
    published mean another tokenizer, which is refused.
    """
    taken: Counter = Counter()
    rows = []
    for record in records:
        problem_id = record["problem_id"]
        token_ids = np.asarray(record["response_token_ids"], dtype=np.int32)
        rows.append(
            {
                "trace_id": f"{model}/{dataset}/{problem_id}/{taken[problem_id]}",
                "model": model,
                "dataset": dataset,
                "problem_id": problem_id,
                "sample": taken[problem_id],
                "prompt_ids": encode(record["full_prompt"]),
                "token_ids": token_ids,
                "text": record["response"],
                "verdict": "correct" if record["is_correct"] else "incorrect",
                "reencoded": np.array_equal(encode(record["response"]), token_ids),
            }
        )
        taken[problem_id] += 1
    traces = pd.DataFrame(rows)
    if 2 * traces["reencoded"].sum() < len(traces):
        first = traces.loc[~traces["reencoded"], "trace_id"].iloc[0]
        raise PublishedError(
            f"{first}: this tokenizer gives other ids for the text than the file has, here and in "
            f"{len(traces) - traces['reencoded'].sum()} of {len(traces)} traces; expected the "
            f"tokenizer of the model that wrote them (config/models.yaml: {model})"
        )
    return traces


def potential_of(records: list[dict], traces: pd.DataFrame, rollouts: int) -> pd.DataFrame:
    """Rows of the ``published_potential`` table: prefixes 1 .. n-1 of every trace.

    ``traces`` are those of the records, in their order. Successes are null where nothing was
    measured.
    """
    parts = []
    for record, trace_id in zip(records, traces["trace_id"], strict=True):
        scores = pd.array(record["all_position_scores"], dtype="Float64").to_numpy(
            dtype=float, na_value=np.nan
        )
        counts = np.rint(scores * rollouts)
        counts[~measured(counts)] = np.nan
        parts.append(
            pd.DataFrame({"trace_id": trace_id, "t": np.arange(1, len(scores) + 1)}).assign(
                successes=pd.array(counts, dtype="Int16"), rollouts=rollouts
            )
        )
    return pd.concat(parts, ignore_index=True)


def measured(counts: np.ndarray) -> np.ndarray:
    """Which counts of one trace [prefixes] were drawn, bool: not NaN, nor filled in.

    A tail of zeros counts up to its twentieth. That the model really succeeds no more is likely,
    but the file cannot tell, and no drop lies there either way.
    """
    successes = np.flatnonzero(np.nan_to_num(counts) > 0)
    tail = successes[-1] + 1 if len(successes) else 0
    return ~np.isnan(counts) & (np.arange(len(counts)) < tail + STOP_AFTER)


def estimate_published(potential: pd.DataFrame) -> pd.DataFrame:
    """Potential before and after every token between two measured prefixes: ``estimates`` rows.

    Tokens next to a prefix that was not measured have none: a gap blames no single token.
    """
    known = potential.dropna(subset=["successes"]).sort_values(["trace_id", "t"], ignore_index=True)
    pairs = pair_counts(known, np.zeros(len(known), dtype=bool))
    adjacent = known["t"].shift(-1).eq(known["t"] + 1).to_numpy()
    pairs = pairs[~pairs["last"].to_numpy() & adjacent].reset_index(drop=True)
    return estimate_drops(pairs)[ESTIMATED]


def _check(record: object, place: str, rollouts: int) -> None:
    """Refuse a record that lacks a field, or whose lengths or scores do not fit."""
    if not isinstance(record, dict):
        raise PublishedError(f"{place}: expected a mapping of fields, found {_shown(record)}")
    place = f"{place} ({record.get('id')})"
    for name, kind in FIELDS.items():
        if name not in record:
            raise PublishedError(f"{place}: has no field {name!r}; expected {', '.join(FIELDS)}")
        if type(record[name]) is not kind:  # to isinstance True is a whole number
            raise PublishedError(
                f"{place}: {name}: expected {_KINDS[kind]}, found {_shown(record[name])}"
            )
    length, scores = record["total_tokens"], record["all_position_scores"]
    for name, expected in (
        ("response_token_ids", length),
        ("response_tokens", length),
        ("all_position_scores", max(length - 1, 0)),
    ):
        if len(record[name]) != expected:
            raise PublishedError(
                f"{place}: {name}: expected {expected} entries, as total_tokens is {length}; "
                f"found {len(record[name])}"
            )
    for position, token in enumerate(record["response_token_ids"], 1):
        if type(token) is not int or token < 0:
            raise PublishedError(
                f"{place}: token {position}: expected an id from 0, found {_shown(token)}"
            )
    answers = record["golden_answer"]
    if not answers or not all(isinstance(answer, str) and answer for answer in answers):
        raise PublishedError(
            f"{place}: golden_answer: expected a list of texts, found {_shown(answers)}"
        )
    for prefix, score in enumerate(scores, 1):
        if score is not None and not _is_share(score, rollouts):
            raise PublishedError(
                f"{place}: prefix {prefix}: expected a share of {rollouts} rollouts, found "
                f"{_shown(score)}; if it is of another number, name that (rollouts)"
            )


_KINDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list"}


def _is_share(score: object, rollouts: int) -> bool:
    if type(score) not in (int, float) or not 0 <= score <= 1:
        return False
    return abs(score * rollouts - round(score * rollouts)) < _ROUNDING


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
