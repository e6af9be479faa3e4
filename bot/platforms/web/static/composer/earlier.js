// The choice of a file among the visitor's own results, for a field that takes one.

import { ask, dialog, make, word } from "../dom.js";

/** Let the visitor choose a file that `takes` says yes to; it, or null. */
export async function earlier(takes) {
  const list = make("div", { class: "earlier" });
  const more = make("button", { type: "button", class: "button", hidden: true }, word("earlier"));
  const none = make("p", { class: "about", role: "status" });
  const sheet = dialog(word("from_gallery"), "gallery", list, none, more);
  const chosen = new Promise((done) => {
    sheet.addEventListener("close", () => done(sheet.chosen ?? null));
  });
  let page = 0;
  more.addEventListener("click", load);
  await load();
  return chosen;

  async function load() {
    try {
      const answer = await ask("GET", `runs?page=${page}`);
      page += 1;
      list.append(...answer.runs.flatMap((run) => run.files.filter(takes).map((file) => drawn(file, run))));
      more.hidden = !answer.more;
      none.textContent = list.children.length ? "" : word("no_results");
    } catch (fault) {
      none.textContent = fault.message;
    }
  }

  function drawn(file, run) {
    const take = () => {
      sheet.chosen = file;
      sheet.close();
    };
    const label = `${run.title}: ${file.filename}`;
    const shown = file.kind === "image" ? make("img", { src: file.url, alt: "", loading: "lazy", decoding: "async" }) : make("span", { class: "chip" }, file.filename);
    return make("button", { type: "button", "aria-label": label, title: label, onclick: take }, shown);
  }
}
