/** @file Calm stretches of a trace: where the potential stays where it is and no cliff is near. */
"use strict";
(function (app) {
  const LEAST = 16; // tokens that are worth folding
  const AROUND = 6; // tokens beside a cliff, and at both ends of the trace, that stay

  /**
   * The calm stretches, as [first, last] token.
   * @param {import("./store").Reading} reading
   * @param {number} length T
   * @param {number} margin of the rule, in ten-thousandths: how far a calm potential may move
   * @returns {Array<[number, number]>}
   */
  function calm(reading, length, margin) {
    const near = new Uint8Array(length + 2);
    const keep = (from, to) => near.fill(1, Math.max(1, from), Math.min(length, to) + 1);
    keep(1, AROUND);
    keep(length - AROUND + 1, length);
    for (const cliff of reading.cliffs) keep(cliff.t - AROUND, cliff.t + AROUND);
    const stretches = [];
    let first = null,
      low,
      high;
    const end = (last) => {
      if (first !== null && last - first + 1 >= LEAST) stretches.push([first, last]);
      first = null;
    };
    for (let t = 1; t <= length; t += 1) {
      const v = reading.potential[t];
      if (near[t] || v === null || v === undefined) {
        end(t - 1);
        continue;
      }
      if (first !== null && Math.max(high, v) - Math.min(low, v) > margin) end(t - 1);
      if (first === null) {
        first = t;
        low = high = v;
      }
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
    end(length);
    return stretches;
  }

  app.calm = calm;
})(window.cliffTokens);
