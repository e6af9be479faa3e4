// The window in which a mask and a crop are drawn: by mouse, finger, pen or keyboard.

import { ask, icon, make, styled } from "../dom.js";
import { Crop } from "./crop.js";
import { blank, Layer } from "./layer.js";
import { Strokes } from "./strokes.js";
import { View } from "./view.js";

const ICONS = {
  paint: "M4 20c3 0 4-1 4-3a2 2 0 0 1 4 0c0 3-3 4-8 3M11 14l8-9 1 1-8 9",
  erase: "M8 19h11M5 15l8-9 6 5-8 8H8z",
  move: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  crop: "M7 3v14h14M3 7h14v14",
  undo: "M9 8H4V3M4 8a9 9 0 1 1-1 7",
  redo: "M15 8h5V3M20 8a9 9 0 1 0 1 7",
  zoom_in: "M12 5v14M5 12h14",
  zoom_out: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  invert: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  clear: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
};
const RATIOS = { "1:1": 1, "4:3": 4 / 3, "3:4": 3 / 4, "16:9": 16 / 9, "9:16": 9 / 16 };
const PREVIEW = 1024;
const OVERLAY = 0.55;
let words = null;

/** Have a person draw. `source` is the picture and `whole` the same with its transparency; `earlier` is what this gave
 * before. `done` takes it, and may refuse with an error. Resolves to what was drawn, or to null.
 */
export async function edit({ source, whole, name, mask = false, earlier = null, done = async () => {}, sends = false }) {
  const [said, picture, through] = await Promise.all([load(), image(source), image(whole ?? source), styled("mask/mask.css")]);
  words = said;
  if (!picture) throw new Error(told("unreadable", { name }));
  return new Promise((leave) => new Editor(picture, through, { name, mask, earlier, done, sends, leave }));
}

class Editor {
  constructor(picture, through, options) {
    Object.assign(this, { picture, options, changes: 0 });
    this.layer = new Layer(picture.naturalWidth, picture.naturalHeight);
    if (options.earlier?.layer) this.layer.begin(options.earlier.layer, { transparent: false });
    else if (through && options.mask) this.layer.begin(through, { transparent: true });
    this.build();
    this.crop.edges = [...(options.earlier?.edges ?? this.crop.edges)];
    this.history();
    this.choose(options.mask ? "paint" : "crop");
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.view.fit();
    (options.mask ? this.stage : this.crop.body).focus({ preventScroll: true });
  }

  build() {
    const { name, mask, sends } = this.options;
    const shown = make("img", { src: this.picture.src, alt: "" });
    this.paper = make("div", { class: "paper" }, shown, ...(mask ? [this.layer.canvas] : []));
    this.ring = make("div", { class: "ring", hidden: true });
    this.stage = make("div", { class: "stage", ...this.stageRole(mask) }, this.paper, this.ring);
    this.view = new View(this.stage, this.paper, this.layer.width, this.layer.height, () => this.moved());
    this.crop = new Crop(this.view, words, () => this.cropped());
    this.stage.append(this.crop.element);
    this.said = make("p", { class: "told", role: "status" });
    this.size = make("input", { type: "range", min: 1, max: 100, value: 18, "aria-label": words.size, oninput: () => this.strokes.draw() });
    this.use = make("button", { type: "button", class: "main", onclick: () => this.finish() }, words[sends ? "send" : "use"]);
    this.away = make("button", { type: "button", class: "button", onclick: () => this.leave() }, words.cancel);
    const title = told(mask ? "mask_title" : "crop_title", { name });
    this.dialog = make(
      "dialog",
      { class: "masking", "aria-label": title },
      make("header", {}, make("h2", {}, title), make("div", { class: "ways" }, this.away, this.use)),
      this.stage,
      make("div", { class: "hints" }, (this.hint = make("p", { id: "mask-hint" })), this.said),
      this.toolbar(mask),
    );
    this.strokes = new Strokes(this);
    this.dialog.addEventListener("cancel", (event) => (event.preventDefault(), this.leave()));
    this.dialog.addEventListener("close", () => this.dialog.remove());
    this.dialog.addEventListener("keydown", (event) => this.key(event));
  }

  stageRole(mask) {
    if (!mask) return {};
    return { tabindex: "0", role: "application", "aria-label": words.stage, "aria-describedby": "mask-hint mask-keys" };
  }

  toolbar(mask) {
    const tools = mask ? ["paint", "erase", "move", "crop"] : ["crop", "move"];
    this.tools = tools.map((name) => {
      const input = make("input", { type: "radio", name: "mask-tool", value: name, class: "unseen", onchange: () => this.choose(name) });
      return make("label", { class: "tool" }, input, icon(ICONS[name]), make("span", {}, words[name]));
    });
    const act = (name, work) => make("button", { type: "button", class: "tool", onclick: work }, icon(ICONS[name]), make("span", {}, words[name]));
    const ratios = Object.keys(RATIOS).map((ratio) => make("option", { value: ratio }, ratio));
    this.ratio = make("select", { "aria-label": words.ratio, onchange: () => this.crop.take(RATIOS[this.ratio.value] ?? null) });
    this.ratio.append(make("option", { value: "" }, words.free), ...ratios);
    const all = make("button", { type: "button", class: "button", onclick: () => ((this.ratio.value = ""), this.crop.reset()) }, words.whole);
    this.brush = make("label", { class: "brush" }, make("span", {}, words.size), this.size);
    this.cropping = make("div", { class: "cropping" }, this.ratio, all);
    this.acts = mask ? ["undo", "redo", "invert", "clear"].map((name) => act(name, () => this.act(name))) : [];
    const zooms = { zoom_out: () => this.view.by(0.8), zoom_in: () => this.view.by(1.25), fit: () => this.view.fit() };
    const near = Object.keys(zooms).map((name) => act(name, zooms[name]));
    for (const button of near) button.classList.add("near");
    return make(
      "div",
      { class: "tools" },
      make("div", { class: "set", role: "radiogroup", "aria-label": words.tools }, ...this.tools),
      make("div", { class: "own" }, this.brush, this.cropping),
      make("div", { class: "set" }, ...this.acts, ...near),
      make("p", { class: "unseen", id: "mask-keys" }, words.keys),
    );
  }

