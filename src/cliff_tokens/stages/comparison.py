r"""Whether an answer is the gold one, as far as that takes no parser.

``same`` decides pairs of numbers, times and words, and leaves the others open (None); a parser is
given the ``expression`` of either side. ``plainest`` says how a model would write a gold and
``refusal`` why nothing that it writes could be right. All texts are as ``normalization.tidy``
leaves them.
"""

import math
import re
import unicodedata

from cliff_tokens.stages import quantities
from cliff_tokens.stages.normalization import LONGEST_ANSWER, joined
from cliff_tokens.stages.quantities import flat, is_word

LONGEST_PHRASE = 6  # words that a model can be expected to repeat as they are

_EQUALS = re.compile(r"(?<![<>!\\:])=(?![<>=])|\\approx(?![a-z])")
_LIST = re.compile(r";|,(?!\d{3})|\b(?:and|or)\b")
_SYMBOL = re.compile(
    r"[A-Za-z](?:_\{?\w+\}?)?|\\[a-z]+|[A-Za-z]\([a-z]\)|\\text\{[^{}]*\}|[A-Za-z]{3,}"
)
_TIME = re.compile(r"0?([0-9]{1,2}):([0-5][0-9])\s*(?:([ap])\.?\s?m\.?)?")
_LETTERS = re.compile(r"[\"(]*([a-z]+)[\").:]*")
_OPTION = re.compile(r"(?:the )?(?:option|choice|answer)?[\s:]*\(?([a-j])(?:[).:]+(?=\s?\S).*|\)?)")
_GREEK = re.compile(r"[\u0370-\u03ff]")
_BRACKETS = "[]{}\\ "
_NO_PHRASE = re.compile(r"[\d\\^_=+*/<>|{}\[\]$%]")
_NOTHING = {"nan", "null", "n/a", "na"}
_PROGRAM_TEXT = re.compile(r"""[\[({].*["'].*[\])}]""", re.DOTALL)
_NUMBER_WORDS = {
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
}
# What a parser makes one number of although it may say something else.
_AMOUNT = r"\\?\$?\d+(?:[.,:]\d+)*(?:\s?\\?%)?"
_APART = re.compile(
    rf"(?<!frac )(?<!binom )(?<![\w.,^]){_AMOUNT} (?:{_AMOUNT}(?![\d.,:]*\s*/)|\({_AMOUNT}\))"
)
_HYPHENED = re.compile(rf"[+-]?\s?{_AMOUNT}(?:\s?-\s?{_AMOUNT})+")
_DATE = re.compile(r"\d+(?:/\d+){2}|\d+(?:\.\d+){2}")
_ALSO = re.compile(r"[(\[]\s*(?:or|and)\b", re.IGNORECASE)
_COMMAND = re.compile(r"\\(?:begin|end|operatorname|mathbb|mathcal)\s*\{[^{}]*\}|\\[A-Za-z]+")


def same(gold: str, answer: str) -> bool | None:
    """Whether the answer says what the gold does; None where only a parser can tell."""
    gold, answer = _sides(gold, answer)
    if gold is None or answer is None:
        return None
    right, given = quantities.read(gold), quantities.read(answer)
    if right and given:
        return any(quantities.match(one, other) for one in right for other in given)
    by_words = _same_words(gold, answer)
    if by_words is not None:
        return by_words
    if _is_time(gold) or (_TIME.fullmatch(_plain(gold)) and re.search("[ap]m", _plain(answer))):
        return _same_time(_plain(gold), _plain(answer))
    units = [quantities.split_unit(text)[1] for text in (gold, answer)]
    for place, numbers in enumerate((right, given)):
        if numbers and len(numbers[0]) == 1:
            units[place] = numbers[0][0].unit
    return None if quantities.same_unit(*units) else False


def needs_parser(gold: str) -> bool:
    """Whether ``same`` leaves some answer open: not by words, nor by a time."""
    return "=" in gold or not (_words(gold) or _is_time(gold))


def expression(text: str) -> str:
    """What a parser is given: plain numbers for numbers, else the text without its unit."""
    numbers = () if _EQUALS.search(text) else quantities.read(text)
    if numbers:
        return ", ".join(number.text() for number in numbers[0])
    return joined(quantities.split_unit(text)[0])


def plainest(gold: str) -> str:
    """A gold's value as a model would plainly write it."""
    gold = _sides(gold, "")[0] or gold
    numbers = quantities.read(gold)
    if numbers:
        return ", ".join(number.text() for number in numbers[0])
    return _words(gold) or expression(gold)


def refusal(gold: str) -> str | None:
    """Why no plain answer can be found right by this gold, in words; None if nothing speaks so."""
    if not gold:
        return "it is empty"
    if len(gold) > LONGEST_ANSWER:
        return f"it has {len(gold)} characters, and no answer has more than {LONGEST_ANSWER}"
    if gold.lower() in _NOTHING:
        return "it says that there is none"
    if _PROGRAM_TEXT.fullmatch(gold):
        return "it is a list as a program prints it; write one right answer on each line"
    value = _sides(gold, "")[0] or gold
    ambiguous = _ambiguity(flat(value), bool(_words(value)))
    if ambiguous is not None:
        return ambiguous
    if quantities.read(value) or _TIME.fullmatch(_plain(value)):
        return None
    phrase = _phrase(value)
    if phrase and _is_number_word(phrase):
        return f"it is a number in words ({phrase!r}); write it in digits"
    if phrase:
        words = len(phrase.split())
        return f"it has {words} words, which nobody repeats" if words > LONGEST_PHRASE else None
    rest = _COMMAND.sub(" ", re.sub(r"\\text\{[^{}]*\}", " ", quantities.split_unit(value)[0]))
    word = next(filter(is_word, re.findall(r"[^\W\d_]+", rest)), None)
    if word is not None:
        return f"it mixes words ({word!r}) and mathematics; keep the value alone"
    return None


