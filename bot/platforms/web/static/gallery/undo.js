// Deletion that can be undone. The server deletes when the time is over, whether the page is still open or not.

import { ask, make, say, styled, word } from "../dom.js";
import { about } from "./ready.js";

let bar = null;
let waiting = [];
let over = 0;

addEventListener("darkroom-gone", ({ detail }) => waiting.includes(detail.id) && say("")); // the bar says it already

addEventListener("keydown", (event) => {
  const isUndo = event.key === "z" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.defaultPrevented;
  if (!isUndo || !waiting.length || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  undo();
});

/** Delete `runs`, given by their ids, or those of a `group`. Returns false where the server will not; people have been
 * told then.
 */
export async function deleteWithUndo({ runs = [], group = "" }) {
  let answer;
  try {
    await Promise.all([about(), styled("gallery/gallery.css")]);
    answer = await ask("POST", "gallery/delete", new URLSearchParams({ runs: runs.join(","), group }));
  } catch (fault) {
    say(word("failed", { reason: fault.message }));
    return false;
  }
  waiting.push(...answer.runs);
  for (const id of answer.runs) dispatchEvent(new CustomEvent("darkroom-gone", { detail: { id } }));
  show(answer.undo);
  return true;
}

/** Undo what was deleted last, if it is not too late. */
export async function undo() {
  if (!waiting.length) return;
  const ids = waiting;
  const within = bar.contains(document.activeElement);
  hide();
  const homes = ["dialog:modal .large-stage", ".gallery:not([hidden]) .tiles", "#conversation"];
  if (within) homes.map((home) => document.querySelector(home)).find(Boolean)?.focus();
  try {
    const { runs } = await ask("POST", "gallery/restore", new URLSearchParams({ runs: ids.join(",") }));
    dispatchEvent(new CustomEvent("darkroom-back", { detail: { ids: runs } }));
    tell(word(runs.length < ids.length ? "gallery_too_late" : "gallery_restored"));
  } catch (fault) {
    tell(word("failed", { reason: fault.message }));
  }
}

/** Say something where it is seen: in the dialog that is open, if one is. */
export function tell(text) {
  const dialog = document.querySelector("dialog:modal");
  const place = dialog?.querySelector(".dialog-said");
  if (!place) return say(text);
  place.textContent = text;
  clearTimeout(place.hush);
  place.hush = setTimeout(() => (place.textContent = ""), 6000);
}

function show(seconds) {
  bar ??= make("div", { class: "undo", role: "status" });
  const words = word("gallery_deleted", { count: waiting.length, seconds });
  const button = make("button", { type: "button", class: "button", "aria-keyshortcuts": "Control+Z", title: "Ctrl+Z", onclick: undo }, word("gallery_undo"));
  bar.replaceChildren(make("span", {}, words), button);
  place();
  clearTimeout(over);
  over = setTimeout(hide, seconds * 1000);
}

/** A dialog keeps all else from being pressed, so the bar goes into the one that is open. */
export function place() {
  const home = document.querySelector("dialog:modal") ?? document.body;
  if (bar && waiting.length && bar.parentElement !== home) home.append(bar);
}

function hide() {
  clearTimeout(over);
  waiting = [];
  bar?.remove();
}
