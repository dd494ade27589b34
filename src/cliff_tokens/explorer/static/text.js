/** @file A trace as text. How far a token is filled, from below, is the potential after it. */
"use strict";
(function (app) {
  const { el } = app;

  class Text {
    /** @param {HTMLElement} root @param {{hover: function(?number), select: function(number)}} on */
    constructor(root, on) {
      this.root = root;
      this.on = on;
      this.open = new Set(); // first tokens of stretches that were unfolded one by one
      const at = (event) => {
        const token = event.target.closest(".tok");
        return token ? Number(token.dataset.t) : null;
      };
      root.addEventListener("pointerover", (event) => on.hover(at(event)));
      root.addEventListener("pointerleave", () => on.hover(null));
      root.addEventListener("click", (event) => {
        const fold = event.target.closest(".fold");
        if (fold) this.turn(Number(fold.dataset.first));
        else if (at(event)) on.select(at(event));
      });
    }

    /** @param {import("./store").Trace} trace @param {string} main @param {boolean} folded */
    show(trace, main, folded) {
      if (trace !== this.trace || folded !== this.folded || main !== this.main) this.open.clear();
      Object.assign(this, { trace, main, folded });
      this.draw();
    }

    turn(first) {
      if (!this.open.delete(first)) this.open.add(first);
      this.draw();
      const button = this.root.querySelector(`.fold[data-first="${first}"]`);
      if (button) button.focus();
    }

    draw() {
      const { trace } = this;
      const reading = trace.readings[this.main] || { potential: [], cliffs: [] };
      const margin = Math.round(app.index.rule.margin * 10000);
      this.cliffs = new Map(reading.cliffs.map((cliff) => [cliff.t, cliff]));
      const stretches = new Map(
        (this.folded ? app.calm(reading, trace.length, margin) : []).map((one) => [one[0], one]),
      );
      this.hidden = new Uint8Array(trace.length + 2);
      const parts = document.createDocumentFragment();
      for (let t = 1; t <= trace.length; t += 1) {
        const stretch = stretches.get(t);
        if (stretch) {
          const open = this.open.has(t);
          parts.append(this.fold(stretch, reading, open));
          if (!open) {
            this.hidden.fill(1, t, stretch[1] + 1);
            t = stretch[1];
            continue;
          }
        }
        parts.append(this.token(t, reading));
      }
      this.root.replaceChildren(parts);
      if (this.t) this.mark("sel", this.t);
    }

    token(t, reading) {
      const v = reading.potential[t];
      const text = this.trace.tokens ? this.trace.tokens[t - 1] : `${t} `;
      const cliff = this.cliffs.get(t);
      const known = v !== null && v !== undefined;
      const classes = [
        "tok",
        cliff && `cliff ${app.kindOf(cliff.kind)}`,
        cliff && app.hollow(cliff.audit) && "hollow",
        !known && "unknown",
        !this.trace.tokens && "nameless",
      ];
      const shown = app.visible(text).replace(/\u21b5/g, "\u21b5\n");
      return el(
        "span",
        {
          class: classes.filter(Boolean).join(" "),
          "data-t": t,
          style: known ? { "--v": v / 10000 } : {},
        },
        cliff ? this.marked(shown, cliff) : shown,
      );
    }

    /** A cliff's mark stands over its word, not over the space before it, where a line may end. */
    marked(shown, cliff) {
      const word = shown.trimStart() || shown;
      const label = `cliff, ${app.word(app.kindOf(cliff.kind))}, ${app.auditWord(cliff.audit)}:`;
      const icon = app.icon(app.mark(cliff.kind, cliff.audit), label);
      return [
        shown.slice(0, shown.length - word.length),
        el("span", { class: "word" }, icon, word),
      ];
    }

    fold([first, last], reading, open) {
      const inside = reading.potential.slice(first, last + 1);
      const [low, high] = [Math.min(...inside), Math.max(...inside)].map((v) => app.share(v, 2));
      const label = `${last - first + 1} tokens at ${low === high ? low : `${low}\u2013${high}`}`;
      return el(
        "button",
        {
          type: "button",
          class: "fold",
          "data-first": first,
          "aria-expanded": String(open),
          title: open ? "Fold" : `Tokens ${first} to ${last}: unfold`,
        },
        open ? "\u2212" : `\u22ef ${label} \u22ef`,
      );
    }

    /** Unfold the stretch that hides a token. */
    reveal(t) {
      if (!this.hidden[t]) return;
      let first = t;
      while (this.hidden[first - 1]) first -= 1;
      const buttons = [...this.root.querySelectorAll(".fold")].map((button) =>
        Number(button.dataset.first),
      );
      this.open.add(Math.max(...buttons.filter((start) => start <= t), first));
      this.draw();
    }

    /** Select a token, or none. */
    select(t, scroll) {
      this.t = t;
      if (t) this.reveal(t);
      this.mark("sel", t);
      const token = t && this.find(t);
      if (token && scroll) token.scrollIntoView({ block: "nearest" });
    }

    /** Point at a token that the pointer is over elsewhere. */
    hover(t) {
      this.mark("hover", t);
    }

    /** The next token in view in this direction. */
    next(t, step) {
      let place = Math.max(1, Math.min(this.trace.length, t + step));
      while (this.hidden[place] && place > 1 && place < this.trace.length) place += Math.sign(step);
      return place;
    }

    find(t) {
      return this.root.querySelector(`.tok[data-t="${t}"]`);
    }

    mark(name, t) {
      for (const old of this.root.querySelectorAll(`.${name}`)) old.classList.remove(name);
      const token = t && this.find(t);
      if (token) token.classList.add(name);
    }
  }

  app.Text = Text;
})(window.cliffTokens);
