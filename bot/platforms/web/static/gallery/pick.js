// Choosing a file of an earlier result for a field of a form.

import { make, word } from "../dom.js";
import { Grid } from "./grid.js";
import { about, styled } from "./ready.js";
import { Source } from "./source.js";

const PAUSE = 300; // milliseconds without a key before it looks

/** Let a person choose a picture, or a file of another `kind`, from their gallery. Returns it as the server tells of
 * files, with `ref`, `url`, `kind` and `filename`, as fields take it; null where they choose none. */
export async function pickPicture({ kind = "image" } = {}) {
  const [{ workflows }] = await Promise.all([about(), styled("gallery.css")]);
  const before = document.activeElement;
  const source = new Source((entry) => entry.files.flatMap((file, number) => (file[0] === kind ? [{ ...entry, number }] : [])));
  const grid = new Grid(source, { label: word("gallery_results"), multiple: false, smallest: 132 });
  const words = make("input", { type: "search", maxlength: "200", autocomplete: "off", placeholder: word("gallery_find"), "aria-label": word("gallery_find") });
  const options = workflows.map(({ name, title }) => make("option", { value: name }, title));
  const workflow = make("select", { "aria-label": word("gallery_workflow") }, make("option", { value: "" }, word("gallery_all")), ...options);
  const close = make("button", { type: "button", class: "button" }, word("close"));
  const empty = make("p", { class: "empty", hidden: true }, word("pick_empty"));
  const head = make("div", { class: "pick-head" }, make("h2", { id: "pick-title" }, word("pick_title")), close);
  const tools = make("div", { class: "gallery-tools", role: "search" }, words, workflow);
  const dialog = make("dialog", { class: "pick", "aria-labelledby": "pick-title" }, head, tools, empty, grid.element);
  return new Promise((done) => {
    let chosen = null;
    let pause = 0;
    const filter = () => {
      grid.at = 0;
      grid.element.scrollTop = 0;
      source.choose({ words: words.value.trim(), workflow: workflow.value });
    };
    words.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(filter, PAUSE);
    });
    workflow.addEventListener("change", filter);
    close.addEventListener("click", () => dialog.close());
    source.addEventListener("change", () => (empty.hidden = !source.done || source.items.length > 0));
    grid.addEventListener("open", ({ detail: { id, number, files } }) => {
      const path = `${id}/files/${number}`;
      chosen = { ref: path, url: `runs/${path}`, kind, filename: files[number][1], small: `runs/${path}/small` };
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      source.end();
      dialog.remove();
      before?.focus?.();
      done(chosen);
    });
    document.body.append(dialog);
    dialog.showModal();
    grid.measure();
    filter();
    grid.list.focus();
  });
}
