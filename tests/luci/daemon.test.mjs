// The page's rules against the daemon itself: `tequio check` must say the same of every sample.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { load } from './modules.mjs';
import { SAMPLES } from './samples.mjs';

const PROGRAM = process.env.TEQUIO || fileURLToPath(new URL('../../target/debug/tequio', import.meta.url));
const rules = load('tequio/rules');

// A whole configuration in which everything is right but, perhaps, this one option.
const RIGHT = {
  node: { name: 'plaza' },
  interface: { device: 'eth1', kind: 'wired' },
  announce: { prefix: '10.77.4.0/22' },
  hotspot: { device: 'br-guest', address: '10.77.4.1', prefix: '10.77.4.0/22' },
  service: { name: 'Biblioteca', url: 'http://a/', prefix: '10.77.8.2' },
  person: { login: 'ana', name: 'Ana', role: 'caretaker' },
};

function configuration(section, option, text) {
  const all = structuredClone(RIGHT);
  all[section][option] = text;
  // An address lies in its prefix; the samples of one must not fail for the other.
  if (section === 'hotspot' && option === 'prefix')
    all.hotspot.address = text.startsWith('10.0.0.0') ? '10.0.0.1' : '10.77.4.1';
  const quote = (value) => `'${value.replaceAll("'", "'\\''")}'`;
  return Object.entries(all).map(([kind, options]) => `config ${kind}\n${Object.entries(options)
    .map(([name, value]) => `\t${['prefix6', 'infrastructure'].includes(name) || (kind === 'service' && name === 'prefix') ? 'list' : 'option'} ${name} ${quote(value)}\n`).join('')}`).join('\n');
}

test('the daemon says the same of every sample', () => {
  assert.ok(existsSync(PROGRAM), `${PROGRAM} is not there; build it first: cargo build`);
  const folder = mkdtempSync(join(tmpdir(), 'tequio-rules-'));
  try {
    const file = join(folder, 'tequio');
    for (const { section, option, good, bad } of SAMPLES)
      for (const text of [...good, ...bad]) {
        writeFileSync(file, configuration(section, option, text));
        const check = spawnSync(PROGRAM, ['check', '--config', file], { encoding: 'utf8' });
        assert.ok([0, 1, 2].includes(check.status), check.stderr);
        assert.equal(check.status === 0, rules.check(section, option, text) === true, `${section}.${option} ${JSON.stringify(text)}: ${check.stderr}`);
      }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
