// The pictures of a row, as one under its tiles. A browser gives each canvas a layer of its own, and cuts what stands
// over it into layers too: with a canvas for each tile these were more than it moves sixty times a second. And a canvas
// that can be drawn on is copied at each frame, so what is shown here are pictures that were drawn elsewhere.

import { make } from "../dom.js";

/** Where tiles lie in a scrolling element; null where it is not shown. All is in whole pixels: a browser draws what
 * lies between two pixels again at each frame.
 */
export function shaped(element, list, smallest) {
  if (!element.clientWidth) return null;
  const style = getComputedStyle(element);
  const width = Math.floor(element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
  const gap = width < 500 ? 6 : 12;
  const columns = Math.max(3, Math.floor((width + gap) / (smallest + gap)));
  const side = Math.floor((width - gap * (columns - 1)) / columns);
  const places = Array.from({ length: columns }, (_, column) => Math.round((column * (width - side)) / (columns - 1)));
  const round = parseFloat(getComputedStyle(list).borderRadius);
  return { width, height: element.clientHeight, gap, columns, side, step: side + gap, places, round, mirrored: style.direction === "rtl" };
}

export class Strips {
  constructor(list) {
    Object.assign(this, { list, rows: new Map(), spare: [], pen: new OffscreenCanvas(1, 1).getContext("2d"), small: new OffscreenCanvas(1, 1).getContext("2d") });
  }

  /** Start with no rows, in the sizes that `shaped` returned. */
  lay(shape) {
    this.shape = { ...shape, ratio: Math.min(2, devicePixelRatio) };
    this.show(0, 0);
  }

  /** Have the rows from `first` to before `last`, and know the tile at each place of them. */
  show(first, last, tileAt) {
    for (const [row, { shown }] of this.rows) {
      if (row >= first && row < last) continue;
      this.rows.delete(row);
      shown?.transferFromImageBitmap(null);
      if (shown) this.spare.push(shown);
    }
    const { columns } = this.shape;
    for (let row = first; row < last; row += 1) {
      if (!this.rows.has(row)) this.rows.set(row, { drawn: [], shown: null });
      this.rows.get(row).tiles = Array.from({ length: columns }, (_, column) => tileAt(row * columns + column));
    }
  }

  /** Draw the rows that have changed; `whole`: only those of which no picture is still to come. */
  draw(whole) {
    for (const [at, row] of this.rows) {
      const pictures = row.tiles.map((tile) => tile?.picture ?? null);
      if (pictures.every((picture, column) => picture === (row.drawn[column] ?? null))) continue;
      if (whole && row.tiles.some((tile) => tile?.wanted || tile?.loading)) continue;
      row.drawn = pictures;
      row.shown ??= this.placed(at);
      row.shown.transferFromImageBitmap(this.joined(pictures));
      for (const tile of row.tiles) if (tile?.picture) tile.element.classList.add("seen");
    }
  }

  /** The middle of a picture, no larger than it is shown: drawn once for each, and by itself, this takes a third of
   * what it takes in a row.
   */
  squared(picture) {
    const { small } = this;
    const part = Math.min(picture.width, picture.height);
    const size = Math.min(part, this.pixels(this.shape.side));
    sized(small, size, size);
    small.imageSmoothingQuality = part > 2 * size ? "medium" : "low"; // low is as good for less
    small.drawImage(picture, (picture.width - part) / 2, (picture.height - part) / 2, part, part, 0, 0, size, size);
    return small.canvas.transferToImageBitmap();
  }

  joined(squares) {
    const { pen } = this;
    const { side, width, places, round, mirrored } = this.shape;
    const size = this.pixels(side);
    sized(pen, this.pixels(width), size);
    const corners = new Path2D();
    squares.forEach((square, column) => {
      if (!square) return;
      const left = this.pixels(mirrored ? width - side - places[column] : places[column]);
      pen.drawImage(square, left, 0, size, size);
      corners.rect(left, 0, size, size);
      corners.roundRect(left, 0, size, size, this.pixels(round));
    });
    pen.globalCompositeOperation = "destination-out"; // what is clipped has steps for edges
    pen.fill(corners, "evenodd");
    pen.globalCompositeOperation = "source-over";
    return pen.canvas.transferToImageBitmap();
  }

  pixels(length) {
    return Math.round(length * this.shape.ratio);
  }

  /** A canvas at the place of a row. */
  placed(row) {
    const { side, step, width } = this.shape;
    const shown = this.spare.pop() ?? this.made();
    shown.canvas.style.cssText = `inset-block-start:${row * step}px;inline-size:${width}px;block-size:${side}px`;
    return shown;
  }

  made() {
    const canvas = make("canvas", { class: "strip", "aria-hidden": "true" });
    this.list.prepend(canvas);
    return canvas.getContext("bitmaprenderer");
  }
}

function sized({ canvas }, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}
