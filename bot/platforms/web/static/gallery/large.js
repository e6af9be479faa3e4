// The large view: one result over the whole page, with the results before and after it, zoom, and all that is known.

import { ask, copy, make, styled, word } from "../dom.js";
import { isSolid, Solids } from "../solid/place.js";
import { compare } from "./compare.js";
import { acts, details, everything } from "./panel.js";
import { about } from "./ready.js";
import { put } from "./shown.js";
import { tool } from "./tools.js";
import { deleteWithUndo, place, tell } from "./undo.js";
import { Zoom } from "./zoom.js";

const OF_RUN = /^runs\/([0-9a-f-]{36})\/files\/(\d+)$/;
const STEP = 60; // pixels that a key moves a picture by

/** Show a file, or a run, as `view` of viewer.js says. */
export async function enlarge(what, alt, actions) {
  await Promise.all([about(), styled("gallery/large.css")]);
  document.querySelector("dialog.large")?.close();
  const found = OF_RUN.exec(what.url ?? "");
  const large = new Large(what, alt, actions);
  large.open();
  if (what.run) await large.go(what.run, what.number ?? 0);
  else if (found) await large.go(found[1], Number(found[2]), what);
  else large.alone(what);
}

class Large {
  /** `query` chooses the runs beside; `moved`, `closed` and `starred` are told what happens. */
  constructor({ query, moved, closed, starred }, alt, actions) {
    Object.assign(this, { alt, actions, query: query ?? new URLSearchParams(), moved, closed, starred, known: new Map() });
    this.plane = make("div", { class: "large-plane" });
    this.stage = make("div", { class: "large-stage", tabindex: "0", role: "group", "aria-describedby": "large-keys" }, this.plane);
    this.zoom = new Zoom(this.stage, this.plane, () => this.zoomed(), (step) => this.step(step));
    this.name = make("p", { class: "large-name", role: "status" });
    this.star = tool("large_favourite", () => this.like());
    this.solids = new Solids(this.plane, () => this.turnable());
    this.info = tool("large_details", () => this.toggle());
    this.before = tool("large_previous", () => this.step(-1));
    this.after = tool("large_next", () => this.step(1));
    this.both = tool("large_compare", () => this.compare());
    this.percent = make("output", { class: "large-percent" });
    this.played = tool("large_play", () => this.play());
    this.tools = make("div", { class: "large-tools" }, tool("large_zoom_out", () => this.lens.by(1 / 1.4)), this.percent, tool("large_zoom_in", () => this.lens.by(1.4)), tool("large_fit", () => this.lens.fit()), this.played, this.both);
    this.panel = make("aside", { class: "large-panel", "aria-label": word("large_details") });
    this.acts = make("div", { class: "large-acts" });
    this.said = make("p", { class: "dialog-said", role: "status" });
    const close = tool("close", () => this.dialog.close());
    const top = make("div", { class: "large-top" }, this.name, this.star, this.info, close);
    this.keys = make("p", { class: "unseen", id: "large-keys" });
    this.dialog = make("dialog", { class: "large", "aria-label": word("gallery_results") }, top, this.stage, this.before, this.after, this.tools, this.panel, this.acts, this.said, this.keys);
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("close", () => this.end());
  }

  open() {
    this.opener = document.activeElement;
    this.dialog.classList.toggle("told", matchMedia("(min-width: 60rem)").matches);
    this.info.setAttribute("aria-pressed", String(this.dialog.classList.contains("told")));
    document.body.append(this.dialog);
    this.dialog.showModal();
    place();
    this.stage.focus();
    this.over = new AbortController();
    addEventListener("resize", () => this.zoom.apply(), { signal: this.over.signal });
  }

  end() {
    this.over.abort();
    this.solids.end();
    this.dialog.remove();
    place();
    if (this.closed) this.closed(this.run?.id);
    else if (this.opener?.isConnected) this.opener.focus();
  }

  /** A file without its run. */
  alone(file) {
    this.run = null;
    this.show(file, "", this.alt || file.filename);
    this.name.textContent = file.filename;
    for (const each of [this.star, this.info, this.before, this.after, this.both, this.panel]) each.hidden = true;
    this.dialog.classList.remove("told");
    this.acts.replaceChildren(...acts(null, file, {}));
  }

