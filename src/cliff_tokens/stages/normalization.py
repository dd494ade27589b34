r"""A text in plain LaTeX, whatever it was typed in: Unicode, markdown, styled or grouped digits.

No value changes here, and text that is plain already stays as it is.
"""

import functools
import re
import unicodedata

LONGEST_ANSWER = 300  # characters

_SYMBOLS = {
    "−": "-", "﹣": "-", "‐": "-", "‑": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ",
    "∙": r"\cdot ", "÷": r"\div ", "∕": "/", "±": r"\pm ", "∓": r"\mp ", "≤": r"\le ",
    "⩽": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≡": r"\equiv ",
    "∞": r"\infty ", "∅": r"\emptyset ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}",
    "°": r"^\circ ", "º": r"^\circ ", "˚": r"^\circ ", "℃": r"^\circ C", "℉": r"^\circ F",
    "π": r"\pi ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ",
    "θ": r"\theta ", "λ": r"\lambda ", "σ": r"\sigma ", "φ": r"\phi ", "ω": r"\omega ",
    "。": ".", "、": ", ", "…": r"\ldots ", "“": '"', "”": '"', "’": "'", "‘": "'",
    "٫": ".", "٬": ",",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))

_REWRITES = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"√\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"√\s*(\d+(?:\.\d+)?|[A-Za-z]|\\[a-z]+)", r"\\sqrt{\1}"),
        # A dash between two numbers is a range, elsewhere a minus.
        (r"(?<![^\s(,=])[–—](?=\s?[\d.\\])", "-"),
        (
            r"\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|it|sf|tt)|mbox|underline)\s*\{|\{\\(?:rm|bf|it)\s",
            r"\\text{",
        ),
        (r"\\[dtc]frac", r"\\frac"),
        (r"\\(?:displaystyle|textstyle)\s*|\\(?:left|right)(?=[()\[\]])", ""),
        (r"\\(?:text)?color\s*\{\w+\}|\\\\\s*$", ""),
        (r"\\varnothing", r"\\emptyset"),
        (r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-z])\s*)|\\degree(?![a-z])\s*", r"^\\circ "),
        (r"(?<!\\)\\!", ""),
        (r"(?<!\\)\\[,:; ]|\\q?quad(?![a-z])|(?<!\\)~", " "),
        (r"(?<![^\s(])(\*{1,3}|`+|__)(?=[^\s*`])(.+?)(?<=[^\s*`])\1(?!\w)", r"\2"),
        (r"(?<=[\w)}])\s?\*\*\s?(-?\d+)", r"^{\1}"),
        (r"(?<=[\w)}])\s?\*\*\s?(?=[A-Za-z({\\])", "^"),
        (r"(?<!\\)\\[()\]]|(?<!\\)\\\[", ""),
        (r"\s+", " "),
        (r"(?<=\d)\{,\}(?=\d{3}(?!\d))", ""),
    )
]
# Digits in groups.
_SPACED = re.compile(r"(?<![\w.,/^}])\d{1,3}(?: \d{3})+(?![\w/]| ?/)")
_UNDERSCORED = re.compile(r"(?<![\w.,])[1-9]\d{0,2}(?:_\d{3})+(?!\w)")
_COMMAS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)")
_BRACKET = re.compile(r"[(\[|]|\\\{")
_WHOLE = re.compile(
    r"\\text\{([^{}A-Za-z]*)\}|\{([^{}\\]*)\}|\"([^\"]*)\"|'([^']*)'|\\boxed\s*\{(.*)\}"
)
_SPARE = " .,;:"  # at the end of a sentence


@functools.lru_cache(maxsize=65536)
def tidy(text: str) -> str:
    r"""``text`` in plain LaTeX, without marks of mathematics or emphasis and without a full stop.

    For example "½" is ``\frac{1}{2}``, "**42**." is "42" and "1 234" is "1234". Commas stay, which
    may be those of a list (``joined``), as does the sign of a dollar that is not one of a pair.
    """
    if not text.isascii():
        text = _ascii(text)
    for pattern, by in _REWRITES:
        text = pattern.sub(by, text)
    text = _without_dollars(text)
    bare = None
    while text != bare:
        bare = text
        text = text.strip().rstrip("" if text.endswith("\\ ") else _SPARE)
        whole = _WHOLE.fullmatch(text)
        if whole and (whole[5] is None or _balanced(whole[5])):
            text = next(part for part in whole.groups() if part is not None)
    for groups in (_SPACED, _UNDERSCORED):
        text = groups.sub(lambda found: found[0].replace(" ", "").replace("_", ""), text)
    return text


def joined(text: str) -> str:
    """``text`` without commas between thousands; in brackets they may be those of a list."""
    bracket = _BRACKET.search(text)
    end = bracket.start() if bracket else len(text)
    return _COMMAS.sub(lambda found: found[0].replace(",", ""), text[:end]) + text[end:]


def _ascii(text: str) -> str:
    """Unicode's symbols as commands, its forms of digits, letters, blanks as plain ones."""
    parts: list[str] = []
    for character in text:
        if character in _SYMBOLS:
            parts.append(_SYMBOLS[character])
        elif character in _RAISED:
            _script(parts, "^", _RAISED[character])
        elif character in _LOWERED:
            _script(parts, "_", _LOWERED[character])
        elif unicodedata.category(character) == "Cf":  # takes no room: joiners, marks of direction
            continue
        elif unicodedata.category(character) == "Nd":
            parts.append(str(unicodedata.decimal(character)))
        else:
            plain = unicodedata.normalize("NFKC", character)
            over, slash, under = plain.partition("\N{FRACTION SLASH}")
            parts.append(
                rf"\frac{{{over}}}{{{under}}}" if over and under else over + "/" * bool(slash)
            )
    return "".join(parts)


def _script(parts: list[str], mark: str, character: str) -> None:
    """Append an index or exponent, to the one before it where that is of its kind."""
    if parts and parts[-1].startswith(f"{mark}{{"):
        parts[-1] = f"{parts[-1][:-1]}{character}}}"
    else:
        parts.append(f"{mark}{{{character}}}")


def _without_dollars(text: str) -> str:
    """Without the dollar signs around mathematics, which come in pairs."""
    signs = re.findall(r"(?<!\\)\$\$?", text)
    return re.sub(r"(?<!\\)\$\$?", "", text) if len(signs) % 2 == 0 else text


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0
