/** @file Which traces are listed, and in which order: plain functions of the index. */
"use strict";
(function (app) {
  const KINDS = app.KINDS.filter((kind) => kind !== "cliff");

  /** What the list knows of a trace by an estimator, or by the first that read this trace. */
  function readingOf(index, estimator, i) {
    const { readings } = index.traces;
    return (
      readings[estimator][i] || readings[index.estimators.find((name) => readings[name][i])][i]
    );
  }

  /**
   * What can be chosen: for each filter its values in the data, as [value, label].
   * @returns {Object<string, Array<[string, string]>>} filters without a choice are left out
   */
  function choices(index) {
    const cliffs = index.estimators
      .flatMap((name) => index.traces.readings[name])
      .flatMap((one) => (one ? one.cliffs : []));
    const has = (place, value) => cliffs.some((cliff) => cliff[place] === value);
    const named = (names) => names.map((name) => [name, name]);
    const made = {
      model: named(index.models),
      dataset: named(index.datasets),
      outcome: named(index.verdicts),
      cliff: [
        ["any", "with a cliff"],
        ["none", "without"],
        ...KINDS.filter((kind) => has(1, kind)).map((kind) => [kind, app.word(kind)]),
      ],
      audit: [...app.AUDITS.filter((audit) => has(2, audit)).map((audit) => [audit, audit])],
      drop: ["0.1", "0.2", "0.3", "0.5", "0.7"].map((drop) => [drop, `${drop} or more`]),
    };
    const few = { model: 2, dataset: 2, outcome: 2, cliff: 1, audit: 1, drop: 1 };
    return Object.fromEntries(
      Object.entries(made).filter(([name, list]) => list.length >= few[name]),
    );
  }

  /**
   * The traces that pass all filters, in order. One cliff must be of the kind and of the audit.
   * @param {Object} index @param {string} estimator whose cliffs and drops count
   * @param {Object<string, string>} filters empty: all @param {string} order
   * @param {?Set<number>} found by the search; null: all
   * @returns {number[]} places in the index
   */
  function choose(index, estimator, filters, order, found) {
    const { traces } = index;
    const readings = traces.id.map((_, i) => readingOf(index, estimator, i));
    const code = (names, value) => (value ? names.indexOf(value) : null);
    const wanted = [
      [traces.model, code(index.models, filters.model)],
      [traces.dataset, code(index.datasets, filters.dataset)],
      [traces.verdict, code(index.verdicts, filters.outcome)],
    ].filter(([, value]) => value !== null);
    const least = filters.drop ? Number(filters.drop) * 10000 : null;
    const passes = (i) => {
      if (found && !found.has(i)) return false;
      if (!wanted.every(([column, value]) => column[i] === value)) return false;
      const { cliffs, drop } = readings[i];
      if (filters.cliff === "none" && cliffs.length) return false;
      const kind = ["any", "none"].includes(filters.cliff) ? "" : filters.cliff;
      const asked = kind || filters.audit || filters.cliff === "any";
      const fits = (cliff) =>
        (!kind || cliff[1] === kind) && (!filters.audit || cliff[2] === filters.audit);
      if (asked && !cliffs.some(fits)) return false;
      return least === null || drop >= least;
    };
    const places = traces.id.map((_, i) => i).filter(passes);
    const value = {
      drop: (i) => -readings[i].drop,
      cliffs: (i) => -readings[i].cliffs.length,
      longest: (i) => -traces.length[i],
      shortest: (i) => traces.length[i],
      model: (i) => traces.model[i],
      dataset: (i) => traces.dataset[i],
      outcome: (i) => traces.verdict[i],
      kind: (i) => Math.min(9, ...readings[i].cliffs.map((cliff) => KINDS.indexOf(cliff[1]))),
      audit: (i) =>
        Math.min(
          9,
          ...readings[i].cliffs.map((cliff) => app.AUDITS.indexOf(cliff[2]) + (cliff[2] ? 0 : 9)),
        ),
    }[order];
    return value ? places.sort((a, b) => value(a) - value(b) || a - b) : places;
  }

  const ORDERS = [
    ["", "as listed"],
    ["drop", "largest drop"],
    ["cliffs", "most cliffs"],
    ["model", "model"],
    ["dataset", "data set"],
    ["outcome", "outcome"],
    ["kind", "kind of cliff"],
    ["audit", "audit"],
    ["longest", "longest"],
    ["shortest", "shortest"],
  ];

  Object.assign(app, { choices, choose, readingOf, ORDERS });
})(window.cliffTokens);
