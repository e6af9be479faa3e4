// What waits for its turn, in the order of turns: one line that can be opened, above the results.

import { ask, make, say, word } from "../dom.js";
import { action, held } from "./actions.js";

export class Queue {
  constructor(element) {
    this.element = element;
    this.list = make("ol", { class: "queued" });
    this.told = make("summary", {});
    this.folded = make("details", {}, this.told, this.list);
    this.all = action("cancel", () => this.cancel());
    this.all.lastChild.textContent = word("cancel_all");
    this.all.title = word("cancel_all");
    element.setAttribute("aria-label", word("state_waiting"));
    element.append(this.folded, this.all);
  }

  /** Say how many wait, and what comes next. One alone needs no folding. */
  look(items) {
    const waiting = items.filter((item) => item.isQueued);
    this.element.hidden = waiting.length === 0;
    this.all.hidden = waiting.length < 2;
    this.element.classList.toggle("single", waiting.length === 1);
    if (waiting.length === 1) this.folded.open = true;
    if (waiting.length < 2 || this.count < 2) this.folded.open = waiting.length === 1;
    this.count = waiting.length;
    if (!waiting.length) return this.free();
    const next = waiting.reduce((one, other) => (other.place < one.place ? other : one));
    this.told.textContent = `${word("waiting_count", { count: waiting.length })} · ${next.line}`;
  }

  free() {
    this.all.removeAttribute("aria-disabled");
    this.all.lastChild.textContent = word("cancel_all");
  }

  async cancel() {
    if (this.all.getAttribute("aria-disabled")) return;
    held(this.all);
    try {
      const { stopped } = await ask("POST", "line/cancel");
      say(word("cancelled_all", { count: stopped }));
    } catch (fault) {
      say(word("failed", { reason: fault.message }));
    }
    this.free();
  }
}
