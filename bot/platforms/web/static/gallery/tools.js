// The buttons of the large view that are a sign alone.

import { icon, make, word } from "../dom.js";

export const STAR = "m12 3.6 2.6 5.3 5.8.8-4.2 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8L3.6 9.7l5.8-.8z";
const ICONS = {
  large_favourite: STAR,
  close: "M6 6l12 12M18 6 6 18",
  large_previous: "M15 5l-7 7 7 7",
  large_next: "M9 5l7 7-7 7",
  large_zoom_in: "M5 12h14M12 5v14",
  large_zoom_out: "M5 12h14",
  large_play: "M8 5l11 7-11 7z",
  large_fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  large_compare: "M12 3v18M5 8l-2 4 2 4M19 8l2 4-2 4",
  large_details: "M12 11v6M12 7.5v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
};

/** A button that is known by a word: `large_next`. */
export function tool(name, onclick, d = ICONS[name]) {
  return make("button", { type: "button", class: `tool ${name}`, "aria-label": word(name), title: word(name), onclick }, icon(d));
}
