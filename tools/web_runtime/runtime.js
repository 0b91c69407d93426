// The program that runs a model in the page: TensorFlow.js with its WebAssembly backend.
import {env, ready, setBackend, tensor4d, tidy} from '@tensorflow/tfjs-core';
import {loadGraphModel} from '@tensorflow/tfjs-converter';
import {setThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';

const MODULE = 'tfjs-backend-wasm-simd.wasm';

/**
 * Start the backend, and load a model into it.
 *
 * @param {Uint8Array} module - The WebAssembly module with SIMD instructions.
 * @param {object} topology - The graph, as JSON.
 * @param {object[]} weightSpecs - Name, shape and type of each weight.
 * @param {ArrayBuffer} weightData - The weights, one after the other.
 * @returns {Promise<function>} From `Float32Array` pixels and their shape
 *     `[1, height, width, 3]` to the output of the model.
 */
export async function loadModel(module, topology, weightSpecs, weightData) {
  if (!await env().getAsync('WASM_HAS_SIMD_SUPPORT')) {
    throw new Error('this browser is too old: it has no WebAssembly with SIMD');
  }
  env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // threads need a server that isolates pages
  // The backend fetches its module; the page may fetch nothing, and has it at hand.
  env().platform.fetch = async () => ({ok: true, arrayBuffer: async () => module.buffer});
  setWasmPaths({
    'tfjs-backend-wasm.wasm': MODULE,
    'tfjs-backend-wasm-simd.wasm': MODULE,
    'tfjs-backend-wasm-threaded-simd.wasm': MODULE,
  }, true);
  setThreadsCount(1);
  await setBackend('wasm');
  await ready();
  const model = await loadGraphModel(
      {load: async () => ({modelTopology: topology, weightSpecs, weightData})});
  return (pixels, shape) =>
    tidy(() => model.predict(tensor4d(pixels, shape)).dataSync());
}
