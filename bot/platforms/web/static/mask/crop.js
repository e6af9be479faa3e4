// The rectangle that is left of a picture, in fractions of it; its corners and the rectangle itself are buttons.

import { make } from "../dom.js";

const CORNERS = { tl: [0, 1], tr: [2, 1], bl: [0, 3], br: [2, 3] }; // the edges that a corner moves
const LEAST = 0.02;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Crop {
  constructor(view, words, changed) {
    Object.assign(this, { view, words, changed, edges: [0, 0, 1, 1], ratio: null });
    this.frame = make("div", { class: "crop-frame" });
    this.body = this.button("box", (right, down) => this.shift(right, down));
    this.corners = Object.keys(CORNERS).map((name) => this.button(`corner_${name}`, (right, down) => this.pull(name, right, down)));
    this.element = make("div", { class: "crop", hidden: true }, this.frame, this.body, ...this.corners);
  }

  /** A part that is dragged, or moved by arrows. */
  button(name, move) {
    const button = make("button", { type: "button", class: name, "aria-label": this.words[name] });
    let from = null;
    button.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      button.setPointerCapture(event.pointerId);
      from = [event.clientX, event.clientY];
    });
    button.addEventListener("pointermove", (event) => {
      if (!from) return;
      const { zoom, width, height } = this.view;
      move((event.clientX - from[0]) / (width * zoom), (event.clientY - from[1]) / (height * zoom));
      from = [event.clientX, event.clientY];
      this.show();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      button.addEventListener(end, () => {
        if (from) this.changed();
        from = null;
      });
    }
    button.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      event.stopPropagation();
      const step = event.shiftKey ? 0.05 : 0.01;
      move(arrow[0] * step, arrow[1] * step);
      this.show();
      this.changed();
    });
    return button;
  }

  shift(right, down) {
    const [left, top, far, low] = this.edges;
    const x = Math.max(-left, Math.min(1 - far, right));
    const y = Math.max(-top, Math.min(1 - low, down));
    this.edges = [left + x, top + y, far + x, low + y];
  }

  pull(name, right, down) {
    const [across, along] = CORNERS[name];
    const edges = [...this.edges];
    edges[across] = across === 0 ? between(0, edges[0] + right, edges[2] - LEAST) : between(edges[0] + LEAST, edges[2] + right, 1);
    edges[along] = along === 1 ? between(0, edges[1] + down, edges[3] - LEAST) : between(edges[1] + LEAST, edges[3] + down, 1);
    this.edges = this.ratio ? this.fitted(edges, across, along) : edges;
  }

  /** The same with the ratio: the corner opposite stays, and the height follows the width as far as there is room. */
  fitted(edges, across, along) {
    const shape = (this.ratio * this.view.height) / this.view.width; // width by height, in fractions
    let width = edges[2] - edges[0];
    let height = width / shape;
    const room = along === 1 ? edges[3] : 1 - edges[1];
    if (height > room) [width, height] = [room * shape, room];
    const left = across === 0 ? edges[2] - width : edges[0];
    const top = along === 1 ? edges[3] - height : edges[1];
    return [left, top, left + width, top + height];
  }

  /** Take a ratio: the largest rectangle around the same middle. */
  take(ratio) {
    this.ratio = ratio;
    if (ratio) {
      const shape = (ratio * this.view.height) / this.view.width;
      const width = Math.min(1, shape);
      const height = width / shape;
      const [x, y] = [(this.edges[0] + this.edges[2]) / 2, (this.edges[1] + this.edges[3]) / 2];
      const left = between(0, x - width / 2, 1 - width);
      const top = between(0, y - height / 2, 1 - height);
      this.edges = [left, top, left + width, top + height];
    }
    this.show();
    this.changed();
  }

  reset() {
    this.edges = [0, 0, 1, 1];
    this.ratio = null;
    this.show();
    this.changed();
  }

  get isWhole() {
    return this.edges.every((edge, at) => Math.abs(edge - (at < 2 ? 0 : 1)) < 0.001);
  }

  get text() {
    return this.isWhole ? null : this.edges.map((edge) => between(0, edge, 1).toFixed(5)).join(",");
  }

  get said() {
    const [left, top, right, bottom] = this.edges.map((edge) => Math.round(100 * edge));
    return { left, top, width: right - left, height: bottom - top };
  }

  /** Put it where the view has the picture; what is cut off is dark, also while other tools are used. */
  show() {
    const { width, height } = this.view;
    const [left, top] = this.view.onStage([this.edges[0] * width, this.edges[1] * height]);
    const [right, bottom] = this.view.onStage([this.edges[2] * width, this.edges[3] * height]);
    for (const element of [this.frame, this.body]) {
      Object.assign(element.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
    }
    for (const [at, name] of Object.keys(CORNERS).entries()) {
      const [across, along] = CORNERS[name];
      this.corners[at].style.left = `${across === 0 ? left : right}px`;
      this.corners[at].style.top = `${along === 1 ? top : bottom}px`;
    }
  }
}

function between(low, value, high) {
  return Math.max(low, Math.min(high, value));
}
