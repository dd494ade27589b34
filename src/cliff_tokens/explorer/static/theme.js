/** @file Light, dark, or as the system has it; the choice is kept where the browser allows it. */
"use strict";
(function (app) {
  const NAMES = ["auto", "light", "dark"];
  const KEY = "cliff-tokens-theme";

  /** What was chosen before; a browser may keep nothing for pages from disk. */
  function kept() {
    try {
      const name = localStorage.getItem(KEY);
      return NAMES.includes(name) ? name : "auto";
    } catch {
      return "auto";
    }
  }

  function keep(name) {
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // Then it is chosen anew next time.
    }
  }

  function show(button, name) {
    document.documentElement.dataset.theme = name;
    button.textContent = name[0].toUpperCase() + name.slice(1);
    button.setAttribute("aria-label", `Colors: ${name}`);
  }

  /** Show what was chosen before. */
  const beginTheme = (button) => show(button, kept());

  /** Choose the next. */
  function turnTheme(button) {
    const name = NAMES[(NAMES.indexOf(document.documentElement.dataset.theme) + 1) % 3];
    keep(name);
    show(button, name);
  }

  Object.assign(app, { beginTheme, turnTheme });
})(window.cliffTokens);
