// Build the runtime of the page that `export_model` writes, from packages of npm:
//
//     cd tools/web_runtime && npm ci --ignore-scripts && npm run build
//
// It writes into src/catdog/inference/web:
//
// - runtime.js: TensorFlow.js (core, converter, WebAssembly backend) as one script
// - runtime.wasm: the backend's module with SIMD instructions, as it is in the package
// - runtime.json: versions and licences of the packages, SHA-256 checksums of the two files, and
//   the operations of TensorFlow that they can run
//
// To update: raise the versions in package.json, run
// `npm install --ignore-scripts --omit-lockfile-registry-resolved`, build, and run
// tests/inference/test_web_page.py with Chromium installed.
import {createHash} from 'node:crypto';
import {mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {build} from 'esbuild';

const PACKAGES = new URL('node_modules/', import.meta.url).pathname;
const TARGET = new URL('../../src/catdog/inference/web/', import.meta.url).pathname;
const BACKEND = `${PACKAGES}@tensorflow/tfjs-backend-wasm/`;
const MODULE = 'wasm-out/tfjs-backend-wasm-simd.wasm';
// Kernels whose name differs from that of the operation, and operations that need no kernel.
const KERNELS = {
  AddV2: 'Add', BatchMatMulV2: 'BatchMatMul', BiasAdd: 'Add', BroadcastTo: 'Tile', ConcatV2: 'Concat',
  Div: 'RealDiv', FloorMod: 'Mod', FusedBatchNormV3: 'FusedBatchNorm',
  FusedDepthwiseConv2dNative: 'FusedDepthwiseConv2D', MatMul: 'BatchMatMul', Mul: 'Multiply',
  Pad: 'PadV2', ReverseV2: 'Reverse', SelectV2: 'Select', Split: 'SplitV', Squeeze: 'Reshape',
  StopGradient: 'Identity', _FusedConv2D: 'FusedConv2D',
};
const WITHOUT_KERNEL = ['Const', 'Identity', 'Placeholder'];

// Threads need a server that isolates pages, and the packages of Node are never loaded.
const leaveOut = {
  name: 'leave-out',
  setup(builder) {
    builder.onLoad({filter: /tfjs-backend-wasm-threaded-simd(\.worker)?\.js$/},
        () => ({contents: 'export default null; export const wasmWorkerContents = "";'}));
    builder.onResolve({filter: /^(crypto|fs|node-fetch|os|path|perf_hooks|util|worker_threads)$/},
        ({path}) => ({path, namespace: 'empty'}));
    builder.onLoad({filter: /.*/, namespace: 'empty'}, () => ({contents: ''}));
  },
};

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

async function bundle() {
  const {metafile} = await build({
    absWorkingDir: new URL('.', import.meta.url).pathname,
    entryPoints: ['runtime.js'],
    outfile: `${TARGET}runtime.js`,
    bundle: true,
    minify: true,
    metafile: true,
    format: 'iife',
    globalName: 'catdogRuntime',
    target: ['chrome91', 'firefox90', 'safari16.4'],
    charset: 'ascii',
    legalComments: 'none',
    plugins: [leaveOut],
  });
  writeFileSync(`${TARGET}runtime.wasm`, readFileSync(BACKEND + MODULE));
  const names = Object.keys(metafile.inputs)
      .map(path => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1]);
  return [...new Set(names.filter(Boolean))].sort();
}

function describe(name) {
  const {version, license} = readJson(`${PACKAGES}${name}/package.json`);
  return {name, version, license};
}

function checksum(file) {
  return createHash('sha256').update(readFileSync(TARGET + file)).digest('hex');
}

/** Return the operations that the converter reads, and whose kernel the backend has. */
function operations() {
  const require = createRequire(import.meta.url);
  require('@tensorflow/tfjs-backend-wasm');
  const kernels = require('@tensorflow/tfjs-core').getKernelsForBackend('wasm')
      .map(({kernelName}) => kernelName);
  const folder = `${PACKAGES}@tensorflow/tfjs-converter/dist/operations/op_list/`;
  const names = readdirSync(folder).filter(file => file.endsWith('.js')).flatMap(file =>
    [...readFileSync(folder + file, 'utf8').matchAll(/'tfOpName': '(\w+)'/g)].map(found => found[1]));
  return [...new Set(names)].sort().filter(name =>
    WITHOUT_KERNEL.includes(name) || kernels.includes(KERNELS[name] ?? name));
}

mkdirSync(TARGET, {recursive: true});
const packages = (await bundle()).map(describe);
const sha256 = {'runtime.js': checksum('runtime.js'), 'runtime.wasm': checksum('runtime.wasm')};
writeFileSync(`${TARGET}runtime.json`,
    JSON.stringify({packages, sha256, operations: operations()}, null, 1) + '\n');
