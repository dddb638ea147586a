// The pictures that the page of services offers are those that the node takes, and shows on the portal.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { load } from './modules.mjs';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const pictures = load('tequio/pictures');

test('the page offers the pictures that the node knows, in its order', () => {
  const known = [...read('src/node/services.rs').split('const ICONS')[1].split('];')[0].matchAll(/\("(\w+)", "(.+?)"\)/g)];
  assert.equal(known.length, 15);
  assert.deepEqual(Object.entries(pictures.all), known.map(([, word, picture]) => [word, picture]));
  const help = read('src/cli/commands.rs').split('--icon WORD   ')[1].split('\n\n')[0].trim().split(/\s+/);
  assert.deepEqual(Object.keys(pictures.all), help);
});

test('each can be chosen by a word, and none at all', () => {
  const choices = pictures.choices();
  assert.deepEqual(choices[0], ['', 'none']);
  assert.deepEqual(choices.slice(1).map(([name]) => name), Object.keys(pictures.all));
  assert.ok(choices.slice(1).every(([name, words]) => words.startsWith(`${pictures.of(name)} `)));
  assert.equal(pictures.of('constructor'), '');
  assert.equal(pictures.of(null), '');
});
