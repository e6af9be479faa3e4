// The results as the server gives them, page by page, and what of them is shown.

import { ask } from "../dom.js";

export class Source extends EventTarget {
  /** `split` makes the items of an entry; by default an entry is one item. */
  constructor(split = (entry) => [entry]) {
    super();
    this.split = split;
    this.chosen = {};
    this.clear();
    this.over = new AbortController();
    const { signal } = this.over;
    addEventListener("darkroom-run", ({ detail }) => this.heard(detail), { signal });
    addEventListener("darkroom-gone", ({ detail }) => this.hide([detail.id]), { signal });
    addEventListener("darkroom-back", ({ detail }) => this.unhide(detail.ids), { signal });
  }

  /** Hear no more of what happens. */
  end() {
    this.over.abort();
  }

  clear() {
    this.entries = [];
    this.items = [];
    this.known = new Set();
    this.hidden = new Set();
    this.beyond = null;
    this.done = false;
    this.fault = null;
    this.loading = null;
  }

  /** The filter as the server reads it. */
  get query() {
    const { words, workflow, favourites } = this.chosen;
    const query = new URLSearchParams();
    if (words) query.set("words", words);
    if (workflow) query.set("workflow", workflow);
    if (favourites) query.set("favourites", "1");
    return query;
  }

  /** Begin again with another filter. What was shown stays until the first page is there. */
  async choose(chosen) {
    this.chosen = chosen;
    const before = this.items;
    this.clear();
    this.items = before;
    await this.more(true);
  }

  /** Load the next page. */
  more(first = false) {
    if (this.done && !first) return Promise.resolve();
    if (this.loading) return this.loading.promise;
    const loading = { chosen: this.chosen };
    loading.promise = this.load(loading).finally(() => this.loading === loading && (this.loading = null));
    this.loading = loading;
    return loading.promise;
  }

  async load(loading) {
    const query = this.query;
    if (this.beyond !== null) query.set("beyond", this.beyond);
    let answer;
    try {
      answer = await ask("GET", `gallery?${query}`);
    } catch (fault) {
      if (this.chosen === loading.chosen) this.fault = fault;
      return this.changed();
    }
    if (this.chosen !== loading.chosen) return;
    this.fault = null;
    this.beyond = answer.beyond;
    this.done = answer.beyond === null;
    for (const entry of answer.entries) this.keep(entry);
    this.changed();
    if (!answer.entries.length && !this.done) await this.load(loading); // a page of nothing that is shown
  }

  keep(entry, at = this.entries.length) {
    if (this.known.has(entry.id)) return;
    this.known.add(entry.id);
    this.entries.splice(at, 0, entry);
  }

  /** A run has changed: one that is done appears, at its place. */
  heard(view) {
    if (view.state !== "done" || !(view.files.length || view.texts.length)) return;
    if (this.hidden.delete(view.id)) return this.changed();
    const { words, workflow, favourites } = this.chosen;
    if (this.known.has(view.id) || words || favourites || (workflow && workflow !== view.workflow)) return;
    const at = this.entries.findIndex(({ asked }) => asked <= view.asked);
    if (at < 0 && !this.done) return;
    this.keep(entryOf(view), at < 0 ? this.entries.length : at);
    this.changed();
  }

  hide(ids) {
    const fresh = ids.filter((id) => this.known.has(id) && !this.hidden.has(id));
    for (const id of fresh) this.hidden.add(id);
    if (fresh.length) this.changed();
  }

  unhide(ids) {
    if (ids.filter((id) => this.hidden.delete(id)).length) this.changed();
  }

  changed() {
    this.items = this.entries.filter(({ id }) => !this.hidden.has(id)).flatMap(this.split);
    this.dispatchEvent(new Event("change"));
  }
}

function entryOf(view) {
  const { id, workflow, title, said, asked, texts } = view;
  const files = view.files.map(({ kind, filename }) => [kind, filename]);
  return { id, workflow, title, said, asked, favourite: false, files, text: files.length ? "" : texts[0] };
}
