// The texts of luci-app-tequio: found in views, shared files and menu; held in po/.
//
//   node tests/luci/strings.mjs --write    writes po/templates/tequio.pot anew, and puts new texts into po/es/tequio.po

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PACKAGE = fileURLToPath(new URL('../../openwrt-package/luci-app-tequio/', import.meta.url));
export const RESOURCES = join(PACKAGE, 'htdocs/luci-static/resources/');
export const MENU = join(PACKAGE, 'root/usr/share/luci/menu.d/luci-app-tequio.json');

export function sources() {
  return ['tequio', 'view/tequio'].flatMap((folder) =>
    readdirSync(join(RESOURCES, folder)).filter((name) => name.endsWith('.js')).sort().map((name) => join(RESOURCES, folder, name)));
}

const TEXT = "'((?:[^'\\\\]|\\\\.)*)'";

function unescape(text) {
  return text.replace(/\\u([0-9a-f]{4})/g, (_, digits) => String.fromCharCode(parseInt(digits, 16))).replace(/\\(.)/g, '$1');
}

// Every text in a source, with its line. A call whose text cannot be read from the source is an error.
export function texts(source, name) {
  const found = [];
  for (const match of source.matchAll(/(?<![\w.$'])(N?_)\(/g)) {
    const rest = source.slice(match.index), line = source.slice(0, match.index).split('\n').length;
    const single = new RegExp(`^_\\(${TEXT}\\)`).exec(rest);
    const plural = new RegExp(`^N_\\([^,']+, ${TEXT}, ${TEXT}\\)`).exec(rest);
    if (!single && !plural)
      throw new Error(`${name}:${line}: a text that no translator can find: ${rest.slice(0, 60)}`);
    found.push(plural ? { id: unescape(plural[1]), plural: unescape(plural[2]), place: `${name}:${line}` } :
      { id: unescape(single[1]), plural: null, place: `${name}:${line}` });
  }
  return found;
}

// All texts, once each, in the order in which they are found.
export function allTexts() {
  const all = new Map();
  const put = (entry) => {
    const known = all.get(entry.id) || { id: entry.id, plural: entry.plural, places: [] };
    known.places.push(entry.place);
    all.set(entry.id, known);
  };
  for (const file of sources())
    texts(readFileSync(file, 'utf8'), relative(PACKAGE, file)).forEach(put);
  for (const entry of Object.values(JSON.parse(readFileSync(MENU, 'utf8'))))
    put({ id: entry.title, plural: null, place: relative(PACKAGE, MENU) });
  return [...all.values()];
}

// Entries of a po file: id -> forms.
export function translations(text) {
  const all = new Map();
  for (const block of text.split(/\n\s*\n/)) {
    const parts = {};
    let key = null;
    for (const line of block.split('\n')) {
      const match = /^(?:(msgid|msgid_plural|msgstr(?:\[\d\])?)\s+)?"(.*)"$/.exec(line.trim());
      if (!match) continue;
      key = match[1] || key;
      parts[key] = (parts[key] || '') + match[2].replace(/\\n/g, '\n').replace(/\\(.)/g, '$1');
    }
    if (parts.msgid)
      all.set(parts.msgid, Object.keys(parts).filter((name) => name.startsWith('msgstr')).sort().map((name) => parts[name]));
  }
  return all;
}

function quote(text) {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}

function written(head, entries, known) {
  const body = entries.map(({ id, plural, places }) => {
    const forms = known.get(id) || [];
    const files = [...new Set(places.map((place) => place.replace(/:\d+$/, '')))];
    const lines = [`#: ${files.join(' ')}`, `msgid ${quote(id)}`];
    if (plural)
      lines.push(`msgid_plural ${quote(plural)}`, `msgstr[0] ${quote(forms[0] || '')}`, `msgstr[1] ${quote(forms[1] || '')}`);
    else
      lines.push(`msgstr ${quote(forms[0] || '')}`);
    return lines.join('\n');
  });
  return `${head}\n\n${body.join('\n\n')}\n`;
}

export const TEMPLATE = join(PACKAGE, 'po/templates/tequio.pot');
export const SPANISH = join(PACKAGE, 'po/es/tequio.po');

const TEMPLATE_HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"';
const SPANISH_HEAD = `msgid ""
msgstr ""
"Language: es\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=n != 1;\\n"`;

export function template() {
  return written(TEMPLATE_HEAD, allTexts(), new Map());
}

export function spanish(known) {
  return written(SPANISH_HEAD, allTexts(), known);
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] === '--write') {
  let known = new Map();
  try {
    known = translations(readFileSync(SPANISH, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  writeFileSync(TEMPLATE, template());
  writeFileSync(SPANISH, spanish(known));
  const open = allTexts().filter(({ id }) => !known.get(id)?.every((form) => form));
  console.log(`${allTexts().length} texts, ${open.length} without translation`);
  open.forEach(({ id }) => console.log(`  ${id}`));
}
