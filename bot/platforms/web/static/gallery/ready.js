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

// Made once: to make one takes longer than to draw a tile.
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const year = new Intl.DateTimeFormat([], { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** A moment, and how people write it: the time of today, else with its day, and of another year with that. */
export function clocked(seconds) {
  const [time, now] = [new Date(seconds * 1000), new Date()];
  const near = time.getFullYear() === now.getFullYear();
  const today = near && time.getMonth() === now.getMonth() && time.getDate() === now.getDate();
  return { time, when: (today ? clock : near ? day : year).format(time) };
}
