// What the gallery and the large view need before they are drawn: their words.

import { ask, boot } from "../dom.js";

let asked = null;

/** The words, the workflows with results, and how long a deletion can be undone. */
export function about() {
  asked ??= ask("GET", "gallery/about").then(
    (answer) => {
      Object.assign(boot.words, answer.words);
      return answer;
    },
    (fault) => {
      asked = null;
      throw fault;
    },
  );
  return asked;
}

/** The workflows as they are now. */
export function refreshed() {
  asked = null;
  return about();
}
