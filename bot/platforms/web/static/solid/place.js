// The place of a 3D model in the large view. What draws it is loaded with the first one.

import { make, word } from "../dom.js";

const READABLE = /\.(glb|gltf|obj|ply|stl)$/i;

/** Whether a file is a 3D model that can be turned. */
export function isSolid(file) {
  return file?.kind === "3d" && READABLE.test(file.filename);
}

/** What reads and draws. */
function drawers() {
  return Promise.all([import("./read.js"), import("./view.js")]).catch((fault) => {
    throw Object.assign(fault, { word: "unreachable" });
  });
}

export class Solids {
  /** `changed` is told when one is there, and when it is gone. */
  constructor(plane, changed) {
    Object.assign(this, { plane, changed, shown: null });
  }

  /** Show a file; a sentence says that it loads, or why it cannot be shown. */
  async show(file, alt) {
    const said = make("p", { class: "large-none", role: "status" }, word("large_solid_loading"));
    this.plane.className = "large-plane solid";
    this.plane.replaceChildren(said);
    this.over = new AbortController();
    const { signal } = this.over;
    try {
      const [{ read }, { Solid }] = await drawers();
      const found = await read(file, signal);
      signal.throwIfAborted();
      this.shown = new Solid(found, alt, () => this.fail(said, file, word("large_solid_no_webgl")));
      this.plane.prepend(this.shown.canvas);
      said.textContent = found.lacking ? word("large_solid_lacking") : "";
      this.changed();
    } catch (fault) {
      if (!signal.aborted) this.fail(said, file, word(fault.word ?? "large_solid_broken", fault.gaps));
    }
  }

  fail(said, file, why) {
    this.end();
    said.replaceChildren(file.filename, make("br"), why);
  }

  /** Take it away, and free its memory. */
  end() {
    this.over?.abort();
    this.shown?.end();
    this.shown = null;
    this.changed();
  }
}
