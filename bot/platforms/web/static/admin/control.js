// The control room: what is on its screens works without this; this makes them live, and quick.

if (document.querySelector(".inviting")) import("../invitations/invitations.js");
const live = document.querySelector("[data-live]");
if (live) import("./live.js").then((module) => module.keep(live));
if (document.querySelector("[data-review]")) import("./review.js").then((module) => module.begin());
for (const chart of document.querySelectorAll("[data-chart]")) import("./chart.js").then((module) => module.read(chart));
document.querySelector(".ctl-toc [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
if (location.hash.length > 1 && !document.querySelector("[autofocus]")) {
  document.getElementById(location.hash.slice(1))?.focus({ preventScroll: true });
}
