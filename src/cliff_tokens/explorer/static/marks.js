/**
 * @file What marks mean. A kind of cliff has a shape and a color, as in the figures; the mark is
 * hollow where fresh rollouts do not confirm the cliff, and struck through where it cannot be one.
 */
"use strict";
(function (app) {
  const { el, svg } = app;
  const SHAPES = {
    deterministic: "M-4.2-4.2h8.4v8.4h-8.4z",
    uncertain: "M-4.6 0a4.6 4.6 0 1 0 9.2 0a4.6 4.6 0 1 0-9.2 0z",
    sampled_off: "M-5.2-4.2h10.4L0 5z",
    other: "M0-5.6L5.2 0L0 5.6L-5.2 0z",
    cliff: "M-5.2-4.2h10.4L0 5z",
  };
  const STAR = "M0-6.5L1.7-2.1L6.4-1.9L2.7 1L4 5.5L0 2.9L-4 5.5L-2.7 1L-6.4-1.9L-1.7-2.1z";
  const WORDS = {
    sampled_off: "sampled-off",
    cliff: "cliff",
    independent: "published (independent)",
    counts: "your counts",
    del: "deleted",
    keep: "kept",
    control_del: "control, deleted",
    control_keep: "control, kept",
  };
  const AUDITS = ["confirmed", "not confirmed", "cannot be"];

  const KINDS = Object.keys(SHAPES);

  /** How a name is written. */
  const word = (name) => WORDS[name] || name;
  /** The kind of a cliff, which own counts do not know. */
  const kindOf = (kind) => kind || "cliff";
  /** Whether a cliff is drawn hollow. */
  const hollow = (audit) => audit === "not confirmed" || audit === "cannot be";
  /** What the audit says, in a word. */
  const auditWord = (audit) => audit || "not audited";
  const outcome = (verdict) =>
    verdict === undefined || verdict === null
      ? null
      : verdict === "correct"
        ? "correct"
        : "incorrect";

  /** The mark of a cliff around (0, 0). @param {?string} kind @param {?string} audit */
  function mark(kind, audit) {
    return svg(
      "g",
      { class: `mark ${kindOf(kind)}${hollow(audit) ? " hollow" : ""}` },
      svg("path", { d: SHAPES[kindOf(kind)] }),
      audit === "cannot be" && svg("path", { class: "strike", d: "M-6.5 6.5L6.5-6.5" }),
    );
  }

  /** The verdict's star around (0, 0). */
  const star = (verdict) => svg("path", { class: `star ${outcome(verdict)}`, d: STAR });

  /** A mark as an element in a line of text; what it says stands beside it or in `label`. */
  function icon(drawn, label) {
    const spoken = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
    return svg(
      "svg",
      { class: "icon", viewBox: "-8 -8 16 16", width: 14, height: 14, ...spoken },
      drawn,
    );
  }

  /** The sign of a verdict, a shape as well as a color. */
  function verdictSign(verdict) {
    const right = outcome(verdict) === "correct";
    const d = right ? "M-5 0.5L-1.5 4L5.5-4.5" : "M-4.5-4.5L4.5 4.5M4.5-4.5L-4.5 4.5";
    return icon(svg("path", { class: `sign ${outcome(verdict)}`, d }), verdict);
  }

  /** The legend of what a trace shows. @param {Array<?string>} kinds @param {Set<?string>} audits */
  function legend(kinds, audits) {
    const item = (drawn, text) => el("li", null, icon(drawn), text);
    return el(
      "ul",
      { class: "legend", "aria-label": "Legend" },
      kinds.map((kind) => item(mark(kind, null), `${word(kindOf(kind))}${kind ? " cliff" : ""}`)),
      audits.has("not confirmed") && item(mark(kinds[0], "not confirmed"), "hollow: not confirmed"),
      audits.has("cannot be") && item(mark(kinds[0], "cannot be"), "struck: cannot be"),
      el(
        "li",
        null,
        el("span", { class: "key line", "aria-hidden": "true" }),
        "below this line a token is a cliff",
      ),
      el(
        "li",
        null,
        el("span", { class: "key band", "aria-hidden": "true" }),
        `${Math.round(app.index.confidence * 100)} % interval`,
      ),
      el(
        "li",
        null,
        el(
          "span",
          { class: "key levels", "aria-hidden": "true" },
          [1, 0.7, 0.4, 0.1].map((v) => el("i", { style: { "--v": v } })),
        ),
        "fill of a word: potential after it, 1 to 0",
      ),
    );
  }

  Object.assign(app, {
    mark,
    star,
    icon,
    legend,
    verdictSign,
    word,
    kindOf,
    hollow,
    auditWord,
    outcome,
    AUDITS,
    KINDS,
  });
})(window.cliffTokens);
