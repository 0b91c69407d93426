'use strict';

const NAMES = {labels: 'Labels', duplicates: 'Near duplicates', broken: 'Broken files', quality: 'Quality'};
const HEADINGS = {labels: 'Suspicious label', duplicates: 'Near duplicate', broken: 'Broken file',
  quality: 'Quality'};
const SMALL = 320;   // pixels of the longer side; smaller images are enlarged
const MAX_FACTOR = 3; // or sharp images would look blurred
const find = id => document.getElementById(id);

let state;        // what the server told
let steps = [];   // each image of each item, in order: {item, image}
let at = 0;       // the step that is shown
let busy = false; // a decision is on its way
let digits = '';  // typed so far, if there are more classes than one digit can name

async function ask(route, body) {
  const options = body === undefined ? {} :
    {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)};
  let response;
  try {
    response = await fetch(route, options);
  } catch {
    throw new Error('catdog review has ended, and nothing was saved. Start it again in the terminal, ' +
      'and open the address that it prints.');
  }
  if (!response.ok) {
    throw Object.assign(new Error((await response.text()).trim()), {status: response.status});
  }
  return response.json();
}

const decisionOf = step => state.decisions[step.image];
const isDecidable = step => state.images[step.image].readable;
const isOpen = step => isDecidable(step) && decisionOf(step) === null;

function inWords(image) {
  const decision = state.decisions[image];
  if (decision === null) return state.images[image].readable ? 'Not decided yet' : 'Nothing to decide';
  if (decision.label === null) return 'Left out';
  return decision.label === state.images[image].label ? 'Kept' : `Label: ${decision.label}`;
}

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function showProgress() {
  const images = [...new Set(steps.filter(isDecidable).map(step => step.image))];
  const done = images.filter(image => state.decisions[image] !== null).length;
  find('progress').textContent = images.length ?
    `${done} of ${images.length} images decided, in ${state.file}` : 'There is nothing to decide.';
  const section = steps.length ? state.items[steps[at].item].section : null;
  for (const button of find('sections').children) {
    const open = steps.filter(step => state.items[step.item].section === button.dataset.section && isOpen(step));
    const count = button.dataset.section === 'broken' ? button.dataset.count :
      `${new Set(open.map(step => step.item)).size} open`;
    button.textContent = `${NAMES[button.dataset.section]} (${count})`;
    button.setAttribute('aria-current', String(button.dataset.section === section));
  }
}

function enlarge(shown) {
  const longer = Math.max(shown.naturalWidth, shown.naturalHeight);
  if (longer < SMALL) shown.width = Math.round(shown.naturalWidth * Math.min(MAX_FACTOR, SMALL / longer));
}

function makeFigure(image, isCurrent, step, isOfPair) {
  const about = state.images[image];
  const figure = element('figure', '', {'aria-current': String(isCurrent)});
  const frame = element('div', '', {class: 'frame'});
  if (about.readable) {
    const shown = element('img', '', {src: `image/${image}`, alt: `${about.name}, labelled ${about.label}`});
    shown.addEventListener('load', () => enlarge(shown));
    shown.addEventListener('error', () => frame.replaceChildren(element('p',
      'This image can no longer be shown: it was removed or changed since catdog review began.')));
    frame.append(shown);
  } else {
    frame.append(element('p', 'It cannot be shown. Repair or remove the file, or leave it out by catdog train --skip-bad.'));
  }
  const caption = element('figcaption', '');
  caption.append(element('p', about.name));
  const facts = [about.label === null ? 'in no class' : `labelled ${about.label}`];
  if (about.split) facts.push(`${about.split} set`);
  caption.append(element('p', facts.join(', '), {class: 'facts'}));
  caption.append(element('p', inWords(image), {class: 'decision'}));
  if (isOfPair) { // the current one keeps its place, so that both images are on one line
    caption.append(element('button', 'Decide about this one', {type: 'button'}));
    if (!isCurrent) figure.addEventListener('click', () => go(step));
  }
  figure.prepend(caption, frame);
  return figure;
}

function showStep() {
  showProgress();
  const {item: number, image} = steps[at];
  const item = state.items[number];
  const same = state.items.filter(other => other.section === item.section);
  const more = state.leftOff[item.section];
  find('heading').textContent = `${HEADINGS[item.section]} ${same.indexOf(item) + 1} of ${same.length}` +
    (more ? ` (${more} more are not shown)` : '');
  find('reason').textContent = item.reason;
  const first = at - item.images.indexOf(image);
  find('figures').replaceChildren(...item.images.map(
    (each, place) => makeFigure(each, each === image, first + place, item.images.length > 1)));
  const decision = decisionOf(steps[at]);
  const off = String(!isDecidable(steps[at]));
  find('keep').setAttribute('aria-pressed', String(decision?.label === state.images[image].label));
  find('leave-out').setAttribute('aria-pressed', String(decision !== null && decision.label === null));
  for (const button of find('classes').children) {
    button.setAttribute('aria-pressed', String(decision?.label === button.dataset.name));
    button.classList.toggle('suggested', item.suggested === button.dataset.name);
  }
  for (const button of [find('keep'), find('leave-out'), ...find('classes').children]) {
    button.setAttribute('aria-disabled', off);
  }
  find('undo').setAttribute('aria-disabled', String(!state.canUndo));
  preload();
}

