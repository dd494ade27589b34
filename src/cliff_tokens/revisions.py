"""Revision of each stage.

Snakemake reruns a rule when its script, its inputs or its params change, but not when a module
that the script imports changes. Every rule therefore passes the revision of its stage as a
param: raise a number here, with a word on why, when a change moves the stage's results. All
figures and tables are one stage, which no rollout follows from.
"""

REVISIONS = {
    "testbed": 1,
    "hub": 1,
    "wheels": 1,
    "problems": 3,  # golds are proven; what is dropped has a table
    "traces": 1,
    "tokens": 1,
    "potential": 1,
    "recursion": 1,
    "cliffs": 1,
    "resampling": 1,
    "candidates": 1,
    "masses": 1,
    "agreement": 1,
    "cut_points": 1,
    "audit": 1,
    "published": 1,
    "pairs": 1,
    "training": 2,  # the record counts steps, the adapter lists its layers in one order
    "evaluation": 1,
    "exhibits": 1,
    "explorer": 1,
    "scorecard": 1,
    "provenance": 1,
}
