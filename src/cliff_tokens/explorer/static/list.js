/** @file The list of traces with its filters. Only the rows in view are in the page. */
"use strict";
(function (app) {
  const { el, svg } = app;
  const ROW = 60; // height of a row, as in layout.css
  const SPARE = 6; // rows above and below the view
  const LABELS = {
    model: "Model",
    dataset: "Data set",
    outcome: "Outcome",
    cliff: "Cliffs",
    audit: "Audit",
    drop: "Largest drop",
  };

  /** A trace's name without the model and data set that stand beside it. */
  function shortName(i) {
    const { models, datasets, traces } = app.index;
    const before = `${models[traces.model[i]]}/${datasets[traces.dataset[i]]}/`;
    const id = traces.id[i];
    return app.visible(id.startsWith(before) ? id.slice(before.length) : id);
  }

  /** A small curve with its cliffs. */
  function spark(reading, length) {
    const width = 76,
      height = 26;
    const points = [...reading.curve].map((letter) => parseInt(letter, 36) / 35);
    const x = (share) => 3 + share * (width - 6);
    const y = (v) => 3 + (1 - v) * (height - 6);
    const line = points
      .map((v, i) => `${x(i / Math.max(1, points.length - 1)).toFixed(1)},${y(v).toFixed(1)}`)
      .join(" ");
    const marks = reading.cliffs.map(([t, kind, audit]) => {
      const v = points[Math.min(points.length - 1, Math.round((t / length) * (points.length - 1)))];
      const drawn = app.mark(kind, audit);
      drawn.setAttribute(
        "transform",
        `translate(${x(t / length).toFixed(1)} ${y(v).toFixed(1)}) scale(.62)`,
      );
      return drawn;
    });
    return svg(
      "svg",
      { class: "spark", width, height, "aria-hidden": "true" },
      svg("polyline", { points: line }),
      marks,
    );
  }

  class List {
    /** @param {HTMLElement} root @param {Object} on called when a trace is opened: on.open(i) */
    constructor(root, on) {
      this.on = on;
      this.filters = {};
      this.order = "";
      this.found = null;
      this.current = null;
      this.version = 0; // of the rows that are shown
      this.build(root);
      this.refresh();
    }

    build(root) {
      this.input = el("input", {
        type: "search",
        id: "search",
        placeholder: "Search questions and texts",
        "aria-label": "Search in questions and texts",
        "aria-keyshortcuts": "/",
        autocomplete: "off",
        spellcheck: "false",
        oninput: () => this.typed(),
      });
      const offered = app.choices(app.index);
      const select = (name, label, list, all) =>
        el(
          "label",
          { class: "filter" },
          el("span", null, label),
          el(
            "select",
            { name, onchange: (event) => this.filtered(name, event.target.value) },
            all && el("option", { value: "" }, all),
            list.map(([value, text]) => el("option", { value }, app.visible(text))),
          ),
        );
      const filters = Object.entries(offered).map(([name, list]) =>
        select(name, LABELS[name], list, "all"),
      );
      const has = (name) =>
        name in offered ||
        { "": 1, drop: 1, cliffs: 1, longest: 1, shortest: 1 }[name] ||
        (name === "kind" && app.index.of === "run");
      const order = el(
        "select",
        {
          name: "order",
          "aria-label": "Order",
          onchange: (event) => this.filtered("order", event.target.value),
        },
        app.ORDERS.filter(([name]) => has(name)).map(([value, text]) =>
          el("option", { value }, text),
        ),
      );
      this.count = el("output", { class: "count", "aria-live": "polite" });
      this.clear = el(
        "button",
        { type: "button", class: "quiet", onclick: () => this.reset() },
        "Clear",
      );
      const folded = el(
        "details",
        { class: "filters" },
        el("summary", null, "Filter"),
        el("div", { class: "grid" }, filters),
      );
      folded.open = !window.matchMedia("(max-width: 760px)").matches;
      this.spacer = el("div", { class: "spacer", role: "presentation" });
      this.view = el(
        "div",
        {
          class: "rows",
          role: "listbox",
          tabindex: 0,
          "aria-label": "Traces",
          onscroll: () => this.draw(),
          onclick: (event) => this.clicked(event),
          onkeydown: (event) => this.pressed(event),
        },
        this.spacer,
      );
      root.replaceChildren(
        el("search", { class: "choose" }, this.input, folded),
        el("div", { class: "counted" }, this.count, this.clear, order),
        this.view,
      );
      new ResizeObserver(() => this.draw()).observe(this.view);
    }

    filtered(name, value) {
      if (name === "order") this.order = value;
      else this.filters[name] = value;
      this.refresh();
    }

    typed() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.search(), 150);
    }

    async search() {
      const words = this.input.value.trim();
      if (!words) {
        this.found = null;
        this.refresh();
        return;
      }
      try {
        const found = await app.search(words, (read, of) => {
          if (of > 3) this.count.textContent = `searched ${read} of ${of} files`;
        });
        if (!found || this.input.value.trim() !== words) return;
        this.found = found;
        this.refresh();
      } catch (error) {
        this.count.textContent = error.message;
      }
    }

    reset() {
      this.filters = {};
      this.order = "";
      this.input.value = "";
      this.found = null;
      for (const one of document.querySelectorAll("#list select")) one.value = "";
      this.refresh();
    }

    refresh() {
      this.version += 1;
      this.shown = app.choose(app.index, app.state.estimator, this.filters, this.order, this.found);
      const all = app.index.traces.id.length;
      this.count.textContent =
        this.shown.length === all
          ? app.counted(all, "trace")
          : `${this.shown.length.toLocaleString("en")} of ${app.counted(all, "trace")}`;
      this.clear.hidden = this.shown.length === all && !this.order && !this.input.value;
      this.spacer.style.height = `${this.shown.length * ROW}px`;
      this.view.scrollTop = Math.min(this.view.scrollTop, this.spacer.offsetHeight);
      this.draw();
    }

    draw() {
      const { scrollTop, clientHeight } = this.view;
      const first = Math.max(0, Math.floor(scrollTop / ROW) - SPARE);
      const last = Math.min(this.shown.length, Math.ceil((scrollTop + clientHeight) / ROW) + SPARE);
      const rows = [first, last, this.version].join();
      if (rows !== this.rows) {
        const made = this.shown.slice(first, last).map((i, place) => this.row(i, first + place));
        this.spacer.replaceChildren(...made);
        this.rows = rows;
      }
      this.mark();
    }

    /** Say which of the rows is the open trace. */
    mark() {
      for (const row of this.spacer.children) {
        row.setAttribute("aria-selected", String(Number(row.dataset.trace) === this.current));
      }
      const current = this.spacer.querySelector("[aria-selected=true]");
      if (current) this.view.setAttribute("aria-activedescendant", current.id);
      else this.view.removeAttribute("aria-activedescendant");
    }

    row(i, place) {
      const { traces, models, datasets, verdicts } = app.index;
      const reading = app.readingOf(app.index, app.state.estimator, i);
      const verdict = verdicts[traces.verdict[i]];
      const owner = [
        models[traces.model[i]],
        datasets[traces.dataset[i]],
        app.counted(traces.length[i], "token"),
      ]
        .filter(Boolean)
        .map((text) => app.visible(text));
      return el(
        "div",
        {
          class: "row",
          role: "option",
          id: `row-${i}`,
          "aria-selected": "false",
          "aria-setsize": this.shown.length,
          "aria-posinset": place + 1,
          "data-trace": i,
          style: { top: `${place * ROW}px` },
        },
        el(
          "div",
          { class: "name" },
          verdict ? app.verdictSign(verdict) : null,
          el("span", { class: "title" }, shortName(i)),
        ),
        el("div", { class: "owner" }, owner.join(" \u00b7 ")),
        spark(reading, traces.length[i]),
        reading.cliffs.length > 0 &&
          el(
            "span",
            { class: "unseen" },
            reading.cliffs
              .map(
                ([t, kind, audit]) =>
                  `cliff at ${t}, ${app.word(kind || "kind unknown")}, ${app.auditWord(audit)}`,
              )
              .join("; "),
          ),
      );
    }

    clicked(event) {
      const row = event.target.closest(".row");
      if (row) this.on.open(Number(row.dataset.trace));
    }

    pressed(event) {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
      if (step) {
        event.preventDefault();
        event.stopPropagation();
        this.move(step);
      }
    }

    /** Open the trace so many rows further. */
    move(step) {
      if (!this.shown.length) return;
      const place = this.shown.indexOf(this.current);
      const next = place < 0 ? 0 : Math.max(0, Math.min(this.shown.length - 1, place + step));
      this.on.open(this.shown[next]);
    }

    /** The traces above and below the open one. @returns {number[]} */
    neighbors() {
      const place = this.shown.indexOf(this.current);
      return place < 0
        ? []
        : [this.shown[place + 1], this.shown[place - 1]].filter((i) => i !== undefined);
    }

    /** Mark a trace as the open one, and bring its row into view. */
    select(i) {
      this.current = i;
      const place = this.shown.indexOf(i);
      if (place >= 0 && this.view.clientHeight) {
        const top = place * ROW;
        if (top < this.view.scrollTop) this.view.scrollTop = top;
        else if (top + ROW > this.view.scrollTop + this.view.clientHeight)
          this.view.scrollTop = top + ROW - this.view.clientHeight;
      }
      this.draw();
    }
  }

  Object.assign(app, { List, shortName });
})(window.cliffTokens);
