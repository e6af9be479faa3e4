// The addresses of the gallery, #gallery and #gallery/ID: its scripts come when one of them is opened.

import { boot, say, word } from "../dom.js";

const ADDRESS = /^#gallery(?:\/([0-9a-f-]{36}))?$/;
const page = document.querySelector("main");
const title = document.title;
let gallery = null;
let asked = null;

/** Follow the addresses, from now on. */
export function follow() {
  addEventListener("hashchange", go);
  go();
}

/** Show the page of the workflows, without losing the gallery. */
export function home() {
  if (ADDRESS.test(location.hash)) history.pushState(null, "", location.pathname + location.search);
  leave();
}

async function go() {
  const found = ADDRESS.exec(location.hash);
  if (!found) return leave();
  try {
    asked ??= import("./gallery.js").then(({ Gallery }) => Gallery.made(page));
    gallery = await asked;
  } catch (fault) {
    asked = null;
    return say(fault.message || word("unreachable"));
  }
  if (!ADDRESS.test(location.hash)) return; // left meanwhile
  page.hidden = true;
  document.title = boot.words.gallery_title;
  document.getElementById("to-gallery")?.setAttribute("aria-current", "page");
  gallery.show(found[1] ?? null);
}

function leave() {
  if (!gallery || gallery.element.hidden) return;
  const lost = gallery.element.contains(document.activeElement) || document.activeElement === document.body;
  gallery.hide();
  page.hidden = false;
  document.title = title;
  const link = document.getElementById("to-gallery");
  link?.removeAttribute("aria-current");
  if (lost) link?.focus();
}
