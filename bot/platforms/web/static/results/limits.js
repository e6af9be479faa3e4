// What of the visitor's runs and waits, in the order of turns, and what they may still do: a sheet that is asked for.

import { ask, dialog, make, say, word } from "../dom.js";

/** Show it as it is now. */
export async function limits() {
  const entries = make("ul", { class: "in-line" });
  const rules = make("ul", { class: "in-line" });
  dialog(word("line"), "line", entries, rules);
  await load();

  async function load() {
    try {
      const line = await ask("GET", "line");
      entries.replaceChildren(...line.entries.map(row));
      if (!line.entries.length) entries.append(make("li", { class: "about" }, word("line_empty")));
      rules.replaceChildren(...line.limits.map((limit) => make("li", { class: "about", dir: "auto" }, limit)));
    } catch (fault) {
      say(fault.message);
    }
  }

  function row({ path, words, cancel }) {
    const stop = async () => {
      await ask("POST", `${path}/cancel`).catch((fault) => say(fault.message));
      await load();
    };
    const button = cancel ? make("button", { type: "button", class: "quiet", onclick: stop }, cancel) : null;
    return make("li", { dir: "auto" }, words, " ", button);
  }
}
