// What the gallery and the large view need before they are drawn: their words, and their styles.

import { ask, boot } from "../dom.js";

const sheets = new Map();
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

/** Load a sheet of styles, once. */
export function styled(name) {
  if (!sheets.has(name)) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = `static/gallery/${name}`;
    sheets.set(name, new Promise((done) => (link.onload = link.onerror = done)));
    document.head.append(link);
  }
  return sheets.get(name);
}
