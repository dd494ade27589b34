"""Figures as part of a page: svg files of the run, with nothing in them but shapes and text.

A file is read as XML and written anew from what is known: other elements, scripts or links are
errors. Ids are short and of one figure, coordinates keep two decimals, and every color becomes a
variable of the page, which has another value in the dark.
"""

import colorsys
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from cliff_tokens.exhibits.style import EXPLORER

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_DROPPED = {"metadata", "style"}  # the one style, of joins and caps, is the page's
_KEPT = {
    "svg": (), "g": ("transform", "clip-path"), "defs": (), "clipPath": ("id",),
    "path": ("id", "d", "transform", "clip-path", "style"),
    "rect": ("x", "y", "width", "height"), "use": ("href", "x", "y", "transform", "style"),
    "text": ("x", "y", "transform", "style"), "tspan": ("x", "y", "style"),
    "image": ("href", "x", "y", "width", "height", "transform"), "a": ("href",),
}  # fmt: skip
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_HEX = re.compile(r"#([0-9a-f]{6})\b", re.IGNORECASE)
_FONT = "'DejaVu Sans'"
_PIXELS = (1.3, 1.75)  # of the page for a point of the figure: at least, and at most


class DrawingError(ValueError):
    """A figure that holds what no figure of a run holds."""


class Drawing:
    """A figure, read and checked.

    Args:
        path: of the svg file.
        name: what it is called on the page; ids begin with it.
        label: what it shows, for those who do not see it.
        linked: whether there is an explorer that marks of cliffs may lead to.
    """

    def __init__(self, path: str | Path, name: str, label: str, linked: bool):
        self.path, self.linked = Path(path), linked
        root = ElementTree.parse(self.path).getroot()
        text = ElementTree.tostring(root, encoding="unicode")
        used = dict.fromkeys(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
        self._ids = {old: f"{name}-{number}" for number, old in enumerate(used)}
        self.colors: set[str] = set()
        # Pixels keep their colors in the dark, and so does what is drawn over them.
        self.raster = root.find(f".//{_SVG}image") is not None
        made = self._copy(root)
        width, height = (float(number) for number in root.get("viewBox").split()[2:])
        least, most = (round(width * pixels) for pixels in _PIXELS)
        made.attrib |= {
            "viewBox": f"0 0 {width:g} {height:g}",
            "role": "group" if made.find(".//a") is not None else "img",
            "aria-label": label,
            "style": f"min-width:{least}px;max-width:{most}px",
        }
        self.markup = ElementTree.tostring(made, encoding="unicode", short_empty_elements=False)

    def _copy(self, element: ElementTree.Element) -> ElementTree.Element:
        tag = element.tag.removeprefix(_SVG)
        if tag not in _KEPT:
            raise DrawingError(f"{self.path}: expected shapes and text, found <{tag}>")
        made = ElementTree.Element(tag, self._attributes(tag, element))
        made.text = element.text if tag in ("text", "tspan") else None
        self._copy_children(element, made)
        return made

    def _copy_children(self, element: ElementTree.Element, made: ElementTree.Element) -> None:
        for child in element:
            tag = child.tag.removeprefix(_SVG)
            if tag in _DROPPED:
                continue
            bare = tag == "g" and not {"transform", "clip-path"} & set(child.keys())
            if bare or (tag == "a" and not self.linked):
                self._copy_children(child, made)
            else:
                made.append(self._copy(child))
                made[-1].tail = child.tail if made.tag == "text" else None

    def _attributes(self, tag: str, element: ElementTree.Element) -> dict[str, str]:
        found = {name.removeprefix(_XLINK): value for name, value in element.items()}
        attributes = {}
        for name in _KEPT[tag]:
            value = found.get(name)
            if value is None or (name == "id" and value not in self._ids):
                continue
            if name == "id":
                value = self._ids[value]
            elif name == "href":
                value = self._target(tag, value)
            elif name == "clip-path":
                value = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{self._ids[m[1]]})", value)
            elif name == "style":
                value = value.replace(_FONT, f"{_FONT}, Verdana, sans-serif")
                value = value if self.raster else _HEX.sub(self._variable, value)
                if "url(" in value:
                    raise DrawingError(f"{self.path}: expected no style that loads, found {value}")
            elif name != "transform":
                value = _NUMBER.sub(lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), value)
            attributes[name] = value
        if tag == "a":
            place = parse_qs(urlsplit(attributes["href"]).fragment)
            attributes["aria-label"] = (
                f"{place['trace'][0]}, token {place['t'][0]}, in the explorer"
            )
        return attributes

    def _target(self, tag: str, value: str) -> str:
        if tag == "use" and value.startswith("#"):
            return f"#{self._ids[value[1:]]}"
        if tag == "image" and value.startswith("data:image/png;base64,"):
            return value
        if tag == "a" and value.startswith(f"{EXPLORER}#"):
            return value
        raise DrawingError(
            f"{self.path}: expected a link into the figure or explorer, found {value}"
        )

    def _variable(self, found: re.Match) -> str:
        color = found[1].lower()
        self.colors.add(color)
        return f"var(--c{color})"


def palette(colors: set[str]) -> Mapping[str, str]:
    """What each color (rrggbb) is in the dark."""
    return {color: _in_the_dark(color) for color in sorted(colors)}


def _in_the_dark(color: str) -> str:
    """Grays and tints change sides, what is strong stays so and becomes light enough to be seen."""
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (0, 2, 4))
    hue, light, strong = colorsys.rgb_to_hls(red, green, blue)
    spread = max(red, green, blue) - min(red, green, blue)
    if spread < 0.06:
        light = 0.12 + 0.78 * (1 - light)
    elif light > 0.8:
        light = 0.3
    else:
        light = max(light, 0.62)
    made = colorsys.hls_to_rgb(hue, light, strong)
    return "".join(f"{round(255 * part):02x}" for part in made)
