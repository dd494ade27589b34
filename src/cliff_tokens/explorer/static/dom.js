/**
 * @file Elements and text. Nothing that was read from data ever becomes markup: text is set as
 * text, and letters that cannot be seen, or that would turn a line around, are written out.
 */
"use strict";
(function (app) {
  const SVG = "http://www.w3.org/2000/svg";
  // Controls, formats (bidi, zero-width, soft hyphens, tags), halves of letters, separators.
  const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

  function written(letter) {
    const code = letter.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `\u2039U+${code.toString(16).toUpperCase().padStart(4, "0")}\u203a`;
  }

  /** Text with all that cannot be seen written out; line breaks stay if they are kept. */
  function visible(text, kept = "") {
    return String(text).replace(UNSEEN, (letter) => {
      if (kept.includes(letter)) return letter;
      return letter === "\n" ? "\u21b5" : letter === "\t" ? "\u21e5" : written(letter);
    });
  }

  /** A token as it stands in a table: spaces can be seen. @param {string|number} token */
  function tokenText(token) {
    if (typeof token === "number") return `no. ${token}`;
    return (
      visible(token).replace(/^ +| +$/g, (spaces) => "\u2423".repeat(spaces.length)) || "(empty)"
    );
  }

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "style")
        for (const key in value) element.style.setProperty(key, value[key]);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(
      ...children
        .flat(Infinity)
        .filter((child) => child !== null && child !== undefined && child !== false),
    );
    return element;
  }

  /** An HTML element; strings among the children become text. */
  const el = (tag, attributes, ...children) =>
    fill(document.createElement(tag), attributes, children);
  /** An SVG element. */
  const svg = (tag, attributes, ...children) =>
    fill(document.createElementNS(SVG, tag), attributes, children);

  /** A share in ten-thousandths as text. */
  const share = (value, digits = 3) =>
    value === null || value === undefined ? "\u2013" : (value / 10000).toFixed(digits);
  /** A number as text, small ones as a power of ten. */
  function number(value, digits = 3) {
    if (value === null || value === undefined) return "\u2013";
    if (value === 0) return "0";
    if (Math.abs(value) < 0.5 * 10 ** -digits) {
      const [mantissa, power] = value.toExponential(0).split("e");
      return `${mantissa}\u00b710${superscript(power)}`;
    }
    return value.toFixed(digits).replace("-", "\u2212");
  }
  const superscript = (power) =>
    [...power]
      .map(
        (sign) =>
          "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"[
            "-0123456789".indexOf(sign)
          ],
      )
      .join("");
  const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  Object.assign(app, { el, svg, visible, tokenText, share, number, counted });
})(window.cliffTokens);
