/** @file The keys, in a dialog. */
"use strict";
(function (app) {
  const { el } = app;
  const KEYS = [
    [["j"], ["k"], "next, previous trace"],
    [["\u2192"], ["\u2190"], "next, previous token (with Shift: ten)"],
    [["n"], ["p"], "next, previous cliff"],
    [["Home"], ["End"], "first, last token"],
    [["f"], "fold calm stretches, or unfold them"],
    [["e"], "the next estimator"],
    [["b"], "all estimators on one axis"],
    [["c"], "another trace of the same problem beside it"],
    [["x"], "the other side"],
    [["/"], "search"],
    [["d"], "light, dark, or as the system has it"],
    [["?"], "these keys"],
    [["Esc"], "close, or leave the token"],
  ];

  /** Fill the dialog and open it. */
  function openHelp(dialog) {
    if (!dialog.firstChild) {
      const rows = KEYS.map((row) =>
        el(
          "div",
          null,
          el(
            "dt",
            null,
            row.slice(0, -1).map(([key]) => el("kbd", null, key)),
          ),
          el("dd", null, row[row.length - 1]),
        ),
      );
      dialog.append(
        el("h2", { id: "help-title" }, "Keys"),
        el("dl", null, rows),
        el("form", { method: "dialog" }, el("button", { type: "submit" }, "Close")),
      );
      dialog.addEventListener("click", (event) => {
        if (event.target === dialog) dialog.close();
      });
    }
    dialog.showModal();
  }

  app.openHelp = openHelp;
})(window.cliffTokens);
