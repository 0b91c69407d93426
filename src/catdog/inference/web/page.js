'use strict';
// The page: images come from files, the clipboard or the camera, and results are shown.

const SHOWN_CLASSES = 5; // the others are folded away
const THUMBNAIL = 160; // pixels
const CAMERA_PAUSE = 200; // milliseconds between two images of the camera

const element = id => document.getElementById(id);
const readJson = id => JSON.parse(element(id).textContent);
const {classNames, imageSize, unsureBelow} = readJson('page-data');
const threshold = element('threshold');
let below = unsureBelow; // exact, until the slider is moved, which has whole percents
let stream = null; // of the camera, while it is on

function say(text, isProblem = false) {
  element('status').textContent = text;
  element('status').classList.toggle('problem', isProblem);
}

function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Return the bytes of a script element that holds base64. */
function bytes(id) {
  const text = atob(element(id).textContent), result = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) result[i] = text.charCodeAt(i);
  element(id).remove(); // frees the text
  return result;
}

/** Load the model; returns a function from pixels to probabilities. */
async function loadModel() {
  const {topology, weightSpecs} = readJson('model');
  const load = catdogRuntime.loadModel;
  const compute = await load(bytes('module'), topology, weightSpecs, bytes('weights').buffer);
  const shape = [1, ...imageSize, 3];
  compute(new Float32Array(shape.reduce((a, b) => a * b)), shape); // the first run is slow
  return pixels => compute(pixels, shape);
}

/** Return the probability of each class. */
function classify(run, image, width, height, isPhoto) {
  return [...run(modelPixels(image, width, height, isPhoto, imageSize))];
}

function percent(probability) {
  return probability >= 0.9995 ? '>99.9%' : `${(100 * probability).toFixed(1)}%`;
}

/** Return the label as `predict` gives it: `unsure` below the threshold. */
function labelOf(probabilities) {
  const highest = Math.max(...probabilities);
  const name = classNames[probabilities.indexOf(highest)];
  return highest < below ? `unsure (${name}?)` : name;
}

function row(name, probability) {
  const bar = make('span', 'bar');
  bar.style.width = `${100 * probability}%`;
  bar.setAttribute('aria-hidden', 'true');
  const heading = make('th', '', make('span', '', bar, make('span', 'name', name)));
  heading.scope = 'row';
  const line = make('tr', '', heading, make('td', '', percent(probability)));
  line.dataset.probability = probability;
  line.dataset.name = name;
  return line;
}

/** Return the table of the probabilities, highest first. */
function table(probabilities) {
  const order = classNames.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]);
  const rows = order.map(i => row(classNames[i], probabilities[i]));
  const caption = () => make('caption', 'hint', 'Probabilities');
  const shown = make('table', '', caption(), make('tbody', '', ...rows.slice(0, SHOWN_CLASSES)));
  if (rows.length <= SHOWN_CLASSES) return [shown];
  const rest = make('table', '', caption(), make('tbody', '', ...rows.slice(SHOWN_CLASSES)));
  const summary = make('summary', '', `${rows.length - SHOWN_CLASSES} more classes`);
  return [shown, make('details', '', summary, rest)];
}

function thumbnail(image, width, height, name) {
  const scale = Math.min(1, THUMBNAIL / Math.max(width, height));
  const canvas = make('canvas');
  canvas.width = Math.max(1, Math.round(scale * width));
  canvas.height = Math.max(1, Math.round(scale * height));
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', name);
  return canvas;
}

/** Show an answer; `begin` is when its image arrived. */
function showAnswer(item, name, probabilities, begin) {
  const milliseconds = performance.now() - begin;
  item.probabilities = probabilities;
  item.dataset.milliseconds = milliseconds;
  const label = make('h3', 'label', labelOf(probabilities));
  const file = make('p', 'file', `${name} · ${Math.round(milliseconds)} ms`);
  item.querySelector('.answer').replaceChildren(label, file, ...table(probabilities));
}

