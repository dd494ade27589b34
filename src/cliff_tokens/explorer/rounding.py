"""Numbers as the data files hold them: short, without NaN, and the same for equal inputs."""

from collections.abc import Iterable

import numpy as np

UNIT = 10_000  # of what is written as whole numbers: ten-thousandths


def whole(values: Iterable[float]) -> list[int | None]:
    """Shares as whole ten-thousandths; None where there is none."""
    return [None if np.isnan(value) else round(value * UNIT) for value in map(float, values)]


def short(value: float, digits: int = 4) -> float | int | None:
    """A number of so many significant digits; None for NaN."""
    value = float(value)
    if np.isnan(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded == int(rounded) else rounded


def shorts(values: Iterable[float], digits: int = 4) -> list[float | int | None]:
    """Numbers of so many significant digits each; None for NaN."""
    return [short(value, digits) for value in values]
