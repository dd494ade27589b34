/** @file What keys do. */
"use strict";
(function (app) {
  const typing = (target) => target.closest("input, select, textarea");

  /** @param {Object<string, function(): void>} does an action for each name below */
  function listen(does) {
    const plain = {
      j: "next",
      k: "previous",
      n: "nextCliff",
      p: "previousCliff",
      f: "fold",
      e: "estimator",
      b: "both",
      c: "compare",
      x: "side",
      "/": "search",
      "?": "help",
      d: "theme",
      Home: "first",
      End: "last",
    };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
        return;
      if (event.key === "Escape") {
        if (typing(event.target)) event.target.blur();
        else does.escape();
        return;
      }
      if (typing(event.target)) return;
      const arrow = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (arrow) does.step(arrow * (event.shiftKey ? 10 : 1));
      else if (plain[event.key]) does[plain[event.key]]();
      else return;
      event.preventDefault();
    });
  }

  app.listen = listen;
})(window.cliffTokens);
