/** @file One trace: what was asked, its curve, and its text, with one cursor in both. */
"use strict";
(function (app) {
  const { el } = app;

  class Pane {
    /** @param {{select: function(Pane, ?number), activate: function(Pane)}} on */
    constructor(on) {
      this.on = on;
      this.t = null;
      this.heading = el("header", { class: "asked" });
      this.figure = el("figure", { class: "curve" });
      this.readout = el("output", { class: "readout" });
      this.caption = el("span");
      this.figure.append(el("figcaption", null, this.caption, this.readout));
      this.body = el("div", {
        class: "text",
        tabindex: 0,
        role: "group",
        "aria-label": "Text of the trace. Arrow keys move from token to token.",
      });
      this.foot = el("div", { class: "foot" });
      this.root = el("section", { class: "pane" }, this.heading, this.figure, this.foot, this.body);
      const link = { hover: (t) => this.hover(t), select: (t) => this.on.select(this, t) };
      this.curve = new app.Curve(this.figure, link);
      this.text = new app.Text(this.body, link);
      this.root.addEventListener("pointerdown", () => this.on.activate(this));
      this.root.addEventListener("focusin", () => this.on.activate(this));
    }

    /** @param {number} i place in the index @param {import("./store").Trace} trace */
    show(i, trace, state) {
      Object.assign(this, { i, trace });
      this.main = trace.readings[state.estimator]
        ? state.estimator
        : Object.keys(trace.readings)[0];
      this.head();
      this.caption.textContent = `Potential, ${this.main === "counts" ? app.word(this.main) : this.main}`;
      this.curve.show(trace, this.main, state.both);
      this.text.show(trace, this.main, state.folded);
      this.legend(state);
      this.select(this.t, false);
    }

    get reading() {
      return this.trace.readings[this.main];
    }

    head() {
      const { trace } = this;
      const verdict =
        trace.verdict &&
        el("span", { class: "verdict" }, app.verdictSign(trace.verdict), trace.verdict);
      const sampler =
        trace.sampler &&
        Object.entries(trace.sampler)
          .map(([name, value]) => `${name} ${value}`)
          .join(", ");
      const facts = [
        trace.model,
        trace.dataset,
        app.counted(trace.length, "token"),
        trace.finish === "length" && "cut off at the limit",
        sampler,
      ];
      const list = [];
      if ("answer" in trace)
        list.push(
          el("dt", null, "read"),
          el("dd", null, trace.answer === null ? "no answer" : app.visible(trace.answer)),
        );
      if (trace.gold)
        list.push(
          el("dt", null, "gold"),
          el("dd", null, trace.gold.map((one) => app.visible(one)).join(" or ")),
        );
      this.heading.replaceChildren(
        el("h2", null, app.shortName(this.i)),
        el(
          "p",
          { class: "facts" },
          facts
            .filter(Boolean)
            .map((text) => app.visible(text))
            .join(" \u00b7 "),
        ),
        ...(trace.question === undefined
          ? []
          : [el("p", { class: "question", tabindex: 0 }, app.visible(trace.question, "\n"))]),
        el("div", { class: "answers" }, verdict, list.length ? el("dl", null, list) : null),
      );
      this.root.setAttribute("aria-label", `Trace ${app.visible(trace.id)}`);
    }

    legend(state) {
      const { cliffs } = this.reading;
      const kinds = [...new Set(cliffs.map((cliff) => cliff.kind))].sort(
        (a, b) => app.KINDS.indexOf(a) - app.KINDS.indexOf(b),
      );
      const marks = kinds.length ? kinds : [app.index.of === "run" ? "sampled_off" : null];
      const audits = new Set(cliffs.map((cliff) => cliff.audit));
      const names = state.both ? Object.keys(this.trace.readings) : [];
      const readings = el(
        "ul",
        { class: "legend" },
        names.map((name) =>
          el(
            "li",
            null,
            el("span", {
              class: `key reading ${name}${name === this.main ? " first" : " second"}`,
              "aria-hidden": "true",
            }),
            app.word(name),
          ),
        ),
      );
      this.foot.replaceChildren(...(names.length > 1 ? [readings] : []), app.legend(marks, audits));
    }

    hover(t) {
      this.curve.point("hover", t);
      this.text.hover(t);
      this.say(t || this.t);
    }

    say(t) {
      const name = this.trace.tokens
        ? `\u201c${app.tokenText(this.trace.tokens[t - 1] ?? "")}\u201d  `
        : "";
      const { potential } = this.reading;
      this.readout.textContent = t
        ? `t = ${t}  ${name}${app.share(potential[t - 1])} \u2192 ${app.share(potential[t])}`
        : "";
    }

    /** Put the cursor on a token, or on none. */
    select(t, scroll = true) {
      this.t = t;
      this.curve.point("cursor", t);
      this.text.select(t, scroll);
      this.say(t);
    }

    /** The cliff after the cursor, or before it; null if there is none. */
    cliff(step) {
      const places = this.reading.cliffs.map((cliff) => cliff.t).sort((a, b) => a - b);
      const t = this.t || (step > 0 ? 0 : Infinity);
      return (
        (step > 0
          ? places.find((place) => place > t)
          : places.reverse().find((place) => place < t)) ?? null
      );
    }

    message(text) {
      this.root.replaceChildren(el("p", { class: "message" }, text));
    }
  }

  app.Pane = Pane;
})(window.cliffTokens);
