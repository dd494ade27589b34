"""Build the explorer of a run or of own counts: what the command and the rule call."""

from collections.abc import Sequence
from pathlib import Path

from cliff_tokens import own_counts, sources
from cliff_tokens.explorer import counts, export, pages
from cliff_tokens.stages.estimators import ESTIMATORS


def of_run(
    found: Sequence[sources.Source],
    folder: str | Path,
    title: str,
    confidence: float,
    main: str | None = None,
) -> int:
    """Write the explorer of a run; how many traces it has.

    Args:
        found: the files of the run.
        folder: to write.
        title: what the run is called.
        confidence: of the intervals.
        main: the estimator that is shown first, and whose traces are shown; None for the run's
            main one, at whose cliffs candidates were drawn, or the first where none were.
    """
    tests = {reading.test for one in found for reading in one.readings}
    if len(tests) > 1:
        raise sources.SourceError(
            f"{title}: its cliffs were found by {len(tests)} rules, {sorted(map(str, tests))}; "
            "expected one. Detect them again (snakemake --forcerun detect_cliffs)"
        )
    (test,) = tests
    read = {reading.estimator for one in found for reading in one.readings}
    there = [name for name in ESTIMATORS if name in read]
    followed = (
        one.estimator for source in found for one in source.readings if "candidates" in one.followed
    )
    main = main or next(followed, there[0])
    if main not in there:
        raise sources.SourceError(
            f"{title}: has no cliffs by the estimator {main!r}; expected one of {', '.join(there)}"
        )
    head = _head(title, "run", test.margin, test.z, confidence)
    found = [one for one in found if main in {reading.estimator for reading in one.readings}]
    return pages.write(folder, head, export.traces_of(found, confidence), main)


def of_counts(
    path: str | Path, folder: str | Path, margin: float, z: float, confidence: float
) -> int:
    """Write the explorer of own counts (docs/own_counts.md); how many traces they have.

    Args:
        path: of the csv or parquet file.
        folder: to write.
        margin: the drop that is no cliff yet.
        z: how many standard errors more than that a cliff falls.
        confidence: of the intervals.
    """
    read = own_counts.read_counts(path)
    head = _head(Path(path).name, "counts", margin, z, confidence)
    return pages.write(folder, head, counts.traces_of(read, margin, z, confidence))


def _head(title: str, of: str, margin: float, z: float, confidence: float) -> dict:
    return {
        "title": title,
        "of": of,
        "rule": {"margin": margin, "z": z},
        "confidence": confidence,
    }
