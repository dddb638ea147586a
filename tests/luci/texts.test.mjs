import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { SPANISH, TEMPLATE, allTexts, sources, spanish, template, texts, translations } from './strings.mjs';

const AGAIN = 'run: node tests/luci/strings.mjs --write';

test('the template holds every text of views, shared files and menu', () => {
  assert.equal(readFileSync(TEMPLATE, 'utf8'), template(), AGAIN);
});

test('every text is translated to Spanish', () => {
  const text = readFileSync(SPANISH, 'utf8'), known = translations(text);
  const missing = allTexts().filter(({ id, plural }) => (known.get(id) || []).filter((form) => form).length !== (plural ? 2 : 1));
  assert.deepEqual(missing.map(({ id }) => id), []);
  assert.equal(text, spanish(known), AGAIN);
});

test('a translation has the same places to fill in, in the same order', () => {
  const places = (text) => (text.match(/%[sd%]/g) || []).join(' ');
  const known = translations(readFileSync(SPANISH, 'utf8'));
  for (const { id, plural } of allTexts())
    known.get(id).forEach((form, i) => assert.equal(places(form), places(i === 1 ? plural : id), id));
});

test('a text that no translator can find is an error', () => {
  assert.throws(() => texts('_(name)', 'x'), /no translator/);
  assert.throws(() => texts("_('a' + b)", 'x'), /no translator/);
  assert.deepEqual(texts("N_(n, 'a %d', 'b %d') + _('it\\'s')", 'x').map(({ id, plural }) => [id, plural]), [['a %d', 'b %d'], ["it's", null]]);
});

/** A name, and what stands on coupons: neither is loaded from anywhere. */
const KNOWN = ['http://www.w3.org/2000/svg', 'http://192.0.2.1/?code='];

test('sources hold no markup from data, no inline script, nothing from elsewhere', () => {
  for (const file of sources()) {
    const source = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const bad of [/innerHTML|outerHTML|insertAdjacentHTML|document\.write/, /\beval\(|new Function/, /E\('script'/, /`/, /'on[a-z]+':/])
      assert.ok(!bad.test(source), `${file}: ${bad}`);
    const urls = (source.match(/https?:\/\/[^'"\s]*/g) || []).filter((url) => !KNOWN.includes(url) && !/^https?:\/\/$/.test(url));
    assert.deepEqual(urls.filter((url) => !/^https?:\/\/ or/.test(url)), [], file);
  }
});
