// The button beside a picture that opens the drawing window, and what was drawn, which goes with the picture.

import { make, word } from "../dom.js";

export class DrawButton {
  /** `holder` has the `file` and its `field`, and draws itself when something was drawn. */
  constructor(holder) {
    this.holder = holder;
    this.url = null;
    const name = holder.field.mask ? "draw_mask" : "crop";
    this.element = make("button", { type: "button", class: "quiet", onclick: () => this.open() }, word(name));
  }

  get drawn() {
    return this.holder.file?.drawn ?? null;
  }

  /** Called whenever the field has another file. */
  show() {
    if (this.drawn?.mask && !this.holder.field.mask) this.holder.file = { ...this.holder.file, drawn: null };
    const { file } = this.holder;
    this.element.hidden = !file || file.kind !== "image" || Boolean(this.holder.others?.length);
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = this.drawn?.preview ? URL.createObjectURL(this.drawn.preview) : null;
  }

  /** The parts of a request that go with the picture. */
  layers() {
    const { mask, crop } = (!this.holder.others?.length && this.drawn) || {};
    return [
      ...(mask && this.holder.field.mask ? [["mask", new File([mask], "mask.png", { type: "image/png" })]] : []),
      ...(crop ? [["crop", crop]] : []),
    ];
  }

  async open() {
    const { file, field } = this.holder;
    const own = file.file ? URL.createObjectURL(file.file) : null;
    try {
      const { edit } = await import("./editor.js");
      const result = await edit({
        source: own ?? `${file.url}/plain`,
        whole: own ?? file.url,
        name: file.filename,
        mask: field.mask,
        earlier: this.drawn,
      });
      if (result && this.holder.file === file) {
        this.holder.file = { ...file, drawn: result.mask || result.crop ? result : null };
        this.holder.changed();
        this.holder.draw();
      }
    } catch (fault) {
      this.holder.blame(fault.message);
    } finally {
      if (own) URL.revokeObjectURL(own);
    }
    this.element.focus();
  }
}
