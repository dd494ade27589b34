/** @file The part of the address after #: which trace, token and estimator is shown. */
"use strict";
(function (app) {
  /** A link to a state: trace (its name), t, estimator, both, with (a second trace), with_t. */
  function link(state) {
    const made = new URLSearchParams();
    for (const name of ["trace", "t", "estimator", "both", "with", "with_t"]) {
      if (state[name] !== null && state[name] !== undefined && state[name] !== false)
        made.set(name, state[name] === true ? "1" : state[name]);
    }
    return `#${made.toString().replace(/%2F/g, "/")}`;
  }

  /** The state that an address names; what it does not name is null. */
  function parse(hash) {
    const read = new URLSearchParams(hash.replace(/^#/, ""));
    const whole = (name) =>
      /^[1-9]\d*$/.test(read.get(name) || "") ? Number(read.get(name)) : null;
    return {
      trace: read.get("trace"),
      t: whole("t"),
      estimator: read.get("estimator"),
      both: read.get("both") === "1",
      with: read.get("with"),
      with_t: whole("with_t"),
    };
  }

  Object.assign(app, { link, parse });
})(window.cliffTokens);
