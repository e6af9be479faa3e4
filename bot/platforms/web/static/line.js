// What of the visitor's runs and waits, in the order of turns, and what they may still do: folded below the workflows.

import { ask, make, say, word } from "./dom.js";

export class Line {
  constructor(element) {
    this.entries = make("ul", { class: "in-line" });
    this.limits = make("ul", { class: "in-line" });
    element.append(make("summary", {}, word("line")), this.entries, this.limits);
    element.addEventListener("toggle", () => element.open && this.load());
  }

  async load() {
    try {
      this.draw(await ask("GET", "line"));
    } catch (fault) {
      say(fault.message);
    }
  }

  draw({ entries, limits }) {
    this.entries.replaceChildren(...entries.map((entry) => this.row(entry)));
    if (!entries.length) this.entries.append(make("li", { class: "about" }, word("line_empty")));
    this.limits.replaceChildren(...limits.map((limit) => make("li", { class: "about" }, limit)));
  }

  row({ path, words, cancel }) {
    const stop = async () => {
      try {
        await ask("POST", `${path}/cancel`);
      } catch (fault) {
        say(fault.message);
      }
      await this.load();
    };
    const button = cancel ? make("button", { type: "button", class: "quiet", onclick: stop }, cancel) : null;
    return make("li", {}, words, " ", button);
  }
}
