import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { load } from './modules.mjs';
import { SAMPLES } from './samples.mjs';

const rules = load('tequio/rules');
const DOCUMENT = readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8');

// Rows of the table below `## config KIND`: name, value, default.
function documented(kind) {
  const part = DOCUMENT.split(`## config ${kind}\n`)[1].split('\n## ')[0];
  return part.split('\n').filter((line) => line.startsWith('| `')).map((line) => {
    const cells = line.slice(1, -1).split(' | ').map((cell) => cell.trim());
    return [cells[0].replaceAll('`', ''), cells[2], cells[3]];
  });
}

function missing(rule) {
  if (rule.required) return 'required';
  if (rule.is !== undefined) return `\`${rule.is}\``;
  return rule.follows ?? `list, ${rule.list[0]} to ${rule.list[1]}`;
}

test('the page asks for what docs/config.md says, no more and no less', () => {
  const kinds = [...DOCUMENT.matchAll(/^## config (\w+)$/gm)].map((match) => match[1]);
  assert.deepEqual(Object.keys(rules.sections), kinds);
  for (const kind of kinds)
    assert.deepEqual(rules.sections[kind].options.map(([name, value, rule]) => [name, rules.expected(value), missing(rule)]), documented(kind), kind);
});

test('how many sections there may be is what docs/config.md says', () => {
  for (const [kind, rule] of Object.entries(rules.sections)) {
    const said = DOCUMENT.split(`## config ${kind}\n`)[1].split('|')[0].replace(/\s+/g, ' ');
    const most = /(\d+) at most/.exec(said)?.[1] ?? (/\bonce\b/i.test(said) ? 1 : null);
    assert.equal(rule.most, Number(most), said);
    const unique = /No two sections (?:name the same|of .* name the same) (\w+)/i.exec(said)?.[1];
    if (unique) assert.equal(rule.unique, unique.toLowerCase(), said);
  }
});

test('what holds without an option is said in words that can be translated', () => {
  for (const [kind, { options }] of Object.entries(rules.sections))
    for (const [name, , missing] of options)
      if (missing.follows) assert.equal(typeof rules.unless(missing.follows), 'string', `${kind}.${name}: ${missing.follows}`);
});

test('good values pass, bad ones do not', () => {
  for (const { section, option, good, bad } of SAMPLES) {
    for (const text of good) assert.equal(rules.check(section, option, text), true, `${section}.${option} ${JSON.stringify(text)}`);
    for (const text of bad) assert.match(String(rules.check(section, option, text)), /^Expected: /, `${section}.${option} ${JSON.stringify(text)}`);
  }
});

test('an option that must be given is asked for; another may be empty', () => {
  assert.match(rules.check('node', 'name', ''), /^Expected/);
  assert.equal(rules.check('node', 'route_table', ''), true);
  assert.equal(rules.check('hotspot', 'prefix6', null), true);
});

test('options that hang together are held against each other', () => {
  const read = (values) => (name) => values[name];
  const together = (section, name, text, values = {}, others = [], mesh = []) => rules.together(section, name, text, read(values), others, mesh);
  assert.match(together('interface', 'device', 'eth1', {}, ['eth1']), /Another/);
  assert.equal(together('interface', 'device', 'eth1', {}, ['eth2']), true);
  assert.match(together('interface', 'split_horizon', '1', { kind: 'wireless' }), /cable/);
  assert.equal(together('interface', 'split_horizon', '1', { kind: 'wired' }), true);
  assert.match(together('hotspot', 'device', 'eth1', {}, [], ['eth1']), /mesh/);
  for (const [address, prefix, fits] of [
    ['10.77.4.1', '10.77.4.0/22', true], ['10.77.7.254', '10.77.4.0/22', true], ['10.77.4.0', '10.77.4.0/22', false],
    ['10.77.7.255', '10.77.4.0/22', false], ['10.77.8.1', '10.77.4.0/22', false], ['223.1.1.1', '223.0.0.0/8', true],
  ])
    assert.equal(together('hotspot', 'address', address, { prefix }) === true, fits, `${address} ${prefix}`);
  assert.match(together('hotspot', 'usage_interval_s', '21', { lease_s: '60' }), /third/);
  assert.equal(together('hotspot', 'usage_interval_s', '300', {}), true);
});
