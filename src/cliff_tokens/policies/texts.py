"""Texts that are being written, and the rollouts that have written each of them so far.

Rollouts whose texts are equal have the same next logits, so they are one text for as long as they
draw the same tokens. Each draws its own by its own stream; where they differ, the text forks.
"""

from dataclasses import dataclass

import numpy as np

ROW = np.dtype(  # a text: so many tokens of a trunk, and what was written after them
    [
        ("trunk", np.int64),  # which trunk the text begins with
        ("base", np.int64),  # how many tokens of it
        ("written", np.int64),  # tokens after those
        ("prefix", np.int64),  # columns of the trunk that are read
        ("own", np.int64),  # columns of its own filled so far
        ("source", np.int64),  # row of the buffer that holds these; -1: none does
        ("end", np.int64),  # the column after the last of them
    ]
)
ROLLOUT = np.dtype(
    [
        ("row", np.int64),  # the text that it has so far
        ("request", np.int64),
        ("rollout", np.int64),
        ("stream", np.uint64),
        ("begin", np.int64),  # tokens of its prompt
        ("limit", np.int64),  # tokens it may add
    ]
)


@dataclass
class Texts:
    """Texts that are being written, and whose they are."""

    rows: np.ndarray  # ROW [texts]
    tokens: np.ndarray  # int32 [texts, longest], written after the trunk's
    rollouts: np.ndarray  # ROLLOUT [rollouts]

    @classmethod
    def none(cls, longest: int) -> "Texts":
        return cls(np.zeros(0, ROW), np.zeros((0, longest), np.int32), np.zeros(0, ROLLOUT))

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, chosen: np.ndarray | slice) -> "Texts":
        """Some of the texts, in the order asked for, with their rollouts."""
        place = np.full(len(self), -1)
        place[chosen] = np.arange(len(place[chosen]))
        row = place[self.rollouts["row"]]
        rollouts = self.rollouts[row >= 0]
        rollouts["row"] = row[row >= 0]
        return Texts(self.rows[chosen], self.tokens[chosen], rollouts)

    def split(self, count: int) -> tuple["Texts", "Texts"]:
        """The first ``count`` texts, and the others."""
        return self.select(slice(count)), self.select(slice(count, None))

    def join(self, other: "Texts") -> "Texts":
        """These texts, then the other ones."""
        later = other.rollouts.copy()
        later["row"] += len(self)
        return Texts(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.tokens, other.tokens]),
            np.concatenate([self.rollouts, later]),
        )

    def shared(self) -> np.ndarray:
        """How many rollouts have each text, int [texts]."""
        return np.bincount(self.rollouts["row"], minlength=len(self))

    def ages(self, rollouts: np.ndarray) -> np.ndarray:
        """Tokens that these rollouts have drawn so far."""
        rows = self.rows[rollouts["row"]]
        return rows["base"] + rows["written"] - rollouts["begin"]

    def go_on(self, rollouts: np.ndarray, tokens: np.ndarray, end: int) -> None:
        """Write the token that each of these rollouts drew, on a text of its own where they differ.

        ``rollouts`` are away from ``self.rollouts`` and come back. Where a text forks, one token
        goes on in its row and each other in a copy at the end, whose columns still are in that row,
        up to column ``end``.
        """
        order = np.lexsort((tokens, rollouts["row"]))
        rollouts, tokens = rollouts[order], tokens[order]
        row = rollouts["row"]
        other_row = np.diff(row, prepend=-1) != 0
        other = other_row | (np.diff(tokens, prepend=-1) != 0)
        heads = np.flatnonzero(other)
        source, forks = row[heads], ~other_row[heads]
        target = np.where(forks, len(self) + np.cumsum(forks) - 1, source)
        copies = self.rows[source[forks]]
        copies["source"], copies["end"] = source[forks], end
        self.tokens = np.concatenate([self.tokens, self.tokens[source[forks]]])
        self.rows = np.concatenate([self.rows, copies])
        self.tokens[target, self.rows["written"][target]] = tokens[heads]
        self.rows["written"][target] += 1
        rollouts["row"] = target[np.cumsum(other) - 1]
        self.rollouts = np.concatenate([self.rollouts, rollouts])
