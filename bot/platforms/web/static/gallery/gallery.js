// The gallery: all results of a visitor, with search, filters and a selection.

import { ask, icon, make, say, styled, word } from "../dom.js";
import { view } from "../viewer.js";
import { Grid } from "./grid.js";
import { about, refreshed } from "./ready.js";
import { Source } from "./source.js";
import { deleteWithUndo } from "./undo.js";

const PAUSE = 300; // milliseconds without a key before it looks
const STAR = "m12 3.6 2.6 5.3 5.8.8-4.2 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8L3.6 9.7l5.8-.8z";
const MOST = 500; // results that the server takes at once

export class Gallery {
  /** Load what it needs, and put it beside the page of the workflows. */
  static async made(page) {
    const [{ workflows }] = await Promise.all([about(), styled("gallery/gallery.css")]);
    const gallery = new Gallery(workflows);
    page.after(gallery.element);
    return gallery;
  }

  constructor(workflows) {
    this.source = new Source();
    this.grid = new Grid(this.source, { label: word("gallery_results") });
    this.element = make("main", { class: "gallery", hidden: true, tabindex: "-1", "aria-labelledby": "gallery-title" });
    this.told = make("p", { class: "gallery-count", role: "status" });
    this.fault = make("p", { class: "gallery-fault", role: "alert", hidden: true });
    this.empty = make("p", { class: "empty", hidden: true });
    const keys = make("p", { class: "unseen", id: "gallery-keys" }, word("gallery_keys"));
    this.grid.list.setAttribute("aria-describedby", "gallery-keys");
    this.element.append(this.heading(workflows), this.fault, this.empty, this.grid.element, this.chosen(), keys);
    this.grid.addEventListener("open", ({ detail }) => this.open(detail.id));
    this.grid.addEventListener("star", ({ detail }) => this.star([detail], !detail.favourite));
    this.grid.addEventListener("delete", ({ detail }) => this.erase(this.grid.selected.size ? this.ids : [detail.id]));
    this.grid.addEventListener("select", () => this.look());
    this.source.addEventListener("change", () => this.look());
  }

  get ids() {
    return [...this.grid.selected.keys()];
  }

  heading(workflows) {
    this.words = make("input", { type: "search", maxlength: "200", autocomplete: "off", placeholder: word("gallery_find"), "aria-label": word("gallery_find"), oninput: () => this.typed() });
    this.workflow = make("select", { "aria-label": word("gallery_workflow"), onchange: () => this.filter() });
    this.options(workflows);
    this.favourites = make("button", { type: "button", class: "button star", "aria-pressed": "false", onclick: () => this.onlyFavourites() }, icon(STAR), word("gallery_favourites"));
    this.select = make("button", { type: "button", class: "button", "aria-pressed": "false", onclick: () => this.choosing() }, word("gallery_select"));
    const home = make("a", { href: "#", class: "gallery-back", onclick: (event) => this.home(event) }, word("gallery_back"));
    const title = make("h2", { id: "gallery-title", tabindex: "-1" }, word("gallery"));
    return make(
      "div",
      { class: "gallery-head" },
      make("div", { class: "gallery-title" }, title, this.told, home),
      make("div", { class: "gallery-tools", role: "search" }, this.words, this.workflow, this.favourites, this.select),
    );
  }

  options(workflows) {
    const all = make("option", { value: "" }, word("gallery_all"));
    const each = workflows.map(({ name, title, count }) => make("option", { value: name }, `${title} (${count})`));
    const chosen = this.workflow.value;
    this.workflow.replaceChildren(all, ...each);
    this.workflow.value = workflows.some(({ name }) => name === chosen) ? chosen : "";
  }

  /** What may be done with what is selected. */
  chosen() {
    this.count = make("span", { role: "status" });
    const act = (name, onclick, kind = "") => make("button", { type: "button", class: `button ${kind}`, onclick }, word(name));
    this.zip = act("gallery_zip", () => this.download());
    this.liked = act("gallery_favourites", () => this.likeChosen(), "like");
    const all = act("gallery_select_all", () => this.grid.all());
    const none = act("gallery_select_none", () => this.end());
    const erase = act("delete", () => this.erase(this.ids), "delete");
    this.bar = make("div", { class: "gallery-chosen", role: "group", "aria-label": word("gallery_select"), hidden: true }, this.count, this.zip, this.liked, all, none, erase);
    return this.bar;
  }

  async show(id) {
    const fresh = this.element.hidden;
    this.element.hidden = false;
    if (fresh) {
      this.grid.measure();
      if (!id) this.element.querySelector("h2").focus({ preventScroll: true });
      if (this.seen) refreshed().then(({ workflows }) => this.options(workflows), () => {});
      else this.filter();
      this.seen = true;
    }
    if (id) return this.enlarge(id);
    document.querySelector("dialog.large")?.close();
  }

