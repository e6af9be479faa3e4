// The choice of a file among the visitor's own results, for a field that takes one.

import { make, styled, word } from "../dom.js";
import { Grid } from "./grid.js";
import { about } from "./ready.js";
import { Source } from "./source.js";

const PAUSE = 300; // milliseconds without a key before it looks

/** Let a person choose a file of one of these kinds from their gallery. Returns it as the server tells of files, with
 * `ref`, `url`, `kind` and `filename`, as fields take it; null where they choose none.
 */
export async function pickFile(kinds) {
  const [{ workflows }] = await Promise.all([about(), styled("gallery/gallery.css")]);
  const before = document.activeElement;
  const source = new Source((entry) => entry.files.flatMap((file, number) => (kinds.includes(file[0]) ? [{ ...entry, number }] : [])));
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
      const [kind, filename] = files[number];
      chosen = { ref: path, url: `runs/${path}`, kind, filename };
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
