// One run: a card that turns from a line in the queue, through a bar and a preview, into the result.

import { ask, copy, icon, make, say, word } from "../dom.js";
import { action, erasing, held, saving } from "./actions.js";

const CUBE = "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9";
export const UNDER_WAY = ["waiting", "running", "delivering", "held", "paused"];

export class Run {
  constructor(view, actions, tag = "li") {
    this.actions = actions;
    this.element = make(tag, { "data-run": view.id });
    this.show(view, true);
  }

  get asked() {
    return this.view.asked;
  }

  /** It only waits for its turn. */
  get isQueued() {
    return this.view.state === "waiting";
  }

  get isBusy() {
    return UNDER_WAY.includes(this.view.state);
  }

  get place() {
    return this.view.place ?? Infinity;
  }

  get line() {
    return `${this.view.title}: ${this.view.line}`;
  }

  /** Show a run whole. `quiet`: it did not just now come to its end while the visitor watched. */
  show(view, quiet) {
    if (this.view && JSON.stringify(this.view) === JSON.stringify(view)) return;
    const developed = !quiet && this.view && this.view.state !== "done" && view.state === "done";
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
    const hadFocus = focused === undefined && this.element.contains(document.activeElement);
    this.view = view;
    this.pill = make("span", { class: "pill" });
    this.now = make("p", { class: "now" });
    this.develops = make("div", { class: "develops" });
    this.article = make("article", { tabindex: "-1", class: developed ? "fresh" : null });
    this.article.append(this.heading(view), this.develops, ...this.results(), ...this.asks(), ...this.telling(), ...this.warnings(), this.buttons());
    this.element.replaceChildren(this.article);
    this.status(view);
    if (focused) (this.element.querySelector(`[data-act="${CSS.escape(focused)}"]`) ?? this.article).focus();
    else if (hadFocus) this.article.focus();
  }

  heading(view) {
    const { time, when } = clocked(view.asked);
    this.article.setAttribute("aria-label", word("asked", { title: view.title, time: when }));
    return make("div", { class: "head" }, make("h3", { dir: "auto" }, view.title), make("time", { datetime: time.toISOString() }, when), this.pill);
  }

  /** Show what changes while it is under way. */
  status({ state, line, fraction, preview, place }) {
    Object.assign(this.view, { state, line, fraction, preview, place });
    this.article.dataset.state = state;
    this.pill.textContent = word(`state_${state}`);
    this.now.textContent = line;
    this.now.classList.toggle("fault", state === "failed");
    this.now.hidden = !line;
    const running = state === "running" || state === "delivering";
    this.develops.hidden = !running;
    if (!running) return this.develops.replaceChildren();
    this.progress(fraction);
    this.glimpse(preview);
  }

  progress(fraction) {
    if (!this.develops.contains(this.bar)) {
      this.fill = make("span");
      const name = word("progress", { title: this.view.title });
      const values = { role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 };
      this.bar = make("div", { class: "bar", ...values }, this.fill);
      this.develops.append(this.bar);
    }
    this.bar.classList.toggle("unknown", fraction === null);
    if (fraction === null) return this.bar.removeAttribute("aria-valuenow");
    const percent = Math.round(fraction * 100);
    this.bar.setAttribute("aria-valuenow", percent);
    this.fill.style.inlineSize = `${percent}%`;
  }

  /** The newest preview, once the one before has arrived: however slow the line, it is never behind. */
  glimpse(url) {
    if (!url) return;
    this.wanted = url;
    if (this.loading) return;
    const image = new Image();
    this.loading = true;
    const done = (good) => {
      this.loading = false;
      if (good && this.develops.isConnected && !this.develops.hidden) this.see(image.src);
      if (this.wanted !== url) this.glimpse(this.wanted);
    };
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = url;
  }

  see(source) {
    let image = this.develops.querySelector("img");
    if (!image) {
      image = make("img", { class: "preview", alt: word("preview", { title: this.view.title }) });
      this.develops.append(image);
    }
    image.src = source;
  }

  asks() {
    const { inputs, said } = this.view;
    if (!inputs.length && !said) return [];
    const given = inputs.map((file) => {
      if (file.kind !== "image") return make("span", { class: "chip", dir: "auto" }, file.filename);
      const label = word("given", { name: file.filename });
      const image = make("img", { src: file.url, alt: label, loading: "lazy", decoding: "async" });
      return make("button", { type: "button", class: "given", onclick: () => enlarge(file) }, image);
    });
    return [make("div", { class: "asked" }, ...given, said ? make("p", { dir: "auto" }, said) : null)];
  }

  /** The line of the moment, and everything that was asked, behind a button; it stays open where it was. */
  telling() {
    const id = `details-${this.view.id}`;
    const toggle = make("button", { type: "button", class: "quiet", "data-act": "details", "aria-expanded": "false", "aria-controls": id }, word("details"));
    const whole = make("div", { class: "details", id, hidden: true });
    const open = (is) => {
      this.open = is;
      toggle.setAttribute("aria-expanded", String(is));
      whole.hidden = !is;
      if (is && !whole.firstChild) whole.append(...this.details());
    };
    toggle.addEventListener("click", () => open(!this.open));
    if (this.open) open(true);
    return [make("div", { class: "telling" }, this.now, toggle), whole];
  }

  /** The words that were asked for, to copy, and the settings. */
  details() {
    const { words, settings } = this.view;
    const blocks = words.map(([name, text]) => {
      const button = make("button", { type: "button", class: "button copy", "data-act": `copy ${name}`, onclick: () => copy(text, shown) }, word("copy"));
      const shown = make("pre", { tabindex: "0", dir: "auto" }, text);
      return make("div", {}, make("div", { class: "head" }, make("span", {}, name), button), shown);
    });
    return [...blocks, ...(settings.length ? [make("pre", { tabindex: "0", dir: "auto" }, settings.join("\n"))] : [])];
  }