  hide() {
    document.querySelector("dialog.large")?.close();
    this.element.hidden = true;
  }

  home(event) {
    event.preventDefault();
    import("./route.js").then(({ home }) => home());
  }

  typed() {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.filter(), PAUSE);
  }

  onlyFavourites() {
    const on = this.favourites.getAttribute("aria-pressed") !== "true";
    this.favourites.setAttribute("aria-pressed", String(on));
    this.filter();
  }

  async filter() {
    const favourites = this.favourites.getAttribute("aria-pressed") === "true";
    this.grid.selected.clear();
    this.grid.at = 0;
    this.grid.element.scrollTop = 0;
    await this.source.choose({ words: this.words.value.trim(), workflow: this.workflow.value, favourites });
  }

  choosing() {
    if (this.grid.choosing) return this.end();
    this.grid.selecting = true;
    this.grid.changedSelection();
    this.grid.list.focus();
  }

  end() {
    this.grid.none();
    this.grid.list.focus();
  }

  /** The words about the results, and the bar of those that are selected. */
  look() {
    const { items, done, fault, chosen } = this.source;
    const filtered = chosen.words || chosen.workflow || chosen.favourites;
    this.told.textContent = word(done ? "gallery_found" : "gallery_found_more", { count: items.length.toLocaleString() });
    this.fault.hidden = !fault;
    if (fault) {
      const again = make("button", { type: "button", class: "button", onclick: () => this.again() }, word("gallery_retry"));
      this.fault.replaceChildren(word("gallery_failed", { reason: fault.message }), " ", again);
    }
    this.empty.hidden = !done || items.length > 0;
    this.empty.textContent = word(filtered ? "gallery_none" : "gallery_empty");
    this.grid.element.hidden = done && !items.length;
    const count = this.grid.selected.size;
    this.select.setAttribute("aria-pressed", String(this.grid.choosing));
    this.element.classList.toggle("choosing", this.grid.choosing);
    if (this.bar.contains(document.activeElement) && !count) this.grid.list.focus();
    this.bar.hidden = !count;
    const text = word("gallery_selected", { count });
    if (this.count.textContent !== text) this.count.textContent = text;
  }

  async again() {
    this.source.fault = null;
    await this.source.more(true);
    this.grid.list.focus();
  }

  open(id) {
    history.pushState({ large: true }, "", `#gallery/${id}`);
    this.enlarge(id);
  }

  async enlarge(id) {
    const address = (now) => history.replaceState(history.state, "", `#gallery/${now}`);
    const closed = (last) => {
      if (document.querySelector("dialog.large")) return; // another one has taken its place
      if (location.hash.startsWith("#gallery/")) this.back();
      this.grid.find(last);
      this.grid.list.focus({ preventScroll: true });
    };
    const starred = (run, on) => this.mark([run], on);
    await view({ run: id, query: this.source.query, moved: address, closed, starred });
  }

  /** Go back to the grid, in the history too where it is there. */
  back() {
    if (history.state?.large) history.back();
    else history.replaceState(null, "", "#gallery");
  }

  async star(items, on) {
    const runs = items.map(({ id }) => id);
    this.mark(runs, on);
    try {
      await ask("POST", "gallery/favourites", new URLSearchParams({ runs: runs.join(","), on: on ? "1" : "" }));
    } catch (fault) {
      this.mark(runs, !on);
      say(word("failed", { reason: fault.message }));
    }
  }

  mark(runs, on) {
    const these = new Set(runs);
    for (const entry of this.source.entries) if (these.has(entry.id)) entry.favourite = on;
    this.grid.draw();
  }

  likeChosen() {
    const items = [...this.grid.selected.values()];
    if (this.fits(items)) this.star(items, items.some((item) => !item.favourite));
  }

  fits(some) {
    if (some.length <= MOST) return true;
    say(word("gallery_too_many", { most: MOST }));
    return false;
  }

  async erase(ids) {
    if (!this.fits(ids)) return;
    this.grid.list.focus({ preventScroll: true });
    await deleteWithUndo({ runs: ids });
    if (!this.grid.selected.size) this.grid.none();
  }

  /** Ask first whether the server will send it: the download itself could not say why not. */
  async download() {
    const runs = this.ids;
    if (!this.fits(runs)) return;
    try {
      const { gone } = await ask("POST", "gallery/archive", new URLSearchParams({ runs: runs.join(","), check: "1" }));
      if (gone) say(word("gallery_zip_gone", { count: gone }));
    } catch (fault) {
      return say(word("failed", { reason: fault.message }));
    }
    const given = make("input", { type: "hidden", name: "runs", value: runs.join(",") });
    const form = make("form", { method: "post", action: "gallery/archive", hidden: true }, given);
    document.body.append(form);
    form.submit();
    form.remove();
  }
}