/** Classify one file, and show the result in a list item. */
async function addFile(run, file, item) {
  const name = file.name || 'pasted image';
  const answer = make('div', 'answer');
  item.append(answer);
  try {
    const begin = performance.now();
    const image = await decode(file), {width, height} = image;
    const probabilities = classify(run, image, width, height, await isJpeg(file));
    showAnswer(item, name, probabilities, begin);
    item.prepend(thumbnail(image, width, height, name));
    image.close();
    return `${name}: ${labelOf(item.probabilities)}, ${percent(Math.max(...item.probabilities))}`;
  } catch (error) {
    const reason = error instanceof DOMException && error.name === 'InvalidStateError' ?
      'it is damaged, or not an image that this browser knows, such as JPEG or PNG' :
      error.message;
    answer.replaceChildren(make('h3', 'label problem', 'Cannot be read'),
        make('p', 'file', `${name}: ${reason}.`));
    return `${name} cannot be read`;
  }
}

/** Classify files one by one; the newest results come first. */
async function addFiles(files) {
  if (!files.length) return;
  const run = await model; // images may come while it is loaded
  const items = files.map(() => make('li'));
  element('results').prepend(...items);
  element('empty').hidden = true;
  element('clear-line').hidden = false;
  let last = '';
  for (const [number, file] of files.entries()) {
    if (files.length > 1) say(`${number} of ${files.length} files are done.`);
    last = await addFile(run, file, items[number]);
    await new Promise(resolve => setTimeout(resolve)); // so that the page shows it
  }
  say(files.length > 1 ? summary(items) : last);
}

/** Return how many of several files were classified. */
function summary(items) {
  const read = items.filter(item => item.probabilities).length, unread = items.length - read;
  const problem = unread ? ` ${unread} cannot be read.` : '';
  return `${read} of ${items.length} images are classified.${problem}`;
}

function showThreshold() {
  const text = below ? `${+(100 * below).toFixed(2)}%` : 'never';
  element('threshold-text').textContent = text;
  threshold.setAttribute('aria-valuetext', text);
  for (const item of document.querySelectorAll('.results > li')) {
    if (item.probabilities) item.querySelector('.label').textContent = labelOf(item.probabilities);
  }
}

/** Classify what the camera sees, until it is switched off. */
async function watch(video, item) {
  const mine = stream, run = await model;
  let label = '';
  while (stream === mine) {
    const {videoWidth: width, videoHeight: height} = video;
    if (width) {
      const begin = performance.now();
      showAnswer(item, 'camera', classify(run, video, width, height, true), begin);
      if (label !== (label = labelOf(item.probabilities))) say(`Camera: ${label}`);
    }
    await new Promise(resolve => setTimeout(resolve, CAMERA_PAUSE));
  }
}

function stopCamera() {
  for (const track of stream.getTracks()) track.stop();
  stream = null;
  element('live').hidden = true;
  element('camera').textContent = 'Use the camera';
  element('camera').setAttribute('aria-expanded', 'false');
  say('The camera is off.');
}

async function startCamera() {
  element('camera').disabled = true; // a second stream would never be stopped
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}});
  } catch (error) {
    say(`The camera cannot be used: ${error.message}.`, true);
    return;
  } finally {
    element('camera').disabled = false;
  }
  const item = make('li', '', make('div', 'answer'));
  element('live-result').replaceChildren(item);
  element('live').hidden = false;
  element('camera').textContent = 'Stop the camera';
  element('camera').setAttribute('aria-expanded', 'true');
  element('video').srcObject = stream;
  await element('video').play();
  watch(element('video'), item);
}

function listen() {
  element('files').addEventListener('change', event => {
    const files = [...event.target.files];
    event.target.value = ''; // so that the same file can be chosen again
    addFiles(files);
  });
  element('clear').addEventListener('click', () => {
    element('results').replaceChildren();
    element('empty').hidden = false;
    element('clear-line').hidden = true;
    element('files').focus();
    say('All results are removed.');
  });
  threshold.addEventListener('input', () => {
    below = threshold.value / 100;
    showThreshold();
  });
  element('camera').addEventListener('click', () => stream ? stopCamera() : startCamera());
  document.addEventListener('paste', event => addFiles([...event.clipboardData.files]));
  const dragging = on => event => {
    event.preventDefault();
    document.body.classList.toggle('dragging', on);
  };
  document.addEventListener('dragover', dragging(true));
  document.addEventListener('dragleave', dragging(false));
  document.addEventListener('drop', event => {
    dragging(false)(event);
    addFiles([...event.dataTransfer.files]);
  });
}

showThreshold();
listen();
if (!navigator.mediaDevices) element('camera').hidden = true; // Safari, from the disk
const model = loadModel();
model.then(() => say('Ready.'), error => say(`The model cannot run: ${error.message}.`, true));
