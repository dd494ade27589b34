/** @file The potential along a trace: interval, the rule's line, cliffs, and a cursor. */
"use strict";
(function (app) {
  const { svg } = app;
  const HEIGHT = 190,
    LEFT = 30,
    RIGHT = 12,
    TOP = 12,
    BOTTOM = 22;

  /** Steps of the position's axis: about so many as fit. */
  function ticks(length, width) {
    const rough = length / Math.max(2, Math.floor(width / 80));
    const unit = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
    const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough);
    return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step);
  }

  /** The width of a drawing in so much room. */
  const fitting = (room) => Math.max(160, Math.round(room));

  class Curve {
    /** @param {HTMLElement} root @param {{hover: function(?number), select: function(number)}} on */
    constructor(root, on) {
      this.root = root;
      this.on = on;
      this.drawing = svg("svg", { class: "plot", role: "img", height: HEIGHT });
      root.append(this.drawing);
      const at = (event) => this.tokenAt(event.clientX);
      this.drawing.addEventListener("pointermove", (event) => on.hover(at(event)));
      this.drawing.addEventListener("pointerleave", () => on.hover(null));
      this.drawing.addEventListener("click", (event) => on.select(at(event)));
      new ResizeObserver(([{ contentRect }]) => {
        if (fitting(contentRect.width) === this.width) return;
        this.width = fitting(contentRect.width);
        if (this.trace) this.draw();
      }).observe(root);
    }

    /** @param {import("./store").Trace} trace @param {string} main @param {boolean} both */
    show(trace, main, both) {
      Object.assign(this, { trace, main, both });
      // Asked for once: every time would lay the page out twice for each trace.
      this.width ??= fitting(this.root.clientWidth);
      this.draw();
    }

    tokenAt(clientX) {
      const inside = clientX - this.drawing.getBoundingClientRect().left - LEFT;
      const t = Math.round((inside / (this.width - LEFT - RIGHT)) * this.trace.length);
      return Math.max(1, Math.min(this.trace.length, t));
    }

    draw() {
      const { trace, main, both, width } = this;
      this.x = (t) => LEFT + (t / trace.length) * (width - LEFT - RIGHT);
      this.y = (v) => TOP + (1 - v / 10000) * (HEIGHT - TOP - BOTTOM);
      const names = both ? Object.keys(trace.readings) : [main];
      const layers = [this.axes()];
      for (const name of names) if (name !== main) layers.push(this.reading(name, "second"));
      if (trace.readings[main])
        layers.push(this.reading(main, names.length > 1 ? "first" : "only"));
      this.pointers = { hover: this.pointer("hover"), cursor: this.pointer("cursor") };
      this.drawing.setAttribute("width", width);
      this.drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      this.drawing.setAttribute("aria-label", this.describe(names));
      this.drawing.replaceChildren(...layers, this.pointers.hover, this.pointers.cursor);
      if (this.t) this.point("cursor", this.t);
    }

    axes() {
      const { x, y, width } = this;
      const lines = [0, 2500, 5000, 7500, 10000].map((v) =>
        svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(v), y2: y(v) }),
      );
      const values = [0, 5000, 10000].map((v) =>
        svg("text", { x: LEFT - 7, y: y(v) + 3.5, "text-anchor": "end" }, String(v / 10000)),
      );
      const places = ticks(this.trace.length, width).map((t) =>
        svg("text", { x: x(t), y: HEIGHT - 6, "text-anchor": "middle" }, String(t)),
      );
      return svg("g", { class: "axes" }, lines, values, places);
    }

    reading(name, role) {
      const { x, y } = this;
      const { potential, low, high, threshold, cliffs } = this.trace.readings[name];
      const known = potential.map((v, t) => [t, v]).filter(([, v]) => v !== null);
      const place = ([t, v]) => `${x(t).toFixed(1)} ${y(v).toFixed(1)}`;
      const banded = known.filter(([t]) => low[t] !== null);
      const edge = (ends, order) =>
        order.map(([t]) => `${x(t).toFixed(1)} ${y(ends[t]).toFixed(1)}`);
      const band = banded.length
        ? `M${[...edge(low, banded), ...edge(high, [...banded].reverse())].join("L")}Z`
        : "";
      const steps = threshold.map((drop, i) => {
        if (drop === null) return "";
        const v = y(Math.max(-250, potential[i] - drop)).toFixed(1);
        return `${i ? "V" : `M${x(0.5).toFixed(1)} `}${v}H${x(i + 1.5).toFixed(1)}`;
      });
      const marks = cliffs.map((cliff) => {
        const drawn = app.mark(cliff.kind, cliff.audit);
        drawn.setAttribute("transform", `translate(${x(cliff.t)} ${y(potential[cliff.t])})`);
        return drawn;
      });
      const end = potential[this.trace.length];
      const star =
        end !== null &&
        end !== undefined &&
        role !== "second" &&
        svg(
          "g",
          { transform: `translate(${x(this.trace.length)} ${y(end)})` },
          app.star(this.trace.verdict),
        );
      return svg(
        "g",
        { class: `reading ${role} ${name}` },
        svg("path", { class: "band", d: band }),
        role !== "second" && svg("path", { class: "line", d: steps.join("") }),
        svg("path", { class: "potential", d: `M${known.map(place).join("L")}` }),
        star,
        marks,
      );
    }

    pointer(kind) {
      return svg(
        "g",
        { class: `pointer ${kind}`, visibility: "hidden" },
        svg("line", { y1: TOP - 6, y2: HEIGHT - BOTTOM }),
        svg("circle", { r: kind === "cursor" ? 8 : 4 }),
      );
    }

    /** Move a pointer, cursor or hover, to a token; null hides it. */
    point(kind, t) {
      if (kind === "cursor") this.t = t;
      const pointer = this.pointers && this.pointers[kind];
      if (!pointer) return;
      pointer.setAttribute("visibility", t ? "visible" : "hidden");
      if (!t) return;
      const reading = this.trace.readings[this.main];
      const v = reading ? reading.potential[t] : null;
      pointer.setAttribute("transform", `translate(${this.x(t)} 0)`);
      pointer.lastChild.setAttribute(
        "visibility",
        v === null || v === undefined ? "hidden" : "inherit",
      );
      if (v !== null && v !== undefined) pointer.lastChild.setAttribute("cy", this.y(v));
    }

    describe(names) {
      const parts = names
        .filter((name) => this.trace.readings[name])
        .map((name) => {
          const { potential, cliffs } = this.trace.readings[name];
          const at = cliffs
            .map(
              (cliff) =>
                `${cliff.t} (${app.word(app.kindOf(cliff.kind))}, ${app.auditWord(cliff.audit)})`,
            )
            .join(", ");
          return `${app.word(name)}: potential ${app.share(potential[0], 2)} at the prompt; ${cliffs.length ? `cliffs at ${at}` : "no cliff"}`;
        });
      return `Potential along ${app.counted(this.trace.length, "token")}. ${parts.join(". ")}`;
    }
  }

  app.Curve = Curve;
})(window.cliffTokens);