// The next image is on its way while this one is looked at.
function preload() {
  const next = steps[at + 1];
  if (next && isDecidable(next)) new Image().src = `image/${next.image}`;
}

function go(step) {
  digits = '';
  at = step;
  showStep();
}

function say(text) {
  find('status').textContent = text;
}

function move(by) {
  if (at + by < 0 || at + by >= steps.length) return say(by < 0 ? 'This is the first image.' : 'This is the last image.');
  say('');
  go(at + by);
}

// The other image of a pair comes before all others.
function nextOpen() {
  const beside = steps.findIndex((step, number) =>
    number !== at && step.item === steps[at].item && isOpen(step));
  if (beside >= 0) return beside;
  const after = steps.findIndex((step, number) => number > at && isOpen(step));
  return after >= 0 ? after : steps.findIndex(isOpen);
}

// Nothing is shown as saved before the server says so. Keys that are pressed meanwhile do not count.
async function change(route, body, whenSaved) {
  if (busy) return;
  busy = true;
  find('problem').textContent = '';
  try {
    const answer = await ask(route, body);
    Object.assign(state, {decisions: answer.decisions, canUndo: answer.canUndo});
    whenSaved(answer.image);
  } catch (error) {
    say('');
    find('problem').textContent = `Not saved: ${error.message}`;
    if (error.status === 409) await refresh();
  } finally {
    busy = false;
  }
}

function decide(label) {
  const step = steps[at];
  digits = '';
  if (!isDecidable(step)) return say('It cannot be read, so there is nothing to decide.');
  const body = {image: step.image, decision: {label}, before: decisionOf(step)};
  return change('decide', body, image => {
    const text = `${state.images[image].name}: ${inWords(image)}, saved.${isLost(step.item) ?
      ' Now both images are left out.' : ''}`;
    const next = nextOpen();
    if (next >= 0) at = next;
    showStep();
    say(next >= 0 ? text : `${text} All images are decided.`);
  });
}

/** Return whether all images of a pair are left out. */
function isLost(number) {
  const {images} = state.items[number];
  return images.length > 1 && images.every(image => state.decisions[image]?.label === null);
}

function undo() {
  if (!state.canUndo) return say('There is nothing to undo.');
  return change('undo', {}, image => {
    if (steps[at].image !== image) at = steps.findIndex(step => step.image === image);
    showStep();
    say(`${state.images[image].name}: undone, saved.`);
  });
}

const keep = () => decide(state.images[steps[at].image].label);

async function refresh() {
  try {
    const {decisions, canUndo} = await ask('state');
    Object.assign(state, {decisions, canUndo});
    showStep();
  } catch { /* the next decision will say it */ }
}

// With more than nine classes, digits are collected until no other number begins with them.
function typeDigit(key) {
  const count = state.classNames.length;
  const number = Number(digits + key);
  if (number < 1 || number > count) {
    digits = '';
    return say(`There are ${count} classes.`);
  }
  if (number * 10 > count) return decide(state.classNames[number - 1]);
  digits += key;
  say(`${number}: press Enter for ${state.classNames[number - 1]}, or another digit.`);
}

const KEYS = {
  k: keep, x: () => decide(null), u: undo, n: () => move(1), p: () => move(-1),
  ArrowRight: () => move(1), ArrowLeft: () => move(-1),
};

function onKey(event) {
  if (!find('shortcuts').checked || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  if (digits && event.key === 'Enter') {
    event.preventDefault();
    decide(state.classNames[Number(digits) - 1]);
  } else if (/^[0-9]$/.test(event.key)) {
    typeDigit(event.key);
  } else {
    digits = '';
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  }
}

function addButtons() {
  state.classNames.forEach((name, number) => {
    const button = element('button', `${name} `, {type: 'button', 'data-name': name});
    button.append(element('kbd', String(number + 1)));
    if (number < 9) button.setAttribute('aria-keyshortcuts', String(number + 1));
    button.addEventListener('click', () => decide(name));
    find('classes').append(button);
  });
  for (const section of state.sections) {
    const inside = steps.flatMap((step, number) => state.items[step.item].section === section ? [number] : []);
    const button = element('button', '', {type: 'button', 'data-section': section,
      'data-count': state.items.filter(item => item.section === section).length});
    button.addEventListener('click', () => {
      say('');
      go(inside.find(number => isOpen(steps[number])) ?? inside[0]);
    });
    if (inside.length) find('sections').append(button);
  }
  for (const [id, action] of [['keep', keep], ['leave-out', () => decide(null)], ['undo', undo],
    ['previous', () => move(-1)], ['next', () => move(1)]]) {
    find(id).addEventListener('click', action);
  }
}

async function start() {
  try {
    state = await ask('state');
  } catch (error) {
    find('problem').textContent = error.message;
    return;
  }
  steps = state.items.flatMap((item, number) => item.images.map(image => ({item: number, image})));
  if (!steps.length) return showProgress();
  addButtons();
  at = Math.max(0, steps.findIndex(isOpen));
  find('item').hidden = find('actions').hidden = false;
  showStep();
  document.addEventListener('keydown', onKey);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !busy) refresh();
  });
}

start();
