r"""Numbers as answers spell them, with their units, and when two of them are equal.

All texts here are as ``normalization.tidy`` leaves them. Numbers are exact fractions, so that no
step rounds; the tolerance is stated once, in ``near``.
"""

import functools
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from cliff_tokens.stages.normalization import LONGEST_ANSWER

_GREATEST_EXPONENT = 400  # a little beyond what doubles hold

_DIGITS = r"(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d\d)+,\d{3}|\d+)(?:\.\d*)?|\.\d+"
_POWER = (
    r"\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*(?:\{\s*([+-]?\d+)\s*\}|\(([+-]?\d+)\)|([+-]?\d+))"
)
_PART = r"\s*(?:\{\s*([+-]?\d+(?:\.\d+)?)\s*\}|(\d))"
_NUMBER = re.compile(
    r"([+-]?)\s*(?:"
    r"(?:(?P<whole>\d+)\s+)?(?P<over>\d+)\s*/\s*(?P<under>\d+)"
    rf"|(?P<mixed>\d*)\s*\\frac{_PART}{_PART}"
    rf"|(?P<digits>{_DIGITS})(?:[eE]([+-]?\d+)|{_POWER})?"
    r")(?P<percent>\s*(?:\\?%|(?:percent|per cent|pct)\b))?"
)
_SIGN_OF_MONEY = "[$¢£¤¥\N{EURO-CURRENCY SIGN}-\N{SOM SIGN}]"
_MONEY = re.compile(rf"([+-]?)\s*(?:US)?\\?({_SIGN_OF_MONEY})\s*(.*)|(Rs\.?|USD|EUR|GBP)\s*(\d.*)")
_RESIDUE = re.compile(r"\s*\(?\s*\\?[pb]?mod\s*\{?\s*(\d+)\s*\}?\s*\)?")
_BASE = re.compile(r"(?:_\{?|\s\(?base)\s*([1-9]\d?)\s*[})]?")
_GROUP_COMMA = r"(?<=\d),(?=\d{3}(?!\d))"
_ITEM = r"\s*(?:{}|[;&]|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z]))+\s*|(?<=[a-z)])\s+(?=\d)"
_BETWEEN_NUMBERS = re.compile(_ITEM.format(rf"(?!{_GROUP_COMMA}),"))
_BETWEEN_ALL = re.compile(_ITEM.format(","))
_NAME = re.compile(r"([A-Za-z](?:_\{?\w+\}?)?)\s*(?:=|\\equiv)\s*(.+)")
_EXPRESSION = re.compile(
    r"(.*(?:[\d)}\]!]|\\pi))(\s*[^\W\d_][^\\\d(){}=+*<>|]*(?:\^(?:[23]|\{[23]\}))?)"
)
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")

