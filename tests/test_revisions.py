"""Revisions: whole numbers, and none that a rule of the workflow could leave out."""

import re

from helpers.repository import ROOT

from cliff_tokens.revisions import REVISIONS


def test_revisions_are_whole_numbers_from_one():
    assert all(type(number) is int and number >= 1 for number in REVISIONS.values())


def test_every_rule_that_runs_a_script_passes_a_revision():
    # A rule made by "use rule ... as" has the script, and the revision, of the one that it uses.
    lacking = []
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            body = re.split(r"^\S", rule.partition("\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
            if re.search(r"^ +script:", body, re.MULTILINE) and "revision=" not in body:
                lacking.append(f"{path.name}: {rule.partition(':')[0]}")
    assert lacking == []
