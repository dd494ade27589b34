"""One module a figure: ``values`` makes the frame that is published, ``draw`` shows it.

Neither reads files, and neither computes a statistic of its own.
"""
