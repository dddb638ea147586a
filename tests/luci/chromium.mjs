// Debian's Chromium, headless, driven over a pipe (Chrome DevTools Protocol): no package of any registry is needed.
//
// A Page opens addresses, waits for conditions, presses and types as a person does, takes pictures, and keeps whatever
// went wrong: errors on the console, exceptions, requests that left the host under test, and replies of ubus over 64 kB.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = process.env.CHROMIUM || '/usr/bin/chromium';

// How long a condition may take to come true. A machine under load is slow, a broken page is for ever.
const PATIENCE_MS = Number(process.env.PATIENCE_MS || 120000);

// Lists come in parts, so that no reply is longer.
const MOST_REPLY = 65536;

export class Chromium {
  static async start() {
    const self = new Chromium();
    self.profile = mkdtempSync(join(tmpdir(), 'tequio-chromium-'));
    self.process = spawn(PROGRAM, [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
      '--force-color-profile=srgb', '--remote-debugging-pipe', `--user-data-dir=${self.profile}`, 'about:blank',
    ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    self.gone = new Promise((_, reject) => {
      self.process.once('error', reject);
      self.process.once('exit', () => reject(new Error('Chromium ended')));
    });
    self.gone.catch(() => null);
    self.calls = new Map();
    self.pages = new Map();
    self.next = 1;
    let rest = '';
    self.process.stdio[4].setEncoding('utf8').on('data', (text) => {
      const parts = (rest + text).split('\0');
      rest = parts.pop();
      parts.forEach((part) => self.hear(JSON.parse(part)));
    });
    return self;
  }

  hear(message) {
    if (message.id) {
      const { resolve, reject } = this.calls.get(message.id);
      this.calls.delete(message.id);
      return message.error ? reject(new Error(message.error.message)) : resolve(message.result);
    }
    this.pages.get(message.sessionId)?.hear(message);
  }

  send(method, params = {}, sessionId) {
    const id = this.next++;
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0');
    return Promise.race([this.gone, new Promise((resolve, reject) => this.calls.set(id, { resolve, reject }))]);
  }

  // A page with cookies of its own.
  async page(origin, { width = 360, height = 720, language = 'es' } = {}) {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId, origin, { targetId, browserContextId });
    this.pages.set(sessionId, page);
    await page.begin(width, height, language);
    return page;
  }

  async stop() {
    this.process.removeAllListeners('exit');
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    await Promise.race([this.send('Browser.close').catch(() => null), ended]);
    await ended;
    rmSync(this.profile, { recursive: true, force: true });
  }
}

class Page {
  constructor(chromium, session, origin, target) {
    Object.assign(this, { chromium, session, origin, target, faults: [], requests: 0, calls: new Set(), longest: 0 });
  }

  send(method, params) {
    return this.chromium.send(method, params, this.session);
  }

  hear({ method, params }) {
    if (method === 'Runtime.exceptionThrown')
      this.faults.push(`exception: ${params.exceptionDetails.exception?.description || params.exceptionDetails.text}`);
    else if (method === 'Runtime.consoleAPICalled' && (params.type === 'error' || params.type === 'warning'))
      this.faults.push(`console: ${params.args.map((one) => one.description || one.value).join(' ')}`);
    else if (method === 'Log.entryAdded' && params.entry.level === 'error')
      this.faults.push(`log: ${params.entry.text} ${params.entry.url || ''}`);
    else if (method === 'Network.requestWillBeSent') {
      this.requests++;
      const url = params.request.url;
      if (url.startsWith(`${this.origin}/ubus`)) this.calls.add(params.requestId);
      if (!url.startsWith(`${this.origin}/`) && !url.startsWith('data:') && url !== 'about:blank')
        this.faults.push(`a request to the outside: ${url}`);
    } else if (method === 'Network.loadingFinished' && this.calls.delete(params.requestId)) {
      this.longest = Math.max(this.longest, params.encodedDataLength);
      if (params.encodedDataLength > MOST_REPLY) this.faults.push(`a reply of ${params.encodedDataLength} octets`);
    }
  }

  async begin(width, height, language) {
    for (const domain of ['Page', 'Runtime', 'Log', 'Network'])
      await this.send(`${domain}.enable`);
    await this.send('Network.setExtraHTTPHeaders', { headers: { 'Accept-Language': language } });
    await this.resize(width, height);
  }

  // Runs in every document before anything of its own.
  before(source) {
    return this.send('Page.addScriptToEvaluateOnNewDocument', { source });
  }

  async resize(width, height) {
    const mobile = width < 600;
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
  }

  async open(path) {
    const { errorText } = await this.send('Page.navigate', { url: this.origin + path });
    if (errorText) throw new Error(`${path}: ${errorText}`);
    await this.until('document.readyState == "complete"', `${path} to be loaded`);
  }

  // The value of an expression in the page.
  async value(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails)
      throw new Error(`${expression}: ${exceptionDetails.exception?.description || exceptionDetails.text}`);
    return result.value;
  }

  // Waits until an expression is true, and gives its value. A page that is just being loaded has no body yet.
  async until(expression, what = expression) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const value = await this.value(expression).catch((error) => {
        if (/context|navigated|Cannot find|properties of null/.test(error.message)) return null;
        throw error;
      });
      if (value) return value;
      if (Date.now() > end) {
        const seen = await this.value('document.body.innerText.slice(0, 600)').catch(() => '');
        throw new Error(`waited for ${what}; the page shows:\n${seen}\n${this.faults.join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  text(selector = '#maincontent') {
    return this.value(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`);
  }

  // Presses the middle of an element with a real pointer, so that what lies over it is noticed.
  async press(selector, times = 1) {
    const at = JSON.stringify(selector);
    await this.until(`!!document.querySelector(${at})`, selector);
    const { x, y } = await this.value(`(() => {
      const element = document.querySelector(${at});
      element.scrollIntoView({ block: 'center' });
      const box = element.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    })()`);
    for (let count = 1; count <= times; count++)
      for (const type of ['mousePressed', 'mouseReleased'])
        await this.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: count });
  }

  async type(selector, text) {
    await this.until(`!!document.querySelector(${JSON.stringify(selector)})`, selector);
    await this.value(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.focus(); e.select?.(); })()`);
    await this.send('Input.insertText', { text });
    await this.value(`document.querySelector(${JSON.stringify(selector)}).dispatchEvent(new Event('change', { bubbles: true }))`);
  }

  // A picture of the whole page, for a phone three quarters of its dots.
  async picture(file) {
    const height = await this.value('document.documentElement.scrollHeight');
    const width = await this.value('innerWidth');
    await this.value('document.activeElement?.blur()');
    const { data } = await this.send('Page.captureScreenshot', {
      format: 'png', captureBeyondViewport: true, clip: { x: 0, y: 0, width, height: Math.min(height, 2400), scale: width < 600 ? 0.75 : 1 },
    });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  async close() {
    this.chromium.pages.delete(this.session);
    await this.chromium.send('Target.disposeBrowserContext', { browserContextId: this.target.browserContextId });
  }
}
