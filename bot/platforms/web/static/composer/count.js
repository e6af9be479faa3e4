// How many at once: one, two or four, as far as that is allowed, or another number.

import { make, word } from "../dom.js";

const USUAL = [1, 2, 4];

/** The control for a field that asks for how many runs. */
export function count(field, id) {
  const numbers = USUAL.filter((number) => number <= field.max);
  const other = make("input", { class: "other", inputmode: "numeric", autocomplete: "off", "aria-label": word("another_number"), title: word("another_number"), placeholder: "…" });
  const radios = numbers.map((number) => make("input", { type: "radio", name: id, value: number, class: "unseen", onchange: () => (other.value = "") }));
  const control = make("div", { id, class: "segments", role: "radiogroup", "aria-label": field.title });
  control.append(...radios.map((radio) => make("label", {}, radio, make("span", {}, radio.value))));
  const hasMore = numbers.length < field.max;
  if (hasMore) control.append(other);
  const value = () => other.value.trim() || (radios.find((radio) => radio.checked)?.value ?? "1");
  const set = (given) => {
    const wanted = String(given === "" ? (field.default ?? 1) : given);
    const radio = radios.find((each) => each.value === wanted);
    for (const each of radios) each.checked = each === radio;
    other.value = radio ? "" : wanted;
  };
  other.addEventListener("input", () => other.value && radios.forEach((radio) => (radio.checked = false)));
  other.addEventListener("change", () => other.value.trim() || set(""));
  set("");
  return { control, parts: [control], set, value, focus: () => (radios.find((radio) => radio.checked) ?? other).focus() };
}
