// The caretaker's pages in a real browser, against the village: every page, phone and desk, both languages, each role.
//
//   node tests/luci/browser.mjs                 starts a village of its own (root; cargo build before)
//   node tests/luci/browser.mjs --log FILE      uses the village that writes this log
//   ... --screens docs/screens                  keeps pictures
//   ... --only WORDS                            plays the scenes whose title has these words
//
// A scene fails when it expects something else, when the page writes an error on its console, or when it asks anybody
// but the host for anything.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { Chromium } from './chromium.mjs';
import { contrasts, radioLink, spite } from './inside.mjs';
import { Village, until } from './village.mjs';

const option = (name) => process.argv[process.argv.indexOf(name) + 1];
const LOG = process.argv.includes('--log') ? option('--log') : null;
const ONLY = process.argv.includes('--only') ? option('--only') : '';
const SCREENS = process.argv.includes('--screens') ? option('--screens') : null;

const PAGES = ['overview', 'sell', 'sessions', 'books', 'services', 'links', 'mesh', 'settings'];
const READY = {
  overview: '.tq-hero', sell: '.tq-plan', sessions: '.tq-lead', books: '.tq-month', services: '.tq-lead', links: '.tq-link', mesh: '.tq-graph', settings: '.cbi-value',
  planner: '.tq-planner', align: '.tq-lead',
};

// All of it together takes some two minutes; what is not over by then hangs.
const LIMIT_MS = 900000;

// Kept of the first scene; the others keep what they show best.
const PICTURES = {
  'mesh ana 360 es': 'malla-telefono', 'settings admin 360 es': 'ajustes-telefono',
  'overview mira 1280 es': 'resumen-escritorio', 'settings admin 1280 es': 'ajustes-escritorio',
};

let village, chromium, pages = 0;

async function logIn(login, shape = {}) {
  const page = await chromium.page(village.origin, shape);
  await page.open('/');
  await page.type('[name=luci_username]', login);
  await page.type('[name=luci_password]', login);
  await page.press('button');
  await page.until('!!document.querySelector(".tq-hero")', 'the first page');
  return page;
}

async function show(page, name, node = 'plaza') {
  pages++;
  await page.open(`/cgi-bin/luci/admin/tequio/${name}?node=${node}`);
  await page.until(`!!document.querySelector(${JSON.stringify(READY[name])})`, `${name} of ${node}`);
  await page.until('Array.from(document.querySelectorAll(".tq")).every(frame => getComputedStyle(frame).visibility == "visible")', `${name} to be seen`);
}

async function keep(page, name) {
  if (SCREENS) await page.picture(join(SCREENS, `${name}.png`));
}

// A call as the page makes it, past all of the page's own care.
function call(page, object, method, args, node = 'plaza') {
  return page.value(`fetch('/ubus?node=${node}', { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'call',
    params: [ L.env.sessionid, ${JSON.stringify(object)}, ${JSON.stringify(method)}, ${JSON.stringify(args)} ] }) }).then(reply => reply.json())`);
}

function done(page) {
  assert.deepEqual(page.faults, []);
  return page.close();
}

const has = (page, selector) => page.value(`!!document.querySelector(${JSON.stringify(selector)})`);
const count = (page, selector) => page.value(`document.querySelectorAll(${JSON.stringify(selector)}).length`);

// What every role sees of a page, and does not.
async function looks(page, name, login) {
  const wide = await page.value('document.documentElement.scrollWidth - innerWidth');
  assert.ok(wide <= 0, `${name} is ${wide} pixels too wide`);
  const small = await page.value(`Array.from(document.querySelectorAll('.tq-button, .tq-plan')).filter(b => b.offsetHeight < 48).length`);
  assert.equal(small, 0, `${name}: a button that a thumb misses`);
  const cut = await page.value(`Array.from(document.querySelectorAll('.tq *')).filter(e => getComputedStyle(e).overflowX == 'hidden' && e.scrollWidth > e.clientWidth + 1).map(e => e.className)`);
  assert.deepEqual(cut, [], `${name}: words that are cut off`);
  assert.deepEqual(await page.value(`(${contrasts})()`), [], `${name}: words that cannot be read in the sun`);
  if (name === 'sell') {
    assert.equal(await count(page, '.tq-plan:enabled') > 0, login !== 'mira');
    assert.equal(await has(page, '#tq-check'), login !== 'mira');
  }
  if (name === 'sessions')
    assert.equal(await count(page, '.tq-session .tq-button') > 0, login !== 'mira' && (await has(page, '.tq-session')));
  if (name === 'settings') {
    assert.equal(await has(page, '.cbi-page-actions'), login === 'admin');
    assert.equal(await count(page, '.cbi-map input:enabled') > 0, login === 'admin');
  }
}

