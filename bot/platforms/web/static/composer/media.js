// A field for a file: dropped, pasted, chosen, photographed, or taken from an earlier run; with a preview.

import { boot, icon, make, say, word } from "../dom.js";

const MODELS = [".glb", ".gltf", ".obj", ".stl", ".ply", ".fbx", ".usdz", ".splat", ".spz", ".ksplat"];
const PLUS = "M12 5v14M5 12h14";
const TOUCHED = matchMedia("(pointer: coarse)");

export class MediaField {
  constructor(field, id, changed) {
    this.field = field;
    this.changed = changed;
    this.file = null;
    this.others = []; // with a run for each, where the workflow takes one file
    this.control = make("input", { id, type: "file", accept: accepted(field.kind), multiple: field.several, class: "unseen" });
    this.control.addEventListener("change", () => this.take(this.control.files));
    this.view = make("span", { class: "view" });
    this.remove = make("button", { type: "button", class: "quiet", onclick: () => this.clear() }, word("remove"));
    this.zone = make("label", { class: "drop", for: id }, this.control, this.view);
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      this.zone.addEventListener(name, (event) => this.drag(event));
    }
    this.drawing = null;
    this.sources = make("div", { class: "sources" }, this.remove, ...this.alternatives());
    this.parts = [this.zone, this.sources];
    this.draw();
  }

  /** Where else a file can come from, while there is none. */
  alternatives() {
    const { kind } = this.field;
    const source = (name, onclick) => make("button", { type: "button", class: "quiet other", onclick }, word(name));
    const mine = ["image", "video", "audio"].includes(kind) ? [source("from_gallery", () => this.choose())] : [];
    const sample = boot.sample && kind === "image" ? [source("sample", () => this.try())] : [];
    if (kind !== "image" || !TOUCHED.matches) return [...mine, ...sample];
    const camera = make("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
    camera.addEventListener("change", () => camera.files[0] && this.set(camera.files[0]));
    return [source("camera", () => camera.click()), camera, ...mine, ...sample];
  }

  /** Take a file of an earlier run. */
  async choose() {
    const kinds = [this.field.kind, ...(boot.films && this.field.kind === "image" ? ["video"] : [])];
    const file = await import("../gallery/pick.js").then(({ pickFile }) => pickFile(kinds)).catch((fault) => say(fault.message));
    if (file) this.set(file);
    this.control.focus();
  }

  accepts(file) {
    if (this.field.kind === "file") return true;
    if (this.field.kind === "3d") return MODELS.some((ending) => file.name.toLowerCase().endsWith(ending));
    return !file.type || file.type.startsWith(`${this.field.kind}/`);
  }

  /** Files that were chosen or dropped: of several the first counts, or all of them. */
  take([first, ...others]) {
    if (!first) return;
    this.set(first);
    if (!this.field.several || this.file?.file !== first) return;
    this.others = others.filter((file) => this.accepts(file) && file.size <= boot.upload);
    if (this.others.length) this.draw();
  }

  /** A `File`, or a file of an earlier run as the server tells of it. */
  set(file) {
    this.others = [];
    if (!file) return this.clear();
    if (file instanceof File && !this.accepts(file)) return this.refuse(word(`not_${this.field.kind}`, { name: file.name }));
    if (file instanceof File && file.size > boot.upload) return this.shrink(file);
    this.file = file instanceof File ? { file, kind: this.field.kind, filename: file.name } : file;
    this.changed();
    this.draw();
  }

  /** A picture that is too large is made smaller; nothing else can be. */
  async shrink(file) {
    const { reduced } = this.field.kind === "image" ? await import("./reduce.js") : {};
    const small = await reduced?.(file, boot.upload);
    if (!small) return this.refuse(word("too_large", { name: file.name, most: boot.upload / 1e6 }));
    this.set(small.file);
    say(word("reduced", { name: file.name, width: small.width, height: small.height }));
  }

  /** Take the picture that a demonstration has for those who bring none. */
  async try() {
    const answer = await fetch("sample").catch(() => null);
    if (!answer?.ok) return this.blame(word("unreachable"));
    const blob = await answer.blob();
    this.set(new File([blob], boot.sample, { type: blob.type }));
    this.control.focus();
  }

  value() {
    if (this.others.length) return [this.file.file, ...this.others];
    return this.file?.file ?? this.file?.ref ?? "";
  }

  /** What was drawn on it, by the names of the parts of a request. */
  layers() {
    return this.drawing?.layers() ?? [];
  }

  /** Masks and crops are drawn by what is loaded with the first picture. */
  async offerDrawing() {
    if (this.drawing) return;
    const { DrawButton } = await import("../mask/button.js");
    if (this.drawing) return;
    this.drawing = new DrawButton(this);
    this.sources.prepend(this.drawing.element);
    this.drawing.show();
    if (this.drawing.url) this.draw(); // with what was drawn on the picture of an earlier run
  }

  clear() {
    this.file = null;
    this.others = [];
    this.control.value = "";
    this.draw();
    this.control.focus();
  }

  refuse(reason) {
    this.control.value = "";
    this.blame(reason);
  }

  drag(event) {
    event.preventDefault();
    this.zone.classList.toggle("over", event.type === "dragenter" || event.type === "dragover");
    if (event.type === "drop") this.take(event.dataTransfer.files);
  }

  draw() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = this.file?.file ? URL.createObjectURL(this.file.file) : null;
    if (this.file?.kind === "image" && this.field.kind === "image") this.offerDrawing();
    this.drawing?.show();
    this.remove.hidden = !this.file;
    for (const other of this.sources.querySelectorAll(".other")) other.hidden = Boolean(this.file);
    this.zone.classList.toggle("full", Boolean(this.file));
    this.view.replaceChildren(...(this.file ? this.shown(this.drawing?.url ?? this.url ?? this.file.url) : this.invitation()));
  }

  invitation() {
    const name = this.field.kind === "image" ? "drop" : `drop_${this.field.kind}`;
    return [icon(PLUS), make("span", {}, word(name))];
  }

  shown(source) {
    const tags = { image: "img", video: "video", audio: "audio" };
    const kind = this.file.kind === "video" ? "video" : this.field.kind; // its last picture is taken
    const attributes = kind === "image" ? { alt: "" } : { controls: true, preload: "metadata" };
    const tag = tags[kind];
    const shown = tag ? [make(tag, { src: source, ...attributes })] : [];
    const count = this.others.length + 1;
    const told = count > 1 ? word("one_each", { count }) : this.file.filename;
    return [...shown, make("span", { class: "filename" }, told), make("span", {}, word("replace"))];
  }
}

/** The files that the browser's own window offers. */
function accepted(kind) {
  if (kind === "3d") return MODELS.join(",");
  return kind === "file" ? null : `${kind}/*`;
}
