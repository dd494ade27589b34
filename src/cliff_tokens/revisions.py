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
    "problems": 4,  # golds that may be read in two ways are refused
    "traces": 1,
    "tokens": 1,
    "potential": 2,  # says where rollouts leave their trace; errors are the published rule's
    "recursion": 2,  # errors are smoothed further; the second round is shared by tokens
    "simulation": 1,
    "cliffs": 1,
    "resampling": 2,  # controls are matched on rank and outcome too, and may fall
    "candidates": 2,  # rollouts say where they leave their trace
    "masses": 1,
    "agreement": 1,
    "cut_points": 2,  # likewise
    "audit": 1,
    "published": 2,  # errors are the published rule's
    "forks": 1,
    "pairs": 1,
    "training": 3,  # a step is taken in passes that fit in memory
    "shifts": 1,
    "evaluation": 1,
    "exhibits": 4,  # cliffs that are all on traces of one outcome have no interval of their excess
    "explorer": 4,  # branches that two estimators read are counted once
    "article": 2,  # leads into the explorer within a report; the scorecard on phones and paper
    "scorecard": 3,  # its line of totals reads for any numbers
    "provenance": 1,
}