// An admin changes a link at both its ends, and sees how it goes.
async function changes(page) {
  const turn = (what) => page.value(`Object.assign(window.radio, ${JSON.stringify(what)}) && true`);
  const says = (words) => page.until(`${words}.test(document.querySelector('.tq-change .tq-place').innerText)`, String(words));
  await page.press('[data-back]');
  await page.press('[data-open=change]');
  assert.equal(await has(page, '#tq-change-distance'), false, 'what is not allowed is not asked for');
  await page.press('.tq-change .tq-main');
  await says(/Diga qué quiere cambiar/);
  await page.type('#tq-change-channel', '5745');
  await page.value('document.querySelector("#tq-change-key").value = "new"; true');
  await page.type('#tq-change-ssid', 'Peña \'alta\'');
  await looks(page, 'links', 'admin');
  await page.press('.tq-change .tq-main');
  await page.until('!document.getElementById("modal_overlay").hidden', 'the question');
  assert.match(await page.text('.tq-modal'), /5745[\s\S]*una nueva[\s\S]*Peña 'alta'/);
  await keep(page, 'cambiar-enlace-pregunta');
  await page.press('.tq-modal .tq-button');
  assert.equal(await page.value('window.radio.asked.some(([method]) => method === "link_change")'), false, 'Cancel changed');
  await turn({ refuses: 'too-soon' });
  await page.press('.tq-change .tq-main');
  await page.press('.tq-modal .tq-danger');
  await says(/una vez cada diez minutos/);
  await turn({ refuses: null });
  await page.press('.tq-change .tq-main');
  await page.press('.tq-modal .tq-danger');
  await says(/poniendo de acuerdo/);
  const wish = await page.value('window.radio.asked.filter(([method]) => method === "link_change").at(-1)[1]');
  assert.deepEqual(Object.keys(wish).sort(), ['channel', 'device', 'key', 'ssid']);
  assert.ok(wish.device === 'wlan0' && wish.channel === 5745 && Number.isInteger(wish.key) && wish.key > 0 && wish.ssid === "Peña 'alta'");
  await turn({ change: { stage: 'testing', left_s: 95 } });
  await says(/1 min 3\d s/);
  await says(/1 min 2\d s/);
  await keep(page, 'cambiar-enlace-telefono');
  assert.equal(await page.value('document.querySelector(".tq-change .tq-main").disabled'), true);
  assert.equal(await page.value('document.querySelector("#tq-change-channel").value'), '5745', 'what was typed stays');
  await turn({ change: null, ended: 'rolled-back' });
  await says(/No funcionó: regresaron/);
}

