import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { sources } from './strings.mjs';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const RUNTIME = read('lab/src/luci/www/runtime.js');

// The table of docs/luci-host.md: module -> calls.
const listed = new Map([...read('docs/luci-host.md').matchAll(/^\| `(\w+)` \| (.*) \|$/gm)]
  .map(([, module, calls]) => [module, [...calls.split(' with ')[0].split(';')[0].matchAll(/`(\w+)`/g)].map((match) => match[1])]));

test('the stand-in has exactly the calls of docs/luci-host.md', () => {
  const shown = new Function(`return ({${RUNTIME.split('const SHOWN = {')[1].split('};')[0]}})`)();
  const own = RUNTIME.split("const L = strict('L', {")[1].split('\n});')[0];
  const all = { ...shown, L: [...own.matchAll(/^\t(\w+):/gm)].map((match) => match[1]) };
  assert.deepEqual([...listed.keys()].sort(), Object.keys(all).sort());
  for (const [module, calls] of listed)
    assert.deepEqual([...calls].sort(), [...all[module]].sort(), module);
});

test('no view uses an element that themes give to their own frame', () => {
  // Bootstrap's theme draws every `header` as its dark bar.
  for (const file of sources()) {
    const elements = [...readFileSync(file, 'utf8').matchAll(/\bE\('(\w+)'/g)].map((match) => match[1]);
    assert.deepEqual(elements.filter((name) => ['header', 'footer', 'main', 'nav', 'aside', 'body'].includes(name)), [], file);
  }
});

test('the views use every call that is listed, and no other', () => {
  const used = new Map([...listed.keys()].map((module) => [module, new Set()]));
  for (const file of sources()) {
    const source = readFileSync(file, 'utf8');
    const required = [...source.matchAll(/^'require (\w+)';$/gm)].map((match) => match[1]);
    for (const module of ['L', ...required])
      for (const [, call] of source.matchAll(new RegExp(`(?<![\\w.'])${module}\\.(\\w+)`, 'g'))) {
        assert.ok(listed.get(module)?.includes(call), `${file}: ${module}.${call} is not listed`);
        used.get(module).add(call);
      }
  }
  for (const [module, calls] of listed)
    assert.deepEqual(calls.filter((call) => !used.get(module).has(call) && `${module}.${call}` !== 'L.env'), [], module);
});
