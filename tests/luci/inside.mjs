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
