// A file in place: a picture, a video, sound or text; and for all else the way to have it.

import { make, word } from "../dom.js";

/** Show a file, or a text, in a plane. Returns true for what can be zoomed. */
export function put(plane, file, text, alt) {
  plane.className = `large-plane ${file?.kind ?? "text"}`;
  switch (file?.kind) {
    case "image":
      plane.replaceChildren(make("img", { src: file.url, alt, draggable: "false" }));
      return true;
    case "video":
      plane.replaceChildren(make("video", { src: file.url, controls: true, loop: true, playsinline: true, preload: "metadata", "aria-label": alt }));
      return false;
    case "audio":
      plane.replaceChildren(make("audio", { src: file.url, controls: true, preload: "metadata", "aria-label": alt }));
      return false;
    case undefined:
      plane.replaceChildren(make("pre", { tabindex: "0" }, text));
      return false;
    default:
      plane.replaceChildren(make("p", { class: "large-none" }, file.filename, make("br"), word("large_no_viewer")));
      return false;
  }
}
