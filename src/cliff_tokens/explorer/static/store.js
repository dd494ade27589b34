/**
 * @file Data files. A page that was opened from disk cannot fetch, so each file is a script that
 * calls `cliffTokens.receive` with its name and its value. Files that were not used for long are
 * dropped.
 *
 * Shares are whole ten-thousandths (5312 is 0.5312); null is what was not measured or not known.
 *
 * @typedef {Object} Cliff a token that the rule flags
 * @property {number} t
 * @property {?string} kind deterministic, uncertain, sampled_off, other; null: not known
 * @property {?string} audit confirmed, not confirmed, cannot be; null: not audited
 * @property {Object} [arms] counts and pass@k of the arms del, keep, control_del, control_keep
 * @property {Row[]} [candidates]
 *
 * @typedef {Object} Reading what one estimator says of a trace of T tokens
 * @property {Array<?number>} potential of prefixes 0 .. T; the last is the verdict
 * @property {Array<?number>} low @property {Array<?number>} high
 * @property {Array<?number>} threshold drop that is not yet a cliff, of tokens 1 .. T
 * @property {number[]} [successes] of prefixes 0 .. T-1 @property {number|number[]} [rollouts]
 * @property {Cliff[]} cliffs
 *
 * @typedef {Array} Row token (text, id, or null: the rest), sampler probability, probability at
 *   temperature 1, successes, rollouts, low, high, and of the rest: how many tokens
 *
 * @typedef {Object} Trace
 * @property {string} id @property {number} length T @property {Object<string, Reading>} readings
 * @property {string[]} [tokens] @property {number[]} [bound] 1 - q @property {number[]} [entropy]
 * @property {Object<string, Row[]>} [others]
 */
"use strict";
window.cliffTokens = (function () {
  const KEPT = { traces: 24, text: 16 }; // files of each kind that stay in memory
  const values = new Map(); // in the order of their last use
  const waiting = new Map();

  /** Called by every data file. */
  function receive(name, value) {
    values.set(name, value);
    forget(name.split("-")[0]);
  }

  function forget(kind) {
    const same = [...values.keys()].filter((name) => name.split("-")[0] === kind);
    for (const name of same.slice(0, Math.max(0, same.length - (KEPT[kind] || 1)))) {
      values.delete(name);
    }
  }

  /** The name of a data file. @param {string} kind @param {number} number */
  const fileName = (kind, number) => `${kind}-${String(number).padStart(4, "0")}`;

  /** The value of a data file. @returns {Promise<Array>} rejected if it is not there */
  function load(name) {
    if (values.has(name)) {
      const value = values.get(name);
      values.delete(name);
      values.set(name, value);
      return Promise.resolve(value);
    }
    if (!waiting.has(name)) {
      const script = document.createElement("script");
      waiting.set(
        name,
        new Promise((resolve, reject) => {
          const end = (settle, value) => {
            waiting.delete(name);
            script.remove();
            settle(value);
          };
          const missing = () =>
            new Error(`data/${name}.js cannot be loaded: the folder is incomplete.`);
          script.onload = () =>
            values.has(name) ? end(resolve, values.get(name)) : end(reject, missing());
          script.onerror = () => end(reject, missing());
          script.src = `data/${name}.js`;
          document.head.append(script);
        }),
      );
    }
    return waiting.get(name);
  }

  /** How many files of a kind are in memory. */
  const held = (kind) => [...values.keys()].filter((name) => name.startsWith(`${kind}-`)).length;

  return {
    receive,
    load,
    fileName,
    held,
    get index() {
      return values.get("index");
    },
  };
})();
