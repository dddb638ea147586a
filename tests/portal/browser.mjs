// Every page of the portal in a real browser, as small as a phone, in every language, with script and without.
//
//   node tests/portal/browser.mjs PAGES.json                       what `PORTAL_PAGES=... cargo test --lib` wrote
//   node tests/portal/browser.mjs PAGES.json --screens docs/screens    keeps pictures
//
// A page fails when its browser asks anybody else for anything, is refused something by the page's own policy, has to be moved
// sideways to be read, has a place to tap that no thumb hits, or text that cannot be read on its ground.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Chromium } from '../luci/chromium.mjs';

const PAGES = JSON.parse(readFileSync(process.argv[2]));
const SCREENS = process.argv.includes('--screens') ? process.argv[process.argv.indexOf('--screens') + 1] : null;
const LOGO = readFileSync(fileURLToPath(new URL('logo.png', import.meta.url)));

// One of each kind, and each language once. Pictures of services are letters: fonts-noto-color-emoji has them, as phones have.
const PICTURES = {
  'form es': 'portal-entrar', 'status el': 'portal-griego', 'form-offline pt': 'portal-sin-salida-portugues',
  'yielded es': 'portal-otro-aparato', 'status-offline en': 'portal-ingles', 'welcome es': 'portal-bienvenida',
  'next es': 'portal-sigue',
};

// It takes half a minute.
const LIMIT_MS = 300000;

function serve() {
  const pages = new Map(PAGES.map((page) => [`/${page.name}/${page.language}`, page]));
  const server = createServer((request, answer) => {
    if (request.url === '/logo.png') return answer.writeHead(200, { 'Content-Type': 'image/png' }).end(LOGO);
    const page = pages.get(request.url);
    if (!page) return answer.writeHead(404).end();
    // Chromium would go on to the portal's address.
    const headers = page.headers.filter(([name]) => name !== 'Location');
    answer.writeHead(page.status === 302 ? 200 : page.status, Object.fromEntries(headers)).end(page.body);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

// What a person would stumble over.
function seen() {
  const box = (element) => element.getBoundingClientRect();
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const texts = Array.from(document.querySelectorAll('p,h1,h2,a,button,label,dt,dd,b,strong')).filter((element) => element.innerText.trim());
  const contrast = (element) => {
    const [one, other] = [light(rgb(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05);
  };
  const taps = Array.from(document.querySelectorAll('main a, nav a, button, input:not([type=hidden])'));
  return {
    language: document.documentElement.lang,
    wide: document.documentElement.scrollWidth,
    small: taps.filter((tap) => box(tap).height < 40 && !tap.closest('p')).map((tap) => tap.outerHTML.slice(0, 80)),
    pale: texts.filter((text) => contrast(text) < 4.5).map((text) => text.outerHTML.slice(0, 80)),
    logo: Array.from(document.images).every((image) => image.complete && image.naturalWidth > 0),
    text: document.body.innerText,
  };
}

const watch = setTimeout(() => { console.error('FAILED: the portal in a browser hangs'); process.exit(1); }, LIMIT_MS);
const server = await serve();
const chromium = await Chromium.start();
const origin = `http://127.0.0.1:${server.address().port}`;
let opened = 0, failed = 0;
try {
  for (const script of [true, false]) {
    const browser = await chromium.page(origin, { width: 360, height: 740 });
    await browser.send('Emulation.setScriptExecutionDisabled', { value: !script });
    for (const { name, language, status } of PAGES) {
      const what = `${name} ${language} ${script ? 'with' : 'without'} script`;
      try {
        await browser.open(`/${name}/${language}`);
        const page = await browser.value(`(${seen})()`);
        assert.equal(page.language, language);
        assert.ok(page.text.trim().length > 10 && !/[{}]/.test(page.text), page.text);
        if (status !== 302) {
          assert.ok(page.wide <= 360, `${page.wide} dots wide`);
          assert.deepEqual([page.small, page.pale, page.logo], [[], [], true]);
        }
        // A page that is not there says so in Chromium's log as well.
        const faults = browser.faults.splice(0).filter((fault) => status === 200 || !/status of 404/.test(fault));
        assert.deepEqual(faults.filter((fault) => !/favicon/.test(fault)), []);
        const picture = PICTURES[`${name} ${language}`];
        if (SCREENS && picture && !script) await browser.picture(join(SCREENS, `${picture}.png`));
      } catch (error) {
        failed++;
        console.log(`FAILED: ${what}: ${error.message}`);
      }
      opened++;
    }
    await browser.close();
  }
} finally {
  await chromium.stop();
  server.close();
  clearTimeout(watch);
}
const languages = new Set(PAGES.map(({ language }) => language)).size;
console.log(`${opened - failed} of ${opened} pages of the portal: ${opened / 2 / languages} pages, ${languages} languages, with script and without`);
process.exitCode = failed ? 1 : 0;
