// The pictures of a row, on one canvas under its tiles. A browser gives each canvas a layer of its own, and cuts what
// stands over it into layers too: with a canvas for each tile these were more than it moves sixty times a second.

import { make } from "../dom.js";

export class Strips {
  constructor(list) {
    Object.assign(this, { list, rows: new Map(), spare: [] });
  }

  /** Draw rows anew: squares of `side` at `places`, from top to top a `step`. */
  lay(shape) {
    this.shape = { ...shape, ratio: Math.min(2, devicePixelRatio) };
    this.keep(0, 0);
  }

  /** Keep the rows from `first` to before `last`. */
  keep(first, last) {
    for (const [row, strip] of this.rows) {
      if (row >= first && row < last) continue;
      this.rows.delete(row);
      this.spare.push(strip);
    }
  }

  /** Fill a place of a row with the middle of a picture, or with none. */
  draw(row, column, picture) {
    if (!this.rows.has(row)) {
      if (!picture) return;
      this.rows.set(row, this.begun(row));
    }
    const { pen, drawn } = this.rows.get(row);
    if ((drawn[column] ?? null) === picture) return;
    drawn[column] = picture;
    const { side, places, round, ratio } = this.shape;
    const [left, size] = [places[column] * ratio, side * ratio];
    pen.clearRect(left, 0, size, size);
    if (!picture) return;
    const part = Math.min(picture.width, picture.height);
    pen.save();
    pen.beginPath();
    pen.roundRect(left, 0, size, size, round * ratio);
    pen.clip();
    pen.drawImage(picture, (picture.width - part) / 2, (picture.height - part) / 2, part, part, left, 0, size, size);
    pen.restore();
  }

  /** An empty strip at the place of a row. */
  begun(row) {
    const { side, step, width, ratio } = this.shape;
    const strip = this.spare.pop() ?? this.made();
    const { canvas } = strip.pen;
    const [wide, high] = [Math.round(width * ratio), Math.round(side * ratio)];
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    else strip.pen.clearRect(0, 0, wide, high);
    strip.pen.imageSmoothingQuality = "medium";
    canvas.style.cssText = `inset-block-start:${row * step}px;inline-size:${width}px;block-size:${side}px`;
    return Object.assign(strip, { drawn: [] });
  }

  made() {
    const canvas = make("canvas", { class: "strip", "aria-hidden": "true" });
    this.list.prepend(canvas);
    return { pen: canvas.getContext("2d"), drawn: [] };
  }
}
