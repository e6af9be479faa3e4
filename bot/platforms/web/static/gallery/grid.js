// A grid of thousands of results of which only those in sight are in the document. The focus stays on the grid itself:
// it names the tile at which the keyboard is.

import { make } from "../dom.js";
import { shaped, Strips } from "./strip.js";
import { Tile } from "./tile.js";

const BEYOND = 2; // rows that are drawn above and below what is seen
const EARLY = 4; // screens before the end at which the next page is loaded
const FAST = 4; // pixels a millisecond: faster than that, pictures wait
const STILL = 90; // milliseconds without a scroll after which they no longer do
const AT_ONCE = 18; // tiles that get another result in one frame
const LOADS = 5; // pictures that are fetched at once: a browser has few connections
const PRESS = 500; // milliseconds after which a touch selects

export class Grid extends EventTarget {
  /** Events: `open` and `star` with a `detail`, `select`, `delete`. */
  constructor(source, { label, multiple = true, smallest = 168 }) {
    super();
    Object.assign(this, { source, multiple, smallest, at: 0, tiles: new Map(), spare: [], selected: new Map(), fast: false, loading: 0 });
    this.list = make("div", { role: "listbox", class: "tiles", tabindex: "0", "aria-label": label });
    if (multiple) this.list.setAttribute("aria-multiselectable", "true");
    this.strips = new Strips(this.list);
    this.element = make("div", { class: "grid" }, this.list);
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("focus", () => this.draw());
    this.list.addEventListener("click", (event) => this.pressed(event));
    this.list.addEventListener("contextmenu", (event) => this.held && event.preventDefault());
    for (const name of ["pointerdown", "pointerup", "pointercancel", "pointerleave"]) {
      this.list.addEventListener(name, (event) => this.touch(event));
    }
    source.addEventListener("change", () => this.refresh());
    this.sizes = new ResizeObserver(() => this.measure());
    this.sizes.observe(this.element);
  }

  get choosing() {
    return this.selecting || this.selected.size > 0;
  }

  get item() {
    return this.source.items[this.at];
  }

  measure() {
    const shape = shaped(this.element, this.list, this.smallest);
    if (!shape) return;
    Object.assign(this, shape);
    this.strips.lay(shape);
    this.list.style.setProperty("--side", `${this.side}px`);
    for (const tile of this.tiles.values()) {
      tile.place = null;
      tile.grown(this.strips.pixels(shape.side));
    }
    this.refresh();
  }

  /** Draw what has changed of the results. */
  refresh() {
    if (!this.step) return;
    const { items } = this.source;
    if (this.selected.size) {
      const there = new Set(items.map(({ id }) => id));
      for (const id of this.selected.keys()) if (!there.has(id)) this.selected.delete(id);
    }
    this.at = Math.max(0, Math.min(this.at, items.length - 1));
    const rows = Math.ceil(items.length / this.columns);
    this.list.style.blockSize = `${Math.max(0, rows * this.step - this.gap)}px`;
    this.draw();
    this.dispatchEvent(new Event("select"));
  }

  scrolled() {
    this.when = performance.now();
    this.moving ??= setTimeout(() => this.rested(), STILL);
    this.soon();
  }

  rested() {
    const left = this.when + STILL - performance.now();
    this.moving = left > 0 ? setTimeout(() => this.rested(), left) : null;
    if (!this.moving) this.soon();
  }

  soon() {
    this.frame ??= requestAnimationFrame((now) => {
      this.frame = null;
      const top = this.element.scrollTop;
      this.fast = Boolean(this.moving) && Math.abs(top - (this.top ?? 0)) / Math.max(1, now - (this.drawn ?? 0)) > FAST;
      Object.assign(this, { top, drawn: now });
      this.draw(true);
    });
  }

