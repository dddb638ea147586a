import assert from 'node:assert/strict';
import test from 'node:test';

import { load } from './modules.mjs';

const graph = load('tequio/graph');

const route = (prefix, via, device, owner, metric, refmetric, selected = true) =>
  ({ prefix, via, interface: device, router_id: owner, metric, refmetric, selected });

const ROUTES = [
  route('10.77.0.5/32', null, '', 'me', 0, null),
  route('10.77.0.3/32', 'fe80::3', 'm-hill', 'three', 96, 0),
  route('10.77.0.1/32', 'fe80::3', 'm-hill', 'one', 288, 192),
  route('0.0.0.0/0', 'fe80::3', 'm-hill', 'one', 288, 192),
  route('10.77.0.1/32', 'fe80::4', 'm-loma', 'one', 512, 256, false),
  route('10.77.0.4/32', 'fe80::4', 'm-loma', 'four', 256, 0),
  route('10.77.8.0/22', 'fe80::4', 'm-loma', 'gone', null, null),
];
const NEIGHBOURS = [
  { interface: 'm-hill', cost: 96 }, { interface: 'm-loma', cost: 256 }, { interface: 'm-dead', cost: null },
];

test('who is reached, through whom, and where the way outside is', () => {
  const model = graph.model(ROUTES, NEIGHBOURS);
  assert.deepEqual(model.nodes.map((node) => [node.id, node.label, node.device, node.neighbour, node.outside]), [
    ['three', '10.77.0.3', 'm-hill', true, false],
    ['four', '10.77.0.4', 'm-loma', true, false],
    ['one', '10.77.0.1', 'm-hill', false, true],
  ]);
  assert.deepEqual(model.devices.map((device) => device.name), ['m-hill', 'm-loma', 'm-dead']);
});

for (const shape of ['wide', 'narrow'])
  test(`the ${shape} drawing has everybody inside, once, and joined`, () => {
    const drawn = graph[shape](graph.model(ROUTES, NEIGHBOURS));
    assert.equal(drawn.places.length, 5);
    assert.equal(new Set(drawn.places.map((place) => place.node.id)).size, 5);
    assert.equal(drawn.lines.length, 4);
    for (const { x, y } of drawn.places)
      assert.ok(x > 0 && x < drawn.width && y > 0 && y < drawn.height, `${x} ${y}`);
    assert.equal(new Set(drawn.places.map((place) => `${place.x} ${place.y}`)).size, 5, 'two in one place');
    assert.ok(drawn.lines.every((line) => line.a && line.b));
    assert.ok(drawn.lines.some((line) => line.cost === null), 'the dead link is seen');
  });

test('a node that knows nobody is drawn alone', () => {
  const model = graph.model([], []);
  for (const shape of ['wide', 'narrow'])
    assert.deepEqual(graph[shape](model).places.map((place) => place.kind), ['self']);
});

test('a thousand routes are one node each at most', () => {
  const many = Array.from({ length: 1000 }, (_, i) => route(`10.${i >> 8}.${i & 255}.0/24`, 'fe80::3', 'm-hill', `id${i % 50}`, 100 + i, i));
  assert.equal(graph.model(many, NEIGHBOURS).nodes.length, 50);
});
