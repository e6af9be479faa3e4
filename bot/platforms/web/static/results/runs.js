// The results: what is under way first, then the newest; what waits stands in one line above them.

import { ask, icon, say, word } from "../dom.js";
import { Group } from "./group.js";
import { Queue } from "./queue.js";
import { Run } from "./run.js";

const GAUGE = "M4.5 18a9 9 0 1 1 15 0M12 14l4-5";
const MORE = 50;
const PAUSE = 300; // milliseconds without a key before it looks
const ENDED = ["done", "failed", "cancelled"];

export class Runs {
  constructor(element, actions) {
    this.element = element;
    this.actions = { ...actions, expect: (id) => this.expect(id) };
    this.runs = new Map();
    this.groups = new Map();
    this.items = new WeakMap(); // what each element shows
    this.count = 0;
    this.queue = new Queue(document.getElementById("queue"));
    this.empty = document.getElementById("empty");
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
    const allowed = document.getElementById("limits");
    allowed.append(icon(GAUGE));
    allowed.setAttribute("aria-label", word("line"));
    allowed.title = word("line");
    allowed.addEventListener("click", async () => (await import("./limits.js")).limits());
  }

  /** The whole conversation, as the server knows it. */
  all(views, more) {
    const ids = new Set(views.map((view) => view.id));
    for (const id of [...this.runs.keys()].filter((id) => !ids.has(id))) this.drop(id);
    for (const view of views) this.update(view, true);
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

  /** A run has just been asked for: tell what becomes of it, and bring it into sight. */
  expect(id) {
    this.expected = id;
    const known = this.runs.get(id);
    say(known ? told(known.view) : word("sent"));
    reveal(document.getElementById("conversation"));
  }

  /** One run, whole. */
  put(view) {
    const before = this.runs.get(view.id)?.view.state;
    if (!before) this.found?.add(view.id);
    this.update(view, false);
    this.look();
    const group = this.groups.get(view.group?.id);
    const hasEnded = ENDED.includes(view.state);
    if (view.id === this.expected && before !== view.state) {
      if (!(group && hasEnded)) say(told(view));
      if (hasEnded) this.expected = null; // a result that comes back, because its deletion is undone, is no news
    }
    if (!before || before === view.state) return;
    if (!group) announce(view);
    else if (!group.isBusy) say(word("ended_all", { title: view.title }));
  }

  /** What changed of a run that is under way. */
  status(status) {
    const run = this.runs.get(status.id);
    if (!run) return;
    const before = run.view.state;
    run.status(status);
    if (status.id === this.expected && before !== status.state) say(told(run.view));
    const group = this.groups.get(run.view.group?.id);
    group?.look();
    this.arrange(group ?? run);
    this.queue.look(this.everything);
  }

  remove(id) {
    const run = this.runs.get(id);
    if (!run) return;
    const element = this.item(run).element;
    const focused = element.contains(document.activeElement);
    const next = element.nextElementSibling ?? element.previousElementSibling;
    this.drop(id);
    this.look();
    if (focused) (next?.querySelector("article") ?? document.getElementById("conversation")).focus();
    say(word("deleted"));
  }

  update(view, quiet) {
    if (view.state === "done") this.actions.workflows.made(view);
    if (view.group) return this.together(view, quiet);
    const known = this.runs.get(view.id);
    if (known) known.show(view, quiet);
    const run = known ?? new Run(view, this.actions);
    this.runs.set(view.id, run);
    this.arrange(run);
  }

  /** A run of a group stands in the group's card. */
  together(view, quiet) {
    const group = this.groups.get(view.group.id) ?? new Group(view, this.actions);
    this.groups.set(group.id, group);
    this.runs.set(view.id, group.put(view, quiet));
    this.arrange(group);
  }

  get everything() {
    return [...this.groups.values(), ...[...this.runs.values()].filter((run) => !run.view.group)];
  }

  item(run) {
    return this.groups.get(run.view.group?.id) ?? run;
  }

  /** Put a run or a group where it belongs by its state, its turn and its time. */
  arrange(item) {
    this.items.set(item.element, item);
    const list = item.isQueued ? this.queue.list : this.element;
    const isAfter = (element) => {
      const [one, other] = [rank(this.items.get(element)), rank(item)];
      return one.some((part, at) => part !== other[at] && one.slice(0, at).every((each, before) => each === other[before]) && part > other[at]);
    };
    let last = list.lastElementChild;
    while (last && (last === item.element || isAfter(last))) last = last.previousElementSibling;
    const next = last ? last.nextElementSibling : list.firstElementChild;
    if (next !== item.element && !(item.element.parentElement === list && item.element.nextElementSibling === next)) move(item.element, list, next);
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
    this.queue.look(this.everything);
    const nothing = this.found ? this.found.size === 0 : this.runs.size === 0;
    this.empty.hidden = !nothing;
    document.body.classList.toggle("new", nothing && !this.found);
    if (nothing) this.welcome();
  }

  /** Where nothing is yet, there are workflows to begin with. */
  async welcome() {
    if (this.found) return this.empty.replaceChildren(word("not_found"));
    const { welcome } = await import("../composer/welcome.js");
    if (!this.found && this.runs.size === 0) welcome(this.empty, this.actions);
  }
}

/** What comes first: in the queue by turns, among results what is under way, then by time. */
function rank(item) {
  return item.isQueued ? [item.place, item.asked] : [item.isBusy ? 0 : 1, -item.asked];
}

/** Move an element without losing the focus in it. (Chromium no longer draws what `moveBefore` moves within closed details.) */
function move(element, list, next) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(element, next);
  focused?.focus();
}

/** The state of a run, as it is at this moment. */
function told(view) {
  if (view.state === "done") return word("ended", { title: view.title });
  const line = (view.state !== "running" && view.line) || word(`state_${view.state}`); // what is being done changes too fast
  return word("ended_badly", { title: view.title, line });
}

function announce(view) {
  if (ENDED.includes(view.state)) say(told(view));
}

/** The newest is the first of all, which may be out of sight. */
function reveal(element) {
  if (element.getBoundingClientRect().top > -innerHeight * 0.1) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}