  /** Show a file of a run. `file` is what is known of it, should the run not be among the results. */
  async go(id, number, file = null) {
    this.wanted = id;
    let run;
    try {
      run = await this.get(id);
    } catch (fault) {
      if (file) return this.alone(file);
      tell(word("large_gone"));
      return this.plane.replaceChildren(make("p", { class: "large-none" }, word("large_gone")));
    }
    if (this.wanted !== id) return;
    this.run = run;
    this.number = number < 0 ? Math.max(0, run.files.length - 1) : Math.min(number, Math.max(0, run.files.length - 1));
    this.moved?.(id);
    this.draw();
    for (const beside of [run.older, run.newer]) if (beside) this.get(beside).then(fetched, () => {});
  }

  get(id) {
    if (!this.known.has(id)) {
      const asked = ask("GET", `gallery/${id}?${this.query}`);
      asked.catch(() => this.known.delete(id));
      this.known.set(id, asked);
      if (this.known.size > 12) this.known.delete(this.known.keys().next().value);
    }
    return this.known.get(id);
  }

  get file() {
    return this.run?.files[this.number];
  }

  draw() {
    const { run, file } = this;
    const alt = word("result", { title: run.title, said: run.said || file?.filename || "" });
    this.show(file, run.texts.join("\n\n"), alt);
    const many = run.files.length > 1 ? ` · ${word("large_number", { number: this.number + 1, count: run.files.length })}` : "";
    this.name.textContent = `${file?.filename ?? run.title}${many}`;
    this.dialog.setAttribute("aria-label", alt);
    this.before.disabled = !run.newer && this.number === 0;
    this.after.disabled = !run.older && this.number >= run.files.length - 1;
    this.both.hidden = !this.given || file?.kind !== "image";
    if (this.comparing && !this.both.hidden) this.compare(true);
    this.star.setAttribute("aria-pressed", String(run.favourite));
    this.panel.replaceChildren(...details(run, tell));
    this.panel.scrollTop = 0;
    const uses = file && this.actions.takers?.(run.workflow, file.kind).length ? () => this.uses() : null;
    const change = this.actions.change ? () => this.leave(() => this.actions.change(run)) : null;
    const erase = () => this.erase();
    const copied = () => this.copyAll();
    const focused = this.acts.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    this.acts.replaceChildren(...acts(run, file, { vary: () => this.vary(), uses, change, erase, copied }).filter(Boolean));
    if (focused) (this.acts.querySelector(`[data-act="${focused}"]`) ?? this.stage).focus();
    else if (this.dialog.querySelector(":disabled:focus") || !this.dialog.contains(document.activeElement)) this.stage.focus();
  }

  show(file, text, alt) {
    this.slide?.end();
    this.slide = null;
    this.both.setAttribute("aria-pressed", "false");
    this.solids.end();
    const solid = isSolid(file);
    const zoomable = !solid && put(this.plane, file, text, alt);
    this.tools.hidden = !zoomable;
    this.stage.setAttribute("aria-label", word(solid ? "large_solid" : "large_picture"));
    this.keys.textContent = word(solid ? "large_solid_keys" : "large_keys");
    this.zoom.fit();
    this.zoom.picture?.addEventListener("load", () => this.zoom.apply());
    if (solid) this.solids.show(file, alt);
  }

  /** A 3D model is there, or gone. */
  turnable() {
    const { shown } = this.solids;
    this.tools.hidden = !shown;
    this.percent.hidden = Boolean(shown);
    this.played.hidden = !shown?.moves;
    this.played.setAttribute("aria-pressed", String(Boolean(shown?.playing)));
  }

  /** What the keys and buttons zoom. */
  get lens() {
    return this.solids.shown ?? this.zoom;
  }

  play() {
    this.solids.shown.play();
    this.turnable();
  }

  zoomed() {
    this.percent.textContent = this.zoom.picture?.naturalWidth ? `${this.zoom.percent} %` : "";
    this.percent.setAttribute("aria-label", word("large_zoom", { percent: this.zoom.percent }));
  }

  /** The picture that it was made from. */
  get given() {
    return this.run?.inputs.find(({ kind }) => kind === "image");
  }

  compare(on = !this.slide) {
    this.slide?.end();
    this.slide = on ? compare(this.stage, this.plane, this.given) : null;
    this.comparing = on;
    this.both.setAttribute("aria-pressed", String(on));
    if (this.slide) this.tools.before(this.slide.element);
  }

