"""Columns on a terminal, and text that it does not obey."""

from cliff_tokens.terminal import align, around, printable


def test_columns_are_aligned():
    rows = [{"trace": "a", "t": "3"}, {"trace": "long name", "t": "12"}]
    assert align(rows, left={"trace"}) == ["trace       t", "a           3", "long name  12"]


def test_what_cannot_be_seen_is_written_out():
    assert printable("é = ½\x1b[0m\n\u200b") == "é = ½\\x1b[0m\\n\\u200b"
    assert printable("a\nb", kept="\n") == "a\nb"


def test_the_text_around_a_token_marks_it_and_cuts_what_is_long():
    tokens = ["a" * 50, "mid", "b" * 50]
    assert around(tokens, 2) == "a" * 36 + "»mid«" + "b" * 16
    assert around(["x" * 40], 1) == "»" + "x" * 23 + "…«"
    assert around(["a", "\x1b", "b"], 2) == "a»\\x1b«b"
