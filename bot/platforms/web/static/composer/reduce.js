// A photograph that is too large to be sent is made smaller here, before it is.

const QUALITY = 0.9;
const STEPS = 6; // tries, each with half the pixels of the one before

/** A picture of at most so many bytes, under the name of the given one; null if a browser cannot read it. */
export async function reduced(file, most) {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return null;
  const canvas = document.createElement("canvas");
  let scale = Math.min(1, Math.sqrt((2 * most) / file.size));
  for (let step = 0; step < STEPS; step += 1, scale *= Math.SQRT1_2) {
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await encoded(canvas, file.type);
    if (blob && blob.size <= most) return { file: new File([blob], named(file.name, blob.type), { type: blob.type }), width: canvas.width, height: canvas.height };
  }
  return null;
}

/** What may be transparent becomes WebP, where a browser writes that. */
function encoded(canvas, type) {
  const wanted = type === "image/jpeg" ? type : "image/webp";
  return new Promise((done) => canvas.toBlob((blob) => (blob?.type === wanted ? done(blob) : canvas.toBlob(done, "image/jpeg", QUALITY)), wanted, QUALITY));
}

function named(name, type) {
  return `${name.replace(/\.[^.]*$/, "")}.${type === "image/jpeg" ? "jpg" : "webp"}`;
}
