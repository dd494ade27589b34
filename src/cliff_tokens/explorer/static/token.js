/** @file All that was measured at one token. */
"use strict";
(function (app) {
  const { el, svg, share, number } = app;
  const PLOT = 78; // width of an interval's drawing

  /** An interval on the axis from 0 to 1; ends may be null. */
  function interval(value, low, high, className) {
    const x = (v) => (4 + v * (PLOT - 8)).toFixed(1);
    return svg(
      "svg",
      { class: `interval ${className}`, width: PLOT, height: 14, "aria-hidden": "true" },
      svg("line", { class: "track", x1: x(0), x2: x(1), y1: 7, y2: 7 }),
      low !== null &&
        low !== undefined &&
        svg("line", { class: "range", x1: x(low), x2: x(high), y1: 7, y2: 7 }),
      value !== null && svg("circle", { cx: x(value), cy: 7, r: 3.4 }),
    );
  }

  const between = (low, high, digits = 2) =>
    low === null || low === undefined ? "" : `[${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
  const scaled = (value) => (value === null || value === undefined ? null : value / 10000);
  const of = (list, place) => (Array.isArray(list) ? list[place] : list);

  /** Rows of name and values. */
  const facts = (rows) =>
    el(
      "dl",
      { class: "facts" },
      rows
        .filter(Boolean)
        .map(([name, ...values]) => el("div", null, el("dt", null, name), el("dd", null, values))),
    );

  function potentials(pane, name, t) {
    const reading = pane.trace.readings[name];
    const line = (label, place) => {
      const v = scaled(reading.potential[place]);
      if (v === null)
        return el(
          "tr",
          null,
          el("th", { scope: "row" }, label),
          el("td", { colspan: 3 }, "not known"),
        );
      const counted = reading.successes && place < reading.successes.length;
      const counts = counted
        ? `${reading.successes[place]}/${of(reading.rollouts, place)}`
        : place === pane.trace.length
          ? "verdict"
          : "estimated";
      const ends = [scaled(reading.low[place]), scaled(reading.high[place])];
      return el(
        "tr",
        null,
        el("th", { scope: "row" }, label),
        el("td", { class: "strong" }, v.toFixed(3), el("small", null, ` ${between(...ends)}`)),
        el("td", null, interval(v, ...ends, name)),
        el("td", { class: "counts" }, counts),
      );
    };
    return el(
      "table",
      { class: "potentials" },
      el("caption", null, app.word(name)),
      el("tbody", null, line("before", t - 1), line("after", t)),
    );
  }

  function drop(pane, name, t) {
    const reading = pane.trace.readings[name];
    const [before, after] = [reading.potential[t - 1], reading.potential[t]];
    if (after === null || after === undefined)
      return ["The last token is not tested: the verdict is not known."];
    const fall = before - after,
      threshold = reading.threshold[t - 1];
    const cliff = reading.cliffs.some((one) => one.t === t);
    return [
      el("b", null, share(fall)),
      ` ${cliff ? "exceeds" : "does not exceed"} the threshold ${share(threshold)}`,
    ];
  }

  function candidates(pane, t, cliff) {
    const { trace } = pane;
    const rows = (cliff && cliff.candidates) || (trace.others && trace.others[t]);
    if (!trace.bound || (!rows && !trace.entropy)) return null;
    const q = 1 - trace.bound[t - 1];
    const reading = pane.reading;
    const v = scaled(reading.potential[t]);
    const own = {
      name: trace.tokens ? app.tokenText(trace.tokens[t - 1]) : "this token",
      q,
      v,
      low: scaled(reading.low[t]),
      high: scaled(reading.high[t]),
      counts:
        reading.successes && t < reading.successes.length
          ? `${reading.successes[t]}/${of(reading.rollouts, t)}`
          : "",
    };
    const line = (name, sampler, value, low, high, counts, kind) =>
      el(
        "tr",
        { class: kind },
        el("th", { scope: "row" }, name),
        el("td", { class: "chance" }, number(sampler)),
        el(
          "td",
          null,
          value === null
            ? el("small", null, sampler ? "not measured" : "not drawn")
            : [value.toFixed(2), " ", interval(value, low, high, "")],
        ),
        el("td", { class: "counts" }, counts),
      );
    const body = [line(own.name, own.q, own.v, own.low, own.high, own.counts, "own")];
    const never = [];
    for (const [token, sampler, , successes, rollouts, low, high] of rows || []) {
      if (token === null) continue;
      (sampler ? body : never).push(
        line(
          app.tokenText(token),
          sampler,
          rollouts ? successes / rollouts : null,
          low,
          high,
          rollouts ? `${successes}/${rollouts}` : "",
          sampler ? "" : "never",
        ),
      );
    }
    const rest = rows && rows.find(([token]) => token === null);
    if (rest || trace.entropy) {
      const [, sampler, , successes, rollouts, low, high, many] = rest || [
        null,
        0,
        null,
        null,
        null,
        null,
        null,
        0,
      ];
      const name = ["rest of the vocabulary", many ? ` (${app.counted(many, "token")})` : ""];
      body.push(
        line(
          name,
          sampler,
          rollouts ? successes / rollouts : null,
          low,
          high,
          rollouts ? `${successes}/${rollouts}` : "",
          "rest",
        ),
      );
    }
    const tail =
      trace.tail && trace.support
        ? `At temperature 1, ${number(trace.tail[t - 1], 4)} of the probability is beyond the ${trace.support} most probable tokens.`
        : "";
    return el(
      "section",
      null,
      el("h3", null, "In its place"),
      el(
        "table",
        { class: "others" },
        el(
          "thead",
          null,
          el(
            "tr",
            null,
            el("th", { scope: "col" }, "token"),
            el("th", { scope: "col" }, "sampler"),
            el("th", { scope: "col" }, "potential after"),
            el("th", { scope: "col" }, "right"),
          ),
        ),
        el("tbody", null, body),
      ),
      never.length > 0 &&
        el(
          "details",
          null,
          el(
            "summary",
            null,
            `${app.counted(never.length, "candidate")} that the sampler does not draw`,
          ),
          el("table", { class: "others" }, el("tbody", null, never)),
        ),
      tail && el("p", { class: "note" }, tail),
    );
  }

  function armsOf(cliff) {
    const { arms } = cliff;
    if (!arms) return null;
    const head = el(
      "tr",
      null,
      el("th", { scope: "col" }, "token"),
      el("th", { scope: "col" }, "right"),
      arms.k.map((k, i) => el("th", { scope: "col" }, i ? `@${k}` : `pass@${k}`)),
    );
    const row = (name) =>
      arms[name] &&
      el(
        "tr",
        null,
        el(
          "th",
          { scope: "row" },
          el("span", { class: `arm ${name}`, "aria-hidden": "true" }),
          app.word(name),
        ),
        el("td", { class: "counts" }, `${arms[name].successes}/${arms[name].rollouts}`),
        arms[name].pass.map((value) => el("td", null, value.toFixed(2))),
      );
    const control = arms.control;
    return el(
      "section",
      null,
      el("h3", null, "Deleted or kept"),
      el(
        "table",
        { class: "arms" },
        el("thead", null, head),
        el("tbody", null, ["del", "keep", "control_del", "control_keep"].map(row)),
      ),
      control
        ? el(
            "p",
            { class: "note" },
            "Control: ",
            el(
              "a",
              { href: app.link({ trace: control.trace, t: control.t }) },
              `token ${control.t} of ${app.visible(control.trace)}`,
            ),
          )
        : el("p", { class: "note" }, "No control token was found."),
    );
  }

  function audit(cliff) {
    const says =
      {
        confirmed: "Fresh rollouts confirm this cliff.",
        "not confirmed": "Fresh rollouts do not confirm this cliff.",
        "cannot be":
          "This cannot be a cliff: no drop exceeds 1 \u2212 q, and that is at most the margin.",
      }[cliff.audit] || "Not audited.";
    const rows = [
      cliff.fresh_drop !== undefined && [
        "fresh drop",
        `${number(cliff.fresh_drop)} \u00b1 ${number(cliff.fresh_se)} SE`,
      ],
      cliff.p_exact !== undefined && [
        "p, false-discovery",
        `${number(cliff.p_exact)}, ${number(cliff.q_fdr)}`,
      ],
      cliff.p !== undefined && ["p (Fisher, one-sided)", number(cliff.p)],
    ];
    return el(
      "section",
      { class: "audit" },
      el("h3", null, "Audit"),
      el("p", null, says),
      facts(rows),
    );
  }

  /** Draw the panel of a pane's token into `root`. */
  function drawToken(root, pane, state) {
    const t = pane && pane.t;
    root.classList.toggle("open", Boolean(t));
    if (!t) {
      root.replaceChildren(
        el(
          "p",
          { class: "hint" },
          "Choose a token in the text or on the curve, or step with the arrow keys; ",
          el("kbd", null, "n"),
          " goes to the next cliff.",
        ),
      );
      return;
    }
    const { trace, reading } = pane;
    const cliff = reading.cliffs.find((one) => one.t === t);
    const names = state.both ? Object.keys(trace.readings) : [pane.main];
    const bound = trace.bound && trace.bound[t - 1];
    const title = el(
      "header",
      null,
      el(
        "h2",
        null,
        trace.tokens ? el("span", { class: "chip" }, app.tokenText(trace.tokens[t - 1])) : null,
        el("span", { class: "at" }, `token ${t} of ${trace.length}`),
      ),
      el(
        "button",
        {
          type: "button",
          class: "quiet close",
          "aria-label": "Close the token",
          onclick: () => pane.on.select(pane, null),
        },
        "\u00d7",
      ),
      cliff &&
        el(
          "p",
          { class: "kind" },
          app.icon(app.mark(cliff.kind, cliff.audit)),
          `${app.word(app.kindOf(cliff.kind))}${cliff.kind ? " cliff" : ""} \u00b7 ${app.auditWord(cliff.audit)}`,
        ),
    );
    const body = el(
      "div",
      { class: "content" },
      names.map((name) => [
        potentials(pane, name, t),
        el("p", { class: "drop" }, "Drop ", drop(pane, name, t)),
      ]),
      facts([
        bound !== undefined && ["q, bound 1 \u2212 q", `${number(1 - bound)}, ${number(bound)}`],
        trace.entropy && ["entropy", `${number(trace.entropy[t - 1])} nats`],
        trace.rank && ["rank", String(trace.rank[t - 1])],
      ]),
      cliff && audit(cliff),
      candidates(pane, t, cliff),
      cliff && armsOf(cliff),
    );
    root.replaceChildren(title, body);
  }

  app.drawToken = drawToken;
})(window.cliffTokens);
