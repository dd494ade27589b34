"""The trace explorer: a folder that opens from disk in a browser (docs/explorer.md).

``sources`` finds the tables of a run, ``export`` and ``counts`` make a trace of each trace there,
and ``pages`` writes these in small files beside the page. What is computed is computed here; the
page draws.
"""
