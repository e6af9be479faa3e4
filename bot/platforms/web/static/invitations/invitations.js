// Invitations: a link is copied with one press, and the day of the end shows where there is one.

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copies);
    document.getElementById("inviting-copied").textContent = button.dataset.done;
  });
}

const form = document.querySelector("form.inviting-new");
if (form !== null) {
  const day = form.querySelector(".inviting-day");
  const follow = () => { day.hidden = new FormData(form).get("ends") !== "day"; };
  form.addEventListener("change", follow);
  follow();
}
