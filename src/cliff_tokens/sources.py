"""Which files of a run belong together: found by the records of their making, base runs included.

A file that was made from another state of one that is read beside it is an error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cliff_tokens import provenance, tables
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.estimators import ESTIMATORS


class SourceError(ValueError):
    """A folder that is not a run, or files of a run that do not belong together."""


@dataclass(frozen=True)
class Reading:
    """What one estimator made of the traces of a model and data set.

    ``counts`` are the files that its rollouts are counted in, one for each round; ``followed``
    holds the files of resampling, candidates and audit by these names, as far as the run has them.
    """

    estimator: str
    test: CliffTest
    cliffs: Path
    estimates: Path
    counts: tuple[Path, ...]
    followed: dict[str, Path]


@dataclass(frozen=True)
class Source:
    """The files of one model and data set, with a reading for each estimator."""

    model: str
    dataset: str
    problems: Path
    traces: Path
    tokens: Path
    alternatives: Path | None
    readings: tuple[Reading, ...]


def find_run(folder: str | Path) -> list[Source]:
    """The sources of a run that has detected cliffs, in the order of model and data set."""
    folder = Path(folder)
    cliffs = [path for path in folder.glob("cliffs/*/*/*.parquet") if _is_measured(path)]
    if not cliffs:
        raise SourceError(
            f"{folder}: no cliffs there; expected the folder of a run that has detected some, such "
            "as results/testbed after `snakemake --cores 2`"
        )
    places = ("resampling/*/*/*.parquet", "candidates/*/*/*.parquet", "audit/*/*.parquet")
    followed = [path for place in places for path in sorted(folder.glob(place))]
    return of_cliffs(cliffs, followed)


def of_cliffs(cliffs: Iterable[str | Path], followed: Iterable[str | Path]) -> list[Source]:
    """The sources of these files of cliffs, in the order of model and data set.

    ``followed`` are files of resampling, candidates and audit; those of other cliffs are left out.
    """
    cliffs = [Path(path) for path in cliffs if _is_measured(Path(path))]
    followed = [Path(path) for path in followed]
    order = list(ESTIMATORS)
    cliffs.sort(key=lambda path: (path.parts[-2], path.stem, order.index(path.parts[-3])))
    by_owner: dict[Path, list[Path]] = {}
    for path in cliffs:
        by_owner.setdefault(_whole(path, "traces"), []).append(path)
    return [_source(traces, paths, followed) for traces, paths in by_owner.items()]


def _is_measured(cliffs: Path) -> bool:
    """Whether rollouts were drawn for the estimator that found these cliffs."""
    estimator = cliffs.parts[-3]
    return estimator in ESTIMATORS and bool(ESTIMATORS[estimator].draws)


def _source(traces: Path, cliffs: list[Path], followed: list[Path]) -> Source:
    tokens = _whole(cliffs[0], "tokens")
    parts = list(tokens.parts)
    parts[-3] = "alternatives"  # which the rule that scores tokens writes beside them
    alternatives = Path(*parts)
    if not alternatives.is_file():
        alternatives = None
    elif tables.read_metadata(alternatives)["inputs"] != tables.read_metadata(tokens)["inputs"]:
        raise SourceError(
            f"{alternatives}: was made from other files than {tokens}; score the tokens again "
            "(snakemake --forcerun score_tokens)"
        )
    return Source(
        *cliffs[0].with_suffix("").parts[-2:],
        problems=_made_from(traces, "problems")[0],
        traces=traces,
        tokens=tokens,
        alternatives=alternatives,
        readings=tuple(_reading(path, followed) for path in cliffs),
    )


def _reading(cliffs: Path, followed: list[Path]) -> Reading:
    estimator = cliffs.parts[-3]
    (estimates,) = _made_from(cliffs, "estimates")
    place = cliffs.parts[-2:]
    there = {}
    for path in followed:
        table = tables.read_metadata(path)["table"]
        # An audit has no folder for its estimator, which is always the same.
        if path.parts[-2:] == place and cliffs.absolute() in _cliffs_of(path, table):
            there[table] = path
    return Reading(
        estimator,
        CliffTest(**tables.read_metadata(cliffs)["params"]["test"]),
        cliffs,
        estimates,
        tuple(_made_from(estimates, ESTIMATORS[estimator].counts)),
        there,
    )


def _cliffs_of(path: Path, table: str) -> set[Path]:
    """The cliffs that a file of resampling, candidates or audit follows."""
    if table == "audit":
        return {made.absolute() for made in _made_from(path, "cliffs")}
    between = {"resampling": "plans", "candidates": "shortlist"}[table]
    return {
        made.absolute()
        for step in _made_from(path, between, one=False)
        for made in _made_from(step, "cliffs", one=False)
    }


def _whole(cliffs: Path, table: str) -> Path:
    """The traces or tokens of a model and data set, also where the cliffs are of the subset."""
    part = _made_from(cliffs, f"subset/{table}", one=False)
    return _made_from(part[0] if part else cliffs, table)[0]


def _made_from(path: Path, table: str, one: bool = True) -> list[Path]:
    """The files of a table, results/RUN/TABLE/..., that a file was made from and that still are so.

    With ``one``, none is an error.
    """
    making, root = tables.read_metadata(path), provenance.root_of(path)
    named = {
        name: digest
        for name, digest in making["inputs"].items()
        if name.startswith("results/") and name.split("/", 2)[2].startswith(f"{table}/")
    }
    if one and not named:
        raise SourceError(
            f"{path}: its record names no {table}; expected a table of this version. Make it again "
            f"(snakemake --forcerun {making['rule']})"
        )
    provenance.check(path, {"rule": making["rule"], "inputs": named}, root)
    return [root / name for name in named]