  step(by) {
    const { run } = this;
    if (!run) return;
    const number = this.number + by;
    if (number >= 0 && number < run.files.length) {
      this.number = number;
      return this.draw();
    }
    const beside = by > 0 ? run.older : run.newer;
    if (beside) return this.go(beside, by > 0 ? 0 : -1);
  }

  key(event) {
    if (event.target.matches("input, textarea, video, audio") || event.altKey) return;
    if (event.ctrlKey || event.metaKey || (event.target.matches("pre") && event.key.startsWith("Arrow"))) return;
    if (event.key.startsWith("Arrow")) return this.arrow(event);
    if (event.key === "+" || event.key === "=") this.lens.by(1.25);
    else if (event.key === "-") this.lens.by(0.8);
    else if (event.key === "0") this.lens.fit();
    else if (event.key === "p" && !this.played.hidden) this.play();
    else if (event.key === "1") this.zoom.to(this.zoom.actual);
    else if (event.key === "PageDown") this.step(1);
    else if (event.key === "PageUp") this.step(-1);
    else if (event.key === "c" && !this.both.hidden) this.compare();
    else if (event.key === "i" && this.run) this.toggle();
    else if (event.key === "f" && this.run) this.like();
    else if (event.key === "Delete" && this.run) this.erase();
    else return;
    event.preventDefault();
  }

  arrow(event) {
    const mirrored = getComputedStyle(this.dialog).direction === "rtl" ? -1 : 1;
    const [x, y] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (this.solids.shown) this.solids.shown.turn(x, y);
    else if (this.zoom.zoomed) this.zoom.pan(x * STEP, y * STEP);
    else if (x) this.step(-x * mirrored);
    else return;
    event.preventDefault();
  }

  toggle() {
    const within = this.panel.contains(document.activeElement);
    const on = this.dialog.classList.toggle("told");
    this.info.setAttribute("aria-pressed", String(on));
    this.zoom.fit();
    if (!on && within) this.stage.focus();
    if (on && !matchMedia("(min-width: 60rem)").matches) this.panel.querySelector("h2")?.focus();
  }

  async like() {
    const { run } = this;
    const on = !run.favourite;
    run.favourite = on;
    this.star.setAttribute("aria-pressed", String(on));
    this.starred?.(run.id, on);
    await this.try(() => ask("POST", "gallery/favourites", new URLSearchParams({ runs: run.id, on: on ? "1" : "" })));
  }

  async vary() {
    if (await this.try(() => ask("POST", `runs/${this.run.id}/vary`))) tell(word("state_waiting"));
  }

  async copyAll() {
    const shown = this.panel.querySelector("pre");
    await copy(everything(this.run), shown ?? this.panel);
    tell(word("copied"));
  }

  /** Ask which workflow a result is used in, where there are several. */
  uses() {
    const { run, file } = this;
    const takers = this.actions.takers(run.workflow, file.kind);
    const use = (workflow) => this.leave(() => this.actions.use(file, workflow));
    const asked = this.dialog.querySelector(".large-uses");
    if (asked) return asked.remove();
    if (takers.length < 2) return use(takers[0]);
    const buttons = takers.map((each) => make("button", { type: "button", class: "button", onclick: () => use(each) }, each.title));
    const list = make("div", { class: "large-uses", role: "group", "aria-label": word("use_in") }, make("h3", {}, word("use_in")), ...buttons);
    this.acts.append(list);
    buttons[0].focus();
  }

  /** Close, show the page of the workflows, and do something there. */
  async leave(act) {
    this.closed = () => {};
    this.opener = null;
    this.dialog.close();
    await this.actions.home();
    act();
  }

  /** Delete the run, and go on with the next one. */
  async erase() {
    const { run } = this;
    if (!(await deleteWithUndo({ runs: [run.id] }))) return;
    this.known.clear();
    const next = run.older || run.newer;
    if (next) await this.go(next, 0);
    else this.dialog.close();
  }

  async try(work) {
    try {
      await work();
      return true;
    } catch (fault) {
      tell(word("failed", { reason: fault.message }));
      return false;
    }
  }
}

/** Fetch the first picture of a run that may be looked at next. */
function fetched(run) {
  const [file] = run.files;
  if (file?.kind === "image") new Image().src = file.url;
}
