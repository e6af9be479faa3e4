// A file in full, over the page. What draws it comes when it is first asked for.

import { acts } from "./app.js";
import { say, word } from "./dom.js";

const actions = { ...acts, home: async () => (await import("./gallery/route.js")).home() };

/** Show a file of a run, which `alt` describes, or a run: `{ run: id }`, with what `Large` of gallery/large.js takes. */
export async function view(what, alt = "") {
  try {
    const { enlarge } = await import("./gallery/large.js");
    await enlarge(what, alt, actions);
  } catch (fault) {
    say(word("failed", { reason: fault.message }));
  }
}
