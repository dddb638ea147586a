import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { load } from './modules.mjs';

const qr = load('tequio/qr');

// Symbols that another encoder (the Python package qrcode 8.2, level M, octets) made: every version from 1 to 10, every mask.
const VECTORS = JSON.parse(readFileSync(new URL('qr-vectors.json', import.meta.url), 'utf8'));

const hex = (grid) => grid.map((row) => BigInt(`0b${row.join('')}`).toString(16));

test('symbols are those of another encoder', () => {
  assert.deepEqual([...new Set(VECTORS.map(({ version }) => version))].sort((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(new Set(VECTORS.map(({ mask }) => mask)).size, 8);
  for (const { text, mask, version, rows } of VECTORS) {
    const grid = qr.matrix(text, mask);
    assert.equal(grid.length, 17 + 4 * version, text);
    assert.deepEqual(hex(grid), rows, `version ${version}, mask ${mask}`);
  }
});

test('the mask that is chosen is one of the eight, and the symbol is whole', () => {
  for (const { text } of VECTORS) {
    const chosen = hex(qr.matrix(text)).join();
    const all = [0, 1, 2, 3, 4, 5, 6, 7].map((mask) => hex(qr.matrix(text, mask)).join());
    assert.ok(all.includes(chosen), text);
    assert.ok(qr.matrix(text).flat().every((module) => module === 0 || module === 1));
  }
});

test('what is too long is refused', () => {
  assert.equal(qr.matrix('x'.repeat(213)).length, 57);
  assert.throws(() => qr.matrix('x'.repeat(214)), /too long/);
});

test('the path covers exactly the dark modules', () => {
  const grid = qr.matrix('http://10.77.4.1:2080/login?code=0AV4-630T-QBN4');
  const drawn = grid.map((row) => row.map(() => 0));
  for (const [, x, y, length] of qr.path(grid).matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
    for (let i = 0; i < Number(length); i++) drawn[y - 4][Number(x) - 4 + i]++;
  assert.deepEqual(drawn, grid);
});
