"""Progress of long work: a bar on a terminal, a plain line now and then in the log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

logger = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_SECONDS_BETWEEN_LINES = 15.0


def track(items: Iterable[_Item], total: int, unit: str, name: str) -> Iterator[_Item]:
    """Pass ``items`` on and show how many of ``total`` have come, at what rate, what remains."""
    bar = tqdm(total=total, unit=unit, desc=name, disable=not sys.stderr.isatty(), smoothing=0.05)
    start = last = time.monotonic()
    done = 0
    with bar:
        for item in items:
            yield item
            done += 1
            bar.update()
            if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
                last = time.monotonic()
                logger.info(tqdm.format_meter(done, total, last - start, ncols=0, unit=unit))
    logger.info("%s: %d %ss in %.1f s", name, done, unit, time.monotonic() - start)
