/** @file What the page says while no trace is open. */
"use strict";
(function (app) {
  const { el } = app;

  /** What there is, while no trace is open. */
  function welcome() {
    const { index, state } = app;
    const of = (one) => (index.estimators.length > 1 ? ` by the estimator ${one}` : "");
    const cliffs = index.traces.readings[state.estimator].flatMap((reading) =>
      reading ? reading.cliffs : [],
    );
    const audits = [...app.AUDITS, null].filter((audit) =>
      cliffs.some((cliff) => cliff[2] === audit),
    );
    const kinds = [...app.KINDS, null].filter((kind) => cliffs.some((cliff) => cliff[1] === kind));
    const count = (kind, audit) =>
      cliffs.filter((cliff) => cliff[1] === kind && cliff[2] === audit).length;
    const cell = (kind, audit) =>
      el(
        "td",
        null,
        count(kind, audit) ? [app.icon(app.mark(kind, audit)), String(count(kind, audit))] : "",
      );
    return el(
      "div",
      { class: "welcome" },
      el(
        "p",
        { class: "large" },
        `${app.counted(index.traces.id.length, "trace")}, ${app.counted(cliffs.length, "cliff")}${of(state.estimator)}`,
      ),
      cliffs.length > 0 &&
        el(
          "table",
          null,
          el(
            "thead",
            null,
            el(
              "tr",
              null,
              el("td"),
              audits.map((audit) => el("th", { scope: "col" }, app.auditWord(audit))),
            ),
          ),
          el(
            "tbody",
            null,
            kinds.map((kind) =>
              el(
                "tr",
                null,
                el("th", { scope: "row" }, app.word(app.kindOf(kind))),
                audits.map((audit) => cell(kind, audit)),
              ),
            ),
          ),
        ),
      el(
        "p",
        null,
        "Choose a trace. ",
        el("kbd", null, "j"),
        " opens the first, ",
        el("kbd", null, "?"),
        " lists all keys.",
      ),
    );
  }

  app.welcome = welcome;
})(window.cliffTokens);
