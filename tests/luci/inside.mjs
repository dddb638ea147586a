// What runs inside a page: each function is sent there as its source, so it uses nothing of this side.

// Texts of ours whose contrast with what lies behind them is less than people need (WCAG: 4.5, large ones 3).
export function contrasts() {
  const parse = (text) => (/rgba?\(([^)]*)\)/.exec(text)?.[1] ?? '0, 0, 0, 0').split(',').map(Number);
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one), [r, g, b, alpha = 1] = parse(style.backgroundColor);
      if (style.backgroundImage !== 'none') return null;
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const bad = [], walk = document.createTreeWalker(document.querySelector('#view'), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.nodeValue.trim() || !element.closest('.tq') || element.closest('svg') || element.closest(':disabled')) continue;
    const style = getComputedStyle(element), under = behind(element);
    const [a, b] = [light(parse(style.color)), under ? light(under) : light(parse(style.color))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) bad.push(`${walk.currentNode.nodeValue.trim().slice(0, 40)}: ${((a + 0.05) / (b + 0.05)).toFixed(1)}`);
  }
  return bad;
}

// From here on every name that a node tells is one that tries everything, and a long one.
export function spite() {
  const spiteful = `"><img src=x onerror="alert(1)"> '<b>&amp;</b>' \u00f1and\u00fa \ud83d\udc26 ${'x'.repeat(10000)}`;
  const names = ['node', 'community', 'name', 'plan', 'person', 'message', 'reason', 'version', 'gateway'];
  const walk = (value) => {
    if (value == null || typeof value !== 'object') return;
    for (const key of Object.keys(value))
      if (typeof value[key] === 'string' && names.includes(key)) value[key] = spiteful;
      else walk(value[key]);
    if (Array.isArray(value.alerts)) value.alerts.push({ code: 'odd', message: spiteful }, spiteful);
    if (Array.isArray(value.neighbours)) value.neighbours.forEach((neighbour) => Object.assign(neighbour, { cost: null, reason: spiteful }));
    if (Array.isArray(value.sessions)) value.sessions.push({
      client: spiteful, verifier: spiteful, plan: spiteful, devices: [spiteful], remaining_s: 1, used_s: 1, up_bytes: 1, down_bytes: 1,
    });
  };
  const ask = window.fetch;
  window.fetch = async (...words) => {
    const response = await ask(...words);
    if (!String(words[0]).startsWith('/ubus')) return response;
    const message = await response.json();
    if (message.result?.[1]) walk(message.result[1]);
    return new Response(JSON.stringify(message), { status: response.status });
  };
}

// From here on the node has a radio link, which no village of cables has: the daemon's answers about links are made here, in
// the shapes of docs/ubus.md. `window.radio` has what a scene turns, and what the page asked.
export function radioLink() {
  const radio = window.radio = { asked: [], change: null, ended: null, aligning: false, signal: -74, best: -74, heard: true, member: false, allows: ['channel', 'width', 'power', 'key', 'ssid'] };
  const address = 'fe80::1e:aff:fe00:7';
  const history = (count, of) => Array.from({ length: count }, (_, i) => of(i, count)).join(',');
  const hill = (i, count) => (i > count * 0.4 && i < count * 0.43 ? '' : Math.round(-59 - 2 * Math.sin(i / 9) - (i > count * 0.7 ? 11 : 0)));
  const answers = {
    links: () => ({ links: [{
      device: 'wlan0', kind: 'wireless', up: true, neighbours: 1, hello_interval_ms: 1000, cost: 150, auth: 'sign', refused: {}, change: radio.change, change_ended: radio.ended,
      ways: [{ address, alive: true, since_s: 86400, figures: {
        signal_dbm: -70, snr_db: 24, quality_percent: 62, throughput_kbit: 21400, retries_percent: 9, busy_percent: 12, far_signal_dbm: -68, planned_signal_dbm: -58,
      } }],
    }, {
      device: 'eth1', kind: 'bridge', up: true, neighbours: 1, hello_interval_ms: 1000, cost: 260, auth: 'sign', refused: {}, change: null, change_ended: null,
      ways: [{ address: 'fe80::77', alive: true, since_s: null, figures: { quality_percent: 94, lost_percent: 6, round_trip_us: 2100 } }],
    }] }),
    neighbours: () => ({ neighbours: [{
      interface: 'wlan0', address, hello_history: '1'.repeat(16), rxcost: 150, txcost: 150, cost: 150, round_trip_us: null, reason: null, authenticated: true, refused: {},
    }] }),
    link_history: ({ link, resolution, columns }) => {
      const closed = link === 'fe80::77';
      const count = { seconds: 360, minutes: 576, hours: 1440 }[resolution];
      const of = {
        signal_dbm: closed && !radio.scripted ? () => '' : hill, snr_db: (...at) => (hill(...at) === '' ? '' : hill(...at) + 94), quality_percent: (...at) => (hill(...at) === '' ? '' : hill(...at) < -66 ? 62 : 97),
        throughput_kbit: (...at) => (hill(...at) === '' ? '' : hill(...at) < -66 ? 21400 : 34000),
        failed_percent: (i) => i % 7, cost: (i) => 256 + 4 * (i % 7), round_trip_ms: (i) => 2 + (i % 5),
      };
      return {
        device: closed ? 'eth1' : 'wlan0', address: link, step_s: { seconds: 10, minutes: 300, hours: 3600 }[resolution], ended_s: 4, planned: { signal_dbm: -58, throughput_kbit: 35000 },
        columns: Object.fromEntries(columns.split(',').map((name) => [name, history(count, of[name])])),
      };
    },
    link_align: ({ action }) => {
      if (action === 'start') radio.best = radio.signal;
      radio.aligning = action === 'start' || (action === 'read' && radio.aligning);
      radio.best = Math.max(radio.best, radio.signal);
      const figures = Object.assign({ best_dbm: radio.best, chain1_dbm: radio.signal - 3, chain2_dbm: radio.signal - 4, inactive_ms: 40 },
        radio.signal == null ? {} : { signal_dbm: radio.signal }, radio.member ? { far_signal_dbm: radio.signal + 2, far_age_s: 0 } : {});
      return {
        device: 'wlan0', left_s: radio.aligning ? 840 : null, planned: radio.plan === undefined ? { signal_dbm: -58 } : radio.plan,
        stations: radio.aligning && radio.heard ? [{ mac: '02:00:5e:00:53:07', address: radio.member ? address : null, figures }] : [],
      };
    },
    link_change: () => {
      if (radio.refuses) return { error: { code: radio.refuses, message: 'no' } };
      radio.change = { stage: 'agreeing', left_s: 170 };
      return { changing: true };
    },
  };
  const configured = (values) => Object.assign(values, { hill: {
    '.anonymous': false, '.type': 'interface', '.name': 'hill', '.index': 99, device: 'wlan0', kind: 'wireless', change: radio.allows,
  } });
  const ask = window.fetch;
  window.fetch = async (...words) => {
    const body = String(words[0]).startsWith('/ubus') ? JSON.parse(words[1].body) : { params: [] };
    const [, object, method, args] = body.params;
    if (object === 'tequio' && answers[method]) {
      radio.asked.push([method, args]);
      return new Response(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: [0, answers[method](args)] }));
    }
    if (object === 'uci' && method === 'set') {
      radio.asked.push(['set', args]);
      return new Response(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: [0] }));
    }
    const response = await ask(...words);
    if (object !== 'uci' || method !== 'get' || args.config !== 'tequio') return response;
    const message = await response.json();
    configured(message.result[1].values);
    return new Response(JSON.stringify(message));
  };
}