  /** Put a tile at each place in sight, and take away those that are no longer. `moved`: nothing else has changed. */
  draw(moved = false) {
    if (!this.step) return;
    const { items } = this.source;
    const top = this.element.scrollTop;
    const row = Math.floor(top / this.step);
    const first = Math.max(0, row - BEYOND);
    const last = Math.min(Math.ceil(items.length / this.columns), row + Math.ceil(this.height / this.step) + 1 + BEYOND);
    if (!moved || first !== this.first || last !== this.last) this.window(first, last);
    this.strips.draw(moved && Boolean(this.moving));
    if (!this.fast) this.load();
    const rest = Math.ceil(items.length / this.columns) * this.step - top; // to measure it would lay all out
    if (!this.source.done && !this.source.fault && rest < this.height * (EARLY + 1)) this.source.more();
  }

  /** Draw the rows from `first` to before `last`. */
  window(first, last) {
    const { items } = this.source;
    const { choosing, columns } = this;
    Object.assign(this, { first, last });
    const wanted = new Map();
    for (let at = first * columns; at < Math.min(last * columns, items.length); at += 1) wanted.set(keyOf(items[at]), at);
    for (const [key, tile] of this.tiles) {
      if (wanted.has(key)) continue;
      this.tiles.delete(key);
      tile.rest();
      this.spare.push(tile);
    }
    const total = this.source.done ? items.length : -1;
    let fresh = 0;
    for (const [key, at] of wanted) {
      if (!this.tiles.has(key) && (fresh += 1) > AT_ONCE) {
        this.first = null; // the rest in the next frame
        this.soon();
        break;
      }
      this.put(key, at, total, choosing);
    }
    if (fresh <= AT_ONCE) for (const tile of this.spare) if (!tile.element.hidden) tile.element.hidden = true;
    this.strips.show(first, last, (at) => (at < items.length ? this.tiles.get(keyOf(items[at])) : null));
    this.point();
  }

  put(key, at, total, choosing) {
    let tile = this.tiles.get(key);
    if (!tile) {
      tile = this.spare.pop() ?? new Tile();
      this.tiles.set(key, tile);
      if (!tile.element.parentElement) this.list.append(tile.element);
      tile.element.hidden = false;
    }
    const item = this.source.items[at];
    tile.show(item, at, total);
    tile.select(this.selected.has(item.id), choosing);
    if (tile.place === at) return;
    tile.place = at;
    const { style } = tile.element;
    style.insetBlockStart = `${Math.floor(at / this.columns) * this.step}px`;
    style.insetInlineStart = `${this.places[at % this.columns]}px`;
  }

  /** Fetch pictures of tiles that are there, the first ones first. */
  load() {
    for (const tile of [...this.tiles.values()].filter(({ wanted }) => wanted).sort((one, other) => one.at - other.at)) {
      if (this.loading >= LOADS) return;
      this.loading += 1;
      tile.load((picture) => this.strips.squared(picture)).finally(() => {
        this.loading -= 1;
        this.soon(); // which loads more
      });
    }
  }

  /** Name the tile at which the keyboard is. */
  point() {
    const item = this.item;
    const tile = item ? this.tiles.get(keyOf(item)) : null;
    if (this.pointed && this.pointed !== tile) this.pointed.element.classList.remove("here");
    this.pointed = tile;
    tile?.element.classList.add("here");
    if (tile) this.list.setAttribute("aria-activedescendant", tile.element.id);
    else this.list.removeAttribute("aria-activedescendant");
  }

  go(at, extend = false) {
    const from = this.at;
    this.at = Math.max(0, Math.min(at, this.source.items.length - 1));
    if (extend && this.multiple) {
      const [low, high] = [Math.min(from, this.at), Math.max(from, this.at)];
      for (let each = low; each <= high; each += 1) this.mark(this.source.items[each], true);
      this.dispatchEvent(new Event("select"));
    }
    this.reveal();
    this.draw();
  }

