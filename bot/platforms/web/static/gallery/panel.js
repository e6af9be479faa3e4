// What is beside a result in the large view: all that is known of it, to read and to copy, and what may be done with it.

import { copy, make, word } from "../dom.js";
import { clocked } from "../results/run.js";

/** The details of a run. `tell` says something in the dialog. */
export function details(run, tell) {
  const { time, when } = clocked(run.asked);
  const head = make("div", { class: "large-head" }, make("h2", { tabindex: "-1" }, run.title), make("time", { datetime: time.toISOString() }, when));
  const words = run.words.map(([name, text]) => copied(name, text, tell));
  const settings = run.settings.length ? [copied(word("large_settings"), run.settings.join("\n"), tell)] : [];
  const texts = run.files.length ? run.texts.map((text) => copied(word("gallery_kind_text"), text, tell)) : [];
  const warnings = run.warnings.map((text) => make("p", { class: "warning" }, text));
  return [head, ...words, ...settings, ...given(run), ...texts, ...warnings];
}

/** All values as one text. */
export function everything(run) {
  const words = run.words.map(([name, text]) => `${name}: ${text}`);
  return [run.title, ...words, ...run.settings].join("\n");
}

function copied(name, text, tell) {
  const shown = make("pre", { tabindex: "0" }, text);
  const press = async () => {
    await copy(text, shown);
    tell(word("copied"));
  };
  const button = make("button", { type: "button", class: "button copy", "aria-label": `${word("copy")}: ${name}`, onclick: press }, word("copy"));
  return make("section", { class: "large-value" }, make("div", { class: "head" }, make("h3", {}, name), button), shown);
}

function given(run) {
  if (!run.inputs.length) return [];
  const files = run.inputs.map((file) => {
    const link = { href: `${file.url}?download`, download: file.filename, class: "given-file" };
    const picture = file.kind === "image" ? make("img", { src: file.url, alt: "", loading: "lazy", decoding: "async" }) : null;
    return make("a", link, picture, make("span", {}, file.filename));
  });
  return [make("section", { class: "large-value" }, make("h3", {}, word("large_given")), ...files)];
}

/** The row of what may be done. `on` has `vary`, `change`, `erase`, `uses` and `copied`. */
export function acts(run, file, on) {
  const button = (act, onclick, kind = "") => make("button", { type: "button", class: `button ${kind}`, "data-act": act, onclick }, word(act));
  const save = file ? make("a", { href: `${file.url}?download`, download: file.filename, class: "button main-act", "data-act": "download" }, word("download")) : null;
  if (!run) return [save];
  return [
    save,
    run.varies ? button("vary", on.vary) : null,
    on.uses ? button("large_use", on.uses) : null,
    on.change ? button("change", on.change) : null,
    button("large_copy_all", on.copied),
    button("delete", on.erase, "delete"),
  ];
}