const SCENES = {
  async 'every page, phone and desk, both languages, each role'() {
    for (const login of ['admin', 'ana', 'mira'])
      for (const [width, height] of [[360, 740], [1280, 800]])
        for (const language of ['es', 'en']) {
          const page = await logIn(login, { width, height, language });
          for (const name of PAGES) {
            await show(page, name);
            await looks(page, name, login);
            assert.equal(await page.value('document.documentElement.lang'), language);
            assert.deepEqual(page.faults, [], `${name}, ${login}, ${width}, ${language}`);
            const picture = PICTURES[`${name} ${login} ${width} ${language}`];
            if (picture) await keep(page, picture);
          }
          await done(page);
        }
  },

  async 'the pages of every node'() {
    const page = await logIn('ana');
    for (const node of ['cabecera', 'cerro-alto', 'cerro-bajo', 'loma', 'escuela', 'clinica', 'caserio'])
      for (const name of PAGES) await show(page, name, node);
    await show(page, 'overview', 'cabecera');
    assert.match(await page.text('.tq-hero'), /aquí mismo/);
    await show(page, 'overview', 'plaza');
    await page.until('/Hay internet, por cerro bajo[.,]/.test(document.querySelector(".tq-hero").innerText)', 'the way over the hill');
    await keep(page, 'resumen-telefono');
    await done(page);
  },

  async 'a double tap sells one code, which opens the outside, is seen, and is revoked'() {
    const page = await logIn('ana');
    await show(page, 'sell');
    await keep(page, 'vender-telefono');
    const before = village.ask('plaza', 'sessions').total;
    await page.press('[data-plan=hora]', 2);
    await page.until('!!document.querySelector(".tq-code")', 'a code');
    const code = (await page.text('.tq-code')).replace(/\s+/g, '');
    assert.match(code, /^[0-9A-HJKMNP-TV-Z]{12}$/);
    const size = await page.value('parseFloat(getComputedStyle(document.querySelector(".tq-code")).fontSize)');
    assert.ok(size >= 34, `a code of ${size} pixels cannot be read across a counter`);
    assert.equal(await count(page, '.tq-code span'), 3);
    await keep(page, 'vendida-telefono');
    await page.until('!document.querySelector("[data-print]").disabled', 'the second tap of a double one to be over');
    await page.press('[data-print]');
    await page.until('document.querySelectorAll(".tq-paper .tq-coupon svg").length == 1', 'the coupon on paper');
    await page.press('.tq-paper .tq-actions .tq-button:last-child');

    const phone = village.phone('comadre', '10.77.5.77');
    assert.match(phone.fetch(`http://10.77.4.1:2080/login?code=${code}`), new RegExp(`value="[^"]*${code.slice(0, 4)}`));
    phone.fetch('http://10.77.4.1:2080/login', '--data-urlencode', `code=${code}`);
    await until('the outside', () => {
      try {
        return /server=outside/.test(phone.fetch('http://203.0.113.80/'));
      } catch {
        return false;
      }
    });

    const sessions = await logIn('ana');
    await show(sessions, 'sessions');
    await sessions.until(`document.body.innerText.includes(${JSON.stringify(phone.mac)})`, 'the phone among the sessions');
    assert.equal(village.ask('plaza', 'sessions').total, before + 1);
    await keep(sessions, 'sesiones-telefono');
    const mine = `Array.from(document.querySelectorAll('.tq-session')).find(card => card.innerText.includes(${JSON.stringify(phone.mac)}))`;
    await sessions.value(`${mine}.querySelector('[data-end]').click()`);
    await sessions.until('!document.getElementById("modal_overlay").hidden', 'the question');
    await keep(sessions, 'sesion-terminar');
    await sessions.press('.tq-modal .tq-danger');
    await sessions.until(`!document.body.innerText.includes(${JSON.stringify(phone.mac)})`, 'the phone to be let out');
    assert.match(phone.fetch('http://10.77.4.1:2080/'), /Su sesión se cerró en el nodo/);
    phone.fetch('http://10.77.4.1:2080/login', '--data-urlencode', `code=${code}`);
    await sessions.until(`document.body.innerText.includes(${JSON.stringify(phone.mac)})`, 'the phone that typed its code again');

    await page.press('.tq-main:enabled');
    await page.until('!!document.querySelector(".tq-plan")');
    assert.equal(await count(page, '.tq-row'), 1, 'two taps sold more than one voucher');
    await page.type('#tq-check', code.toLowerCase());
    await page.press('.tq-form button');
    await page.until('/en uso/.test(document.querySelector(".tq-form + .tq-place").innerText)', 'the state of the code');
    assert.match(await page.text('.tq-form + .tq-place'), /Ana/);
    await page.press('.tq-form + .tq-place .tq-button');
    await page.until('!document.getElementById("modal_overlay").hidden', 'the question');
    await page.press('.tq-modal .tq-button');
    await page.until('document.getElementById("modal_overlay").hidden');
    assert.equal(village.ask('plaza', 'sessions').total, before + 1, 'Cancel revoked');
    await page.press('.tq-form + .tq-place .tq-button');
    await page.press('.tq-modal .tq-danger');
    await page.until('/anulada/.test(document.querySelector(".tq-form + .tq-place").innerText)', 'the revocation');
    await sessions.until(`!document.body.innerText.includes(${JSON.stringify(phone.mac)})`, 'the phone to be gone');
    await page.type('#tq-check', 'AAAA-AAAA-AAAA');
    await page.press('.tq-form button');
    await page.until('/no es de esta comunidad/.test(document.body.innerText)', 'the sentence about a wrong code');
    await done(sessions);
    await done(page);
  },

  async 'the same key sells once, also when the answer was lost'() {
    const page = await logIn('ana');
    await show(page, 'sell');
    const wish = { plan: 'hora', count: 1, key: 'the answer was lost' };
    const [first, second] = [await call(page, 'tequio', 'voucher_issue', wish), await call(page, 'tequio', 'voucher_issue', wish)];
    assert.deepEqual(first.result[1].vouchers, second.result[1].vouchers);
    assert.equal(first.result[1].person, 'Ana');
    await done(page);
  },

  async 'what a role may not is refused by rpcd and by the daemon'() {
    const viewer = await logIn('mira');
    await show(viewer, 'sell');
    for (const [object, method, args] of [
      ['tequio', 'voucher_issue', { plan: 'hora' }], ['tequio', 'voucher_revoke', { verifier: '0'.repeat(16) }], ['tequio', 'voucher_show', { code: 'x' }], ['tequio', 'session_end', { verifier: '0'.repeat(16) }],
      ['tequio', 'reload', {}], ['uci', 'set', { config: 'tequio', section: 'node', values: { name: 'mine' } }], ['uci', 'apply', {}],
    ])
      assert.equal((await call(viewer, object, method, args)).error?.code, -32002, `${object} ${method}`);
    assert.equal((await call(viewer, 'tequio', 'status', { ubus_rpc_session: 'x' })).error?.code, -32602);
    await done(viewer);

    const seller = await logIn('ana');
    await show(seller, 'settings');
    assert.equal((await call(seller, 'tequio', 'reload', {})).error?.code, -32002);
    assert.deepEqual((await call(seller, 'uci', 'get', { config: 'network' })).result, [6]);
    await done(seller);
  },

  async 'an admin takes a right away, and the seller is told so'() {
    const admin = await logIn('admin', { width: 1280, height: 900 });
    await show(admin, 'settings', 'escuela');
    await admin.press('.cbi-tabmenu [data-tab=person] a');
    const role = '[data-tab=person] .cbi-section-node [data-name=role] select';
    await admin.value(`(() => { const e = document.querySelector('${role}'); e.value = 'viewer'; e.dispatchEvent(new Event('change')); })()`);
    const name = '[data-tab=person] .cbi-section-node [data-name=name] input';
    await admin.type(name, '<b onclick="x()">"Ana"</b> 🐦');
    await admin.press('.cbi-button-apply');
    await admin.until('/Los cambios están aplicados/.test(document.body.innerText)', 'the configuration to be applied');
    await admin.until('/Ajustes/.test(document.body.innerText) && document.getElementById("modal_overlay").hidden', 'the page again');

    const seller = await logIn('ana');
    await show(seller, 'sell', 'escuela');
    await seller.press('[data-plan=hora]');
    await seller.until('/En este nodo su cuenta no puede hacer eso/.test(document.body.innerText)', 'the refusal');
    await seller.type('#tq-check', 'x');
    await done(seller);

    await admin.value(`(() => { const e = document.querySelector('${role}'); e.value = 'caretaker'; e.dispatchEvent(new Event('change')); })()`);
    await admin.press('.cbi-tabmenu [data-tab=person] a');
    await admin.press('.cbi-button-apply');
    await admin.until('/Los cambios están aplicados/.test(document.body.innerText)', 'the configuration to be applied');
    await done(admin);

    const again = await logIn('ana');
    await show(again, 'sell', 'escuela');
    await again.press('[data-plan=hora]');
    await again.until('!!document.querySelector(".tq-code")', 'a code');
    assert.match(await again.text(), /<b onclick="x\(\)">"Ana"<\/b> 🐦/, 'a name with markup is shown as it is written');
    assert.equal(await has(again, '.tq b'), false);
    await done(again);
  },

  async 'what is wrong is not saved, and said beside the field'() {
    const page = await logIn('admin');
    await show(page, 'settings', 'loma');
    await page.type('[data-name=name] input', 'Loma Alta');
    await page.until('/Se esperaba: de 1 a 32/.test(document.body.innerText)', 'the sentence');
    await page.press('.cbi-button-save');
    await page.until('/No se pudo guardar/.test(document.body.innerText)', 'the refusal');
    assert.equal(village.ask('loma', 'status').node, 'loma');
    await page.press('#modal_overlay .btn');
    await page.type('[data-name=name] input', 'loma-alta');
    await page.press('.cbi-button-apply');
    await until('the new name', () => village.ask('loma', 'status').node === 'loma-alta');
    await page.until('/Los cambios están aplicados/.test(document.body.innerText)');
    await page.until('document.querySelector("[data-name=name] input")?.value == "loma-alta" && document.getElementById("modal_overlay").hidden', 'the page again');
    await done(page);
  },

  async 'a configuration that the daemon does not take is explained'() {
    const page = await logIn('admin');
    await show(page, 'settings', 'caserio');
    await call(page, 'uci', 'set', { config: 'tequio', section: 'node', values: { stale_routes_s: '1' } }, 'caserio');
    await page.press('.cbi-button-apply');
    await page.until('/El programa sigue con la configuración anterior/.test(document.body.innerText)', 'what the daemon thinks of it');
    assert.match(await page.text('.tq-notice'), /stale_routes_s/);
    assert.equal(village.ask('caserio', 'status').node, 'caserio');
    await page.type('[data-name=stale_routes_s] input', '30');
    await page.press('.cbi-button-apply');
    await page.until('/Los cambios están aplicados/.test(document.body.innerText)', 'the configuration to be applied');
    await page.until('!!document.querySelector(".cbi-value") && document.getElementById("modal_overlay").hidden && !document.querySelector(".tq-notice")', 'no complaint');
    await done(page);
  },

  async 'a daemon restarts under open pages'() {
    const open = [];
    for (const name of ['overview', 'sell', 'links', 'sessions', 'mesh']) {
      const page = await logIn('ana');
      await show(page, name, 'clinica');
      open.push(page);
    }
    await village.stopDaemon('clinica');
    for (const page of open)
      await page.until('/está arrancando de nuevo/.test(document.querySelector(".tq-trouble").innerText)', 'the sentence about a restart');
    await keep(open[0], 'arranca-telefono');
    const seller = open[1];
    await seller.press('[data-plan=hora]');
    await seller.until('/Toque otra vez el mismo plan/.test(document.body.innerText)', 'what to do about the sale');
    await village.startDaemon('clinica');
    for (const page of open)
      await page.until('!document.querySelector(".tq-trouble").innerText && !document.querySelector(".tq-old")', 'the page to go on by itself');
    await seller.press('[data-plan=hora]');
    await seller.until('!!document.querySelector(".tq-code")', 'the code');
    for (const page of open) await done(page);
  },

  async 'names that try everything are shown as text'() {
    for (const width of [360, 1280]) {
      const page = await logIn('admin', { width, height: 740 });
      await page.before(`(${spite})()`);
      for (const name of PAGES) {
        await show(page, name);
        const shown = '(document.body.innerText + Array.from(document.querySelectorAll("input")).map(e => e.value) + Array.from(document.querySelectorAll("svg text")).map(e => e.textContent))';
        assert.ok(await page.value(`${shown}.includes('<img src=x onerror="alert(1)">')`), `${name} shows no name`);
        assert.ok(await page.value(`${shown}.includes('x'.repeat(10000))`), `${name} shows no long name`);
        assert.equal(await has(page, '#view img, #view b, #view script'), false, `${name} takes a name for markup`);
        const wide = await page.value('document.documentElement.scrollWidth - innerWidth');
        assert.ok(wide <= 0, `a long name makes ${name} ${wide} pixels too wide`);
      }
      await show(page, 'sell');
      await page.press('[data-plan=hora]');
      await page.until('!!document.querySelector(".tq-code")', 'a code');
      assert.equal(await has(page, '#view img, #view b, #view script'), false);
      await done(page);
    }
  },

  async 'long lists come in parts'() {
    // A node is told nothing back by its only neighbour, so it takes the networks of two to fill more than one part.
    const [networks, others] = [79, 78].map((second) => Array.from({ length: 60 }, (_, i) => `10.${second}.0.${i + 1}/32`));
    const announce = (node, prefixes) => {
      village.addresses(node, prefixes);
      return village.configure(node, prefixes.map((prefix) => `config announce\n\toption prefix '${prefix}'\n`).join('\n'));
    };
    const back = [await announce('caserio', networks), await announce('loma', others)];
    const page = await logIn('mira', { width: 1280, height: 800 });
    await until('the routes at the square', () => village.ask('plaza', 'routes').total > 200);
    await show(page, 'mesh');
    await page.until(`document.querySelectorAll('.tq-nodes code').length > 60`, 'the networks of one node');
    for (const network of networks)
      assert.ok(await page.value(`Array.from(document.querySelectorAll('.tq-nodes code')).some(e => e.textContent == '${network}')`), network);
    assert.ok(page.longest > 10000, `the longest reply had ${page.longest} octets: the list is no long one`);
    await done(page);
    back.forEach((undo) => undo());
  },

  async 'a link and the way outside are lost and come back'() {
    const [overview, links, mesh] = [await logIn('mira'), await logIn('mira'), await logIn('mira', { width: 1280, height: 800 })];
    await show(overview, 'overview');
    await show(links, 'links');
    await show(mesh, 'mesh');
    await keep(mesh, 'malla-escritorio');
    village.cable(2, 'down');
    await overview.until('/Hay internet, por loma[.,]/.test(document.querySelector(".tq-hero").innerText)', 'the way around');
    await overview.until('/El enlace cerro bajo no tiene señal/.test(document.body.innerText)', 'the sentence about the dead link');
    await links.until('/sin señal/.test(document.querySelector("[data-device=m-cerro-bajo]").innerText)', 'the dead link');
    await keep(links, 'enlaces-telefono');
    const back = village.cutUplink();
    await overview.until('/No hay salida/.test(document.querySelector(".tq-hero").innerText)', 'no way outside');
    await keep(overview, 'sin-salida-telefono');
    back();
    village.cable(2, 'up');
    await overview.until('/Hay internet, por cerro bajo[.,]/.test(document.querySelector(".tq-hero").innerText)', 'the way over the hill');
    await mesh.type('#tq-why', '203.0.113.80');
    await mesh.press('.tq-form button');
    await mesh.until('document.querySelectorAll(".tq-form + .tq-place li").length > 1', 'the ways to an address');
    await mesh.type('#tq-why', '<img src=x onerror=alert(1)>');
    await mesh.press('.tq-form button');
    await mesh.until('/no es una dirección IP/.test(document.body.innerText)', 'the sentence about a wrong address');
    for (const page of [overview, links, mesh]) await done(page);
  },

  async 'a caretaker sets the clock and pays, and the treasurer agrees at another node'() {
    const payments = (node) => village.ask(node, 'books', 'show').waiting.filter((one) => one.kind === 'settlement');
    const before = payments('plaza').length;
    const page = await logIn('ana');
    await show(page, 'books');
    // In a village that is used again it is set already.
    if (village.ask('plaza', 'status').time.quality === 'stale') {
      await page.press('[data-deed=time_set]');
      await page.until('/El reloj está puesto/.test(document.body.innerText)', 'the clock to be set');
    }
    assert.equal(village.ask('plaza', 'status').time.quality, 'caretaker');
    await call(page, 'tequio', 'voucher_issue', { plan: 'hora', count: 3 });
    await show(page, 'books');
    await page.until('!!document.querySelector("[data-person=Ana] [data-settle]")', 'what Ana owes');
    assert.equal(await has(page, '[data-deed=expense]'), false, 'a caretaker looks after no money');
    await keep(page, 'cuentas-telefono');
    await page.press('[data-person=Ana] [data-settle]');
    await page.until('!!document.querySelector("#tq-field-amount")', 'the form');
    const owed = await page.value('document.querySelector("#tq-field-amount").value');
    await page.type('#tq-field-amount', '999999');
    await page.press('.tq-place .tq-main');
    await page.until('/El nodo no acepta esta cantidad/.test(document.querySelector(".tq-trouble").innerText)', 'the refusal');
    await page.type('#tq-field-amount', owed);
    await keep(page, 'paga-telefono');
    await page.press('.tq-place .tq-main', 2);
    await page.until('/Anotado. Cuenta cuando/.test(document.querySelector(".tq-place").innerText)', 'the payment');
    assert.equal(payments('plaza').length, before + 1, 'two taps paid twice');
    const button = `[data-agree="${payments('plaza').at(-1).record}"]`;
    assert.equal(await has(page, button), false, 'nobody agrees with herself');

    const treasurer = await logIn('admin');
    await until('the payment at the school', () => payments('escuela').length === before + 1);
    await show(treasurer, 'books', 'escuela');
    await treasurer.until(`!!document.querySelector('${button}')`, 'what waits');
    await keep(treasurer, 'tesoreria-telefono');
    await treasurer.press(button);
    await treasurer.until('/De acuerdo/.test(document.querySelector(".tq-place").innerText)', 'the agreement');
    await until('nobody to owe at the square', () => payments('plaza').length === before);
    // A plan that is wrong, and the same one right: every node sells it.
    await treasurer.press('[data-deed=plan_set]');
    for (const [field, text] of [['id', 'giga'], ['name', '<b>Un giga</b>'], ['price', '3.00'], ['seller_share', '3.50'], ['days', '30'], ['data', '1000']]) {
      await treasurer.type(`#tq-field-${field}`, text);
    }
    await treasurer.press('.tq-place .tq-main');
    await treasurer.until('/no se puede poner a la venta/.test(document.querySelector(".tq-trouble").innerText)', 'the refusal of a share above the price');
    await treasurer.type('#tq-field-seller_share', '0.50');
    await keep(treasurer, 'plan-telefono');
    await treasurer.press('.tq-place .tq-main');
    await treasurer.until('/Anotado. Se vende/.test(document.querySelector(".tq-place").innerText)', 'the plan');
    assert.equal(await count(treasurer, '.tq b'), 0);
    await until('the plan at the square', () => village.ask('plaza', 'plans').plans.some((plan) => plan.id === 'giga' && plan.data_mb === 1000));
    // One of its vouchers gets more MB, and nothing else: with nothing at all the ledger would say no.
    const sold = await call(page, 'tequio', 'voucher_issue', { plan: 'giga', count: 1 });
    await until('the school to know the voucher', async () => !(await call(treasurer, 'tequio', 'voucher_show', { code: sold.result[1].vouchers[0].code }, 'escuela')).result[1].error);
    await treasurer.press('[data-deed=voucher_extend]');
    for (const [field, text] of [['code', sold.result[1].vouchers[0].code], ['hours', '0'], ['data', '500'], ['what', 'no hubo luz']])
      await treasurer.type(`#tq-field-${field}`, text);
    await treasurer.press('.tq-place .tq-main');
    await treasurer.until('/^Anotado\\.$/.test(document.querySelector(".tq-place").innerText.trim())', 'the extension');
    // A plan that the school alone sells is no button at the square.
    await treasurer.press('[data-deed=plan_set]');
    for (const [field, text] of [['id', 'beca'], ['name', 'Beca'], ['price', '0.10'], ['days', '30'], ['sellers', 'escuela']]) {
      await treasurer.type(`#tq-field-${field}`, text);
    }
    await treasurer.press('.tq-place .tq-main');
    const beca = (node) => village.ask(node, 'plans').plans.find((plan) => plan.id === 'beca');
    await until('the plan at the square', () => beca('plaza') !== undefined);
    assert.deepEqual([beca('plaza').sold_here, beca('escuela').sold_here, beca('plaza').sellers], [false, true, ['escuela']]);
    await show(page, 'sell');
    await page.until('!!document.querySelector("[data-plan=giga]")', 'the plans of the square');
    assert.equal(await has(page, '[data-plan=beca]'), false);
    assert.match(JSON.stringify(await call(page, 'tequio', 'voucher_issue', { plan: 'beca', count: 1 })), /plan-elsewhere/);
    await show(treasurer, 'sell', 'escuela');
    await treasurer.until('!!document.querySelector("[data-plan=beca]")', 'the plan at the school');
    await show(treasurer, 'books', 'escuela');
    await treasurer.until('!!document.querySelector("[data-deed=expense]")', 'the books');
    await treasurer.press('[data-deed=expense]');
    await treasurer.type('#tq-field-amount', '0.40');
    await treasurer.type('#tq-field-what', '<b>cable</b>');
    await treasurer.press('.tq-place .tq-main');
    await treasurer.until('/Anotado/.test(document.querySelector(".tq-place").innerText)', 'the expense');
    assert.equal(await count(treasurer, '.tq b'), 0);
    await done(treasurer);
    await done(page);
  },

  async 'an officer says what the village serves, and everybody sees what does not answer'() {
    const served = (node) => village.ask(node, 'network').services.find((service) => service.name === 'cine');
    const viewer = await logIn('mira', { language: 'en' });
    await show(viewer, 'services', 'escuela');
    await viewer.until('/does not answer now/.test(document.querySelector("[data-service=radio]").innerText)', 'the radio that is silent');
    assert.match(await viewer.text('.tq-notice'), /Does not answer now: Radio\./);
    assert.match(await viewer.text('[data-service=contenido]'), /📖 Biblioteca\s+answers/);
    assert.equal(await count(viewer, '.tq-button'), 0);
    assert.equal((await call(viewer, 'tequio', 'service_set', { name: 'cine' }, 'escuela')).error?.code, -32002);
    await done(viewer);

    const officer = await logIn('admin');
    await show(officer, 'services', 'caserio');
    assert.equal(await has(officer, '[data-deed]'), false, 'the hamlet\'s node is no officer\'s');
    await show(officer, 'services');
    await officer.press('[data-deed=service_set]');
    const send = async (fields, words) => {
      for (const [field, text] of Object.entries(fields)) await officer.type(`#tq-field-${field}`, text);
      await officer.press('.tq-place .tq-main');
      await officer.until(`${words}.test(document.querySelector('.tq-trouble').innerText)`, String(words));
    };
    await send({ name: 'El cine', title: '<b>Cine</b>', node: 'escuela' }, /Diga en qué dirección/);
    await send({ prefixes: '10.77.0.1' }, /no puede ser parte de una dirección/);
    await send({ name: 'cine' }, /No puede estar ahí/);
    await send({ prefixes: '10.77.252.10', port: '8O' }, /de 1 a 65535/);
    await send({ port: '8096', node: 'luna' }, /No hay ningún nodo de ese nombre/);
    await officer.type('#tq-field-node', 'escuela');
    await officer.value('document.querySelector("#tq-field-icon").value = "film"; true');
    await looks(officer, 'services', 'admin');
    await keep(officer, 'servicio-telefono');
    await officer.press('.tq-place .tq-main', 2);
    await officer.until('/Anotado. Cada nodo/.test(document.querySelector(".tq-place").innerText)', 'the service');
    await officer.until('/http:\\/\\/cine.mesh:8096\\//.test(document.querySelector("[data-service=cine]").innerText)', 'it among the others');
    await until('the hamlet to know it', () => served('caserio')?.icon === 'film' && served('caserio').port === 8096);
    // Nobody listens there: its own node says so, and it comes first.
    await officer.until('/Ahora no responde: .*Cine/.test(document.querySelector(".tq-notice.tq-warn").innerText)', 'that it is silent');
    await looks(officer, 'services', 'admin');
    assert.equal(await count(officer, '.tq b'), 0);
    // What is changed keeps what is not.
    await officer.press('[data-service=cine] [data-change]');
    await officer.type('#tq-field-title', 'Cine de la escuela');
    await officer.press('.tq-place .tq-main');
    await until('the new name at the hamlet', () => served('caserio').title === 'Cine de la escuela');
    await officer.until('/🎬 Cine de la escuela/.test(document.querySelector("[data-service=cine]").innerText)', 'the new name');
    await keep(officer, 'servicios-telefono');
    assert.deepEqual([served('plaza').icon, served('plaza').port, served('plaza').node], ['film', 8096, 'escuela']);
    await officer.press('[data-service=cine] [data-remove]');
    await officer.until('!document.getElementById("modal_overlay").hidden', 'the question');
    await officer.press('.tq-modal .tq-danger');
    await officer.until('!document.querySelector("[data-service=cine]")', 'it to be gone');
    await done(officer);
  },

  async 'paper is made, and printed as coupons and nothing else'() {
    const page = await logIn('ana');
    await show(page, 'books');
    await page.press('[data-deed=voucher_print]');
    await page.until('!!document.querySelector("#tq-field-count")', 'the form');
    await page.type('#tq-field-count', '5');
    await page.type('#tq-field-person', 'Beto');
    await page.press('.tq-place .tq-main');
    await page.until('!!document.querySelector(".tq-place [data-print]")', 'the codes');
    const codes = await page.value('[...document.querySelectorAll(".tq-codes code")].map((code) => code.innerText)');
    await page.press('.tq-place [data-print]');
    await page.until('!!document.querySelector(".tq-paper")', 'the sheet');
    assert.deepEqual(await page.value('[...document.querySelectorAll(".tq-coupon-code")].map((code) => code.innerText)'), codes);
    assert.equal(await count(page, '.tq-coupon svg'), 5);
    await keep(page, 'cupones-telefono');
    for (const [paper, pages] of [['a4', [[210, 297]]], ['strip', Array(5).fill([58, 68])]]) {
      await page.press(`[data-paper=${paper}]`);
      const { data } = await page.send('Page.printToPDF', { preferCSSPageSize: true });
      const pdf = Buffer.from(data, 'base64').toString('latin1');
      const boxes = [...pdf.matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)].map((box) => box.slice(1).map((points) => Math.round(points / 72 * 25.4)));
      assert.deepEqual(boxes, pages, 'five coupons and nothing else are one sheet, or five cuts of a strip');
    }
    await page.press('.tq-paper .tq-actions .tq-button:last-child');
    assert.equal(await has(page, '.tq-paper'), false);
    await done(page);
  },

  async 'a person of the ledger logs in at her home, and no more when she is gone'() {
    const name = 'Lupe Ruiz';
    const admin = await logIn('admin', { width: 1280, height: 800 });
    const say = async (role) => {
      await show(admin, 'books');
      await admin.press('[data-deed=person_set]');
      await admin.type('#tq-field-person', name);
      await admin.value(`document.querySelector('#tq-field-role').value = '${role}'`);
      if (role !== 'none') await admin.type('#tq-field-passphrase', name);
      await admin.press('.tq-place .tq-main');
      await admin.until('/Su nodo la deja entrar/.test(document.querySelector(".tq-place").innerText)', 'the record');
    };
    await say('caretaker');
    await keep(admin, 'cuentas-escritorio');
    const lets = async () => (await fetch(`${village.origin}/?node=plaza`, {
      method: 'POST', redirect: 'manual', body: new URLSearchParams({ luci_username: name, luci_password: name }),
    })).status !== 403;
    await until('her node to let her in', lets);
    const lupe = await logIn(name);
    await show(lupe, 'sell');
    await lupe.press('[data-plan=hora]');
    await lupe.until('!!document.querySelector(".tq-code")', 'a code');
    assert.match(await lupe.text(), /Vendió: Lupe Ruiz/);
    assert.equal((await call(lupe, 'tequio', 'person_set', { person: name, role: 'admin' })).error?.code, -32002);
    await done(lupe);
    await say('none');
    await until('her login to be gone', async () => !(await lets()));
    await done(admin);
  },

  async 'a link is planned before anybody climbs'() {
    for (const [width, language, words] of [[360, 'es', /funcionará/], [1280, 'en', /it will work/]]) {
      const page = await logIn('mira', { width, height: 740, language });
      await show(page, 'planner');
      await looks(page, 'planner', 'mira');
      for (const [field, value] of [['names-0', '<b>cerro</b>'], ['place-0', '17.0667, -96.7203'], ['place-1', '17.3, -96.65'], ['gain-0', '30'], ['gain-1', '30'], ['allowed', '60'], ['mast-0', '4O']])
        await page.type(`#tq-${field}`, value);
      await page.press('.tq-planner .tq-main');
      await page.until('/mast `4O`/.test(document.querySelector(".tq-trouble").innerText)', 'what is no number');
      await page.type('#tq-mast-0', language === 'es' ? '40,5' : '40.5');
      await page.type('#tq-mast-1', '40');
      await page.press('.tq-planner .tq-main');
      await page.until('!!document.querySelector("[data-verdict]")', 'the answer');
      assert.match(await page.text('.tq-plan-answer'), words);
      assert.match(await page.text('.tq-plan-answer h3'), /<b>cerro<\/b> – B/);
      assert.equal(await count(page, '.tq-plan-answer b'), 0);
      assert.equal(await has(page, '[data-verdict=good] [data-finding=chip-unknown]'), true);
      for (const end of [0, 1]) await page.type(`#tq-mast-${end}`, '3');
      await page.press('.tq-planner .tq-main');
      await page.until('!!document.querySelector("[data-verdict=impossible] [data-finding=blocked]")', 'the ground in the way');
      await looks(page, 'planner', 'mira');
      await keep(page, width === 360 ? 'planear-telefono' : 'planear-escritorio');
      await done(page);
    }
  },

  async 'a plan is kept with its link'() {
    const page = await logIn('admin');
    await page.before(`(${radioLink})()`);
    await show(page, 'planner');
    await page.type('#tq-distance', '12');
    for (const end of [0, 1]) await page.type(`#tq-mast-${end}`, '30');
    await page.press('.tq-planner .tq-main');
    await page.until('!!document.querySelector("[data-keep]")', 'the button');
    await looks(page, 'planner', 'admin');
    await page.value('document.querySelector("#tq-keep").value = "wlan0"; true');
    await page.press('[data-keep]');
    await page.until('/Anotado/.test(document.querySelector(".tq-keep").innerText)', 'the note');
    const [, said] = await page.value('window.radio.asked.find(([method]) => method === "set")');
    assert.equal(said.section, 'hill');
    assert.match(said.values.planned_signal_dbm, /^-\d+$/);
    assert.match(said.values.planned_kbit, /^\d+$/);
    await done(page);
  },

  async 'a dish is aimed with a phone'() {
    for (const [width, language] of [[360, 'es'], [1280, 'en']]) {
      const page = await logIn('mira', { width, height: 740, language });
      await page.before(`(${radioLink})()`);
      await show(page, 'align');
      const now = (dbm) => page.until(`document.querySelector('.tq-aim-now')?.textContent.startsWith('${dbm}')`, dbm);
      const turn = (what) => page.value(`Object.assign(window.radio, ${JSON.stringify(what)}) && true`);
      await turn({ heard: false });
      await page.press('[data-aim]');
      await page.until('/no se oye a nadie|Nobody is heard/.test(document.querySelector(".tq-aim").innerText)', 'nobody');
      await looks(page, 'align', 'mira');
      await turn({ heard: true });
      await now('-74');
      const size = await page.value('parseFloat(getComputedStyle(document.querySelector(".tq-aim-now")).fontSize)');
      assert.ok(size >= 72, `${size} pixels cannot be read at a dish`);
      assert.match(await page.text('.tq-aim-word'), /16 dB/);
      await turn({ signal: -57 });
      await now('-57');
      assert.equal(await page.value('document.querySelector(".tq-aim-now").dataset.grade'), 'good');
      await turn({ signal: -63, member: true });
      await now('-63');
      assert.match(await page.text('.tq-aim'), /-57 dBm[\s\S]*-58 dBm[\s\S]*-61 dBm/, 'best, planned, and what the other end hears');
      await looks(page, 'align', 'mira');
      await keep(page, width === 360 ? 'apuntar-telefono' : 'apuntar-escritorio');
      assert.equal(await page.value('document.querySelector("[data-tone]").getAttribute("aria-pressed")'), 'true');
      await page.press('[data-tone]');
      assert.equal(await page.value('document.querySelector("[data-tone]").getAttribute("aria-pressed")'), 'false');
      await turn({ aligning: false });
      await page.until('/cuarto de hora|quarter of an hour/.test(document.querySelector(".tq-aim").innerText)', 'the end');
      await page.press('[data-aim]');
      await now('-63');
      await page.press('[data-aim]');
      await page.until('window.radio.asked.at(-1)[1].action === "stop"', 'the end that somebody wants');
      await done(page);
    }
  },

  async 'a radio link has a past, and is changed at both ends'() {
    for (const [login, width, language] of [['mira', 1280, 'en'], ['admin', 360, 'es']]) {
      const page = await logIn(login, { width, height: 740, language });
      await page.before(`(${radioLink})()`);
      await show(page, 'links');
      assert.equal(await has(page, '[data-open=change]'), login === 'admin');
      await page.press('[data-open=past]');
      await page.until('document.querySelectorAll(".tq-chart").length == 4', 'four lines');
      await looks(page, 'links', login);
      assert.equal(await count(page, '[data-figure=signal_dbm] .tq-chart-plan'), 1);
      assert.match(await page.text('[data-figure=signal_dbm] .tq-planned'), /-58 dBm/);
      await keep(page, width === 360 ? 'historia-telefono' : 'historia-escritorio');
      await page.press('[data-range=hours]');
      await page.until('/60 d/.test(document.querySelector(".tq-chart-word:nth-last-of-type(2)").textContent)', 'sixty days');
      if (login === 'admin') await changes(page);
      await page.press('[data-back]');
      await page.until('!!document.querySelector("[data-open=past]")', 'all links again');
      assert.equal(await has(page, '[data-device=eth1] [data-open=change]'), false, 'a closed radio is not ours to change');
      await page.press('[data-device=eth1] [data-open=past]');
      await page.until('document.querySelectorAll(".tq-chart").length == 4', 'four lines of a closed radio');
      assert.equal(await has(page, '[data-figure=signal_dbm]'), false, 'nobody reads its signal');
      assert.match(await page.text('[data-figure=failed_percent]'), /\d %/);
      assert.match(await page.text('[data-figure=round_trip_ms]'), /\d ms/);
      await page.value('window.radio.scripted = true');
      await page.press('[data-range=minutes]');
      await page.until('document.querySelectorAll(".tq-chart").length == 5', 'the signal that a script reads');
      await keep(page, width === 360 ? 'historia-antena-cerrada-telefono' : 'historia-antena-cerrada');
      await page.press('[data-back]');
      await page.until('!!document.querySelector("[data-open=past]")', 'all links once more');
      await done(page);
    }
  },

  async 'who was logged out is told so'() {
    const page = await logIn('mira');
    await show(page, 'overview');
    assert.equal((await call(page, 'session', 'destroy', {})).error?.code, -32002);
    await page.value(`fetch('/logout').then(() => true)`);
    await page.until('/La sesión terminó/.test(document.getElementById("modal_overlay").innerText)', 'the session to be over');
    await page.until('/Su sesión terminó. Cargue/.test(document.querySelector(".tq-trouble").innerText)', 'the sentence of the page');
    await done(page);
  },
};

