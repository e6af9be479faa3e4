// The mask as it is drawn: a canvas that covers where it is painted, with a history of every stroke.

const SIDE = 2048; // pixels: a larger picture has a coarser mask, which the server makes smooth
const HISTORY = 64 * 2 ** 20; // bytes of what can be undone
const COLOR = [255, 70, 46];

export class Layer {
  constructor(width, height) {
    const scale = Math.min(1, SIDE / Math.max(width, height));
    this.width = Math.max(1, Math.round(width * scale));
    this.height = Math.max(1, Math.round(height * scale));
    this.canvas = blank(this.width, this.height);
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.before = blank(this.width, this.height).getContext("2d", { willReadFrequently: true }); // the last stroke
    this.done = [];
    this.undone = [];
    this.box = null;
  }

  /** Begin with what is transparent in a picture, or with an earlier mask. */
  begin(source, { transparent }) {
    const given = blank(this.width, this.height).getContext("2d");
    given.drawImage(source, 0, 0, this.width, this.height);
    const pixels = given.getImageData(0, 0, this.width, this.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const alpha = pixels.data[at + 3];
      pixels.data.set([...COLOR, transparent ? 255 - alpha : alpha], at);
    }
    this.pen.putImageData(pixels, 0, 0);
    this.before.putImageData(pixels, 0, 0);
  }

  /** Draw a part of a stroke, from one point to another. */
  draw([fromX, fromY], [toX, toY], size, erases) {
    const pen = this.pen;
    pen.globalCompositeOperation = erases ? "destination-out" : "source-over";
    pen.strokeStyle = pen.fillStyle = `rgb(${COLOR.join(" ")})`;
    pen.lineWidth = size;
    pen.lineCap = "round";
    pen.beginPath();
    if (fromX === toX && fromY === toY) {
      pen.arc(toX, toY, size / 2, 0, 2 * Math.PI);
      pen.fill();
    } else {
      pen.moveTo(fromX, fromY);
      pen.lineTo(toX, toY);
      pen.stroke();
    }
    const room = size / 2 + 2;
    this.widen(Math.min(fromX, toX) - room, Math.min(fromY, toY) - room, Math.max(fromX, toX) + room, Math.max(fromY, toY) + room);
  }

  widen(left, top, right, bottom) {
    const box = this.box ?? [this.width, this.height, 0, 0];
    this.box = [
      Math.max(0, Math.min(box[0], Math.floor(left))),
      Math.max(0, Math.min(box[1], Math.floor(top))),
      Math.min(this.width, Math.max(box[2], Math.ceil(right))),
      Math.min(this.height, Math.max(box[3], Math.ceil(bottom))),
    ];
  }

  /** End a stroke: it can be undone from now on. */
  end() {
    const area = this.area();
    this.box = null;
    if (!area) return;
    this.done.push({ area, old: alphas(this.before, area), now: alphas(this.pen, area) });
    this.undone = [];
    this.follow(area);
    let bytes = 0;
    const full = this.done.findLastIndex(({ old }) => (bytes += 2 * old.length) > HISTORY);
    if (full > 0) this.done.splice(0, full);
  }

  /** Take a stroke back that has not ended. */
  drop() {
    const area = this.area();
    this.box = null;
    if (area) put(this.pen, area, alphas(this.before, area));
  }

  area() {
    if (!this.box) return null;
    const [left, top, right, bottom] = this.box;
    return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
  }

  undo() {
    const last = this.done.pop();
    if (!last) return false;
    this.undone.push(last);
    put(this.pen, last.area, last.old);
    this.follow(last.area);
    return true;
  }

  redo() {
    const next = this.undone.pop();
    if (!next) return false;
    this.done.push(next);
    put(this.pen, next.area, next.now);
    this.follow(next.area);
    return true;
  }

  invert() {
    this.fill("xor");
  }

  clear() {
    this.fill("destination-out");
  }

  fill(operation) {
    this.pen.globalCompositeOperation = operation;
    this.pen.fillStyle = `rgb(${COLOR.join(" ")})`;
    this.pen.fillRect(0, 0, this.width, this.height);
    this.box = [0, 0, this.width, this.height];
    this.end();
  }

  follow(area) {
    const [left, top, width, height] = area;
    this.before.clearRect(left, top, width, height);
    this.before.drawImage(this.canvas, left, top, width, height, left, top, width, height);
  }

  get isEmpty() {
    return !alphas(this.pen, [0, 0, this.width, this.height]).some((alpha) => alpha > 0);
  }

  /** White where it is painted, and black elsewhere. */
  file() {
    const canvas = blank(this.width, this.height);
    const pen = canvas.getContext("2d");
    pen.drawImage(this.canvas, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = "white";
    pen.fillRect(0, 0, this.width, this.height);
    pen.globalCompositeOperation = "destination-over";
    pen.fillStyle = "black";
    pen.fillRect(0, 0, this.width, this.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }
}

export function blank(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

function alphas(pen, [left, top, width, height]) {
  const { data } = pen.getImageData(left, top, width, height);
  return Uint8Array.from({ length: width * height }, (_, at) => data[4 * at + 3]);
}

function put(pen, [left, top, width, height], alpha) {
  const pixels = new ImageData(width, height);
  for (let at = 0; at < alpha.length; at++) pixels.data.set([...COLOR, alpha[at]], 4 * at);
  pen.putImageData(pixels, left, top);
}
