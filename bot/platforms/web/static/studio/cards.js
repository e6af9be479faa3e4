// The fields of the form: each a card with its settings, moved by its handle or by its buttons.

import { icon, make, say, word } from "../dom.js";

const HANDLE = "M9 5h.01M15 5h.01M9 12h.01M15 12h.01M9 19h.01M15 19h.01";
const [UP, DOWN, CROSS] = ["M6 15l6-6 6 6", "M6 9l6 6 6-6", "M6 6l12 12M18 6L6 18"];
const NUMERIC = ["integer", "number"];
const KINDS = ["text", "integer", "number", "choice", "toggle", "image", "video", "audio", "color", "3d", "file"];
let count = 0;

export class Cards {
  /** `edited` is called after each change; `kindOf` knows the kind of a field and its input. */
  constructor(edited, kindOf) {
    Object.assign(this, { edited, kindOf, all: [] });
    this.list = make("ol", { class: "studio-cards" });
    this.none = make("p", { class: "about" }, word("studio_no_fields"));
    this.gone = make("p", { class: "studio-gone" });
    this.element = make("div", {}, this.none, this.list, this.gone);
    this.left = new AbortController();
    addEventListener("keydown", (event) => this.pressed(event), { signal: this.left.signal });
    this.list.addEventListener("dragover", (event) => this.dragged(event));
    this.list.addEventListener("drop", (event) => event.preventDefault());
  }

  fill(fields) {
    this.all = fields.map(({ name, settings }) => new Card(this, name, settings, name));
    this.forget();
    this.draw();
  }

  leave() {
    this.left.abort();
  }

  draw() {
    this.list.replaceChildren(...this.all.map((card) => card.element));
    this.none.hidden = this.all.length > 0;
    this.all.forEach((card, at) => card.placed(at, this.all.length));
  }

  get said() {
    return this.all.map(({ name, settings, was }) => ({ name, settings, was }));
  }

  get targets() {
    return new Set(this.all.flatMap(({ settings }) => settings.target ?? []));
  }

  /** What to call when the server has the fields as they are now: it knows them by these names then. */
  sent() {
    const names = this.all.map((card) => [card, card.name]);
    return () => names.forEach(([card, name]) => (card.was = name));
  }

  add(input) {
    const taken = new Set(this.all.map(({ name }) => name));
    let name = input.name;
    for (let number = 2; taken.has(name); number++) name = `${input.name}_${number}`;
    const card = new Card(this, name, { target: input.target }, "");
    this.all.push(card);
    this.draw();
    card.element.scrollIntoView({ block: "nearest" });
    say(word("studio_added", { title: card.title }));
    this.edited();
  }

  /** Have a field set another input. */
  retarget(name, was, now) {
    const card = this.all.find((each) => each.name === name);
    if (!card) return;
    const { target } = card.settings;
    card.sets(Array.isArray(target) ? target.map((each) => (each === was ? now : each)) : now);
    say(word("studio_retargeted", { title: card.title, target: now }));
    this.edited();
  }

  /** Take an input that is gone out of a field, and the field with it if that sets no other. */
  lose(name, target) {
    const card = this.all.find((each) => each.name === name);
    if (!card) return;
    const left = [card.settings.target ?? []].flat().filter((each) => each !== target);
    if (!left.length) return this.remove(card);
    card.sets(left.length > 1 ? left : left[0]);
    this.edited();
  }

  /** Take an input out of the form, and the field with it if that sets no other. */
  drop(target) {
    for (const card of [...this.all]) {
      const targets = [card.settings.target ?? []].flat();
      if (!targets.includes(target)) continue;
      const left = targets.filter((each) => each !== target);
      if (!left.length) return this.remove(card);
      card.sets(left.length > 1 ? left : left[0]);
    }
    this.edited();
  }

  remove(card) {
    const at = this.all.indexOf(card);
    this.all.splice(at, 1);
    this.draw();
    this.removed = { card, at };
    const told = word("studio_removed", { title: card.title });
    const undo = make("button", { type: "button", class: "button", "aria-keyshortcuts": "Control+Z", title: "Ctrl+Z", onclick: () => this.undo() }, word("studio_undo"));
    this.gone.replaceChildren(make("span", { dir: "auto" }, told), undo);
    say(told);
    this.edited();
    (this.all[Math.min(at, this.all.length - 1)]?.element.querySelector("summary") ?? undo).focus();
  }

