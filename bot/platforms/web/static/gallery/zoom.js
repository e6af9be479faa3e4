// Zoom and pan: by wheel, by one and two fingers, by double click, and by what calls it for keys and buttons.

const FASTER = 0.0016; // of a wheel's pixel
const MOST = 8;
const SWIPE = 60; // pixels

export class Zoom {
  /** `plane` is moved within `stage`; `changed` is told, and `swiped` where a finger moves along what is not zoomed. */
  constructor(stage, plane, changed, swiped) {
    Object.assign(this, { stage, plane, changed, swiped, scale: 1, x: 0, y: 0, fingers: new Map() });
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.toggle(event));
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.up(event));
  }

  get picture() {
    return this.plane.querySelector("img:last-of-type");
  }

  /** The scale at which a pixel of the picture is one of the page. */
  get actual() {
    const { picture } = this;
    return picture?.offsetWidth && picture.naturalWidth ? picture.naturalWidth / picture.offsetWidth : 1;
  }

  get percent() {
    return Math.round((this.scale / this.actual) * 100);
  }

  get zoomed() {
    return this.scale !== 1;
  }

  fit() {
    Object.assign(this, { scale: 1, x: 0, y: 0 });
    this.apply();
  }

  /** Zoom to a scale; the point of the picture under `at` stays where it is, by default the middle. */
  to(scale, at = null) {
    const box = this.stage.getBoundingClientRect();
    const [px, py] = at ? [at.clientX - box.x - box.width / 2, at.clientY - box.y - box.height / 2] : [0, 0];
    const next = Math.min(Math.max(scale, Math.min(1, this.actual)), Math.max(MOST, this.actual * 4));
    const ratio = next / this.scale;
    this.x = px - (px - this.x) * ratio;
    this.y = py - (py - this.y) * ratio;
    this.scale = Math.abs(next - 1) < 0.01 ? 1 : next;
    this.apply();
  }

  by(factor, at = null) {
    this.to(this.scale * factor, at);
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.apply();
  }

  /** Move the plane, and keep some of the picture in sight. */
  apply() {
    const room = (side, size) => Math.max(0, (size * this.scale - side) / 2);
    const [wide, high] = [room(this.stage.clientWidth, this.plane.offsetWidth), room(this.stage.clientHeight, this.plane.offsetHeight)];
    this.x = Math.min(wide, Math.max(-wide, this.x));
    this.y = Math.min(high, Math.max(-high, this.y));
    this.plane.style.transform = this.zoomed ? `translate(${this.x}px, ${this.y}px) scale(${this.scale})` : "";
    this.stage.classList.toggle("zoomed", this.zoomed);
    this.changed();
  }

  wheel(event) {
    if (!this.picture) return; // a long text scrolls, and a 3D model has its own
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    this.by(Math.exp(-pixels * (event.ctrlKey ? FASTER * 5 : FASTER)), event);
  }

  toggle(event) {
    if (!this.picture) return;
    if (this.zoomed) this.fit();
    else this.to(this.actual > 1.05 ? this.actual : 2, event);
  }

  down(event) {
    if (event.button || event.target.closest("button, a, input, video, audio, canvas")) return;
    this.fingers.set(event.pointerId, event);
    this.began = this.fingers.size === 1 ? event : null;
    this.stage.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, event);
    if (!other) return this.zoomed ? this.pan(event.clientX - before.clientX, event.clientY - before.clientY) : undefined;
    const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
    this.by(apart(event, other) / Math.max(1, apart(before, other)), middle);
    return this.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  }

  up(event) {
    if (!this.fingers.delete(event.pointerId) || !this.began || this.zoomed || event.pointerType === "mouse") return;
    const [x, y] = [event.clientX - this.began.clientX, event.clientY - this.began.clientY];
    if (event.type === "pointerup" && Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) this.swiped(x < 0 ? 1 : -1);
  }
}

function apart(one, other) {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
}