# A unit and its other spellings in the singular; only these may be shorter than three letters.
_MEASURES = {
    spelling: line.split()[0]
    for line in """
        mm millimeter millimetre 毫米
        cm centimeter centimetre 厘米 公分
        m meter metre 米
        km kilometer kilometre 公里 千米
        inch in
        foot ft feet
        yard yd
        mile mi
        mg milligram
        g gram gramme gm 克
        kg kilogram kilo 千克 公斤
        pound lb
        ounce oz
        ml milliliter millilitre 毫升
        l liter litre 升
        gallon gal
        second s sec 秒
        minute min 分钟
        hour h hr 小时
        day 天
        year yr 年
        am
        pm
        $ dollar usd
        ¢ cent
        € euro eur
        £ gbp
        ¥ yen jpy
        yuan 元 人民币 rmb cny
        ₹ rupee rs inr
        radian rad
        square sq 平方
        cubic cu 立方
        per
        """.strip().splitlines()
    for spelling in line.split()
}
_COMPOUNDS = {"mph": "mile per hour", "kmh": "km per hour", "kph": "km per hour"}
_OTHER_SPELLINGS = {
    "deg": "degree", "children": "child", "people": "person",
    "men": "man", "women": "woman", "pc": "piece", "pcs": "piece",
}  # fmt: skip
_SCALES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "百": 10**2, "千": 10**3, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8,
}  # fmt: skip
_SCALE = re.compile(
    r"(?:hundred|thousand|million|billion|trillion)\b|千(?![克米瓦卡])|[百万萬亿億]"
)
_UNIT_WORD = re.compile(rf"[^\W\d_]+|{_SIGN_OF_MONEY}")
_EMPTY = {"of", "the", "a", "an", "each", "in", "all", "total"}
# Words that make something else of the number before them.
_NO_UNITS = {
    "and", "or", "nor", "is", "are", "was", "were", "be", "not", "no", "to", "than", "if", "but",
    "plus", "minus", "over", "mod", "modulo", "choose", "factorial", "squared", "cubed",
    "remainder", "half", "halve", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    "ninth", "tenth", "hundredth", "thousandth", "millionth", "below", "infinity", "inf",
    "pi", "tau", "phi", "theta",
    "alpha", "beta", "gamma", "delta", "lambda", "sigma", "omega", "epsilon", "mu", "nu", "rho",
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "log", "ln", "exp",
    "sqrt", "frac", "max", "min", "gcd", "lcm", "lim", "det",
}  # fmt: skip
_UNIT_REWRITES = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\^\\circ\s*C(?![a-z])", " degree celsius "),
        (r"\^\\circ\s*F(?![a-z])", " degree fahrenheit "),
        (r"\^\\circ", " degree "),
        (r"([^\W\d_]+)\s?\^\s?(?:2|\{2\})", r"square \1"),
        (r"([^\W\d_]+)\s?\^\s?(?:3|\{3\})", r"cubic \1"),
        (r"/\s*(?=[^\W\d_])", " per "),
        (r"\(([^()]*)\)", r" \1 "),
        (r"^-(?=[^\W\d_]{3})|(?<=[^\W\d_])-(?=[^\W\d_])", " "),
        (r"(?<=[^\W\d_])[.']", ""),
        (rf"\\?({_SIGN_OF_MONEY})", r" \1 "),
    )
]
_BRACKETED = re.compile(r"\s+\(([^\W\d_][^()\d]+)\)")
_CAPITALS = re.compile(r"\b[A-Z]+s?\b")
_ORDINALS = {"st", "nd", "rd", "th"}


