// What of a picture is seen: how near, and which part. Points are in pixels of the mask.

const NEAREST = 16;

export class View {
  constructor(stage, paper, width, height, moved) {
    Object.assign(this, { stage, paper, width, height, moved, zoom: 1, left: 0, top: 0, isFitted: true });
    paper.style.width = `${width}px`;
    paper.style.height = `${height}px`;
    new ResizeObserver(() => (this.isFitted ? this.fit() : this.show())).observe(stage);
  }

  get room() {
    return [this.stage.clientWidth, this.stage.clientHeight];
  }

  fit() {
    const [width, height] = this.room;
    this.zoom = Math.min((width - 32) / this.width, (height - 32) / this.height) || 1;
    this.least = Math.min(this.zoom, 1);
    this.left = (width - this.width * this.zoom) / 2;
    this.top = (height - this.height * this.zoom) / 2;
    this.isFitted = true;
    this.show();
  }

  /** Zoom by a factor, around a point of the stage. */
  by(factor, [x, y] = this.room.map((each) => each / 2)) {
    const zoom = Math.min(NEAREST, Math.max((this.least ?? 0.1) / 2, this.zoom * factor));
    this.left = x - ((x - this.left) * zoom) / this.zoom;
    this.top = y - ((y - this.top) * zoom) / this.zoom;
    this.zoom = zoom;
    this.isFitted = false;
    this.show();
  }

  move(right, down) {
    this.left += right;
    this.top += down;
    this.isFitted = false;
    this.show();
  }

  /** Keep a part of the picture in sight, and draw it all. */
  show() {
    const [width, height] = this.room;
    this.left = Math.min(width - 48, Math.max(48 - this.width * this.zoom, this.left));
    this.top = Math.min(height - 48, Math.max(48 - this.height * this.zoom, this.top));
    this.paper.style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.zoom})`;
    this.moved();
  }

  /** Bring a point into sight. */
  reveal([x, y]) {
    const [width, height] = this.room;
    const [left, top] = this.onStage([x, y]);
    const right = Math.min(0, width - 24 - left) + Math.max(0, 24 - left);
    const down = Math.min(0, height - 24 - top) + Math.max(0, 24 - top);
    if (right || down) this.move(right, down);
  }

  /** Where an event is in the stage, and a point of the stage in the picture, and back. */
  place(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  inPicture([x, y]) {
    return [(x - this.left) / this.zoom, (y - this.top) / this.zoom];
  }

  onStage([x, y]) {
    return [this.left + x * this.zoom, this.top + y * this.zoom];
  }
}
