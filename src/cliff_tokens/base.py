"""A run with a base: it takes over what another run measured.

The base holds problems, traces, scores, counts and estimates. A run that names it reads these,
detects cliffs anew with its own rule, and draws only what follows from cliffs that the base does
not have. The base is never written to.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from cliff_tokens.catalogue import CatalogueError, read

# Tables that a run with a base takes from it.
MEASURED = (
    "problems",
    "dropped",
    "traces",
    "tokens",
    "subset/traces",
    "subset/tokens",
    "alternatives",
    "potential",
    "branches",
    "estimates",
)
# Settings that decide what these hold: equal in both runs, or among those of the base.
_EQUAL = (
    "seed",
    "problems",
    "traces",
    "potential/rollouts",
    "potential/branches",
    "potential/second_round",
    "potential/subset",
    "taxonomy/support",
    "training/dataset",
    "training/samples",
)
_AMONG = ("models", "datasets", "potential/estimators")


def check(config: Mapping, path: str | Path) -> None:
    """Refuse a base that did not finish or that measured something else.

    ``config`` is the run's configuration, ``path`` the file in which the base recorded its own.
    """
    if config["base"] == config["run"]:
        raise CatalogueError(f"base: {config['base']} is this very run; give it another name")
    if not Path(path).is_file():
        raise CatalogueError(
            f"base: {path}: no such file; expected the run {config['base']} to be finished "
            "(its target `provenance` writes this file)"
        )
    measured = read(path)
    for key in _EQUAL:
        if value(config, key) != value(measured, key):
            raise CatalogueError(
                f"{_dotted(key)}: {config['base']} was measured with {value(measured, key)!r}, "
                f"found {value(config, key)!r}; a run with a base cannot change it"
            )
    for key in _AMONG:
        lacking = [name for name in value(config, key) if name not in value(measured, key)]
        if lacking:
            raise CatalogueError(
                f"{_dotted(key)}: {config['base']} has no {', '.join(lacking)}; "
                f"it offers {', '.join(value(measured, key))}"
            )


def files(config: Mapping, folder: str, pattern: str, equal: Iterable[str]) -> list[str]:
    """Files in the base's folder that match a pattern.

    There are none if the base has another value of one of the settings ``equal``, which are given
    by their paths, as in candidates/top.
    """
    measured = read(f"{folder}/provenance/config.yaml")
    if any(value(config, key) != value(measured, key) for key in equal):
        return []
    return sorted(str(path) for path in Path(folder).glob(pattern))


def value(config: Mapping, key: str):
    """A setting by its path, as in potential/rollouts."""
    for part in key.split("/"):
        config = config[part]
    return config


def _dotted(key: str) -> str:
    return key.replace("/", ".")
