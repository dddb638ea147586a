import assert from 'node:assert/strict';
import test from 'node:test';

import { load } from './modules.mjs';

const chart = load('tequio/chart');
const tone = load('tequio/tone');

const numbers = (path) => [...path.matchAll(/-?[\d.]+/g)].map(Number);

test('figures are numbers, and nothing where nothing is known', () => {
  assert.deepEqual(chart.figures('-61,,-59'), [-61, null, -59]);
  assert.deepEqual(chart.figures(''), [null]);
  assert.deepEqual(chart.figures('1e9,NaN,<b>,0x1,7'), [null, null, null, null, 7]);
});

test('a line stays inside, breaks at gaps, and one step alone is a dot', () => {
  const model = chart.model([-60, -62, null, -70, null, -58, -59, -57], { planned: -55, least: 12 });
  assert.equal(model.lines.length, 2);
  assert.equal(model.dots.length, 1);
  const all = model.lines.flatMap(numbers).concat(model.dots.flat());
  for (let i = 0; i < all.length; i += 2) {
    assert.ok(all[i] >= model.left && all[i] <= model.right, `x ${all[i]}`);
    assert.ok(all[i + 1] >= model.top && all[i + 1] <= model.bottom, `y ${all[i + 1]}`);
  }
  assert.ok(model.plan >= model.top && model.plan < numbers(model.lines[0])[1], 'the plan lies above what is less');
});

test('a figure that does not move, one alone, and none', () => {
  const flat = chart.model([100, 100, 100], { planned: null, least: 40, from: 0, to: 100 });
  assert.ok(flat.low < flat.high && flat.high <= 100, `${flat.low} to ${flat.high}`);
  assert.equal(chart.model([-60], { planned: null, least: 12 }).dots.length, 1);
  assert.equal(chart.model([null, null], { planned: -58, least: 12 }), null);
  const zero = chart.model([0, 0], { planned: null, least: 4, from: 0 });
  assert.ok(zero.low === 0 && zero.high > 0);
  assert.equal(chart.model(Array(1440).fill(-60), { planned: null, least: 12 }).lines.length, 1);
});

test('the less is missing, the higher and quicker the tone', () => {
  const tones = [30, 12, 6, 3, 1, 0, -5].map(tone.shape);
  for (let i = 1; i < tones.length; i++) {
    assert.ok(tones[i].hertz >= tones[i - 1].hertz, `${i}`);
    assert.ok(tones[i].each_ms <= tones[i - 1].each_ms, `${i}`);
  }
  assert.ok(tones[0].hertz >= 200 && tones.at(-1).hertz <= 1200);
  assert.equal(tone.shape(null), null);
});
