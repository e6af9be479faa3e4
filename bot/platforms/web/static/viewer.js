// A file in full, over the page. What draws it comes when it is first asked for.

import { say, word } from "./dom.js";

/** What may be done with the run that is seen: set by the page. */
export const actions = {};

/** Show a file of a run, which `alt` describes, or a run: `{ run: id }`, with what `Large` of gallery/large.js takes. */
export async function view(what, alt = "") {
  try {
    const { enlarge } = await import("./gallery/large.js");
    await enlarge(what, alt, actions);
  } catch (fault) {
    say(word("failed", { reason: fault.message }));
  }
}
