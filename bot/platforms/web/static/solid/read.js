// Reads a 3D file. Nothing is fetched but the file itself: what it has elsewhere is lacking, be it on this page's own server.

import { GLTFLoader, Mesh, MeshStandardMaterial, OBJLoader, PLYLoader, Points, PointsMaterial, STLLoader, TextureLoader } from "../vendor/three.js";

const MOST = 200_000_000; // bytes
const READERS = { glb: gltf, gltf, obj, ply, stl };

/** What a file shows, its movements, and whether textures are lacking. Throws a `Told`, or anything where it is broken. */
export async function read(file, signal) {
  const kind = file.filename.split(".").at(-1).toLowerCase();
  return READERS[kind](await bytesOf(file, signal));
}

/** Why a file is not shown: a word of the page, and its gaps. */
export class Told extends Error {
  constructor(word, gaps = {}) {
    super(word);
    Object.assign(this, { word, gaps });
  }
}

async function bytesOf(file, signal) {
  try {
    const answer = await fetch(file.url, { signal });
    if (!answer.ok) throw new Told(answer.status === 404 ? "large_gone" : "unreachable");
    const size = Number(answer.headers.get("Content-Length"));
    if (size > MOST) throw new Told("large_solid_too_large", { size: Math.round(size / 1e6) });
    return await answer.arrayBuffer();
  } catch (fault) {
    throw fault instanceof Told || signal.aborted ? fault : new Told("unreachable");
  }
}

async function gltf(bytes) {
  const found = { lacking: false };
  const loader = new GLTFLoader().register((parser) => {
    parser.fileLoader = { load: (url, done, _progress, failed) => (isData(url) ? done(decoded(url).buffer) : failed()) };
    parser.textureLoader = { load: (url, done, _progress, failed) => texture(url, done, lacks(found, failed)) };
    return { name: "within" };
  });
  const { scene, scenes, animations } = await loader.parseAsync(bytes, "");
  return Object.assign(found, { object: scene ?? scenes[0], clips: animations });
}

function lacks(found, failed) {
  return (fault) => {
    found.lacking = true;
    failed(fault);
  };
}

/** Load a picture that lies within the file: as an element, since the page's policy lets no script fetch it. */
function texture(url, done, failed) {
  if (url.startsWith("blob:")) return new TextureLoader().load(url, done, undefined, failed);
  if (!isData(url)) return failed(new Error("not within the file"));
  const made = URL.createObjectURL(new Blob([decoded(url)]));
  const freed = (then) => (told) => {
    URL.revokeObjectURL(made);
    then(told);
  };
  return new TextureLoader().load(made, freed(done), undefined, freed(failed));
}

function isData(url) {
  return url.startsWith("data:");
}

function decoded(url) {
  const comma = url.indexOf(",");
  const [head, body] = [url.slice(0, comma), url.slice(comma + 1)];
  const text = head.endsWith(";base64") ? atob(body) : decodeURIComponent(body);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function obj(bytes) {
  const object = new OBJLoader().parse(new TextDecoder().decode(bytes));
  object.traverse((part) => {
    if (part.isMesh) part.material = plain(part.geometry);
  });
  return { object, clips: [], lacking: false };
}

function stl(bytes) {
  const shape = new STLLoader().parse(bytes);
  return { object: new Mesh(shape, plain(shape)), clips: [], lacking: false };
}

function ply(bytes) {
  const shape = new PLYLoader().parse(bytes);
  if (!shape.index) return { object: new Points(shape, new PointsMaterial({ vertexColors: shape.hasAttribute("color") })), clips: [], lacking: false };
  if (!shape.hasAttribute("normal")) shape.computeVertexNormals();
  return { object: new Mesh(shape, plain(shape)), clips: [], lacking: false };
}

/** The look of what brings none: like clay, in its own colours where it has them. */
function plain(shape) {
  return new MeshStandardMaterial({ color: shape.hasAttribute("color") ? 0xffffff : 0xd9cdbf, vertexColors: shape.hasAttribute("color"), roughness: 0.75, metalness: 0, side: 2 });
}
