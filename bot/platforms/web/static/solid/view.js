// A 3D result in place: turned, zoomed and moved by hand, drawn only when something has changed.

import { make } from "../dom.js";
import { Told } from "./read.js";
import { AnimationMixer, Box3, DirectionalLight, HemisphereLight, NeutralToneMapping, OrbitControls, PerspectiveCamera, PMREMGenerator, RoomEnvironment, Scene, WebGLRenderer } from "../vendor/three.js";

const ANGLE = 35; // degrees of what is seen
const TURN = Math.PI / 12; // by one key
const LONGEST = 0.1; // seconds that a movement goes on by in one frame: after a pause it does not jump
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

export class Solid {
  /** Shows what `read` has found as `canvas`. `lost` is told where the browser takes its memory away. Throws where it cannot. */
  constructor({ object, clips }, alt, lost) {
    const box = new Box3().setFromObject(object);
    if (box.isEmpty() || !Number.isFinite(box.min.lengthSq() + box.max.lengthSq())) throw new Error("nothing to see");
    this.canvas = make("canvas", { role: "img", "aria-label": alt });
    const context = this.canvas.getContext("webgl2", { antialias: true });
    if (!context) throw new Told("large_solid_no_webgl");
    this.quick = hasGpu(context);
    this.renderer = new WebGLRenderer({ canvas: this.canvas, context });
    this.renderer.toneMapping = NeutralToneMapping;
    this.scene = new Scene();
    this.scene.add(object);
    if (this.quick) this.surround();
    else this.light(object);
    this.stand(object, box);
    this.moves = clips.length > 0;
    this.mixer = new AnimationMixer(object);
    for (const clip of clips) this.mixer.clipAction(clip).play();
    this.playing = this.moves && this.glides;
    this.over = new AbortController();
    document.addEventListener("visibilitychange", () => this.draw(), { signal: this.over.signal });
    this.canvas.addEventListener("webglcontextlost", lost, { signal: this.over.signal });
    this.sizes = new ResizeObserver(() => this.measure());
    this.sizes.observe(this.canvas);
  }

  /** Whether it may move by itself. */
  get glides() {
    return this.quick && !STILL.matches;
  }

  /** A room around it, which metal shows: files often say of everything that it is metal. */
  surround() {
    const maker = new PMREMGenerator(this.renderer);
    this.scene.environment = maker.fromScene(new RoomEnvironment(), 0.04).texture;
    maker.dispose();
  }

  /** Lights alone, where the processor draws: to work a room out takes it seconds. What is metal would be black. */
  light(object) {
    const sun = new DirectionalLight(0xffffff, 2.2);
    sun.position.set(0.6, 1, 0.8);
    this.scene.add(new HemisphereLight(0xffffff, 0x8d8175, 1.8), sun);
    object.traverse((part) => {
      for (const material of [part.material ?? []].flat()) if (material.metalness) material.metalness *= 0.3;
    });
  }

  /** Look at it from where all of it is in sight. */
  stand(object, box) {
    const middle = box.getCenter(box.min.clone());
    const radius = box.min.distanceTo(box.max) / 2 || 1;
    this.radius = radius;
    object.traverse((part) => {
      if (part.isPoints) part.material.size = radius * Math.min(0.05, Math.max(0.003, 2 / Math.sqrt(part.geometry.attributes.position.count)));
    });
    this.camera = new PerspectiveCamera(ANGLE, 1, radius / 100, radius * 60);
    this.camera.position.set(0.55, 0.4, 1).setLength(1).multiplyScalar(this.distance(1)).add(middle);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.target.copy(middle);
    Object.assign(this.controls, { enableDamping: this.glides, minDistance: radius / 20, maxDistance: radius * 20 });
    this.controls.update();
    this.controls.saveState();
    this.controls.addEventListener("change", () => this.draw());
  }

  /** How far away all of it is in sight. */
  distance(aspect) {
    const half = Math.atan(Math.tan((ANGLE * Math.PI) / 360) * Math.min(1, aspect));
    return (this.radius / Math.sin(half)) * 1.02;
  }

  measure() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.renderer.setPixelRatio(this.quick ? Math.min(2, devicePixelRatio) : 1);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    if (!this.seen) this.back();
    this.paint(performance.now());
  }

  /** As it was at first. */
  back() {
    this.controls.reset();
    const { target } = this.controls;
    this.camera.position.sub(target).setLength(this.distance(this.camera.aspect)).add(target);
    this.controls.update();
    this.draw();
  }

  draw() {
    if (!this.frame && !document.hidden) this.frame = requestAnimationFrame((now) => this.paint(now));
  }

  paint(now) {
    this.frame = 0;
    if (this.playing) this.mixer.update(Math.min(LONGEST, (now - (this.when ?? now)) / 1000));
    this.when = this.playing ? now : undefined;
    this.controls.update();
    this.renderer.render(this.scene, this.camera);
    this.seen = true;
    if (this.playing) this.draw();
  }

  /** Zoom by a factor. */
  by(factor) {
    this.controls.dollyIn(1 / factor);
    this.draw();
  }

  fit() {
    this.back();
  }

  /** Turn it by a key: to the left or right, up or down. */
  turn(x, y) {
    this.controls.rotateLeft(x * TURN);
    this.controls.rotateUp(y * TURN);
    this.draw();
  }

  play(on = !this.playing) {
    this.playing = on;
    this.draw();
  }

  /** Free its memory: browsers keep only a few of these. */
  end() {
    this.over.abort();
    cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    this.controls.dispose();
    this.scene.environment?.dispose();
    this.renderer.dispose();
    if (!this.renderer.getContext().isContextLost()) this.renderer.forceContextLoss();
    this.canvas.remove();
  }
}

/** Whether something else than the processor draws. */
function hasGpu(context) {
  const names = context.getExtension("WEBGL_debug_renderer_info");
  return !SOFTWARE.test(context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER));
}
