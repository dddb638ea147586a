import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { load } from './modules.mjs';

const format = load('tequio/format', { document: { documentElement: { lang: 'es' } } });

test('durations have at most two parts', () => {
  for (const [seconds, words] of [
    [0, '0 s'], [59, '59 s'], [61, '1 min 1 s'], [300, '5 min'], [301, '5 min'], [3600, '1 h'], [5400, '1 h 30 min'],
    [86400, '1 day'], [90000, '1 day 1 h'], [172800, '2 days'], [2592000 + 60, '30 days'], [-5, '0 s'], [null, '0 s'], ['x', '0 s'],
  ])
    assert.equal(format.duration(seconds), words, String(seconds));
});

test('octets are counted in thousands', () => {
  for (const [octets, words] of [
    [0, '0 B'], [999, '999 B'], [1000, '1.0 kB'], [9940, '9.9 kB'], [9960, '10 kB'], [999499, '999 kB'], [999500, '1.0 MB'],
    [1.5e9, '1.5 GB'], [7e15, '7000 TB'], [undefined, '0 B'],
  ])
    assert.equal(format.bytes(octets), words, String(octets));
});

test('money is never rounded away', () => {
  assert.equal(format.money(50, 2, 'USD'), 'USD 0.50');
  assert.equal(format.money(1000, 2, 'USD'), 'USD 10.00');
  assert.equal(format.money(15, 0, 'MXN'), 'MXN 15');
  assert.equal(format.money(5, 3, ''), '0.005');
});

test('a code is shown in groups of four, whatever stands between', () => {
  assert.deepEqual(format.groups('0AV4-630T-QBN4'), ['0AV4', '630T', 'QBN4']);
  assert.deepEqual(format.groups('0av4 630t qbn4'), ['0AV4', '630T', 'QBN4']);
  assert.deepEqual(format.groups(''), []);
  assert.equal(format.address('0AV4630TQBN4'), 'http://192.0.2.1/?code=0AV4-630T-QBN4');
});

test('a plan says what it holds', () => {
  assert.equal(format.holds({ used_s: 3600, days: null, devices: 1 }), '1 h of use');
  assert.equal(format.holds({ used_s: null, days: 30, devices: 2 }), '30 days from the first use, 2 devices');
  assert.equal(format.holds({ used_s: 3600, days: null, devices: 1, hours: '22:00-06:00 UTC-06:00' }), '1 h of use, 22:00-06:00');
  assert.equal(format.holds({ used_s: null, days: 7, devices: 1, data_mb: 1500 }), '7 days from the first use, 1.5 GB');
  assert.equal(format.holds({ used_s: null, days: null, devices: 1 }), '');
});

test('links are graded by what they could cost at least', () => {
  assert.equal(format.grade(96, 96), 'good');
  assert.equal(format.grade(256, 256), 'good');
  assert.equal(format.grade(512, 256), 'fair');
  assert.equal(format.grade(4000, 256), 'weak');
  assert.equal(format.grade(null, 96), 'bad');
});

test('alerts are said in words that we know, others as they came', () => {
  const name = (device) => (device === 'm-loma' ? 'loma' : device);
  const said = (alert) => format.alert(format.told(alert), name);
  const silent = 'Neighbour fe80::1 on m-loma: we do not hear its Hellos.';
  for (const alert of [silent, { code: 'neighbour', message: silent }])
    assert.equal(said(alert), 'Trouble with the neighbour on loma: we do not hear it.');
  assert.equal(said('Neighbour fe80::1 on m-loma: something new.'), 'Trouble with the neighbour on loma: something new.');
  assert.equal(said({ code: 'neighbour', message: 'odd' }), 'odd');
  assert.equal(said('<b>fire</b>'), '<b>fire</b>');
  assert.equal(said({ code: 'fire', message: '<b>fire</b>' }), '<b>fire</b>');
  assert.match(said({ code: 'no-ipv6', message: 'this kernel has no IPv6' }), /^IPv6 is switched off/);
  const stranger = { code: 'not-entitled', message: 'x', about: { prefix: '0.0.0.0/0', router_id: '02:00' } };
  assert.equal(said(stranger), 'The router 02:00 announces 0.0.0.0/0, and may not.');
  const shut = (why) => said({ code: 'uplink-shut', message: 'why it is shut', about: { device: 'm-loma', why } });
  assert.match(shut('used-up'), /through loma has carried/);
  assert.match(shut('no-clock'), /through loma has its hours/);
  assert.match(shut('moon'), /why it is shut/);
  assert.equal(said({}), '?');
  const full = 'Nothing was sold: this node cannot save (disk full).';
  assert.equal(format.told(full).code, 'not-saved');
});

test('every code of docs/ubus.md has words of its own', () => {
  const table = readFileSync(new URL('../../docs/ubus.md', import.meta.url), 'utf8').split('| `code` | What it is about |')[1].split('\n\n')[0];
  const codes = [...table.matchAll(/^\| `([a-z0-9-]+)`/gm)].map((match) => match[1]);
  assert.ok(codes.length >= 12, codes.join());
  const message = 'Neighbour fe80::1 on m-loma: we do not hear its Hellos.';
  for (const code of codes) assert.notEqual(format.alert({ code, message }, (device) => device), message, code);
});

test('what is known of a link is one line, and nothing of what is not', () => {
  const figures = { quality_percent: 84, signal_dbm: -63, snr_db: 32, throughput_kbit: 41000, retries_percent: 8, busy_percent: 21, far_signal_dbm: -65 };
  assert.equal(format.linkWay({ alive: true, since_s: 5, figures }),
    'quality 84 % · signal -63 dBm · -65 dBm at the other end · 32 dB above the noise · 41.0 Mbit/s expected · 8 % sent again · channel busy for 21 %');
  assert.equal(format.linkWay({ alive: false, since_s: 90, figures: {} }), 'dead for 1 min 30 s');
  assert.equal(format.linkWay({ alive: true, since_s: null, figures: { lost_percent: 6 } }), '6 % lost');
  assert.equal(format.linkWay(undefined), '');
});

test('the way outside is as far as the node knows', () => {
  assert.deepEqual(format.way({ hops: 3, delay_ms: 38.4 }), ['3 hops', '38 ms']);
  assert.deepEqual(format.way({ hops: 1, delay_ms: null }), ['1 hop']);
  assert.deepEqual(format.way({ hops: 0, delay_ms: 12 }), ['12 ms']);
  assert.deepEqual(format.way({ state: 'up', via: 'x', metric: 7 }), []);
});

test('a moment of another day has its date', () => {
  const now = new Date(2027, 2, 5, 9, 30);
  assert.equal(format.moment(new Date(2027, 2, 5, 8, 5), now), '08:05');
  assert.equal(format.moment(new Date(2027, 2, 4, 23, 50), now), '23:50, 4 de marzo');
});

test('since when is a clock today, a day this week, and a date before', () => {
  const now = new Date(2026, 10, 20, 18, 30);
  assert.match(format.since(3600, now), /^0?5:30|^17:30/);
  assert.equal(format.since(3 * 86400, now), 'martes');
  assert.equal(format.since(40 * 86400, now), '11 de octubre');
  assert.match(format.since(undefined, now), /:30/);
});

test('a dish that moved is told in words', () => {
  const alert = { code: 'link-plan', message: 'x', about: { device: 'wlan0', by: '12', since_s: '900' } };
  assert.match(format.alert(alert, () => 'cerro'), /^The link on cerro hears 12 dB less than was planned, since .*: has the dish moved\?$/);
});
