/** @file The page: its state, what changes it, and who draws what of it. */
"use strict";
(function (app) {
  const { el } = app;
  const at = (id) => document.getElementById(id);
  const state = {
    trace: null,
    t: null,
    estimator: null,
    both: false,
    with: null,
    with_t: null,
    folded: true,
  };
  app.state = state;
  let panes = [],
    active = null,
    list,
    turn = 0;

  function begin() {
    const { index } = app;
    if (!index) {
      at("panes").append(
        el("p", { class: "message" }, "data/index.js cannot be loaded: the folder is incomplete."),
      );
      return;
    }
    app.places = new Map(index.traces.id.map((id, i) => [id, i]));
    state.estimator = index.estimators[0];
    document.title = `${app.visible(index.title)}: cliff tokens`;
    at("title").textContent = app.visible(index.title);
    at("rule").textContent = `a cliff falls by more than ${index.rule.margin} + ${index.rule.z} SE`;
    list = new app.List(at("list"), {
      open: (i) => go({ trace: index.traces.id[i], t: null, with: null, with_t: null }, true),
    });
    at("back").addEventListener("click", () => screen("list"));
    at("help-open").addEventListener("click", () => app.openHelp(at("help")));
    at("theme").addEventListener("click", actions.theme);
    app.listen(actions);
    window.addEventListener("hashchange", () => read());
    app.beginTheme(at("theme"));
    read();
  }

  /** Show what the address names. */
  function read() {
    const asked = app.parse(location.hash);
    if (!app.index.estimators.includes(asked.estimator)) asked.estimator = state.estimator;
    apply(asked);
    if (asked.trace) screen("trace");
  }

  /** Change the state and the address. @param {Object} change @param {boolean} [step] of history */
  function go(change, step = false) {
    const next = { ...state, ...change };
    const address = app.link({
      ...next,
      estimator: next.estimator === app.index.estimators[0] ? null : next.estimator,
    });
    if (address !== location.hash) history[step ? "pushState" : "replaceState"](null, "", address);
    apply(next);
    if (change.trace) screen("trace");
  }

  async function apply(next) {
    const before = { ...state };
    Object.assign(state, next);
    const same =
      ["trace", "with", "estimator", "both", "folded"].every(
        (name) => before[name] === state[name],
      ) && panes.length;
    if (before.estimator !== state.estimator && list) list.refresh();
    if (!same) await open();
    panes.forEach((pane, side) => {
      pane.t = valid(pane, side ? state.with_t : state.t);
    });
    token();
    panes.forEach((pane) => pane.select(pane.t));
  }

  const valid = (pane, t) => (t && t <= pane.trace.length ? t : null);

  /** Load the traces of the state, and draw their panes. */
  async function open() {
    const mine = ++turn;
    const names = [state.trace, state.with].filter((name) => name !== null);
    const places = names.map((name) => app.places.get(name));
    if (!names.length || places.includes(undefined)) {
      panes = [];
      active = null;
      const lost = names[places.indexOf(undefined)];
      at("panes").replaceChildren(
        lost === undefined
          ? app.welcome()
          : el("p", { class: "message" }, `There is no trace ${app.visible(lost)} here.`),
      );
      list.select(null);
      return;
    }
    // At once, so that the next key steps on from here though the files are still being read.
    list.select(places[0]);
    let traces;
    try {
      traces = await Promise.all(
        places.map(async (i) => {
          const file = await app.load(fileOf(i));
          return file.find((trace) => trace.id === app.index.traces.id[i]);
        }),
      );
    } catch (error) {
      if (mine === turn)
        at("panes").replaceChildren(el("p", { class: "message", role: "alert" }, error.message));
      panes = [];
      return;
    }
    if (mine !== turn) return;
    while (panes.length < traces.length) panes.push(new app.Pane({ select: choose, activate }));
    panes.length = traces.length;
    if (!panes.includes(active)) active = panes[0];
    const side = el(
      "div",
      { class: `side side-${panes.length}` },
      panes.map((pane) => pane.root),
    );
    at("panes").replaceChildren(side);
    traces.forEach((trace, i) => {
      panes[i].t = valid({ trace }, i ? state.with_t : state.t);
      panes[i].show(places[i], trace, state);
    });
    side.before(controls(places[0], traces));
    document.body.classList.toggle("two", panes.length > 1);
    marked();
    // Whoever steps on finds the next one loaded.
    setTimeout(() => list.neighbors().forEach((i) => app.load(fileOf(i)).catch(() => {})), 60);
  }

  const fileOf = (i) => app.fileName("traces", app.index.traces.file[i]);

  /** The traces of the same problem. */
  function peers(i) {
    const { problem, id } = app.index.traces;
    return id
      .map((_, place) => place)
      .filter((place) => place !== i && problem[place] === problem[i]);
  }

  function controls(i, traces) {
    const names = app.index.estimators.filter((name) =>
      traces.some((trace) => trace.readings[name]),
    );
    const button = (text, pressed, onclick, key) =>
      el(
        "button",
        { type: "button", "aria-pressed": String(pressed), "aria-keyshortcuts": key, onclick },
        text,
      );
    const others = peers(i);
    const beside = el(
      "select",
      {
        "aria-label": "Beside it",
        onchange: (event) => go({ with: event.target.value || null, with_t: null }, true),
      },
      el("option", { value: "" }, "beside: nothing"),
      others.map((place) =>
        el(
          "option",
          {
            value: app.index.traces.id[place],
            selected: state.with === app.index.traces.id[place],
          },
          `${app.visible(app.index.traces.id[place])}`,
        ),
      ),
    );
    return el(
      "div",
      { class: "controls", role: "toolbar", "aria-label": "View" },
      names.length > 1 &&
        el(
          "div",
          { class: "segments", role: "group", "aria-label": "Estimator" },
          names.map((name) =>
            button(app.word(name), panes[0].main === name, () => go({ estimator: name }), "e"),
          ),
          button(names.length > 2 ? "all" : "both", state.both, actions.both, "b"),
        ),
      button("fold calm", state.folded, actions.fold, "f"),
      el(
        "div",
        { class: "segments", role: "group", "aria-label": "Cliffs" },
        el(
          "button",
          { type: "button", "aria-keyshortcuts": "p", onclick: () => actions.previousCliff() },
          "\u2039 cliff",
        ),
        el(
          "button",
          { type: "button", "aria-keyshortcuts": "n", onclick: () => actions.nextCliff() },
          "cliff \u203a",
        ),
      ),
      others.length > 0 && beside,
    );
  }

  function choose(pane, t) {
    activate(pane);
    go({ [panes.indexOf(pane) ? "with_t" : "t"]: t });
  }

  function activate(pane) {
    if (active === pane) return;
    active = pane;
    marked();
    token();
  }

  const marked = () =>
    panes.forEach((pane) =>
      pane.root.classList.toggle("active", panes.length > 1 && pane === active),
    );

  function token() {
    app.drawToken(at("token"), active, state);
    const t = active && active.t;
    const { tokens } = (active && active.trace) || {};
    at("announce").textContent = t
      ? `token ${t}${tokens ? `, ${app.tokenText(tokens[t - 1])}` : ""}, potential ${app.share(active.reading.potential[t - 1], 2)} to ${app.share(active.reading.potential[t], 2)}`
      : "";
  }

  function screen(name) {
    document.body.dataset.screen = name;
    if (name === "list" && list) list.select(list.current);
  }

  function toCliff(step) {
    const t = active && active.cliff(step);
    if (t) choose(active, t);
  }

  const actions = {
    next: () => list.move(1),
    previous: () => list.move(-1),
    step: (step) => {
      if (active)
        choose(
          active,
          active.t ? active.text.next(active.t, step) : step > 0 ? 1 : active.trace.length,
        );
    },
    first: () => {
      if (active) choose(active, 1);
    },
    last: () => {
      if (active) choose(active, active.trace.length);
    },
    nextCliff: () => toCliff(1),
    previousCliff: () => toCliff(-1),
    fold: () => go({ folded: !state.folded }),
    estimator: () => {
      const names = app.index.estimators;
      go({ estimator: names[(names.indexOf(state.estimator) + 1) % names.length] });
    },
    both: () => {
      if (app.index.estimators.length > 1) go({ both: !state.both });
    },
    compare: () => {
      if (state.trace === null) return;
      const names = peers(app.places.get(state.trace)).map((place) => app.index.traces.id[place]);
      go({ with: names[names.indexOf(state.with) + 1] || null, with_t: null }, true);
    },
    side: () => {
      if (panes.length > 1) activate(panes[1 - panes.indexOf(active)]);
    },
    search: () => {
      screen("list");
      at("search").focus();
      at("search").select();
    },
    help: () => app.openHelp(at("help")),
    theme: () => app.turnTheme(at("theme")),
    escape: () => {
      if (active && active.t) choose(active, null);
      else if (state.with) go({ with: null, with_t: null }, true);
      else screen("list");
    },
  };

  Object.assign(app, { go });
  begin();
})(window.cliffTokens);
