// A picture in full, over the page: Escape closes it, and a press changes between the window's size and its own.

import { make, word } from "./dom.js";

/** Show an image; `alt` says what it is. */
export function view(file, alt = file.filename) {
  const image = make("img", { src: file.url, alt });
  const size = make("button", { type: "button", class: "button", onclick: toggle }, word("actual"));
  const close = make("button", { type: "button", class: "button", onclick: () => dialog.close() }, word("close"));
  const save = make("a", { href: `${file.url}?download`, download: file.filename, class: "button" }, word("download"));
  const sheet = make("div", { class: "sheet", onclick: toggle }, image);
  const dialog = make("dialog", { class: "viewer", "aria-label": file.filename }, sheet);
  dialog.append(make("div", { class: "buttons" }, make("span", { class: "filename" }, file.filename), size, save, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();

  function toggle() {
    const actual = dialog.classList.toggle("actual");
    size.textContent = word(actual ? "fit" : "actual");
  }
}