@dataclass(frozen=True)
class Quantity:
    """A number as written: ``value`` before any percent sign; ``unit`` words, none if not given."""

    value: Fraction
    decimal: bool  # written with a decimal point, hence perhaps rounded
    percent: bool
    unit: frozenset[str]

    def text(self) -> str:
        """The plainest way to write the number: digits where they end, else a fraction."""
        over, under = abs(self.value.numerator), self.value.denominator
        places = next((n for n in range(2 * _GREATEST_EXPONENT) if 10**n % under == 0), None)
        if places is None:
            plain = rf"\frac{{{over}}}{{{under}}}"
        elif places:
            digits = str(over * 10**places // under).rjust(places + 1, "0")
            plain = f"{digits[:-places]}.{digits[-places:]}"
        else:
            plain = str(over)
        return "-" * (self.value < 0) + plain + r"\%" * self.percent


def near(gold: Fraction, answer: Fraction) -> bool:
    """Whether they agree to six decimals, and below 0.1 to six significant digits.

    They may differ by half a unit of the last of these digits of ``gold``. Only zero is near zero.
    """
    if gold == answer or gold == 0:
        return gold == answer
    size = (Decimal(abs(gold.numerator)) / Decimal(gold.denominator)).adjusted()
    return abs(gold - answer) <= Fraction(1, 2) * Fraction(10) ** (min(size + 1, 0) - 6)


def equal(gold: Quantity, answer: Quantity) -> bool:
    """Whether an answer is the gold one, where units agree.

    A percentage is its share, and also the number before the sign: of a gold that is a percentage
    itself, or at least 1 and hence hardly a share.
    """
    if not same_unit(gold.unit, answer.unit):
        return False
    close = near if gold.decimal or answer.decimal else Fraction.__eq__
    if gold.percent == answer.percent:
        return close(gold.value, answer.value)
    shares = [one.value / 100 if one.percent else one.value for one in (gold, answer)]
    bare = gold.percent or abs(gold.value) >= 1
    return close(*shares) or (bare and close(gold.value, answer.value))


def match(golds: tuple[Quantity, ...], answers: tuple[Quantity, ...]) -> bool:
    """Whether each gold number has its answer and none is left: in any order, repeated or not."""
    return _pair(golds, answers) or _pair(
        tuple(dict.fromkeys(golds)), tuple(dict.fromkeys(answers))
    )


def _pair(golds: tuple[Quantity, ...], answers: tuple[Quantity, ...]) -> bool:
    if not golds or len(golds) != len(answers):
        return not golds and not answers
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    able = csr_array([[equal(gold, answer) for answer in answers] for gold in golds])
    return bool((maximum_bipartite_matching(able) >= 0).all())


def same_unit(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two units agree: one is not given, or adds to the other words that measure nothing.

    "red apples" are apples; square metres are not metres.
    """
    if not one or not other:
        return True
    if not (one <= other or other <= one):
        return False
    return not any(word in _MEASURES or word[0].isdigit() for word in one ^ other)


@functools.lru_cache(maxsize=65536)
def read(text: str) -> tuple[tuple[Quantity, ...], ...]:
    r"""The numbers of a text that holds nothing else, in each way it can be read; none: not so.

    "5 apples", "x = 2 or x = 3", ``\pm 5``, "3, 5 and 7". "100,200" is one number or two; a list in
    brackets is not read here.
    """
    if len(text) > LONGEST_ANSWER:
        return ()
    text = flat(text)
    if text.startswith(r"\pm"):
        one = _one(text[3:].strip())
        return ((one, replace(one, value=-one.value)),) if one else ()
    one = _one(text)
    readings = [(one,)] if one else []
    for separator in (_BETWEEN_NUMBERS, _BETWEEN_ALL):
        parts = separator.split(text)
        names = [_NAME.fullmatch(part) for part in parts]
        if (len(parts) == 1 and not names[0]) or len({name[1] for name in names if name}) > 1:
            continue
        pairs = zip(parts, names, strict=True)
        items = tuple(_one(name[2] if name else part) for part, name in pairs)
        if None not in items and items not in readings:
            readings.append(items)
    return tuple(readings)


def flat(text: str) -> str:
    r"""A text without ``\text{}`` around its words."""
    return re.sub(r"\s+", " ", _TEXT.sub(r" \1 ", text)).strip()


def split_unit(text: str) -> tuple[str, frozenset[str]]:
    r"""An expression such as ``3\sqrt{2}`` and the unit after it, if one is."""
    if len(text) > LONGEST_ANSWER:
        return text, frozenset()
    plain = flat(text)
    found = _EXPRESSION.fullmatch(plain)
    unit = _unit(found[2]) if found else None
    if unit and unit[0] == 1:
        return found[1], unit[1]
    last = _TEXT.findall(text)[-1:] if text.endswith("}") else []
    if last and any(_singular(word) in _NO_UNITS for word in re.findall("[a-z]+", last[0].lower())):
        return plain, frozenset()  # "5 squared": a parser would drop the word
    return text, frozenset()


def is_word(word: str) -> bool:
    """Whether letters are a word and no product of variables, function or number."""
    word = word.lower()
    if not word.isascii():
        return "半" not in word
    run = all(ord(after) - ord(before) == 1 for before, after in pairwise(word))
    return (
        len(word) >= 3
        and not run
        and any(letter in "aeiouy" for letter in word)
        and word not in _NO_UNITS
    )


def _one(text: str) -> Quantity | None:
    """The number that a text is, with its unit, or None."""
    money = _MONEY.fullmatch(text)
    unit: set[str] = set()
    if money:
        unit = {_canonical(money[2] or money[4].rstrip(".").lower())}
        text = (money[1] or "") + (money[3] if money[2] else money[5])
    number = _NUMBER.match(text)
    value = number and _value(number)
    if value is None:
        return None
    after = text[number.end() :]
    decimal = "." in number[0]
    special = _RESIDUE.fullmatch(after) or _BASE.fullmatch(after)
    if special:
        kind = "mod" if "mod" in after else "base"
        return Quantity(
            value, decimal, bool(number["percent"]), frozenset({f"{special[1]} {kind}"})
        )
    scaled = _unit(after)
    if scaled is None:
        return None
    scale, words = scaled
    return Quantity(value * scale, decimal, bool(number["percent"]), words | unit)


def _value(number: re.Match) -> Fraction | None:
    """The value of a match of ``_NUMBER``, without its percent sign."""
    sign = -1 if number[1] == "-" else 1
    groups = number.groups()
    if number["over"] is not None:
        whole, over, under = number["whole"] or "0", number["over"], number["under"]
    elif number["digits"] is None:
        over, under = (one or other for one, other in (groups[5:7], groups[7:9]))
        whole = number["mixed"] or "0"
    else:
        exponent = int(next((power for power in groups[10:14] if power), "0"))
        if abs(exponent) > _GREATEST_EXPONENT:
            return None
        return sign * Fraction(number["digits"].replace(",", "")) * Fraction(10) ** exponent
    if Fraction(under) == 0 or (whole != "0" and over.startswith("-")):
        return None
    return sign * (Fraction(whole) + Fraction(over) / Fraction(under))


def _unit(text: str) -> tuple[int, frozenset[str]] | None:
    """What words after a number multiply it by, and the unit that they name; None if no unit."""
    glued = text[:1].isascii() and text[:1].isalpha()
    # Capitals are words where they stand in brackets behind a blank, or in the plural.
    bracket = _BRACKETED.fullmatch(text)
    capitals = _CAPITALS.findall(bracket[1].replace("'", "") if bracket else text)
    known = {_canonical(word.lower()) for word in capitals if bracket or word.endswith("s")}
    for pattern, by in _UNIT_REWRITES:
        text = pattern.sub(by, text)
    words = " ".join(_COMPOUNDS.get(word, word) for word in text.lower().split()).split()
    if not all(_UNIT_WORD.fullmatch(word) for word in words):
        return None
    scale = 1
    while words and (scaled := _SCALE.match(words[0])):
        scale *= _SCALES[scaled[0]]
        words[0] = words[0][scaled.end() :]
        words, glued = words[not words[0] :], False
    if glued:
        if words[0] in _ORDINALS:
            words = words[1:]
        elif len(words[0]) < 4 and not (
            _canonical(words[0]) in _MEASURES and len("".join(words)) > 1
        ):
            return None  # 5m and 5xy may be products
    if len(words) > 1:
        words = [word for word in words if word not in _EMPTY]
    named = {_canonical(word) for word in words}
    if not all(word in _MEASURES or is_word(word) or word in known - _NO_UNITS for word in named):
        return None
    return scale, frozenset(named)


def _canonical(word: str) -> str:
    """One spelling for the singular, the plural and what else a unit is called."""
    for spelling in (word, _singular(word)):
        for table in (_MEASURES, _OTHER_SPELLINGS):
            if spelling in table:
                return table[spelling]
    return _singular(word)


def _singular(word: str) -> str:
    if re.search(r"(?:ch|sh|ss|x)es$", word):
        return word[:-2]
    if re.search(r"[^aeiou]ies$", word):
        return word[:-3] + "y"
    return word[:-1] if re.search(r"[^sui]s$", word) and len(word) > 2 else word