  pressed(event) {
    const isUndo = event.key === "z" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!isUndo || !this.removed || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    event.preventDefault();
    this.undo();
  }

  /** Put the field back that was removed last, as it was and where it was. */
  undo() {
    const { card, at } = this.removed;
    this.forget();
    const taken = new Set(this.all.map(({ name }) => name));
    const plain = card.name;
    for (let number = 2; taken.has(card.name); number++) card.name = `${plain}_${number}`;
    this.all.splice(at, 0, card);
    this.draw();
    say(word("studio_added", { title: card.title }));
    this.edited();
    card.element.querySelector("summary").focus();
  }

  forget() {
    this.removed = null;
    this.gone.replaceChildren();
  }

  move(card, by, button) {
    const at = this.all.indexOf(card);
    const to = at + by;
    if (to < 0 || to >= this.all.length) return;
    this.all.splice(at, 1);
    this.all.splice(to, 0, card);
    this.draw();
    (button?.disabled ? button.parentElement.querySelector("button:not(:disabled)") : button)?.focus();
    say(word("studio_moved", { title: card.title, number: to + 1, count: this.all.length }));
    this.edited();
  }

  /** Put the card that is dragged before or after the one that the pointer is over. */
  dragged(event) {
    if (!this.dragging) return;
    event.preventDefault();
    const over = event.target.closest?.(".studio-card");
    const card = this.all.find(({ element }) => element === over);
    if (!card || card === this.dragging) return;
    const box = over.getBoundingClientRect();
    const from = this.all.indexOf(this.dragging);
    const to = this.all.indexOf(card);
    const passed = event.clientY > box.top + box.height / 2;
    if (passed === to > from) this.move(this.dragging, to - from);
  }
}

class Card {
  constructor(cards, name, settings, was) {
    Object.assign(this, { cards, name, settings: { ...settings }, was, id: `studio-card-${++count}` });
    this.label = make("b", { dir: "auto" });
    this.target = make("small", { dir: "auto" });
    this.fault = make("p", { class: "fault", role: "alert" });
    this.handle = make("span", { class: "studio-handle", draggable: "true" }, icon(HANDLE));
    this.up = this.button(UP, () => this.cards.move(this, -1, this.up));
    this.down = this.button(DOWN, () => this.cards.move(this, 1, this.down));
    this.cross = this.button(CROSS, () => this.cards.remove(this));
    this.body = make("div", { class: "studio-settings" });
    const summary = make("summary", {}, this.label, this.target);
    const details = make("details", { ontoggle: () => details.open && !this.body.children.length && this.body.append(...this.controls()) }, summary, this.body);
    this.element = make("li", { class: "studio-card" }, this.handle, details, make("div", { class: "studio-moves" }, this.up, this.down, this.cross), this.fault);
    this.handle.addEventListener("dragstart", (event) => {
      this.cards.dragging = this;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", this.name);
      event.dataTransfer.setDragImage(this.element, 10, 10);
      this.element.classList.add("dragging");
    });
    this.handle.addEventListener("dragend", () => {
      this.cards.dragging = null;
      this.element.classList.remove("dragging");
    });
    this.sets(settings.target);
    this.titled();
  }

  /** Set this input, or these. */
  sets(target) {
    if (target !== undefined) this.settings.target = target;
    this.target.textContent = word("studio_sets", { target: [target ?? []].flat().join(", ") });
  }

  get title() {
    const plain = this.name.replace(/[_-]/g, " ");
    return this.settings.title || plain.charAt(0).toUpperCase() + plain.slice(1);
  }

  get kind() {
    if (this.settings.kind) return this.settings.kind;
    if (this.settings.choices) return "choice";
    return this.cards.kindOf(this.name, [this.settings.target ?? []].flat()[0]);
  }

  button(path, onclick) {
    return make("button", { type: "button", class: "icon", onclick }, icon(path));
  }

  titled() {
    this.label.textContent = this.title;
    const gaps = { title: this.title };
    this.up.setAttribute("aria-label", word("studio_up", gaps));
    this.down.setAttribute("aria-label", word("studio_down", gaps));
    this.cross.setAttribute("aria-label", word("studio_remove", gaps));
    this.handle.title = word("studio_handle", gaps);
  }

