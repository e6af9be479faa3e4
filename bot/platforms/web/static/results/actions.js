// The buttons under a result: a picture and a word each, the most used first.

import { icon, make, word } from "../dom.js";

const PATHS = {
  again: "M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4 3.5V8h4.5",
  resume: "M8 5l11 7-11 7z",
  change: "M4 20l1-4L16 5a2.1 2.1 0 0 1 3 3L8 19zM14 7l3 3",
  vary: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  use: "M4 12h11M11 8l4 4-4 4M14 4h6v16h-6",
  download: "M12 4v11M7.5 10.5L12 15l4.5-4.5M5 20h14",
  keep: "M7 4h10v16l-5-4-5 4z",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  cancel: "M7 7l10 10M17 7L7 17",
};

function dressed(act) {
  return [icon(PATHS[act]), make("span", { class: "label" }, word(act))];
}

/** A button that does something; its word is seen where there is room, and always heard. */
export function action(act, onclick, name = act) {
  return make("button", { type: "button", class: `button act ${act}`, "data-act": name, title: word(act), onclick }, ...dressed(act));
}

/** A link that downloads a file under its name. */
export function saving(file) {
  return make("a", { href: `${file.url}?download`, download: file.filename, class: "button act download", "data-act": `save ${file.ref}`, title: word("download") }, ...dressed("download"));
}

/** A button that deletes `what`, as gallery/undo.js takes it; it can be undone for some seconds. */
export function erasing(what) {
  return action("delete", async () => (await import("../gallery/undo.js")).deleteWithUndo(what));
}

/** It has been pressed, and takes a moment. */
export function held(button) {
  button.setAttribute("aria-disabled", "true");
  button.lastChild.textContent = word("cancelling");
}
