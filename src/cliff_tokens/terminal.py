"""Text for a terminal: aligned columns, and nothing in them that a terminal would obey."""

from collections.abc import Collection, Mapping, Sequence

_BEFORE, _AFTER, _TOKEN = 36, 16, 24  # letters of the text around a token, and of the token itself


def align(rows: Sequence[Mapping[str, str]], left: Collection[str]) -> list[str]:
    """A header and a line for each row; the columns in ``left`` begin together, others end so."""
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}

    def line(cells: Mapping[str, str]) -> str:
        padded = [
            cells[name].ljust(width) if name in left else cells[name].rjust(width)
            for name, width in widths.items()
        ]
        return "  ".join(padded).rstrip()

    return [line({name: name for name in widths}), *map(line, rows)]


def printable(text: str, kept: str = "") -> str:
    """The text with what cannot be seen written out, as in \\x1b; ``kept`` characters stay."""
    return "".join(
        letter if letter.isprintable() or letter in kept else ascii(letter)[1:-1] for letter in text
    )


def around(tokens: Sequence[str], t: int) -> str:
    """The text around token t (from 1), which stands in »«; a long token is cut short."""
    before, token, after = "".join(tokens[: t - 1]), tokens[t - 1], "".join(tokens[t:])
    token = token if len(token) <= _TOKEN else f"{token[: _TOKEN - 1]}…"
    return printable(f"{before[-_BEFORE:]}»{token}«{after[:_AFTER]}")
