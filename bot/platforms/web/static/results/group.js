// Several runs that one request asked for, as one card that fills as they end, each with actions of its own.

import { ask, make, say, word } from "../dom.js";
import { action, erasing, held } from "./actions.js";
import { clocked, Run, UNDER_WAY } from "./run.js";

/** One run of a group: what it shows stands in the group's card. */
class Cell extends Run {
  constructor(view, actions) {
    super(view, actions, "div");
  }

  heading(view) {
    const { number, label } = view.group;
    this.article.setAttribute("aria-label", word("of_group", { number: label ? `${number} (${label})` : number, title: view.title }));
    return make("div", { class: "head" }, make("h4", { dir: "auto" }, label ? `${number}: ${label}` : String(number)), this.pill);
  }

  asks() {
    return [];
  }

  buttons() {
    return make("div", { class: "buttons" }, ...(this.isBusy ? [] : this.acts()));
  }

  acts() {
    const { state, varies, files } = this.view;
    return [
      ...(state !== "done" ? [action("again", () => this.again())] : varies ? [action("vary", () => this.vary())] : []),
      action("change", () => this.actions.change(this.view)),
      ...(files.length === 1 ? this.filing(files[0]) : []),
      erasing({ runs: [this.view.id] }),
    ];
  }
}

export class Group {
  constructor(view, actions) {
    this.actions = actions;
    this.id = view.group.id;
    this.asked = view.asked;
    this.title = view.group.title ?? view.title;
    this.count = view.group.count;
    this.cells = new Map();
    const { time, when } = clocked(view.asked);
    this.pill = make("span", { class: "pill" });
    this.now = make("p", { class: "now" });
    this.common = make("div", { class: "asked" });
    this.list = make("div", { class: "cells" });
    this.row = make("div", { class: "buttons" });
    const label = word("group", { count: this.count, title: this.title, time: when });
    const heading = make("div", { class: "head" }, make("h3", { dir: "auto" }, this.title), make("time", { datetime: time.toISOString() }, when), this.pill);
    this.article = make("article", { "aria-label": label, tabindex: "-1" }, heading, this.common, this.now, this.list, this.row);
    this.element = make("li", { "data-group": this.id, class: "group" }, this.article);
    this.element.style.setProperty("--cells", this.count);
  }

  get views() {
    return [...this.cells.values()].map((cell) => cell.view).sort((one, other) => one.group.number - other.group.number);
  }

  get isBusy() {
    return this.views.some((view) => UNDER_WAY.includes(view.state));
  }

  /** All of its runs wait for their turns. */
  get isQueued() {
    return this.views.every((view) => view.state === "waiting");
  }

  get place() {
    return Math.min(...this.views.map((view) => view.place ?? Infinity));
  }

  get line() {
    return `${this.title}: ${this.now.textContent}`;
  }

  /** Show one of its runs. Returns what shows it. */
  put(view, quiet) {
    let cell = this.cells.get(view.id);
    if (cell) {
      cell.show(view, quiet);
    } else {
      cell = new Cell(view, this.actions);
      this.cells.set(view.id, cell);
      const later = this.views[this.views.findIndex((each) => each.id === view.id) + 1];
      this.list.insertBefore(cell.element, later ? this.cells.get(later.id).element : null);
    }
    this.look();
    return cell;
  }

  drop(id) {
    this.cells.get(id)?.element.remove();
    this.cells.delete(id);
    this.look();
  }

  /** The words and buttons for all of them together. */
  look() {
    const views = this.views;
    if (!views.length) return;
    const done = views.filter((view) => view.state === "done").length;
    const busy = this.isBusy;
    this.article.dataset.state = this.isQueued ? "waiting" : busy ? "running" : "done";
    this.pill.textContent = word("done_of", { done, count: this.count });
    const first = views.reduce((one, other) => ((other.place ?? Infinity) < (one.place ?? Infinity) ? other : one));
    this.now.textContent = this.isQueued ? first.line : "";
    this.now.hidden = !this.isQueued;
    const said = Object.entries(this.values()).map(([name, value]) => `${name} ${value}`);
    this.common.replaceChildren(...(said.length ? [make("p", { dir: "auto" }, said.join(" · "))] : []));
    const kind = `${busy} ${views.some((view) => view.cancelling)} ${this.choices(views)} ${views.some((view) => view.group.failed)}`;
    if (kind === this.kind) return;
    this.kind = kind;
    const focused = this.row.contains(document.activeElement);
    this.row.replaceChildren(...(busy ? this.waiting(views) : this.ended()));
    if (focused) this.article.focus();
  }

  /** What its runs have in common: no seeds, and nothing else that differs. */
  values() {
    const [first, ...others] = this.views;
    const same = ([name, value]) => String(value) !== "" && (this.count === 1 || others.every((view) => view.values[name] === value));
    const alone = others.length === 0 && this.count > 1;
    return Object.fromEntries(Object.entries(first.values).filter((pair) => !alone && same(pair)));
  }

  /** How many results there are to choose among, where a step of a recipe waits for that. */
  choices(views) {
    const asks = views.find(({ group }) => group.after && this.cells.get(group.after)?.view.state === "done");
    return asks ? this.cells.get(asks.group.after).view.files.filter(({ kind }) => kind === asks.group.kind).length : 0;
  }

  choose(number) {
    const onclick = () => this.ask("POST", `groups/${this.id}/choose/${number}`);
    return make("button", { type: "button", class: "button", "data-act": `choose ${number}`, onclick }, String(number));
  }

  /** What asks for all of them in the form: their matrix, or how many. */
  asks() {
    const { matrix } = this.views[0].group;
    return matrix ? { vary: matrix } : { count: this.count };
  }

  waiting(views) {
    const count = this.choices(views);
    const numbers = Array.from({ length: count }, (_, at) => this.choose(at + 1));
    const asked = count ? [make("span", {}, word("choose")), ...numbers] : [];
    const cancel = action("cancel", () => this.cancel(cancel));
    if (views.some((view) => view.cancelling)) held(cancel);
    return [...asked, cancel];
  }

  ended() {
    const more = (act) => action(act, async () => {
      const answer = await this.ask("POST", `groups/${this.id}/${act}`);
      if (answer) this.actions.expect(answer.id);
    });
    const recipe = this.views[0].group.recipe;
    const values = recipe ? Object.assign({}, ...this.views.map((view) => view.values).reverse()) : { ...this.values(), ...this.asks() };
    return [
      ...(this.views.some((view) => view.group.failed) ? [more("resume")] : []),
      more("again"),
      action("change", () => this.actions.change({ ...this.views[0], workflow: recipe ?? this.views[0].workflow, values })),
      erasing({ group: this.id }),
    ];
  }

  async cancel(button) {
    if (button.getAttribute("aria-disabled") || !(await this.ask("POST", `groups/${this.id}/cancel`))) return;
    held(button);
  }

  async ask(method, url) {
    try {
      return await ask(method, url);
    } catch (fault) {
      say(word("failed", { reason: fault.message }));
    }
  }
}