async function play() {
  if (SCREENS) mkdirSync(SCREENS, { recursive: true });
  const rows = [];
  for (const [title, scene] of Object.entries(SCENES).filter(([title]) => title.includes(ONLY))) {
    const start = Date.now();
    let fault = null;
    try {
      await scene();
    } catch (error) {
      fault = error;
    }
    rows.push({ title, seconds: (Date.now() - start) / 1000, fault });
    console.log(`${fault ? 'FAILED' : 'ok    '} ${String(rows.at(-1).seconds.toFixed(1)).padStart(6)} s  ${title}`);
    if (fault) console.log(`${fault.stack || fault}\n${village.outside()}`.replace(/^/gm, '    '));
  }
  const failed = rows.filter(({ fault }) => fault).length;
  console.log(`${rows.length - failed} scenes passed, ${failed} failed; ${pages} pages loaded in ${rows.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(0)} s`);
  return rows.length > 0 && failed === 0;
}

async function end() {
  await chromium?.stop();
  await village.stop();
}

village = new Village();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => end().finally(() => process.exit(130)));
const limit = setTimeout(() => {
  console.log(`FAILED: not over after ${LIMIT_MS / 1000} s`);
  end().finally(() => process.exit(1));
}, LIMIT_MS);
let well = false;
try {
  await village.start(LOG);
  console.log(`the village stands, ${village.origin}`);
  chromium = await Chromium.start();
  well = await play();
} catch (error) {
  console.log(`FAILED: ${error.stack || error}`);
} finally {
  clearTimeout(limit);
  await end();
}
process.exitCode = well ? 0 : 1;
