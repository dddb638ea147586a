// The village of the laboratory for the browser's tests: started, asked, disturbed, ended.
//
// Needs root, and `cargo build` before. What is started here is ended here, by its number.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Where cargo has put what it built.
export const BUILT = process.env.BUILT || fileURLToPath(new URL('../../target/debug/', import.meta.url));

// The whole story is played before; on a loaded machine that takes its time.
const STORY_MS = 300000;

export async function until(what, check, patience = 120000) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${patience / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const ip = (...words) => execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

export class Village {
  // A village of our own, or the one whose log is named.
  async start(log) {
    this.cleaning = [];
    this.log = log;
    if (!log) {
      this.folder = mkdtempSync(join(tmpdir(), 'tequio-luci-'));
      this.log = join(this.folder, 'village.log');
      const out = openSync(this.log, 'w');
      this.process = spawn(join(BUILT, 'lab'), ['village', '--keep', '--luci'], { stdio: ['ignore', out, out] });
      this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    }
    const text = await until('the village to stand', () => {
      if (this.process?.exitCode != null) throw new Error(`the village ended:\n${readFileSync(this.log, 'utf8').slice(-2000)}`);
      const said = readFileSync(this.log, 'utf8');
      return /cut a cable: [\s\S]*caretaker's pages/.test(said) && said;
    }, STORY_MS);
    // One whose story failed stands as it was left, for whoever looks around: its pages prove nothing.
    const failed = /^\|.*\| FAILED +\|$/m.exec(text);
    if (failed) throw new Error(`the story of the village failed: ${failed[0]}\n${/^expected [\s\S]*?(?=^The village stays)/m.exec(text)?.[0] ?? text.slice(-2000)}`);
    this.origin = /caretaker's pages: (http:\/\/[\d.:]+)/.exec(text)[1];
    this.prefix = /namespaces: (\w+-)NODE/.exec(text)[1];
    this.sockets = /--socket (\S+)\/plaza\/ubus\.sock/.exec(text)[1];
  }

  socket(node) {
    return join(this.sockets, node, 'ubus.sock');
  }

  // What the daemon of a node says on ubus, without LuCI.
  ask(node, ...words) {
    return JSON.parse(execFileSync(join(BUILT, 'tequio'), ['--socket', this.socket(node), ...words, '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  }

  // What every node thinks of the way outside, and what the gateway has noted about it: said when a scene fails.
  outside() {
    const nodes = readdirSync(this.sockets).filter((node) => existsSync(this.socket(node)));
    const says = nodes.map((node) => {
      try {
        const { state, via, metric, gateway, since_s } = this.ask(node, 'status').uplink;
        return `${node} ${state} ${via ?? '-'} ${metric ?? '-'} ${gateway ?? '-'} ${since_s} s`;
      } catch (error) {
        return `${node} says nothing: ${error.message.split('\n')[0]}`;
      }
    });
    const log = readFileSync(join(this.sockets, 'cabecera', 'tequio.log'), 'utf8').split('\n');
    return [...says, ...log.filter((line) => /way outside/.test(line)).slice(-8)].join('\n');
  }

  // Puts sections at the end of a node's configuration, as an editor would; the returned function takes them away again.
  async configure(node, text) {
    const file = join(this.sockets, node, 'tequio'), before = readFileSync(file, 'utf8');
    const write = (contents) => {
      writeFileSync(file, contents);
      this.ask(node, 'reload');
    };
    let back = () => {
      write(before);
      back = () => {};
    };
    this.cleaning.push(() => back());
    write(`${before}\n${text}`);
    return () => back();
  }

  // Gives a node more networks of its own, on its loopback device.
  addresses(node, list) {
    const change = (verb) => list.forEach((address) => ip('-n', `${this.prefix}${node}`, 'addr', verb, address, 'dev', 'lo'));
    change('add');
    this.cleaning.push(() => change('del'));
  }

  // The process of a node's daemon.
  daemon(node) {
    return readdirSync('/proc').find((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        return readlinkSync(`/proc/${pid}/exe`) === join(BUILT, 'tequio')
          && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(this.sockets, node, 'tequio'));
      } catch {
        return false;
      }
    });
  }

  async stopDaemon(node) {
    const pid = Number(this.daemon(node));
    process.kill(pid, 'SIGKILL');
    await until(`the daemon of ${node} to end`, () => !this.daemon(node));
  }

  // Starts it as the laboratory does; it ends with us.
  async startDaemon(node) {
    const command = ['netns', 'exec', this.prefix + node, join(BUILT, 'tequio'), 'run', '--config', join(this.sockets, node, 'tequio')];
    const child = spawn('ip', command, { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    this.cleaning.push(async () => {
      child.kill('SIGTERM');
      await ended;
    });
    await until(`the daemon of ${node} to answer`, () => {
      try {
        return this.ask(node, 'status').node;
      } catch {
        return false;
      }
    });
  }

  // The provider is gone; the returned function brings it back.
  cutUplink() {
    const gateway = `${this.prefix}cabecera`, family = { '-4': [], '-6': [] };
    for (const kind of Object.keys(family)) {
      family[kind] = ip(kind, '-n', gateway, 'route', 'show', 'default').split('\n').filter((line) => / dev up0/.test(line));
      family[kind].forEach(() => ip(kind, '-n', gateway, 'route', 'del', 'default', 'dev', 'up0'));
    }
    let back = () => {
      for (const kind of Object.keys(family))
        family[kind].forEach((line) => ip(kind, '-n', gateway, 'route', 'add', ...line.replace(/ pref \w+| linkdown/g, '').trim().split(/\s+/)));
      back = () => {};
    };
    this.cleaning.push(() => back());
    return () => back();
  }

  // Takes the cable of a link out of its wall, and puts it in again.
  cable(number, state) {
    ip('-n', `${this.prefix}aire`, 'link', 'set', `b${number}`, state);
    if (state === 'down') this.cleaning.push(() => this.cable(number, 'up'));
  }

  // Another phone at the hotspot of the square: a namespace with one cable into the bridge.
  phone(name, address) {
    const here = `${this.prefix}${name}`, square = `${this.prefix}plaza`, cable = `t${process.pid}`;
    ip('netns', 'add', here);
    this.cleaning.push(() => ip('netns', 'del', here));
    ip('-n', square, 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', here);
    ip('-n', square, 'link', 'set', cable, 'master', 'br-hs', 'up');
    ip('-n', here, 'addr', 'add', `${address}/22`, 'dev', 'eth0');
    ip('-n', here, 'link', 'set', 'lo', 'up');
    ip('-n', here, 'link', 'set', 'eth0', 'up');
    ip('-n', here, 'route', 'add', 'default', 'via', '10.77.4.1');
    return {
      mac: /link\/ether (\S+)/.exec(ip('-n', here, 'link', 'show', 'eth0'))[1],
      fetch: (url, ...words) => execFileSync('ip', ['netns', 'exec', here, 'curl', '-s', '-m', '10', ...words, url], { encoding: 'utf8' }),
    };
  }

  async stop() {
    for (const clean of this.cleaning.reverse()) await clean();
    if (!this.process) return;
    this.process.kill('SIGINT');
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
