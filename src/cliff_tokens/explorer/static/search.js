/** @file The search in questions and texts, file after file, so that memory stays bounded. */
"use strict";
(function (app) {
  let latest = 0;

  /**
   * The traces whose name, question or text holds the words.
   * @param {string} words @param {function(number, number)} progress files read, of so many
   * @returns {Promise<?Set<number>>} places in the index; null if a later search was begun
   */
  async function search(words, progress) {
    const mine = ++latest;
    const sought = words.toLowerCase();
    const { id, text } = app.index.traces;
    const found = new Set();
    const last = text.length ? text[text.length - 1] : -1; // they are in this order
    for (let file = 0, i = 0; file <= last; file += 1) {
      const texts = await app.load(app.fileName("text", file));
      if (mine !== latest) return null;
      for (const one of texts) {
        if (one.toLowerCase().includes(sought) || id[i].toLowerCase().includes(sought))
          found.add(i);
        i += 1;
      }
      progress(file + 1, last + 1);
    }
    return found;
  }

  app.search = search;
})(window.cliffTokens);
