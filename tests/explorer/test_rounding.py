"""Numbers of the data files: short, whole where they can be, and null for NaN."""

import json

import numpy as np

from cliff_tokens.explorer.rounding import short, shorts, whole


def test_shares_are_whole_ten_thousandths():
    assert whole(np.array([0, 0.53125, 1, np.nan])) == [0, 5312, 10000, None]


def test_numbers_have_significant_digits_and_stay_small():
    assert json.dumps(shorts([1.0, 0.123456, 3.2e-7, np.nan])) == "[1, 0.1235, 3.2e-07, null]"
    assert json.dumps(short(np.float32(0.1), 3)) == "0.1"
    assert isinstance(short(2.0), int)