  choose(name) {
    this.tool = name;
    for (const label of this.tools) label.firstChild.checked = label.firstChild.value === name;
    this.stage.dataset.tool = name;
    this.brush.hidden = !["paint", "erase"].includes(name);
    this.cropping.hidden = name !== "crop";
    this.crop.element.hidden = name !== "crop" && this.crop.isWhole;
    this.crop.element.classList.toggle("still", name !== "crop");
    this.hint.textContent = words[{ crop: "crop_hint", move: "move_hint" }[name] ?? "mask_hint"];
    this.crop.show();
    this.strokes?.draw();
  }

  act(name) {
    this.strokes.stop();
    const done = this.layer[name]();
    if (done === false) return;
    this.changed();
    this.tell(words[{ undo: "undone", redo: "redone", invert: "inverted", clear: "cleared" }[name]]);
  }

  /** Something was drawn. */
  changed() {
    this.changes++;
    this.away.textContent = words.cancel;
    this.history();
  }

  history() {
    const [undo, redo] = this.acts;
    undo?.setAttribute("aria-disabled", String(!this.layer.done.length));
    redo?.setAttribute("aria-disabled", String(!this.layer.undone.length));
  }

  cropped() {
    this.changed();
    this.tell(told("crop_said", this.crop.said));
  }

  moved() {
    this.crop?.show();
    this.strokes?.draw();
  }

  get spoken() {
    return { words, layer: this.layer };
  }

  tell(text) {
    this.said.textContent = text;
  }

  /** The brush's width in pixels of the mask: finer at the lower end of the slider. */
  get width() {
    return Math.max(1, Math.min(this.layer.width, this.layer.height) * 0.6 * (this.size.value / 100) ** 1.6);
  }

  key(event) {
    const letter = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      const name = letter === "y" || (letter === "z" && event.shiftKey) ? "redo" : letter === "z" ? "undo" : null;
      if (name && this.options.mask) event.preventDefault(), this.act(name);
      return;
    }
    if (event.target === this.stage && this.strokes.key(event)) event.preventDefault();
  }

  async finish() {
    if (this.use.getAttribute("aria-disabled") === "true") return;
    this.strokes.stop();
    const drawn = this.options.mask && !this.layer.isEmpty;
    if (!drawn && this.crop.isWhole && this.options.sends) return this.tell(words.nothing);
    const before = this.use.textContent;
    this.use.setAttribute("aria-disabled", "true");
    if (this.options.sends) this.use.textContent = words.sending;
    try {
      const result = await this.result(drawn);
      await this.options.done(result);
      this.close(result);
    } catch (fault) {
      this.tell(fault.message);
    } finally {
      this.use.setAttribute("aria-disabled", "false");
      this.use.textContent = before;
    }
  }

  async result(drawn) {
    const mask = drawn ? await this.layer.file() : null;
    if (!mask && this.crop.isWhole) return { mask: null, crop: null, preview: null };
    return {
      mask,
      crop: this.crop.text,
      preview: await this.preview(drawn),
      layer: this.layer.canvas,
      edges: [...this.crop.edges],
    };
  }

  /** How it looks in the form: the part that is left, with the mask over it. */
  preview(drawn) {
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    const [left, top, right, bottom] = this.crop.edges;
    const scale = Math.min(1, PREVIEW / Math.max((right - left) * width, (bottom - top) * height));
    const canvas = blank(Math.max(1, (right - left) * width * scale), Math.max(1, (bottom - top) * height * scale));
    const pen = canvas.getContext("2d");
    const place = [-left * width * scale, -top * height * scale, width * scale, height * scale];
    pen.drawImage(this.picture, ...place);
    pen.globalAlpha = OVERLAY;
    if (drawn) pen.drawImage(this.layer.canvas, ...place);
    return new Promise((made) => canvas.toBlob(made, "image/jpeg", 0.9));
  }

  /** Leave without a result; what was drawn is lost at the second try alone. */
  leave() {
    if (this.changes && this.away.textContent !== words.discard) {
      this.away.textContent = words.discard;
      return this.away.focus();
    }
    this.close(null);
  }

  close(result) {
    this.dialog.close();
    this.options.leave(result);
  }
}

function told(name, gaps = {}) {
  return words[name].replace(/\{(\w+)\}/g, (whole, gap) => (gap in gaps ? String(gaps[gap]) : whole));
}

/** The words of this window, asked for once. */
export async function load() {
  words ??= await ask("GET", new URL("../../mask/words", import.meta.url));
  return words;
}

async function image(source) {
  const picture = new Image();
  picture.src = source;
  return picture.decode().then(() => picture, () => null);
}