  results() {
    const { files, texts } = this.view;
    const shown = files.map((file, at) => this.result(file, at + 1));
    const group = make("div", { class: files.length > 1 ? "prints many" : "prints" }, ...shown);
    return [...(files.length ? [group] : []), ...texts.map((text) => make("pre", { tabindex: "0", dir: "auto" }, text))];
  }

  /** A file in place; of several each has its number and its own buttons, and of one they stand in the row of the run. */
  result(file, number) {
    const shown = this.shown(file) ?? make("span", { class: "chip", dir: "auto" }, file.filename);
    if (this.view.files.length < 2) return make("div", { class: "result" }, shown);
    const label = word("of_group", { number, title: this.view.title });
    const mark = make("span", { class: "result-number", "aria-hidden": "true" }, String(number));
    const links = make("div", { class: "links" }, ...this.filing(file), ...(this.view.group ? [] : this.more(file)));
    return make("div", { class: "result", role: "group", "aria-label": label }, shown, mark, links);
  }

  /** What goes on from one of several files, as from each of several runs. */
  more(file) {
    const vary = this.view.varies ? [action("vary", () => this.vary(), `vary ${file.ref}`)] : [];
    return [...vary, action("change", () => this.actions.change(this.view), `change ${file.ref}`)];
  }

  shown(file) {
    const label = word("result", { title: this.view.title, said: this.view.said || file.filename });
    const open = { type: "button", class: "print", "data-act": `open ${file.ref}`, "aria-label": word("open", { name: file.filename }), onclick: () => enlarge(file, label) };
    return {
      image: () => make("button", open, make("img", { src: file.url, alt: label, loading: "lazy", decoding: "async" })),
      video: () => make("video", { src: file.url, controls: true, loop: true, preload: "metadata", playsinline: true, "aria-label": label }),
      audio: () => make("audio", { src: file.url, controls: true, preload: "metadata", "aria-label": label }),
      "3d": () => make("button", { ...open, class: "print solid" }, icon(CUBE), make("span", { dir: "auto" }, file.filename)),
    }[file.kind]?.();
  }

  /** What can be done with one file. */
  filing(file) {
    const usable = ["image", "video", "audio"].includes(file.kind);
    const use = action("use", () => this.uses(file, use), `use ${file.ref}`);
    return [...(usable ? [use] : []), saving(file)];
  }

  /** Ask which workflow a result is used in, where there are several. */
  uses(file, button) {
    const row = button.parentElement;
    const asked = row.nextElementSibling?.matches(".uses") ? row.nextElementSibling : null;
    if (asked) return asked.remove();
    const takers = this.actions.takers(this.view.workflow, file.kind);
    if (takers.length < 2) return this.actions.use(file, takers[0]);
    const use = (workflow) => {
      shown.remove();
      this.actions.use(file, workflow);
    };
    const buttons = takers.map((each) => make("button", { type: "button", class: "button", dir: "auto", onclick: () => use(each) }, each.title));
    const shown = make("div", { class: "links uses", role: "group", "aria-label": word("use_in") }, make("span", {}, word("use_in")), ...buttons);
    row.after(shown);
    buttons[0].focus();
  }

  warnings() {
    return this.view.warnings.map((text) => make("p", { class: "warning", dir: "auto" }, text));
  }

  buttons() {
    return make("div", { class: "buttons" }, ...(this.isBusy ? [this.stopping()] : this.acts()));
  }

  stopping() {
    const cancel = action("cancel", () => this.cancel(cancel));
    if (this.view.cancelling) held(cancel);
    return cancel;
  }

  acts() {
    const { files } = this.view;
    return [
      action("again", () => this.again()),
      action("change", () => this.actions.change(this.view)),
      ...(files.length === 1 ? this.filing(files[0]) : []),
      action("keep", (event) => this.keep(event.currentTarget.parentElement)),
      erasing({ runs: [this.view.id] }),
    ];
  }

  /** Ask for the name under which its values are kept. */
  async keep(row) {
    const { named } = await import("../composer/presets.js");
    row.parentElement.querySelector(".named")?.remove();
    const form = named(word("preset_name"), "", async (name) => {
      if (await this.actions.keep(this.view, name)) form.remove();
    });
    row.after(form);
  }

  async vary() {
    const answer = await this.ask("POST", `runs/${this.view.id}/vary`);
    if (answer) this.actions.expect(answer.id);
  }

  async again() {
    const answer = await this.ask("POST", `runs/${this.view.id}/again`);
    if (answer) this.actions.expect(answer.id);
  }

  /** It may take the server a moment to let go. */
  async cancel(button) {
    if (button.getAttribute("aria-disabled") || !(await this.ask("POST", `runs/${this.view.id}/cancel`))) return;
    this.view.cancelling = true;
    held(button);
  }

  /** Ask the server for something; its answer, or nothing if it will not. */
  async ask(method, url) {
    try {
      return await ask(method, url);
    } catch (fault) {
      say(word("failed", { reason: fault.message }));
    }
  }
}

/** Show a picture in full. */
async function enlarge(file, label) {
  const { view } = await import("../viewer.js");
  view(file, label);
}

// Made once: to make one takes longer than to draw a tile.
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const year = new Intl.DateTimeFormat([], { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** A moment, and how people write it: the time of today, else with its day, and of another year with that. */
export function clocked(seconds) {
  const [time, now] = [new Date(seconds * 1000), new Date()];
  const near = time.getFullYear() === now.getFullYear();
  const today = near && time.getMonth() === now.getMonth() && time.getDate() === now.getDate();
  return { time, when: (today ? clock : near ? day : year).format(time) };
}
