// The page's rules against the daemon itself: `tequio check` must say the same of every sample.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { load } from './modules.mjs';
import { SAMPLES, WHOLE } from './samples.mjs';
import { BUILT } from './village.mjs';

const PROGRAM = join(BUILT, 'tequio');
const rules = load('tequio/rules');

// A whole configuration in which everything is right but, perhaps, this one option.
const RIGHT = {
  node: { name: 'plaza' },
  interface: { device: 'eth1', kind: 'wired', key: ['mesh'] },
  key: { name: 'mesh', algorithm: 'hmac-sha256', value: '0a'.repeat(32) },
  announce: { prefix: '10.77.4.0/22' },
  hotspot: { device: 'br-guest', address: '10.77.4.1', prefix: '10.77.4.0/22' },
  filter: { direction: 'redistribute', prefix: '10.0.0.0/8', action: 'allow' },
  entitled: { prefix: ['10.77.4.0/22'] },
  uplink: { device: 'wan' },
  queue: { device: 'wan', upload_kbit: '4000' },
  service: { name: 'Biblioteca', url: 'http://a/', prefix: '10.77.8.2' },
  policy: { name: 'Escuela', device: 'br-school' },
  person: { login: 'ana', name: 'Ana', role: 'caretaker' },
};

function configuration(section, option, text) {
  const all = structuredClone(RIGHT);
  all[section][option] = text;
  // What hangs together must not fail for the sample of one option.
  if (section === 'key' && option === 'name') all.interface.key = [text];
  if (section === 'interface' && option === 'key') all.key.name = text;
  if (section === 'key' && option === 'algorithm' && text === 'blake2s128') all.key.value = '0a'.repeat(16);
  if (section === 'interface' && ['distance_m', 'control_file'].includes(option)) all.interface.kind = 'wireless';
  // An address lies in its prefix; the samples of one must not fail for the other.
  if (section === 'hotspot' && option === 'prefix')
    all.hotspot.address = text.startsWith('10.0.0.0') ? '10.0.0.1' : '10.77.4.1';
  return written(Object.entries(all));
}

// A configuration as a file.
function written(sections) {
  const quote = (value) => `'${value.replaceAll("'", "'\\''")}'`;
  const lines = (kind, name, value) => (rules.rule(kind, name)[2].list ?
    [value].flat().map((item) => `\tlist ${name} ${quote(item)}\n`).join('') : `\toption ${name} ${quote(value)}\n`);
  return sections.map(([kind, options]) =>
    `config ${kind}\n${Object.entries(options).map(([name, value]) => lines(kind, name, value)).join('')}`).join('\n');
}

// What the settings page says of a whole configuration: every field of every section, and how many there are.
function page(sections) {
  const of = (kind) => sections.filter((section) => section[0] === kind).map((section) => section[1]);
  return Object.entries(rules.sections).every(([kind, rule]) => {
    const all = of(kind);
    return all.length <= rule.most && (all.length > 0 || !rule.required) && all.every((options) => rule.options.every(([name, , missing]) => {
      const given = options[name] ?? '', list = missing.list;
      const others = all.filter((other) => other !== options && (!rule.apart || other[rule.apart] === options[rule.apart])).map((other) => other[name]);
      const together = (value) => rules.together(kind, name, value, (other) => options[other], others, of('interface').map((one) => one.device), of('key'));
      const right = (value) => rules.check(kind, name, value) === true && ((value === '' && kind !== 'key') || together(value) === true);
      return list ? given.length >= list[0] && given.length <= list[1] && [given].flat().every(right) : right(given);
    }));
  });
}

// What the daemon says of a file.
function check(file, text) {
  writeFileSync(file, text);
  const said = spawnSync(PROGRAM, ['check', '--config', file], { encoding: 'utf8' });
  assert.ok([0, 1, 2].includes(said.status), said.stderr);
  return said;
}

test('there are samples of every option', () => {
  const all = Object.entries(rules.sections).flatMap(([kind, { options }]) => options.map(([name]) => `${kind}.${name}`));
  assert.deepEqual(SAMPLES.map(({ section, option }) => `${section}.${option}`).sort(), all.sort());
});

test('the daemon says the same of every sample', () => {
  assert.ok(existsSync(PROGRAM), `${PROGRAM} is not there; build it first: cargo build`);
  const folder = mkdtempSync(join(tmpdir(), 'tequio-rules-'));
  try {
    const file = join(folder, 'tequio');
    for (const { section, option, good, bad } of SAMPLES)
      for (const text of [...good, ...bad]) {
        const said = check(file, configuration(section, option, text));
        assert.equal(said.status === 0, rules.check(section, option, text) === true, `${section}.${option} ${JSON.stringify(text)}: ${said.stderr}`);
      }
    for (const { what, sections, right } of WHOLE) {
      assert.equal(page(sections), right, what);
      const said = check(file, written(sections));
      assert.equal(said.status === 0, right, `${what}: ${said.stderr}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
