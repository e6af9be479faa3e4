// One tile of the grid. Tiles are used again for other results while the grid scrolls.

import { boot, icon, make, word } from "../dom.js";
import { clocked } from "../results/run.js";
import { STAR } from "./tools.js";

const CHECK = "M5 12.5 10 17.5 19 7";
let count = 0;

export class Tile {
  constructor() {
    count += 1;
    this.picture = null;
    this.kind = make("span", { class: "tile-kind" });
    this.name = make("span", { class: "tile-name" });
    this.files = make("span", { class: "tile-files" });
    this.check = make("span", { class: "tile-check", "aria-hidden": "true" }, icon(CHECK));
    this.star = make("span", { class: "tile-star", "aria-hidden": "true" }, icon(STAR));
    this.element = make("div", { role: "option", class: "tile", id: `tile-${count}` });
    this.element.append(this.kind, this.name, this.files, this.check, this.star);
  }

  /** Show an item. Its picture waits for `load`. */
  show(item, at, total) {
    if (this.at !== at) this.element.setAttribute("aria-posinset", at + 1);
    if (this.total !== total) this.element.setAttribute("aria-setsize", total);
    Object.assign(this, { at, total });
    if (this.item === item && this.favourite === item.favourite) return;
    const [kind, filename] = item.files[item.number ?? 0] ?? ["text", ""];
    const changed = this.item?.id !== item.id || this.item?.number !== item.number;
    this.item = item;
    this.favourite = item.favourite;
    if (changed) {
      this.stop();
      this.picture?.close();
      this.picture = null;
      this.element.classList.remove("seen");
      const seen = kind === "image" || kind === "video";
      this.wanted = this.url = seen ? `runs/${item.id}/files/${item.number ?? 0}/small` : null;
      this.element.classList.toggle("bare", !seen);
      write(this.kind, kind === "text" ? item.text : (boot.words[`gallery_kind_${kind}`] ?? boot.words.gallery_kind_file));
      this.element.dataset.kind = kind;
      write(this.name, item.title);
      const many = item.number === undefined && item.files.length > 1;
      write(this.files, many ? String(item.files.length) : "");
      this.files.hidden = !many;
    }
    this.element.dataset.run = item.id;
    this.star.classList.toggle("on", Boolean(item.favourite));
    this.element.setAttribute("aria-label", described(item, filename));
  }

  select(on, choosing) {
    if (this.on === on && this.was === choosing) return;
    Object.assign(this, { on, was: choosing });
    this.element.setAttribute("aria-selected", String(on));
    this.element.classList.toggle("choosing", choosing);
  }

  /** Fetch the picture. A browser keeps pictures of elements long after they are out of sight, those it is given it
   * does not.
   */
  async load(squared) {
    const { wanted } = this;
    if (!wanted) return;
    this.wanted = null;
    this.loading = { url: wanted, control: new AbortController() };
    const { loading } = this;
    try {
      const answer = await fetch(wanted, { signal: loading.control.signal });
      if (!answer.ok) throw new Error(answer.statusText);
      const picture = await createImageBitmap(await answer.blob());
      if (this.loading === loading) {
        this.picture?.close();
        this.picture = squared(picture);
      }
      picture.close();
    } catch (fault) {
      if (this.loading === loading && fault.name !== "AbortError") this.element.classList.add("bare");
    }
    if (this.loading === loading) this.loading = null;
  }

  /** It has grown: fetch a picture that is too small for it again. */
  grown(size) {
    if (this.picture?.width < size) this.wanted = this.url;
  }

  /** Stop loading: it is out of sight. */
  rest() {
    if (this.loading) this.wanted = this.loading.url;
    this.stop();
  }

  stop() {
    this.loading?.control.abort();
    this.loading = null;
  }
}

/** A text that is there already stays: a new one is laid out. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function described(item, filename) {
  const { when } = clocked(item.asked);
  const words = [word("gallery_tile", { title: item.title, time: when, said: item.said || item.text || filename })];
  if (item.number === undefined && item.files.length > 1) words.push(word("gallery_files", { count: item.files.length }));
  if (item.favourite) words.push(word("gallery_favourite"));
  return words.join(", ");
}