def _ambiguity(value: str, words: bool) -> str | None:
    """Why nobody can tell which answer a gold is, in the words of ``refusal``."""
    if _ALSO.search(value):
        return "it has another answer in brackets; keep one, or give a list of right answers"
    if words:
        return None
    value = quantities.split_unit(value)[0]
    apart = _APART.search(value)
    if apart:
        return f"it has two numbers side by side ({apart[0]!r}); keep one, or put a comma between"
    for item in map(str.strip, _LIST.split(value)):
        if _HYPHENED.fullmatch(item) or _DATE.fullmatch(item):
            return f"{item!r} may be a date, a range or a difference; write the one number meant"
    return None


def _is_number_word(phrase: str) -> bool:
    return phrase in _NUMBER_WORDS or all(
        unicodedata.numeric(character, None) is not None for character in phrase
    )


def _sides(gold: str, answer: str) -> tuple[str | None, str | None]:
    """The two texts without what is left of an equals sign, where only one has it or both the same.

    A gold keeps a left side that is no name. None twice where the left sides differ.
    """
    names, values = [], []
    for text in (gold, answer):
        parts = [part.strip() for part in _EQUALS.split(text)]
        split = len(parts) > 1 and parts[-1] and not _LIST.search(flat(text))
        names.append(parts[0] if split else "")
        values.append(parts[-1] if split else text)
    if "=" in gold and "=" in answer:
        if not names[0] or names[0].replace(" ", "") != names[1].replace(" ", ""):
            return (None, None) if names[0] or names[1] else (gold, answer)
        return values[0], values[1]
    if names[0] and not _SYMBOL.fullmatch(names[0]):
        values[0] = gold
    return values[0], values[1]


def _plain(text: str) -> str:
    return flat(text).lower()


def _phrase(text: str) -> str | None:
    """Words in lower case, without marks; None for mathematics. Digits take a text in LaTeX."""
    words = flat(text).strip("\"'")
    if _NO_PHRASE.search(re.sub(r"\d", "", words) if r"\text" in text else words):
        return None
    if quantities.read(text) or _TIME.fullmatch(words.lower()):
        return None
    words = unicodedata.normalize("NFC", words.casefold().replace("'", "").replace("’", ""))
    found = "".join(character if _is_written(character) else " " for character in words).split()
    return " ".join(found) if any(not word.isdigit() for word in found) else None


def _is_written(character: str) -> bool:
    """Whether it is a letter, a digit or a sign that belongs to one, as vowels of Hindi do."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _words(text: str) -> str | None:
    """A phrase that holds a word. None for mathematics, which letters may be: ab, -i, sin x."""
    phrase = _phrase(text)
    return phrase if phrase and any(map(_is_plain_word, phrase.split())) else None


def _is_plain_word(word: str) -> bool:
    """Whether letters are no variable, as a letter of Greek is, or one that has a capital."""
    if word == "no":
        return True
    variable = _GREEK.search(word) or (len(word) == 1 and word.upper() != word)
    return is_word(word) and not variable


def _same_words(gold: str, answer: str) -> bool | None:
    """Words are those of the answer or they are not, whatever that is; letters may be products."""
    right, answer = _words(gold), flat(answer)
    if right is not None:
        return right in (_phrase(rf"\text{{{part}}}") for part in (answer, answer.strip(_BRACKETS)))
    if _phrase(gold) is None:
        return None
    texts = [re.sub(r"\s", "", text).lower() for text in (flat(gold), answer)]
    letters, given = map(_LETTERS.fullmatch, texts)
    if texts[0] == texts[1] or (letters and given and letters[1] == given[1]):
        return True
    if letters and len(letters[1]) == 1:
        option = _OPTION.fullmatch(answer.lower())
        return True if option and option[1] == letters[1] else None
    return False if _words(rf"\text{{{answer}}}") else None


def _is_time(gold: str) -> bool:
    """Whether a gold such as 3:30 is a time; a ratio would be in lowest terms."""
    time = _TIME.fullmatch(_plain(gold))
    if time is None:
        return False
    hour, minute = int(time[1]), int(time[2])
    return bool(time[3]) or minute == 0 or math.gcd(hour, minute) > 1


def _same_time(gold: str, answer: str) -> bool:
    right, given = _TIME.fullmatch(gold), _TIME.fullmatch(answer)
    if given is None or right[2] != given[2]:
        return False
    return bool(_hours(right) & _hours(given))


def _hours(time: re.Match) -> set[int]:
    """Hours of the day that a time can mean."""
    hour = int(time[1])
    if time[3]:
        return {hour % 12 + 12 * (time[3] == "p")}
    return {hour, hour % 12, hour % 12 + 12} if hour <= 12 else {hour}
