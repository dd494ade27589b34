"""A run as one page to read: ``article/index.html``, which opens from disk and prints.

Text around numbers is written once, in ``static/article.html``; every number comes from a table of
the run, formatted as in its Markdown. No text of a model or a problem becomes markup.
"""
