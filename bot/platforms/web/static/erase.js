// Delete my data: what goes and what stays, and the buttons that do it, for this account or for all of them.

import { ask, dialog, make, say, word } from "./dom.js";

/** Ask a visitor whether their data shall be deleted. */
export async function erase() {
  let answer;
  try {
    answer = await ask("GET", "my-data/deletion");
  } catch (fault) {
    return say(fault.message);
  }
  const { lines, yes, everywhere } = answer;
  const told = make("div", { class: "erasing", role: "status" }, ...lines.map((line) => make("p", {}, line)));
  const buttons = make("div", { class: "buttons" }, choice(yes, "0"), everywhere ? choice(everywhere, "1") : null);
  const sheet = dialog(word("delete_data"), "erasure", told, buttons);
  let busy = false;

  function choice(text, all) {
    return make("button", { type: "button", class: "button grave", onclick: () => go(all) }, text);
  }

  async function go(all) {
    if (busy) return;
    busy = true;
    try {
      const { text } = await ask("POST", "my-data/delete", new URLSearchParams({ everywhere: all }));
      told.replaceChildren(make("p", {}, text));
      buttons.replaceChildren(make("button", { type: "button", class: "button", onclick: () => sheet.close() }, word("close")));
      buttons.firstChild.focus();
      sheet.addEventListener("close", () => location.reload()); // nothing that the page knows is left
    } catch (fault) {
      told.append(make("p", { class: "fault" }, fault.message));
    }
    busy = false;
  }
}