  reveal() {
    const top = Math.floor(this.at / this.columns) * this.step;
    const edge = this.gap * 2;
    if (top < this.element.scrollTop + edge) this.element.scrollTop = Math.max(0, top - edge);
    else if (top + this.side > this.element.scrollTop + this.height - edge) this.element.scrollTop = top + this.side - this.height + edge;
  }

  /** Go to a run, where it is loaded. */
  find(id) {
    const at = this.source.items.findIndex((item) => item.id === id);
    if (at >= 0) this.go(at);
  }

  key(event) {
    const rows = Math.max(1, Math.floor(this.height / this.step));
    const along = this.mirrored ? -1 : 1;
    const steps = { ArrowRight: along, ArrowLeft: -along, ArrowDown: this.columns, ArrowUp: -this.columns, PageDown: rows * this.columns, PageUp: -rows * this.columns };
    const { key } = event;
    const command = event.ctrlKey || event.metaKey;
    if (key in steps && !command && !event.altKey) this.go(this.beside(steps[key]), event.shiftKey);
    else if (key === "Home") this.go(0, event.shiftKey);
    else if (key === "End") this.go(this.source.items.length - 1, event.shiftKey);
    else if (key === "Enter" && this.item) this.send("open", this.item);
    else if (key === " " && this.item) this.multiple ? this.toggle(this.item) : this.send("open", this.item);
    else if (!this.multiple) return;
    else if (key === "a" && command) this.all();
    else if (command) return;
    else if (key === "f" && this.item) this.send("star", this.item);
    else if (key === "Delete" && this.item) this.send("delete", this.item);
    else if (key === "Escape" && this.choosing) this.none();
    else return;
    event.preventDefault();
  }

  /** The place so many further; a step down that leads beyond the last row stays in its column. */
  beside(step) {
    const to = this.at + step;
    if (Math.abs(step) === 1 || (to >= 0 && to < this.source.items.length)) return to;
    return step > 0 ? this.source.items.length - 1 : this.at % this.columns;
  }

  pressed(event) {
    const tile = this.tileOf(event.target);
    if (!tile || this.swallow) return (this.swallow = false);
    const from = this.at;
    this.at = tile.at;
    this.list.focus({ preventScroll: true });
    if (this.multiple && event.target.closest(".tile-star")) return this.send("star", tile.item);
    const on = this.multiple && (this.choosing || event.target.closest(".tile-check") || event.ctrlKey || event.metaKey);
    if (this.multiple && event.shiftKey) {
      this.at = from;
      this.go(tile.at, true);
    } else if (on) this.toggle(tile.item);
    else this.send("open", tile.item);
    return this.draw();
  }

  /** A long touch selects, as it does in galleries of phones. */
  touch(event) {
    clearTimeout(this.pressing);
    this.held = false;
    if (event.type === "pointerdown") this.swallow = false;
    if (event.type !== "pointerdown" || event.pointerType === "mouse" || !this.multiple) return;
    const tile = this.tileOf(event.target);
    if (!tile) return;
    this.pressing = setTimeout(() => {
      this.held = this.swallow = true;
      this.at = tile.at;
      this.toggle(tile.item);
    }, PRESS);
  }

  tileOf(target) {
    const element = target.closest(".tile");
    return element ? [...this.tiles.values()].find((tile) => tile.element === element) : null;
  }

  mark(item, on) {
    if (on) this.selected.set(item.id, item);
    else this.selected.delete(item.id);
  }

  toggle(item) {
    this.mark(item, !this.selected.has(item.id));
    this.changedSelection();
  }

  all() {
    for (const item of this.source.items) this.mark(item, true);
    this.changedSelection();
  }

  none() {
    this.selected.clear();
    this.selecting = false;
    this.changedSelection();
  }

  changedSelection() {
    this.draw();
    this.dispatchEvent(new Event("select"));
  }

  send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function keyOf(item) {
  return item.number === undefined ? item.id : `${item.id}/${item.number}`;
}
