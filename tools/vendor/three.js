// The parts of three.js that the page shows 3D results with. tools/vendor.py makes static/vendor/three.js of them.

export { AnimationMixer, Box3, DirectionalLight, HemisphereLight, Mesh, MeshStandardMaterial, NeutralToneMapping, PerspectiveCamera, PMREMGenerator, Points, PointsMaterial, Scene, TextureLoader, WebGLRenderer } from "three";
export { OrbitControls } from "three/addons/controls/OrbitControls.js";
export { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";
export { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
export { OBJLoader } from "three/addons/loaders/OBJLoader.js";
export { PLYLoader } from "three/addons/loaders/PLYLoader.js";
export { STLLoader } from "three/addons/loaders/STLLoader.js";
