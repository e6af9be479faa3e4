// The conversation: every run a message, the newest first.

import { ask, say, word } from "./dom.js";
import { Run } from "./run.js";

const MORE = 50;
const PAUSE = 300; // milliseconds without a key before it looks

export class Runs {
  constructor(element, actions) {
    this.element = element;
    this.actions = actions;
    this.runs = new Map();
    this.count = 0;
    this.empty = document.getElementById("empty");
    this.empty.textContent = word("empty");
    this.earlier = document.getElementById("earlier");
    this.earlier.textContent = word("earlier");
    this.search = document.getElementById("find");
    this.search.placeholder = word("find");
    this.search.setAttribute("aria-label", word("find"));
    this.search.addEventListener("input", () => {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.find(), PAUSE);
    });
    this.earlier.addEventListener("click", () => {
      if (this.found) return this.find(this.page + 1);
      this.count = this.runs.size + MORE;
      this.reopen();
    });
  }

  /** The whole conversation, as the server knows it. */
  all(views, more) {
    const ids = new Set(views.map((view) => view.id));
    for (const id of [...this.runs.keys()].filter((id) => !ids.has(id))) this.drop(id);
    for (const view of views) this.update(view, true);
    this.element.append(...views.map((view) => this.runs.get(view.id).element));
    if (!this.found) this.earlier.hidden = !more;
    this.look();
  }

  /** Show only the runs with the words that were typed, also those that were not loaded yet. */
  async find(page = 0) {
    const words = this.search.value.trim();
    if (!words) {
      const searched = this.found;
      this.found = null;
      this.look();
      return searched && this.reopen();
    }
    let answer;
    try {
      answer = await ask("GET", `runs?words=${encodeURIComponent(words)}&page=${page}`);
    } catch (fault) {
      return say(fault.message);
    }
    if (words !== this.search.value.trim()) return;
    this.found = new Set([...(page ? this.found : []), ...answer.runs.map((view) => view.id)]);
    this.page = page;
    for (const view of answer.runs) this.update(view, true);
    this.look();
    this.earlier.hidden = !answer.more;
    say(word("found", { count: this.found.size }));
  }

  /** One run, whole. */
  put(view) {
    const before = this.runs.get(view.id)?.view.state;
    if (!before) this.found?.add(view.id);
    this.update(view, false);
    this.look();
    if (before && before !== view.state) announce(view);
  }

  /** What changed of a run that is under way. */
  status(status) {
    this.runs.get(status.id)?.status(status);
  }

  remove(id) {
    const run = this.runs.get(id);
    if (!run) return;
    const focused = run.element.contains(document.activeElement);
    const next = run.element.nextElementSibling ?? run.element.previousElementSibling;
    this.drop(id);
    this.look();
    if (focused) (next?.querySelector("article") ?? document.getElementById("conversation")).focus();
    say(word("deleted"));
  }

  update(view, quiet) {
    const known = this.runs.get(view.id);
    if (known) return known.show(view, quiet);
    const run = new Run(view, this.actions);
    const older = [...this.element.children].find((each) => this.shown(each).asked <= view.asked);
    this.runs.set(view.id, run);
    this.element.insertBefore(run.element, older ?? null);
  }

  shown(element) {
    return this.runs.get(element.dataset.run).view;
  }

  drop(id) {
    this.runs.get(id)?.element.remove();
    this.runs.delete(id);
  }

  /** Say where nothing is to be seen; while words are looked for, a new run is seen too. */
  look() {
    for (const [id, run] of this.runs) run.element.hidden = this.found ? !this.found.has(id) : false;
    this.empty.textContent = word(this.found ? "not_found" : "empty");
    this.empty.hidden = this.found ? this.found.size > 0 : this.runs.size > 0;
  }
}

function announce(view) {
  if (view.state === "done") say(word("ended", { title: view.title }));
  if (view.state === "failed" || view.state === "cancelled") {
    say(word("ended_badly", { title: view.title, line: view.line }));
  }
}
