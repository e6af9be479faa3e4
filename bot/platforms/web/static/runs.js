// The conversation: every run a message, the newest first.

import { ask, say, word } from "./dom.js";
import { Group } from "./group.js";
import { Run } from "./run.js";

const MORE = 50;
const PAUSE = 300; // milliseconds without a key before it looks

export class Runs {
  constructor(element, actions) {
    this.element = element;
    this.actions = actions;
    this.runs = new Map();
    this.groups = new Map();
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
    this.element.append(...new Set(views.map((view) => this.place(view))));
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
    if (!before || before === view.state) return;
    const group = this.groups.get(view.group?.id);
    if (!group) announce(view);
    else if (!group.underWay) say(word("ended_all", { title: view.title }));
  }

  /** What changed of a run that is under way. */
  status(status) {
    const run = this.runs.get(status.id);
    run?.status(status);
    this.groups.get(run?.view.group?.id)?.look();
  }

  remove(id) {
    const run = this.runs.get(id);
    if (!run) return;
    const element = this.place(run.view);
    const focused = element.contains(document.activeElement);
    const next = element.nextElementSibling ?? element.previousElementSibling;
    this.drop(id);
    this.look();
    if (focused) (next?.querySelector("article") ?? document.getElementById("conversation")).focus();
    say(word("deleted"));
  }

  update(view, quiet) {
    const known = this.runs.get(view.id);
    if (view.group) return this.together(view, quiet);
    if (known) return known.show(view, quiet);
    const run = new Run(view, this.actions);
    this.insert(run.element, view.asked);
    this.runs.set(view.id, run);
  }

  /** A run of a group stands in the group's card. */
  together(view, quiet) {
    let group = this.groups.get(view.group.id);
    if (!group) {
      group = new Group(view, this.actions);
      this.insert(group.element, view.asked);
      this.groups.set(group.id, group);
    }
    this.runs.set(view.id, group.put(view, quiet));
  }

  insert(element, asked) {
    const older = [...this.element.children].find((each) => this.asked(each) <= asked);
    this.element.insertBefore(element, older ?? null);
  }

  asked(element) {
    return element.dataset.group ? this.groups.get(element.dataset.group).asked : this.runs.get(element.dataset.run).view.asked;
  }

  /** The element of the conversation that shows a run. */
  place(view) {
    return view.group ? this.groups.get(view.group.id).element : this.runs.get(view.id).element;
  }

  drop(id) {
    const run = this.runs.get(id);
    this.runs.delete(id);
    const group = this.groups.get(run?.view.group?.id);
    if (!group) return run?.element.remove();
    group.drop(id);
    if (group.cells.size) return;
    group.element.remove();
    this.groups.delete(group.id);
  }

  /** Say where nothing is to be seen; while words are looked for, a new run is seen too. */
  look() {
    for (const [id, run] of this.runs) run.element.hidden = this.found ? !this.found.has(id) : false;
    for (const group of this.groups.values()) {
      group.element.hidden = this.found ? ![...group.cells.keys()].some((id) => this.found.has(id)) : false;
    }
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
