// A control for each kind of field. All have `element`, `control`, `set(value)`, `value()` and `blame(reason)`.

import { icon, make, word } from "../dom.js";
import { count as several } from "./count.js";
import { MediaField } from "./media.js";

const DIE = "M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01";
const FULL = 2 ** 53 - 1;
let count = 0;

/** Draw a field; `changed` is called when the person touches it. */
export function draw(field, changed) {
  const id = `field-${++count}`;
  const kinds = { integer: number, number, choice, toggle, text, color };
  const media = ["image", "video", "audio", "3d", "file"].includes(field.kind);
  const drawn = media ? new MediaField(field, id, changed) : (field.count ? several : (kinds[field.kind] ?? text))(field, id);
  const help = [field.help, field.range && !slides(field) ? field.range : ""].filter(Boolean).join(" · ");
  const fault = make("p", { class: "fault", id: `${id}-fault`, role: "alert" });
  const mark = field.required ? word("required") : media ? word("optional") : "";
  drawn.control.setAttribute("aria-describedby", `${id}-help ${id}-fault`);
  if (field.required) drawn.control.setAttribute("aria-required", "true");
  drawn.element = make(
    "div",
    { class: `field ${field.kind}${field.count ? " several" : ""}`, "data-field": field.name, oninput: changed },
    make("div", { class: "name" }, make("label", { for: id }, field.title), make("span", { class: "mark" }, mark)),
    make("p", { class: "help", id: `${id}-help` }, help),
    ...drawn.parts,
    fault,
  );
  drawn.blame = (reason) => {
    fault.textContent = reason;
    if (reason) drawn.control.setAttribute("aria-invalid", "true");
    else drawn.control.removeAttribute("aria-invalid");
  };
  drawn.field = field;
  drawn.kind = field.kind;
  drawn.media = media;
  return drawn;
}

function slides(field) {
  return !field.seed && field.min !== null && field.max !== null;
}

function text(field, id) {
  const tall = field.multiline;
  const control = make(tall ? "textarea" : "input", { id, name: field.name, rows: tall ? 3 : null, autocomplete: "off", dir: "auto" });
  const counter = make("p", { class: "counter" });
  const show = () => {
    const length = [...control.value].length;
    counter.textContent = word("count", { count: length, most: field.length });
    counter.classList.toggle("over", length > field.length);
  };
  const drawn = simple(control, field.default ?? "");
  if (!field.length) return drawn;
  control.addEventListener("input", show);
  const set = drawn.set;
  drawn.set = (value) => (set(value), show());
  drawn.parts.push(counter);
  show();
  return drawn;
}

function number(field, id) {
  if (field.seed) return seed(field, id);
  const control = make("input", { id, name: field.name, inputmode: "decimal", autocomplete: "off" });
  const drawn = simple(control, field.default ?? "");
  if (!slides(field)) return drawn;
  const step = field.step ?? (field.kind === "integer" ? 1 : "any");
  const bounds = { min: field.min, max: field.max, step };
  const slider = make("input", { type: "range", ...bounds, "aria-label": field.title });
  const follow = () => (slider.value = control.value === "" ? (field.default ?? field.min) : control.value);
  slider.addEventListener("input", () => (control.value = slider.value));
  control.addEventListener("input", follow);
  const set = drawn.set;
  drawn.set = (value) => (set(value), follow());
  drawn.parts = [make("div", { class: "slide" }, slider, control)];
  follow();
  return drawn;
}

function seed(field, id) {
  const control = make("input", { id, name: field.name, inputmode: "numeric", autocomplete: "off" });
  control.placeholder = word("seed");
  const roll = () => {
    const low = field.min ?? 0;
    const high = Math.min(field.max ?? FULL, FULL);
    control.value = String(low + Math.floor(Math.random() * (high - low + 1)));
  };
  const die = make("button", { type: "button", class: "icon die", "aria-label": word("die"), onclick: roll }, icon(DIE));
  const drawn = simple(control, "");
  drawn.parts = [make("div", { class: "slide" }, control, die)];
  return drawn;
}

function choice(field, id) {
  if (!field.choices) return text({ ...field, multiline: false }, id);
  const control = make("select", { id, name: field.name });
  if (!field.required && field.default === null) control.append(make("option", { value: "" }, field.unset || word("default")));
  control.append(...field.choices.map((each) => make("option", { value: each }, each)));
  return simple(control, field.default ?? control.options[0]?.value ?? "");
}

/** A colour: written, or chosen beside. */
function color(field, id) {
  const drawn = text({ ...field, multiline: false }, id);
  const control = drawn.control;
  const picker = make("input", { type: "color", "aria-label": word("pick") });
  const follow = () => (picker.value = /^#[0-9a-f]{6}$/i.test(control.value) ? control.value : (field.default ?? "#000000"));
  picker.addEventListener("input", () => (control.value = picker.value));
  control.addEventListener("input", follow);
  const set = drawn.set;
  drawn.set = (value) => (set(value), follow());
  drawn.parts = [make("div", { class: "slide" }, picker, control)];
  follow();
  return drawn;
}

function toggle(field, id) {
  const control = make("input", { id, name: field.name, type: "checkbox", role: "switch" });
  const set = (value) => (control.checked = value === "" ? Boolean(field.default) : value === true || value === "yes");
  set("");
  return { control, parts: [control], set, value: () => (control.checked ? "yes" : "no") };
}

function simple(control, initial) {
  control.value = initial;
  const set = (value) => (control.value = value === "" ? initial : value);
  return { control, parts: [control], set, value: () => control.value };
}
