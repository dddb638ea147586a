"""What of luci-app-tequio goes where on a router, and its translations in the form that LuCI reads (.lmo).

An .lmo file: the translated texts, each padded to 4 octets; then an index of (hash of the key, kind, offset, length), sorted by
hash, all big-endian; last the offset of that index. The hash is Paul Hsieh's SuperFastHash, begun with the length.
"""

import os
import re
import struct

LANGUAGES = {"es": "Español (Spanish)", "en": "English", "pt_BR": "Português do Brasil (Brazilian Portuguese)"}
I18N = "usr/lib/lua/luci/i18n"
MASK = 0xFFFFFFFF

# Menus are cached, and rpcd reads its rights when it starts.
POSTINST = """#!/bin/sh
[ -n "${IPKG_INSTROOT}" ] || {
	rm -rf /tmp/luci-indexcache* /tmp/luci-modulecache/
	killall -HUP rpcd 2>/dev/null
	exit 0
}
"""


def packages(folder, title, needs):
    """(name, what it needs, what it is, {path: (mode, bytes)}) of the pages and of each language."""
    app = folder.name
    base = app.removeprefix("luci-app-")
    files = tree(folder / "htdocs", "www") | tree(folder / "root", "")
    yield app, needs, title, files
    for language in sorted(path.name for path in (folder / "po").glob("*") if path.name != "templates"):
        called = LANGUAGES.get(language, language)
        code = language.lower().replace("_", "-")
        name = f"luci-i18n-{base}-{code}"
        command = f"uci set luci.languages.{code.replace('-', '_')}='{called}'; uci commit luci\n"
        files = {f"etc/uci-defaults/{name}": (0o644, command.encode())}
        for po in sorted((folder / "po" / language).glob("*.po")):
            files[f"{I18N}/{po.stem}.{code}.lmo"] = (0o644, lmo(po.read_text(encoding="utf-8")))
        yield name, [app], f"{app}: {called}", files


def tree(folder, to):
    """Every file below a folder, by where it goes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            found["/".join(filter(None, [to, path.relative_to(folder).as_posix()]))] = (mode, path.read_bytes())
    return found


def messages(po):
    """The messages of a .po text: {"msgid": .., "msgstr": .., "msgctxt": .., "msgid_plural": .., "msgstr[n]": ..}."""
    message, word = {}, None
    for line in po.splitlines() + ['msgid ""']:
        found = re.match(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?)\s+"(.*)"\s*$', line)
        if found:
            word = found[1]
            # A new message begins with its context, or with its id if it has none.
            if word in ("msgctxt", "msgid") and any(key.startswith("msgstr") for key in message):
                yield message
                message = {}
            message[word] = found[2]
        elif more := re.match(r'"(.*)"\s*$', line):
            message[word] += more[1]


def lmo(po):
    """The .lmo file of a .po text."""
    entries, texts = [], b""
    for message in messages(po):
        if message["msgid"] == "":
            forms = re.search(r"Plural-Forms: (.*?)\\n", message["msgstr"])
            said = [(b"", forms[1], 0)] if forms else []
        else:
            said = list(translations(message))
        for key, text, kind in said:
            text = text.encode()
            identity = superfast(key) if key else 0
            if not text or (key and identity == superfast(text)):
                continue
            entries.append((identity, kind, len(texts), len(text)))
            texts += text + bytes(-len(text) % 4)
    table = b"".join(struct.pack(">4I", *entry) for entry in sorted(entries))
    return texts + table + struct.pack(">I", len(texts))


def translations(message):
    """(key, text, how many forms there are) of each form of a message."""
    key = plain(message["msgid"])
    if "msgctxt" in message:
        key = f"{plain(message['msgctxt'])}\1{key}"
    if "msgid_plural" not in message:
        yield key.encode(), plain(message["msgstr"]), 1
        return
    forms = sorted(word for word in message if word.startswith("msgstr["))
    for word in forms:
        yield f"{key}\2{word[7]}".encode(), plain(message[word]), len(forms)


def plain(text):
    """Only quotes and backslashes lose their backslash, as in LuCI's own tool."""
    return re.sub(r'\\(["\\])', r"\1", text)


def superfast(data):
    """Paul Hsieh's hash of octets, as LuCI uses it on the router and in the browser."""
    value = len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        low, high = struct.unpack_from("<HH", data, at)
        value = (value + low) & MASK
        value = ((value << 16) ^ (high << 11) ^ value) & MASK
        value = (value + (value >> 11)) & MASK
    rest = data[whole:]
    if len(rest) == 3:
        value = (value + struct.unpack_from("<H", rest)[0]) & MASK
        value ^= (value << 16) & MASK
        value ^= (struct.unpack_from("<b", rest, 2)[0] << 18) & MASK
        value = (value + (value >> 11)) & MASK
    elif len(rest) == 2:
        value = (value + struct.unpack("<H", rest)[0]) & MASK
        value ^= (value << 11) & MASK
        value = (value + (value >> 17)) & MASK
    elif len(rest) == 1:
        value = (value + struct.unpack("<b", rest)[0]) & MASK
        value ^= (value << 10) & MASK
        value = (value + (value >> 1)) & MASK
    for left, right in ((3, 5), (4, 17), (25, 6)):
        value ^= (value << left) & MASK
        value = (value + (value >> right)) & MASK
    return value
