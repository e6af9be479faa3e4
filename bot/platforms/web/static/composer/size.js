// The size of a picture by its shape: buttons that fill in its width and height, which stay beside them.

import { make, word } from "../dom.js";

const LONGEST = 16; // of the little picture of a shape, in pixels

/** Draw the buttons around the fields of a size; `changed` is called with the names of those that a button fills in. */
export function size({ width, height, ratios }, fields, id, changed) {
  const [across, down] = [fields.get(width), fields.get(height)];
  const radios = ratios.map((ratio) => {
    const radio = make("input", { type: "radio", name: id, value: ratio.name, class: "unseen" });
    radio.addEventListener("change", () => {
      across.set(ratio.width);
      down.set(ratio.height);
      changed([width, height]);
    });
    return radio;
  });
  /** The button of the size that is there, whoever has filled it in. */
  const look = () => radios.forEach((radio, at) => (radio.checked = across.value() === String(ratios[at].width) && down.value() === String(ratios[at].height)));
  for (const field of [across, down]) {
    const set = field.set;
    field.set = (value) => (set(value), look());
    field.element.addEventListener("input", look);
  }
  const buttons = make("div", { class: "segments ratios", role: "radiogroup", "aria-label": word("shape") });
  buttons.append(...radios.map((radio, at) => make("label", {}, radio, make("span", {}, drawn(ratios[at]), radio.value))));
  look();
  return make("div", { class: "size" }, buttons, make("div", { class: "pair" }, across.element, down.element));
}

function drawn({ width, height }) {
  const scale = LONGEST / Math.max(width, height);
  const shape = make("i", { "aria-hidden": "true" });
  shape.style.inlineSize = `${Math.round(width * scale)}px`;
  shape.style.blockSize = `${Math.round(height * scale)}px`;
  return shape;
}
