// How the brush is moved: pointers draw, two fingers zoom, a pen keeps fingers from drawing, and arrows do it all too.

const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const TOOLS = { b: "paint", e: "erase", m: "move", c: "crop" };
const ERASER = 32; // of a pen's buttons
const MIDDLE = 1;

export class Strokes {
  constructor(editor) {
    Object.assign(this, { editor, fingers: new Map(), last: null, drag: null, hasPen: false, isDown: false });
    const { layer, stage } = editor;
    this.at = [layer.width / 2, layer.height / 2]; // the brush of the keyboard
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.release(event));
    stage.addEventListener("pointerleave", () => this.draw(null));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const name of ["focus", "blur"]) stage.addEventListener(name, () => (name === "blur" && this.lift(), this.draw(null)));
  }

  get draws() {
    return ["paint", "erase"].includes(this.editor.tool);
  }

  press(event) {
    const { view, stage } = this.editor;
    stage.setPointerCapture(event.pointerId);
    this.lift();
    const place = view.place(event);
    if (event.pointerType === "pen") this.hasPen = true;
    if (event.pointerType === "touch") {
      this.fingers.set(event.pointerId, place);
      if (this.fingers.size > 1) return this.pinch();
    }
    const moves = !this.draws || event.button === MIDDLE || (event.pointerType === "touch" && this.hasPen);
    if (moves) this.drag = place;
    else if (event.button === 0 || event.buttons & ERASER) {
      this.erases = this.editor.tool === "erase" || Boolean(event.buttons & ERASER);
      this.stroke(view.inPicture(place), this.pressed(event));
    }
  }

  /** A second finger: what the first one drew was not meant. */
  pinch() {
    if (this.last) this.editor.layer.drop();
    this.last = this.drag = null;
  }

  stroke(point, width) {
    this.editor.layer.draw(this.last ?? point, point, width, this.erases);
    this.last = point;
  }

  /** A pen draws as wide as it is pressed. */
  pressed(event) {
    const share = event.pointerType === "pen" && event.pressure > 0 ? 0.25 + 0.75 * event.pressure : 1;
    return this.editor.width * share;
  }

  move(event) {
    const { view } = this.editor;
    const place = view.place(event);
    if (this.fingers.size > 1 && this.fingers.has(event.pointerId)) return this.spread(event.pointerId, place);
    if (this.drag) {
      view.move(place[0] - this.drag[0], place[1] - this.drag[1]);
      this.drag = place;
    } else if (this.last) {
      const every = event.getCoalescedEvents?.() ?? [];
      for (const each of every.length ? every : [event]) this.stroke(view.inPicture(view.place(each)), this.pressed(each));
    }
    this.draw(event.pointerType === "touch" ? null : view.inPicture(place));
  }

  spread(finger, place) {
    const others = [...this.fingers].filter(([id]) => id !== finger);
    const [, other] = others[0];
    const before = this.fingers.get(finger);
    const far = (one, two) => Math.hypot(one[0] - two[0], one[1] - two[1]) || 1;
    this.editor.view.move((place[0] - before[0]) / 2, (place[1] - before[1]) / 2);
    this.editor.view.by(far(place, other) / far(before, other), [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2]);
    this.fingers.set(finger, place);
  }

  release(event) {
    this.fingers.delete(event.pointerId);
    this.drag = null;
    if (!this.last) return;
    this.last = null;
    if (event.type === "pointercancel") this.editor.layer.drop();
    else this.ended();
  }

  ended() {
    this.editor.layer.end();
    this.editor.changed();
  }

  wheel(event) {
    event.preventDefault();
    const { view } = this.editor;
    view.by(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), view.place(event));
  }

  /** Whether a key of the stage was understood. */
  key(event) {
    const { editor } = this;
    const letter = event.key.toLowerCase();
    if (ARROWS[letter]) this.step(ARROWS[letter], event.shiftKey);
    else if (letter === " " || letter === "enter") this.draws && this.toggle(letter === "enter");
    else if (TOOLS[letter]) this.lift(), editor.choose(TOOLS[letter]);
    else if (letter === "[" || letter === "]") this.resize(letter === "]" ? 4 : -4);
    else if (letter === "+" || letter === "=") editor.view.by(1.25);
    else if (letter === "-") editor.view.by(0.8);
    else if (letter === "0") editor.view.fit();
    else return false;
    return true;
  }

  resize(by) {
    const { size } = this.editor;
    size.value = Number(size.value) + by;
    this.draw(this.at);
  }

  step([right, down], far) {
    const { editor } = this;
    if (!this.draws) return editor.view.move(-right * 40, -down * 40);
    const way = Math.max(2, editor.width / 4) * (far ? 4 : 1);
    const { width, height } = editor.layer;
    this.at = [Math.max(0, Math.min(width, this.at[0] + right * way)), Math.max(0, Math.min(height, this.at[1] + down * way))];
    editor.view.reveal(this.at);
    if (this.isDown) this.stroke(this.at, editor.width);
    this.draw(this.at);
    this.tell();
  }

  /** Put the brush down, or lift it; for a dot, both. */
  toggle(dot) {
    if (this.isDown) this.lift();
    else {
      this.erases = this.editor.tool === "erase";
      this.last = null;
      this.stroke(this.at, this.editor.width);
      this.isDown = true;
      if (dot) this.lift();
    }
    this.draw(this.at);
    this.tell();
  }

  lift() {
    if (!this.isDown) return;
    this.isDown = false;
    this.last = null;
    this.ended();
  }

  /** End what is being drawn. */
  stop() {
    this.lift();
    if (this.last) this.ended();
    this.last = null;
  }

  tell() {
    const { words, layer } = this.editor.spoken;
    const [left, top] = [this.at[0] / layer.width, this.at[1] / layer.height].map((each) => Math.round(100 * each));
    const where = words.at.replace("{left}", left).replace("{top}", top);
    this.editor.tell(`${where}, ${words[this.isDown ? "down" : "up"]}`);
  }

  /** The ring that shows how large the brush is, where it is. */
  draw(point = this.shown) {
    const { ring, view, width, stage } = this.editor;
    this.shown = point ?? (stage.matches(":focus-visible") ? this.at : null);
    ring.hidden = !this.shown || !this.draws;
    if (ring.hidden) return;
    const [left, top] = view.onStage(this.shown);
    Object.assign(ring.style, { left: `${left}px`, top: `${top}px`, width: `${width * view.zoom}px`, height: `${width * view.zoom}px` });
    ring.classList.toggle("down", this.isDown);
  }
}
