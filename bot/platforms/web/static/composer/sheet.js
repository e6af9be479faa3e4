// On a phone the composer lies at the foot of the window: this opens it for the fields that it does not show there.

import { icon, make, word } from "../dom.js";

const SLIDERS = "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5";
const DOCKED = matchMedia("(max-width: 55.99rem) and (min-height: 30.01rem), (max-width: 39.99rem)");

export class Sheet {
  constructor(element) {
    this.element = element;
    this.button = make("button", { type: "button", class: "icon options", "aria-expanded": "false", "aria-controls": "rest", onclick: () => this.open(!this.isOpen) }, icon(SLIDERS));
    this.open(false);
    addEventListener("keydown", (event) => event.key === "Escape" && this.isOpen && !document.querySelector("dialog") && this.open(false, true));
    const keepRoom = () => document.documentElement.style.setProperty("--dock", DOCKED.matches && !this.isOpen ? `${element.offsetHeight}px` : "0px");
    new ResizeObserver(keepRoom).observe(element);
    DOCKED.addEventListener("change", keepRoom);
  }

  get isOpen() {
    return this.element.classList.contains("open");
  }

  open(is, focus = false) {
    this.element.classList.toggle("open", is);
    document.body.classList.toggle("covered", is);
    this.button.setAttribute("aria-expanded", String(is));
    this.button.setAttribute("aria-label", word(is ? "fewer" : "options"));
    this.button.title = word(is ? "fewer" : "options");
    if (focus) this.button.focus();
  }

  /** Make sure that an element of the composer can be seen. */
  show(target) {
    if (DOCKED.matches && target?.closest(".rest")) this.open(true);
    const folded = target?.closest("details");
    if (folded) folded.open = true;
  }
}
