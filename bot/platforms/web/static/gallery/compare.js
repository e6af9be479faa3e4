// Before and after: one picture over the other, and a line between them that is moved by hand or by the keyboard.

import { make, word } from "../dom.js";

const START = 50; // of a hundred

/** Put the picture that was given over the one that came of it. Returns the slider. */
export function compare(stage, plane, given) {
  const before = make("img", { class: "before", src: given.url, alt: word("given", { name: given.filename }), draggable: "false" });
  const line = make("span", { class: "divide", "aria-hidden": "true" });
  const slider = make("input", { type: "range", min: "0", max: "100", step: "1", value: String(START), "aria-label": word("large_compare_at") });
  const labels = [make("span", { class: "side one" }, word("large_before")), make("span", { class: "side other" }, word("large_after"))];
  plane.prepend(before);
  plane.append(line);
  const to = (value) => {
    const at = Math.max(0, Math.min(100, value));
    before.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
    line.style.insetInlineStart = "0";
    line.style.left = `${at}%`;
    slider.value = String(at);
  };
  slider.addEventListener("input", () => to(Number(slider.value)));
  const drag = (event) => {
    if (event.type === "pointerdown" && (event.button || event.target.closest("button, input") || stage.classList.contains("zoomed"))) return;
    if (event.type === "pointermove" && !(event.buttons & 1)) return;
    if (stage.classList.contains("zoomed")) return;
    const box = plane.getBoundingClientRect();
    to(((event.clientX - box.left) / box.width) * 100);
  };
  const over = new AbortController();
  for (const name of ["pointerdown", "pointermove"]) stage.addEventListener(name, drag, { signal: over.signal });
  to(START);
  const box = make("div", { class: "compare" }, labels[0], slider, labels[1]);
  return {
    element: box,
    slider,
    end() {
      over.abort();
      for (const each of [before, line, box]) each.remove();
    },
  };
}