  placed(at, all) {
    this.up.disabled = at === 0;
    this.down.disabled = at === all - 1;
  }

  blame(reason) {
    this.fault.textContent = reason;
  }

  controls() {
    const kind = this.kind;
    const whole = typeof this.settings.choices === "object" && !Array.isArray(this.settings.choices);
    const media = ["image", "video", "audio", "3d", "file"].includes(kind);
    const numbers = ["minimum", "maximum", "step"].filter((each) => NUMERIC.includes(kind) || each in this.settings);
    return [
      this.text("title"),
      this.text("help", true),
      this.naming(),
      this.choose("kind", [["", word("studio_auto")], ...KINDS.map((each) => [each, each])]),
      ...(media || this.settings.seed ? [] : kind === "toggle" ? [this.choose("default", [["", word("studio_auto")], ...yesNo()], boolean)] : [this.text("default", kind === "text", NUMERIC.includes(kind))]),
      ...numbers.map((each) => this.text(each, false, true)),
      ...(kind === "integer" ? [this.choose("seed", [["", word("studio_auto")], ...yesNo()], boolean)] : []),
      ...(kind === "text" ? [this.text("max_length", false, true), this.choose("multiline", [["", word("studio_auto")], ...yesNo()], boolean)] : []),
      ...(kind === "choice" ? [whole ? make("p", { class: "about" }, word("studio_field_sets")) : this.choices()] : []),
      this.choose("more", [["", word("studio_main")], ["yes", word("studio_more")]], (value) => (value ? true : undefined)),
      this.choose("required", [["", word("studio_auto")], ...yesNo()], boolean),
    ];
  }

  set(key, value) {
    if (value === undefined || value === "") delete this.settings[key];
    else this.settings[key] = value;
    this.titled();
    this.cards.edited();
  }

  text(key, tall = false, numeric = false) {
    const control = make(tall ? "textarea" : "input", { id: `${this.id}-${key}`, rows: tall ? 2 : null, inputmode: numeric ? "decimal" : null, autocomplete: "off", dir: "auto" });
    control.value = this.settings[key] ?? "";
    control.addEventListener("input", () => this.set(key, numeric ? number(control.value) : control.value));
    return this.labelled(key, control);
  }

  naming() {
    const control = make("input", { id: `${this.id}-name`, maxlength: 32, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
    control.value = this.name;
    control.addEventListener("change", () => {
      this.name = control.value.trim();
      this.titled();
      this.cards.edited();
    });
    return this.labelled("name", control);
  }

  choose(key, options, read = (value) => value) {
    const control = make("select", { id: `${this.id}-${key}` }, ...options.map(([value, words]) => make("option", { value }, words)));
    const value = this.settings[key];
    control.value = value === true ? "yes" : value === false ? (key === "more" ? "" : "no") : (value ?? "");
    control.addEventListener("change", () => {
      this.set(key, read(control.value));
      if (key === "kind" || key === "seed") this.body.replaceChildren(...this.controls());
      if (key === "kind" || key === "seed") this.body.querySelector(`#${this.id}-${key}`).focus();
    });
    return this.labelled(key, control);
  }

  choices() {
    const control = make("textarea", { id: `${this.id}-choices`, rows: 4, dir: "auto" });
    control.value = (this.settings.choices ?? []).join("\n");
    control.addEventListener("input", () => {
      const lines = control.value.split("\n").map((line) => line.trim()).filter(Boolean);
      this.set("choices", lines.length ? lines : undefined);
    });
    return this.labelled("choices", control);
  }

  labelled(key, control) {
    return make("div", { class: "studio-labelled" }, make("label", { for: control.id }, word(`studio_field_${key}`)), control);
  }
}

function yesNo() {
  return [["yes", word("studio_yes")], ["no", word("studio_no")]];
}

function boolean(value) {
  return value === "" ? undefined : value === "yes";
}

/** A number as it was typed; what is none, and what a browser would round, stays a text. */
function number(text) {
  const plain = text.trim().replace(",", ".");
  if (!plain) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) && Math.abs(value) < 2 ** 53 ? value : plain;
}
