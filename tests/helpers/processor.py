"""Print the processor's features that numpy uses and can do without, one line.

Their code rounds exp and log differently in the last bit, so tests are run with and without them
(``make test-numeric``).
"""

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

if __name__ == "__main__":
    # numpy refuses to start where a feature of its baseline is named; those are not dispatched.
    print(*(name for name in __cpu_dispatch__ if __cpu_features__.get(name)))
