// Loads a shared file of luci-app-tequio as LuCI would, with whatever it requires given by the test.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { RESOURCES } from './strings.mjs';

Object.defineProperty(String.prototype, 'format', {
  value(...values) {
    return this.replace(/%([sd%])/g, (_, kind) => (kind === '%' ? '%' : String(values.shift())));
  },
});

const baseclass = { extend: (members) => members };

export function load(name, given = {}) {
  const source = readFileSync(join(RESOURCES, `${name}.js`), 'utf8');
  const known = {
    baseclass,
    _: (text) => text,
    N_: (number, one, many) => (number === 1 ? one : many),
    L: {},
    ...given,
  };
  return new Function(...Object.keys(known), source)(...Object.values(known));
}
